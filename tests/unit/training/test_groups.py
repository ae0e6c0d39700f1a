from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.features.normalise import normalise
from aisle.training.groups import SIMILARITY, duplicate_groups, near_duplicates

words = st.sampled_from(["piscine", "pompe", "livre", "roman", "jeu", "console", "lot", "de", "12", "34", "rouge"])
titles = st.lists(words, max_size=8).map(" ".join)


def _shingles(title: str) -> set[str]:
    """The plain reading of the rule: words, and the groups of three characters in each word with a space on either side."""
    found = set()
    for word in title.split():
        padded = f" {word} "
        found.add(f"word {word}")
        found.update(padded[i : i + 3] for i in range(len(padded) - 2))
    return found


def _similarity(first: str, second: str) -> float:
    one, two = _shingles(first), _shingles(second)
    return len(one & two) / len(one | two) if one | two else 0.0


def _parts(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in groups}


def _reference(titles: list[str], images: list[str | None]) -> set[frozenset[int]]:
    group = list(range(len(titles)))
    for a, b in combinations(range(len(titles)), 2):
        alike = titles[a] and titles[b] and _similarity(titles[a], titles[b]) >= SIMILARITY
        if alike or (images[a] and images[a] == images[b]):
            old, new = group[b], group[a]
            group = [new if g == old else g for g in group]
    return _parts(np.array(group))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(titles, st.sampled_from([None, None, "a", "b"])), min_size=1, max_size=25))
def test_groups_are_those_of_comparing_every_pair(rows: list[tuple[str, str | None]]) -> None:
    texts, images = [title for title, _ in rows], [image for _, image in rows]
    assert _parts(duplicate_groups(texts, images)) == _reference(texts, images)


def test_the_same_title_is_one_group_whatever_stands_between() -> None:
    groups = duplicate_groups(["jeu", "livre", "jeu", "roman", "jeu"], [None] * 5)
    assert _parts(groups) == {frozenset({0, 2, 4}), frozenset({1}), frozenset({3})}


def test_nearly_the_same_title_is_one_group_and_a_related_one_is_not() -> None:
    base = "kit piscine acier blanc ronde bache hiver tapis sol"
    texts = [base, f"{base} 2", "pompe piscine chaleur", normalise("Kit PISCINE acier-blanc, ronde (bâche hiver) tapis/sol")]
    assert _parts(duplicate_groups(texts, [None] * 4)) == {frozenset({0, 1, 3}), frozenset({2})}


def test_likeness_carries_on() -> None:
    chain = ["aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj"]
    for letter in "klm":
        chain.append(" ".join([*chain[-1].split()[1:], letter * 4]))
    assert _similarity(chain[0], chain[1]) >= SIMILARITY > _similarity(chain[0], chain[3])
    assert len(set(duplicate_groups(chain, [None] * 4).tolist())) == 1


def test_the_same_image_joins_different_titles() -> None:
    groups = duplicate_groups(["jeu", "livre", "roman"], ["a", "b", "a"])
    assert _parts(groups) == {frozenset({0, 2}), frozenset({1})}


def test_what_has_neither_title_nor_image_is_like_nothing() -> None:
    assert len(set(duplicate_groups(["", "", ""], [None, None, None]).tolist())) == 3
    assert _parts(duplicate_groups(["", "", ""], ["a", None, "a"])) == {frozenset({0, 2}), frozenset({1})}


def test_without_rows_there_are_no_groups() -> None:
    assert duplicate_groups([], []).tolist() == []


def test_hundreds_of_titles_that_share_a_band_are_one_group() -> None:
    # Far more neighbours than are compared with each: likeness carries on along the alphabet.
    base = "coque souple silicone transparente pour telephone samsung galaxy motif fleur rose"
    texts = sorted(f"{base} {number}" for number in range(600))
    assert len(set(near_duplicates(texts).tolist())) == 1


def test_thousands_of_different_titles_stay_apart() -> None:
    generator = np.random.default_rng(0)
    texts = sorted({" ".join(map(str, generator.integers(100, 999, 6))) for _ in range(3_000)})
    clusters = near_duplicates(texts)
    assert len(set(clusters.tolist())) == len(texts)


@pytest.mark.parametrize("edit", [lambda t: t + "s", lambda t: t.replace(" ", "  "), lambda t: t.upper(), lambda t: t[:-2]])
def test_small_edits_of_long_titles_are_caught(edit: object) -> None:
    generator = np.random.default_rng(1)
    syllables = ["pis", "cine", "jar", "din", "mai", "son", "bou", "teil", "lam", "pe"]
    texts = [" ".join("".join(generator.choice(syllables, 3)) for _ in range(10)) for _ in range(200)]
    edited = [normalise(edit(text)) for text in texts]  # type: ignore[operator]
    groups = duplicate_groups([*texts, *edited], [None] * 400)
    assert (groups[:200] == groups[200:]).all()

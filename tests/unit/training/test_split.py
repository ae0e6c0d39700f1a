import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.features.normalise import normalise
from aisle.training.groups import duplicate_groups
from aisle.training.split import PARTS, row_groups, split_rows
from tests.unit.training.frames import catalogue, frame

SHARES = {"gold_share": 0.2, "validation_share": 0.25, "seed": 7}


def _unlike(rows: int, seed: int = 0) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(map(str, generator.integers(10_000, 99_999, 5))) for _ in range(rows)]


def _counts(parts: np.ndarray) -> dict[str, int]:
    return {part: int((parts == part).sum()) for part in PARTS}


def test_parts_have_their_shares() -> None:
    parts = split_rows(frame(_unlike(4_000), ["a", "b"] * 2_000), **SHARES)
    counts = _counts(parts)
    assert sum(counts.values()) == 4_000
    # Binomial: four standard deviations.
    assert abs(counts["gold"] - 800) < 4 * np.sqrt(4_000 * 0.2 * 0.8)
    assert abs(counts["validation"] - 800) < 4 * np.sqrt(4_000 * 0.2 * 0.8)


def test_each_class_loses_its_share() -> None:
    labels = ["large"] * 3_000 + ["small"] * 600
    gold = split_rows(frame(_unlike(3_600), labels), **SHARES) == "gold"
    assert abs(gold[:3_000].mean() - 0.2) < 4 * np.sqrt(0.16 / 3_000)
    assert abs(gold[3_000:].mean() - 0.2) < 4 * np.sqrt(0.16 / 600)


def test_another_seed_is_another_split_and_the_same_is_the_same() -> None:
    rows = catalogue(500)
    first = split_rows(rows, **SHARES)
    assert np.array_equal(first, split_rows(rows, **SHARES))
    assert not np.array_equal(first, split_rows(rows, **{**SHARES, "seed": 8}))


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = catalogue(400)
    order = np.random.default_rng(0).permutation(400)
    assert np.array_equal(split_rows(rows, **SHARES)[order], split_rows(rows[order], **SHARES))


def test_later_rows_move_no_earlier_ones() -> None:
    rows = frame(_unlike(1_500), ["a", "b", "c"] * 500)
    assert np.array_equal(split_rows(rows[:1_000], **SHARES), split_rows(rows, **SHARES)[:1_000])


def test_later_duplicates_go_where_the_first_row_went() -> None:
    texts = _unlike(300)
    labels = ["a", "b", "c"] * 100
    before = split_rows(frame(texts, labels), **SHARES)
    after = split_rows(frame([*texts, *texts], [*labels, *labels]), **SHARES)
    assert np.array_equal(after[:300], before)
    assert np.array_equal(after[300:], before)


def test_a_larger_gold_share_only_adds() -> None:
    rows = frame(_unlike(1_000), ["a", "b"] * 500)
    small = split_rows(rows, **{**SHARES, "gold_share": 0.1}) == "gold"
    large = split_rows(rows, **{**SHARES, "gold_share": 0.3}) == "gold"
    assert (large[small]).all()
    assert large.sum() > small.sum()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(20, 120))
def test_no_group_is_ever_parted(seed: int, rows: int) -> None:
    generator = np.random.default_rng(seed)
    pool = _unlike(max(rows // 3, 1), seed)
    texts = [f"{generator.choice(pool)}{generator.choice(['', ' x', '!'])}" for _ in range(rows)]
    images = [f"sha{generator.integers(rows)}" if generator.random() < 0.3 else None for _ in range(rows)]
    made = frame(texts, generator.choice(["a", "b", "c"], rows).tolist(), image_sha256=images)
    parts = split_rows(made, **{**SHARES, "seed": seed})
    groups = duplicate_groups([normalise(text) for text in texts], images)
    for group in np.unique(groups):
        assert len(set(parts[groups == group].tolist())) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_every_class_keeps_a_row_to_learn_from(seed: int, rows: int) -> None:
    labels = [f"class {number // rows}" for number in range(12 * rows)]
    shares = {"gold_share": 0.49, "validation_share": 0.49, "seed": seed}
    parts = split_rows(frame(_unlike(12 * rows, seed), labels), **shares)
    assert set(np.array(labels)[parts == "train"].tolist()) == set(labels)


def test_an_image_that_half_the_catalogue_shares_does_not_judge_alone() -> None:
    texts = _unlike(200)
    images = ["placeholder"] * 100 + [None] * 100
    for seed in range(20):
        parts = split_rows(frame(texts, ["a", "b"] * 100, image_sha256=images), **{**SHARES, "seed": seed})
        assert set(parts[:100].tolist()) <= {"train"}


def test_rows_without_a_title_are_told_apart_by_their_description() -> None:
    texts: list[str | None] = [None, "", None] * 60
    descriptions = [f"<p>{text}</p>" for text in _unlike(90) for _ in range(2)]
    parts = split_rows(frame(texts, ["a", "b", "c"] * 60, description=descriptions), **SHARES)
    assert np.array_equal(parts[::2], parts[1::2])
    assert len(set(parts.tolist())) == 3


def test_sources_and_splits_may_use_the_same_ids() -> None:
    texts = _unlike(600)
    made = frame(
        texts,
        ["a", "b"] * 300,
        id=[str(n) for n in range(200)] * 3,
        source=["x"] * 200 + ["y"] * 400,
        split=["train"] * 400 + ["test"] * 200,
    )
    parts = split_rows(made, **SHARES)
    thirds = [parts[start : start + 200].tolist() for start in (0, 200, 400)]
    assert thirds[0] != thirds[1] != thirds[2] != thirds[0]


def test_the_smallest_number_is_first_and_not_the_smallest_text() -> None:
    # Were ids compared as texts, "10" would come before "9" and could move the pair when it arrives.
    texts = _unlike(40)
    before = frame(texts, ["a", "b"] * 20, id=[str(9 + 100 * n) for n in range(40)])
    later = frame(texts, ["a", "b"] * 20, id=[str(10_000 + n) for n in range(40)])
    both = split_rows(pl.concat([before, later]), **SHARES)
    assert np.array_equal(both[:40], split_rows(before, **SHARES))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows_are_no_reason_to_fail(rows: int) -> None:
    parts = split_rows(frame(_unlike(rows), ["a"] * rows), **SHARES)
    assert len(parts) == rows
    assert rows == 0 or "train" in parts


@pytest.mark.parametrize(
    ("titles", "images", "groups"),
    [
        (["Produit", "produit!", "PRODUIT"], ["x", "y", "x"], [0, 1, 0]),
        (["Produit", "produit!", "PRODUIT"], [None, None, None], [0, 0, 0]),
        (["Produit", "produit!", "livre"], ["x", "y", "z"], [0, 0, 1]),
        (["", None, ""], ["x", "x", None], [0, 0, 1]),
    ],
    ids=["constant with images", "constant without", "not constant", "no titles"],
)
def test_a_title_that_all_rows_share_joins_none_where_images_tell_them_apart(
    titles: list[str | None], images: list[str | None], groups: list[int]
) -> None:
    found = row_groups(frame(titles, ["a"] * 3, image_sha256=images)).tolist()
    numbers = {number: place for place, number in enumerate(dict.fromkeys(found))}
    assert [numbers[number] for number in found] == groups

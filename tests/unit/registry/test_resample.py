import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from aisle.registry.resample import Paired, interval

CODES = ["10", "1140", "2583", "40", "é"]
code = st.sampled_from(CODES)


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[str], list[str], list[str]]:
    rows = draw(st.integers(1, 60))
    one, two, three = (draw(st.lists(code, min_size=rows, max_size=rows)) for _ in range(3))
    return one, two, three


@given(answers())
def test_scores_equal_scikit_learns(given_answers: tuple[list[str], list[str], list[str]]) -> None:
    correct, first, second = given_answers
    paired = Paired.from_answers(correct, first, second)
    scores = paired.scores()
    for ours, classes, predicted in (
        (scores.weighted[0], scores.first, first),
        (scores.weighted[1], scores.second, second),
    ):
        assert ours[0] == pytest.approx(f1_score(correct, predicted, average="weighted", zero_division=0))
        each = f1_score(correct, predicted, average=None, labels=list(paired.codes), zero_division=0)
        assert classes[0] == pytest.approx(each)


@given(answers(), st.randoms())
def test_the_order_of_rows_does_not_matter(
    given_answers: tuple[list[str], list[str], list[str]], random: "np.random.Generator"
) -> None:
    rows = list(zip(*given_answers, strict=True))
    shuffled = rows.copy()
    random.shuffle(shuffled)
    one, other = (Paired.from_answers(*zip(*some, strict=True)).draws(50, seed=7) for some in (rows, shuffled))
    assert np.array_equal(one.difference, other.difference)


@given(answers())
def test_grouping_keeps_every_row(given_answers: tuple[list[str], list[str], list[str]]) -> None:
    paired = Paired.from_answers(*given_answers)
    assert paired.rows == len(given_answers[0])
    told = sorted(
        tuple(paired.codes[p] for p in triple)
        for triple, count in zip(paired.triples.T, paired.counts, strict=True)
        for _ in range(count)
    )
    assert told == sorted(zip(*given_answers, strict=True))


def test_draws_are_those_of_rows_drawn_one_by_one() -> None:
    """Mean and spread of the difference agree with a bootstrap written the plain way."""
    generator = np.random.default_rng(3)
    correct = generator.choice(CODES, 200, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    first, second = (np.where(generator.random(200) < share, correct, generator.choice(CODES, 200)) for share in (0.8, 0.7))
    plain = []
    for _ in range(400):
        rows = generator.integers(0, 200, 200)
        plain.append(
            f1_score(correct[rows], first[rows], average="weighted", zero_division=0)
            - f1_score(correct[rows], second[rows], average="weighted", zero_division=0)
        )
    ours = Paired.from_answers(correct.tolist(), first.tolist(), second.tolist()).draws(5_000, seed=1).difference
    assert np.mean(ours) == pytest.approx(np.mean(plain), abs=0.008)
    assert np.std(ours) == pytest.approx(np.std(plain), rel=0.15)


def test_what_is_dealt_out_together_varies_as_if_drawn_alone() -> None:
    """Each triple's count has the mean, the variance and the covariances of a multinomial draw, common or rare."""
    counts = [1, 1, 1, 2, 2, 5, 16, 17, 17, 40]
    rows = [(f"t{place}", "a", "b") for place, count in enumerate(counts) for _ in range(count)]
    paired = Paired.from_answers(*zip(*rows, strict=True))
    drawn = paired.draws(20_000, seed=4).support[:, 2:]
    share = np.array(counts) / sum(counts)
    assert drawn.mean(axis=0) == pytest.approx(counts, rel=0.05)
    assert np.cov(drawn.T) == pytest.approx(sum(counts) * (np.diag(share) - np.outer(share, share)), abs=0.6)


def test_the_macro_average_is_over_the_categories_that_are_correct_somewhere() -> None:
    correct, first = list("aabbbc"), list("aabccd")
    scores = Paired.from_answers(correct, first, correct).scores()
    expected = f1_score(correct, first, average="macro", labels=list("abc"), zero_division=0)
    assert [value[0] for value in scores.macro] == pytest.approx([expected, 1.0])


def test_each_draw_has_as_many_rows_and_its_own_scores() -> None:
    paired = Paired.from_answers(["a"] * 30 + ["b"] * 20, ["a"] * 25 + ["b"] * 25, ["a"] * 50)
    drawn = paired.draws(300, seed=0)
    assert drawn.support.shape == drawn.first.shape == drawn.second.shape == (300, 2)
    assert np.all(drawn.support.sum(axis=1) == 50)
    assert len(np.unique(drawn.difference)) > 50


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paired = Paired.from_answers(list("aabbccab"), list("abbbccaa"), list("aabbcaab"))
    whole = paired.draws(100, seed=5).difference
    monkeypatch.setattr("aisle.registry.resample._COUNTS_AT_ONCE", 1)
    assert np.array_equal(paired.draws(100, seed=5).difference, whole)


def test_the_same_seed_gives_the_same_draws_and_another_others() -> None:
    paired = Paired.from_answers(list("aabbccab") * 5, list("abbbccaa") * 5, list("aabbcaab") * 5)
    assert np.array_equal(paired.draws(40, seed=1).difference, paired.draws(40, seed=1).difference)
    assert not np.array_equal(paired.draws(40, seed=1).difference, paired.draws(40, seed=2).difference)


def test_the_interval_holds_the_middle_95_of_100() -> None:
    assert interval(np.arange(1_001.0)) == (25.0, 975.0)


def test_answers_of_different_lengths_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="reshape"):
        Paired.from_answers(["a", "b"], ["a"], ["b"])

"""Two classifiers beside each other: scikit-learn's figures, and intervals that say what is sure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from aisle.registry.compare import compare_answers

CODES = ["10", "1140", "2583", "é"]
answers = st.lists(st.tuples(*[st.sampled_from(CODES)] * 3), min_size=1, max_size=40)


@settings(max_examples=50)
@given(answers)
def test_figures_are_scikit_learns(rows: list[tuple[str, str, str]]) -> None:
    correct, first, second = map(list, zip(*rows, strict=True))
    compared = compare_answers(correct, first, second, draws=100, seed=1)
    there = sorted(set(correct))
    for average, known in (("weighted", compared.weighted_f1), ("macro", compared.macro_f1)):
        labels = there if average == "macro" else None
        old, new = (f1_score(correct, some, average=average, labels=labels, zero_division=0) for some in (first, second))
        assert (known.first, known.second, known.difference) == pytest.approx((old, new, new - old))
        assert known.low <= known.high
    each = {known.code: known for known in compared.classes}
    assert sorted(each) == there
    assert [each[code].rows for code in there] == [correct.count(code) for code in there]
    assert [each[code].f1.second for code in there] == pytest.approx(
        f1_score(correct, second, average=None, labels=there, zero_division=0)
    )
    sizes = [abs(known.f1.difference) for known in compared.classes]
    assert sizes == sorted(sizes, reverse=True)


def test_the_other_way_round_everything_has_the_other_sign() -> None:
    generator = np.random.default_rng(1)
    correct = generator.choice(CODES, 300).tolist()
    first, second = (
        np.where(generator.random(300) < share, correct, generator.choice(CODES, 300)).tolist() for share in (0.6, 0.8)
    )
    one, other = compare_answers(correct, first, second, seed=3), compare_answers(correct, second, first, seed=3)
    assert one.weighted_f1.difference == pytest.approx(-other.weighted_f1.difference)
    assert one.weighted_f1.low == pytest.approx(-other.weighted_f1.high, abs=0.01)
    assert one.weighted_f1.low > 0, "20 points are seen on 300 rows"
    assert one == compare_answers(correct, first, second, seed=3)


def test_the_same_answers_differ_by_nothing_for_sure() -> None:
    compared = compare_answers(CODES * 5, CODES[::-1] * 5, CODES[::-1] * 5, seed=1)
    for known in (compared.weighted_f1, compared.macro_f1, *(entry.f1 for entry in compared.classes)):
        assert (known.difference, known.low, known.high) == (0, 0, 0)

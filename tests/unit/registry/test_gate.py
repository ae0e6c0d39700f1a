import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from aisle.registry.gate import Bounds, Decision, Scores, decide

CODES = np.array(["10", "40", "1140", "2583"])
SHARES = [0.4, 0.3, 0.2, 0.1]
FEW_DRAWS = Bounds(draws=400)


def scored(accuracy: float, rows: int = 600, *, seed: int, errors_seed: int | None = None, **figures: Any) -> Scores:
    """Return answers that are right with a probability: `seed` fixes the rows, `errors_seed` the model."""
    correct = np.random.default_rng(seed).choice(CODES, rows, p=SHARES)
    generator = np.random.default_rng([seed, errors_seed or 0])
    predicted = np.where(generator.random(rows) < accuracy, correct, generator.choice(CODES, rows))
    return Scores([f"p{row}" for row in range(rows)], correct.tolist(), predicted.tolist(), **figures)


def judge(challenger: Scores, champion: Scores | None, margin: float = 0.02, bounds: Bounds = FEW_DRAWS) -> Decision:
    return decide(challenger, champion, margin=margin, bounds=bounds)


class TestBetter:
    def test_a_clearly_better_challenger_passes_and_the_evidence_says_by_how_much(self) -> None:
        challenger, champion = scored(0.9, seed=1, errors_seed=1), scored(0.7, seed=1, errors_seed=2)
        decision = judge(challenger, champion)
        assert decision.promote
        assert len(decision.reasons) == 1
        assert decision.reasons[0].startswith("The challenger is better (95 % interval")
        evidence = decision.evidence
        f1 = {
            name: f1_score(scores.correct, scores.predicted, average="weighted")
            for name, scores in (("challenger", challenger), ("reference", champion))
        }
        assert evidence["weighted_f1"] == pytest.approx(f1)
        assert evidence["difference"]["estimate"] == pytest.approx(f1["challenger"] - f1["reference"])
        assert 0 < evidence["difference"]["low"] < evidence["difference"]["estimate"] < evidence["difference"]["high"]
        assert (evidence["rows"], evidence["classes"], evidence["classes_looked_at"]) == (600, 4, 4)
        assert evidence["against"] == "champion"
        assert json.loads(json.dumps(evidence)) == evidence

    def test_the_same_answers_pass_never_without_a_benefit(self) -> None:
        same = scored(0.8, seed=2)
        decision = judge(same, same)
        assert not decision.promote
        assert decision.evidence["difference"] == {"estimate": 0, "low": 0, "high": 0}
        assert decision.evidence["detectable"] == 1 / 600, "one row is the least that a split can show"
        assert "neither smaller nor faster" in decision.reasons[0]

    def test_a_worse_challenger_is_refused_and_told_so(self) -> None:
        decision = judge(scored(0.7, seed=3, errors_seed=1), scored(0.9, seed=3, errors_seed=2))
        assert not decision.promote
        assert "may be worse by 0.02 or more" in decision.reasons[0]

    def test_the_decision_is_the_same_every_time(self) -> None:
        pair = scored(0.8, seed=4, errors_seed=1), scored(0.78, seed=4, errors_seed=2)
        assert judge(*pair) == judge(*pair)

    def test_more_rows_see_smaller_differences(self) -> None:
        few, many = (
            judge(scored(0.8, rows, seed=5, errors_seed=1), scored(0.8, rows, seed=5, errors_seed=2)).evidence["detectable"]
            for rows in (400, 6_400)
        )
        assert many == pytest.approx(few / 4, rel=0.3)


def steadily(seconds: float) -> tuple[float, ...]:
    """Return nine rounds that all took as long."""
    return (seconds,) * 9


class TestNotWorse:
    """A challenger that is not better passes only where it is smaller or faster, and surely not worse by the margin."""

    @pytest.mark.parametrize(
        ("new", "old", "passes"),
        [
            ({"size_bytes": 80}, {"size_bytes": 100}, True),
            ({"size_bytes": 91}, {"size_bytes": 100}, False),
            ({"seconds_per_product": steadily(0.5)}, {"seconds_per_product": steadily(1)}, True),
            ({"seconds_per_product": steadily(1)}, {"seconds_per_product": steadily(1)}, False),
            ({"size_bytes": 80}, {}, False),
            ({}, {"size_bytes": 100}, False),
            *(
                ({"size_bytes": size, "seconds_per_product": time}, {"size_bytes": 100, "seconds_per_product": old}, passes)
                for size, time, old, passes in (
                    (50, steadily(2), steadily(1), False),
                    (50, steadily(1.05), steadily(1), True),
                    (200, steadily(0.5), steadily(1), False),
                    # One round may go astray, on either side, and no more.
                    (50, (9, *steadily(1)[1:]), steadily(1), True),
                    (50, (9, 9, *steadily(1)[2:]), steadily(1), False),
                    (100, (9, *steadily(0.5)[1:]), steadily(1), True),
                    (100, (1, 1, *steadily(0.5)[2:]), steadily(1), False),
                    # Too few rounds say nothing: neither that it is faster, nor that it is not slower.
                    (100, (0.5,) * 5, (1,) * 5, False),
                    (50, (1,) * 5, (1,) * 5, False),
                )
            ),
        ],
    )
    def test_the_benefit_is_stated_and_real(self, new: dict[str, Any], old: dict[str, Any], passes: bool) -> None:
        same = scored(0.8, seed=6)
        decision = judge(replace(same, **new), replace(same, **old))
        assert decision.promote is passes

    def test_the_benefit_is_told_in_words(self) -> None:
        same = scored(0.8, seed=6)
        decision = judge(
            replace(same, size_bytes=60, seconds_per_product=steadily(0.5)),
            replace(same, size_bytes=100, seconds_per_product=steadily(1)),
        )
        assert decision.evidence["benefits"] == ["40% smaller", "50% faster"]
        assert "not worse by 0.02 or more, and it is 40% smaller and 50% faster" in decision.reasons[0]
        size, time = decision.evidence["costs"]
        assert size == {"what": "size", "challenger": 60, "champion": 100, "ratio": 0.6, "low": 0.6, "high": 0.6}
        assert (time["what"], time["challenger"], time["champion"], time["high"]) == ("time per product", 0.5, 1, 0.5)

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(steadily(1.5), "is 50% slower"), ((2, 2, 2, *steadily(1)[3:]), "may be slower by 10% or more")],
    )
    def test_what_a_benefit_costs_is_told_in_words(self, seconds: tuple[float, ...], words: str) -> None:
        same = scored(0.8, seed=6)
        decision = judge(
            replace(same, size_bytes=60, seconds_per_product=seconds),
            replace(same, size_bytes=100, seconds_per_product=steadily(1)),
        )
        assert not decision.promote
        assert decision.evidence["drawbacks"] == [words]
        assert f"though it is 40% smaller, it {words} (95 %" in decision.reasons[0]

    def test_a_benefit_does_not_buy_a_worse_answer(self) -> None:
        challenger = scored(0.7, seed=7, errors_seed=1, size_bytes=1)
        champion = scored(0.8, seed=7, errors_seed=2, size_bytes=100)
        assert not judge(challenger, champion).promote

    def test_without_a_margin_the_whole_interval_has_to_lie_above_zero(self) -> None:
        same = scored(0.8, seed=8)
        assert not judge(replace(same, size_bytes=1), replace(same, size_bytes=100), margin=0.0).promote


class TestFirstChampion:
    def test_one_that_has_learnt_something_passes(self) -> None:
        decision = judge(scored(0.6, seed=9), None)
        assert decision.promote
        assert decision.evidence["against"] == "commonest category"
        share = scored(0.6, seed=9).correct.count("10") / 600
        assert decision.evidence["weighted_f1"]["reference"] == pytest.approx(share * 2 * share / (1 + share))

    def test_always_answering_the_commonest_category_does_not(self) -> None:
        scores = scored(0.6, seed=9)
        decision = judge(replace(scores, predicted=["10"] * 600), None)
        assert not decision.promote
        assert "not shown to beat the commonest category" in decision.reasons[0]

    def test_it_has_to_be_beaten_by_the_margin(self) -> None:
        scores = scored(0.6, seed=9)
        low = judge(scores, None).evidence["difference"]["low"]
        assert judge(scores, None, margin=low - 0.001).promote
        assert not judge(scores, None, margin=low + 0.001).promote


class TestClassFloor:
    def test_one_category_may_not_pay_for_the_others(self) -> None:
        champion = scored(0.7, seed=10, errors_seed=1)
        predicted = [c if c != "2583" else "10" for c in champion.correct]
        decision = judge(replace(champion, predicted=predicted), champion)
        assert decision.evidence["difference"]["low"] > 0, "on the whole it is better"
        assert not decision.promote
        assert decision.reasons[0].startswith("The challenger is better")
        assert decision.reasons[1].startswith("Category 2583 loses")
        (fall,) = decision.evidence["falls"]
        assert (fall["code"], fall["rows"]) == ("2583", champion.correct.count("2583"))
        assert fall["low"] <= fall["difference"] <= fall["high"] < -0.1

    def test_a_category_of_few_rows_says_nothing(self) -> None:
        champion = scored(0.7, seed=10, errors_seed=1)
        predicted = [c if c != "2583" else "10" for c in champion.correct]
        bounds = replace(FEW_DRAWS, class_rows=champion.correct.count("2583") + 1)
        assert judge(replace(champion, predicted=predicted), champion, bounds=bounds).promote

    def test_a_fall_within_the_floor_is_borne(self) -> None:
        champion = scored(0.7, seed=10, errors_seed=1)
        predicted = [c if c != "2583" else "10" for c in champion.correct]
        assert judge(replace(champion, predicted=predicted), champion, bounds=replace(FEW_DRAWS, class_floor=0.99)).promote


GOOD, BASE = scored(0.95, 300, seed=11, errors_seed=1), scored(0.6, 300, seed=11, errors_seed=2)


class TestDoubts:
    """Whatever is doubtful is a refusal with its reason, though the challenger would pass by far."""

    def test_without_a_doubt_it_passes(self) -> None:
        assert judge(GOOD, BASE).promote

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"ids": GOOD.ids[::-1]}, "not scored on the same rows in the same order"),
            ({"correct": BASE.correct[::-1]}, "not held against the same correct codes"),
            ({"ids": GOOD.ids[:-1]}, "299 ids, 300 correct codes and 300 answers"),
            ({"predicted": GOOD.predicted[:-1]}, "300 ids, 300 correct codes and 299 answers"),
            ({"predicted": [None, *GOOD.predicted[1:]]}, "no answer on 1 of 300 rows"),
            ({"predicted": ["", *GOOD.predicted[1:]]}, "no answer on 1 of 300 rows"),
            ({"predicted": [float("nan")] * 300}, "no answer on 300 of 300 rows"),
            ({"correct": [None, *GOOD.correct[1:]]}, "no correct code on 1 of 300 rows"),
            ({"ids": ["p0", "p0", *GOOD.ids[2:]]}, "scored on some rows twice"),
            ({"size_bytes": float("nan")}, "size is nan, which is no positive number"),
            ({"size_bytes": 0}, "size is 0, which is no positive number"),
            ({"seconds_per_product": (1.0, float("inf"))}, "time per product is inf"),
            ({"seconds_per_product": (1.0, -1.0)}, "time per product is -1.0"),
            ({"seconds_per_product": (1.0,)}, "not timed in the same rounds"),
        ],
    )
    @pytest.mark.parametrize("who", ["challenger", "champion"])
    def test_of_the_scores(self, change: dict[str, Any], reason: str, who: str) -> None:
        pair = (replace(GOOD, **change), BASE) if who == "challenger" else (GOOD, replace(BASE, **change))
        decision = judge(*pair)
        assert not decision.promote
        assert any(reason in told for told in decision.reasons), decision.reasons
        assert decision.evidence["doubts"] == len(decision.reasons)

    @pytest.mark.parametrize("champion", [BASE, None])
    @pytest.mark.parametrize("margin", [float("nan"), -0.1, 1.0, float("inf")])
    def test_of_the_margin(self, margin: float, champion: Scores | None) -> None:
        decision = judge(GOOD, champion, margin=margin)
        assert not decision.promote
        assert "margin is" in decision.reasons[0]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"benefit": float("nan")}, "benefit is nan"),
            ({"class_floor": -1}, "class floor is -1"),
            ({"draws": 10}, "10 bootstrap draws give no interval"),
        ],
    )
    def test_of_the_bounds(self, change: dict[str, Any], reason: str) -> None:
        decision = judge(GOOD, BASE, bounds=replace(FEW_DRAWS, **change))
        assert not decision.promote
        assert reason in decision.reasons[0]

    @pytest.mark.parametrize("rows", [0, 1, 99])
    @pytest.mark.parametrize("with_champion", [True, False])
    def test_of_too_few_rows(self, rows: int, with_champion: bool) -> None:
        few = Scores(GOOD.ids[:rows], GOOD.correct[:rows], GOOD.correct[:rows])
        worst = replace(few, predicted=["?"] * rows)
        decision = judge(few, worst if with_champion else None)
        assert not decision.promote
        assert f"has {rows} rows, and nothing is decided below 100" in decision.reasons[-1]

    def test_an_empty_split_is_refused_even_if_no_rows_were_asked_for(self) -> None:
        empty = Scores([], [], [])
        assert not judge(empty, empty, bounds=replace(FEW_DRAWS, minimum_rows=0)).promote

    def test_every_doubt_is_told(self) -> None:
        decision = judge(replace(GOOD, size_bytes=-1, predicted=[None] * 300), BASE, margin=-1)
        assert len(decision.reasons) == 3


@given(
    st.lists(st.sampled_from(["a", "b", ""]), max_size=5),
    st.lists(st.sampled_from(["a", "b", ""]), max_size=5),
    st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", ""]), st.floats()), max_size=5),
    st.floats(),
)
def test_no_input_makes_it_raise(ids: list[str], correct: list[str], predicted: list[Any], margin: float) -> None:
    scores = Scores(ids, correct, predicted)
    bounds = Bounds(minimum_rows=1, draws=100)
    for champion in (None, scores):
        decision = decide(scores, champion, margin=margin, bounds=bounds)
        assert decision.reasons
        assert champion is None or not decision.promote, "nothing beats itself"


def test_a_challenger_that_is_no_better_passes_at_most_once_in_twenty() -> None:
    """Two models of the same skill with errors of their own, 200 times: 2.5 % are expected to pass."""
    passed = sum(
        judge(scored(0.8, 400, seed=trial, errors_seed=1), scored(0.8, 400, seed=trial, errors_seed=2)).promote
        for trial in range(200)
    )
    assert passed <= 10


def test_the_detectable_difference_is_detected() -> None:
    """A true difference of the size that the gate says it can see is seen nearly always."""
    champion_skill, challenger_skill = 0.70, 0.80
    decisions = [
        judge(scored(challenger_skill, 1_000, seed=t, errors_seed=1), scored(champion_skill, 1_000, seed=t, errors_seed=2))
        for t in range(60)
    ]
    true_difference = np.mean([decision.evidence["difference"]["estimate"] for decision in decisions])
    detectable = np.mean([decision.evidence["detectable"] for decision in decisions])
    assert detectable == pytest.approx(true_difference, rel=0.25), "the case is made so that it just can be seen"
    assert np.mean([decision.promote for decision in decisions]) >= 0.85

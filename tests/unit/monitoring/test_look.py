"""One look at a window: what drifts is seen, what does not is left in peace, and bad input is told and not believed."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from aisle.models.reference import Reference
from aisle.monitoring.look import Look, count_of_tests, gather, look, reason_for
from aisle.monitoring.policy import Policy, Retrain, read_policy
from aisle.monitoring.records import MonitorValue
from tests.unit.monitoring.windows import CODES, NOW, WORDS, answers, reference_of, window_of

POLICY = read_policy()
REFERENCE = reference_of(answers(8_000, 0))
NOTHING_SAID = pl.DataFrame(schema={"code": pl.String, "predicted": pl.String, "confidence": pl.Float64})


def seen(rows: pl.DataFrame, *, reference: Reference = REFERENCE, policy: Policy = POLICY, **more: Any) -> Look:
    gathered = gather(rows.iter_slices(300), reference, rows.height)
    given = {"window": window_of(rows), "said": NOTHING_SAID, "ages": {}, "now": NOW, **more}
    return look(gathered, reference, policy, **given)


def value_of(found: Look, column: str, measure: str, family: str = "drift") -> MonitorValue:
    (value,) = [v for v in found.values if (v.family, v.column, v.measure) == (family, column, measure)]
    return value


@pytest.mark.parametrize("rows", [150, 1_000, 4_000])
def test_what_has_not_changed_is_well(rows: int) -> None:
    found = seen(answers(rows, rows))
    assert (found.state, found.reasons) == ("ok", ())
    assert not found.asks(POLICY)
    value = value_of(found, "predicted", "psi")
    assert (value.n, value.m, value.null_low) == (8_000, rows, 0.0)
    assert value.null_high is not None
    assert value.value < value.null_high


@pytest.mark.parametrize(
    ("column", "measure", "changes"),
    [
        ("predicted", "psi", {"code": [CODES[0]] * 300 + answers(700, 5)["code"].to_list()}),
        ("language", "psi", {"language": ["de"] * 250 + ["fr"] * 750}),
        ("title_chars", "psi", {"title_chars": np.random.default_rng(0).poisson(45, 1_000)}),
        ("missing_description", "psi", {"missing_description": [True] * 650 + [False] * 350}),
        ("image_brightness", "psi", {"image_brightness": np.random.default_rng(0).beta(3, 3, 1_000)}),
        ("html_residue", "psi", {"html_residue": [True] * 500 + [False] * 500}),
        ("title_words", "auc", {"title_marks": reference_of(answers(400, 9)).marks * 2 + ["zz"] * 200}),
    ],
)
def test_what_has_changed_is_seen_where_it_has(column: str, measure: str, changes: dict) -> None:
    found = seen(answers(1_000, 3, **changes))
    assert value_of(found, column, measure).state in {"watch", "act"}
    assert found.state != "ok"
    assert any(reason.startswith(f"{column}:") for reason in found.reasons)


def test_what_has_to_be_acted_on_comes_first_and_asks_for_a_retraining() -> None:
    found = seen(answers(1_000, 3, language=["de"] * 500 + ["fr"] * 500, html_residue=[True] * 330 + [False] * 670))
    assert found.state == "act"
    assert found.reasons[0].startswith("language:")
    assert any("language: PSI" in reason for reason in found.asks(POLICY))
    quiet = POLICY.model_copy(update={"retrain": Retrain(families=("performance",))})
    assert not found.asks(quiet)
    large = POLICY.model_copy(update={"retrain": Retrain(minimum_rows=5_000)})
    assert not found.asks(large)


class TestBadInput:
    def test_an_empty_window_is_told(self) -> None:
        found = seen(answers(5, 1)[:0])
        assert found.state == "ok"
        assert value_of(found, "all", "rows", "quality").value == 0
        empty = value_of(found, "language", "psi")
        assert (empty.value, empty.state) == (None, "unknown")
        assert "no such column" in empty.note or "no value" in empty.note

    @pytest.mark.parametrize("rows", [1, 2, 30])
    def test_few_rows_are_measured_and_not_judged(self, rows: int) -> None:
        found = seen(answers(rows, 1, language=["de"] * rows))
        value = value_of(found, "language", "psi")
        assert value.value is not None
        assert (value.state, found.state) == ("unknown", "ok")
        assert "too few" in value.note

    def test_a_column_of_nothing_is_told(self) -> None:
        rows = answers(500, 1).with_columns(image_brightness=pl.lit(None, dtype=pl.Float64))
        found = seen(rows)
        assert value_of(found, "image_brightness", "psi").note == "the window has no value in it"
        missing = value_of(found, "image_brightness", "null_ratio", "quality")
        assert (missing.value, missing.state) == (1.0, "act")

    def test_a_constant_is_told(self) -> None:
        found = seen(answers(500, 1, title_chars=[60] * 500, language=["fr"] * 500))
        assert value_of(found, "title_chars", "distinct", "quality").note == "the column is constant"
        assert value_of(found, "language", "distinct", "quality").note == "the column is constant"
        assert value_of(found, "title_chars", "psi").state == "act"

    def test_infinite_values_count_and_spoil_nothing(self) -> None:
        whole = answers(500, 1)
        rows = whole.with_columns(image_white=pl.Series([float("inf")] * 5 + whole["image_white"].to_list()[5:]))
        found = seen(rows)
        assert value_of(found, "image_white", "infinite_ratio", "quality").value == 0.01
        assert np.isfinite(value_of(found, "image_white", "mean", "quality").value)
        assert "5 infinite values" in value_of(found, "image_white", "wasserstein").note

    def test_categories_never_seen_are_named(self) -> None:
        found = seen(answers(500, 1, language=["sv"] * 100 + ["fr"] * 400))
        value = value_of(found, "language", "unseen_ratio", "quality")
        assert (value.value, value.state, value.note) == (0.2, "act", "sv")

    def test_what_the_reference_has_not_is_told(self) -> None:
        few = {name: column for name, column in REFERENCE.columns.items() if not name.startswith("image")}
        found = seen(answers(200, 1), reference=Reference(8_000, few, REFERENCE.marks, (), REFERENCE.judged))
        value = value_of(found, "image_bytes", "rows", "quality")
        assert (value.state, value.note) == ("unknown", "the reference has no such column")

    def test_another_model_s_answers_are_not_held_against_this_one(self) -> None:
        found = seen(answers(500, 1, code=[CODES[-1]] * 500), foreign=True)
        value = value_of(found, "predicted", "psi")
        assert (value.state, value.note) == ("unknown", "another model gave these answers")
        assert found.state == "ok"

    def test_clocks_that_run_ahead_are_counted(self) -> None:
        rows = answers(200, 1)
        found = seen(rows, window=window_of(rows, ahead=7, other_versions=3))
        assert value_of(found, "all", "ahead_of_time", "quality").value == 7
        assert value_of(found, "all", "other_versions", "quality").value == 3

    def test_a_reference_without_gold_rows_gives_no_estimate(self) -> None:
        bare = Reference(8_000, REFERENCE.columns, REFERENCE.marks)
        found = seen(answers(200, 1), reference=bare)
        assert not [v for v in found.values if v.measure == "estimated_accuracy"]


def test_surer_or_less_sure_answers_move_the_estimate() -> None:
    draw = np.random.default_rng(0)
    less = seen(answers(1_000, 3, confidence=draw.beta(3, 3, 1_000)))
    value = value_of(less, "all", "estimated_accuracy", "performance")
    assert value.state == "act"
    assert value.value == pytest.approx(0.8 - 0.25, abs=0.03)
    assert value.low < value.value < value.high


def test_the_least_sure_answers_are_the_examples() -> None:
    rows = answers(1_000, 4)
    shown = seen(rows).examples
    assert shown["confidence"].to_list() == rows["confidence"].sort().head(24).to_list()


def test_false_alarms_are_shared_among_what_is_judged() -> None:
    assert count_of_tests(REFERENCE, POLICY) == 3 * 13 + 2 + 2
    assert count_of_tests(REFERENCE, Policy()) == 1


def test_a_reason_is_a_sentence() -> None:
    value = MonitorValue("performance", "all", "accuracy", 0.6, 100, 50, "act", null_low=0.7, null_high=1, threshold=0.08)
    assert reason_for(value) == "accuracy is 0.6 in 50 rows; 0.08 is the limit, and down to 0.7 would be chance."
    assert reason_for(MonitorValue("application", "server", "error_ratio", 0.5, 0, 9, "act")).startswith("server: error")
    assert WORDS

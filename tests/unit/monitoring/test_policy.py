"""The policy: read strictly, and applied as it says."""

from datetime import timedelta
from pathlib import Path

import pytest

from aisle.errors import MonitoringError
from aisle.monitoring.policy import Policy, Rule, default_policy_text, judged, read_policy
from aisle.monitoring.records import MonitorValue

RULES = (
    Rule(family="drift", measure="psi", columns=("language",), watch=0.3, act=0.9),
    Rule(family="drift", measure="psi", watch=0.1, act=0.2),
    Rule(family="quality", measure="null_ratio", watch=0.05, act=0.2),
    Rule(family="performance", measure="accuracy", watch=0.03, act=0.1),
    Rule(family="application", measure="error_ratio", watch=0.01, act=0.1),
)
POLICY = Policy(rules=RULES)


def psi(value: float | None, column: str = "title", m: int = 500, band: float = 0.05) -> MonitorValue:
    return MonitorValue("drift", column, "psi", value, 1_000, m, null_low=0.0, null_high=band)


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (psi(0.02), "ok"),
        (psi(0.15), "watch"),
        (psi(0.25), "act"),
        (psi(0.25, "language"), "ok"),
        (psi(0.35, "language"), "watch"),
        (psi(0.25, band=0.3), "ok"),
        (psi(0.25, m=99), "unknown"),
        (psi(None), "unknown"),
        (MonitorValue("drift", "title", "kl", 9.0), "ok"),
        (MonitorValue("application", "server", "error_ratio", 0.05, 0, 3), "watch"),
    ],
)
def test_values_get_their_states(value: MonitorValue, state: str) -> None:
    assert judged(value, POLICY).state == state


@pytest.mark.parametrize(
    ("found", "expected", "state"),
    [(0.3, 0.28, "ok"), (0.4, 0.3, "watch"), (0.09, 0.3, "act"), (0.6, 0.3, "act")],
)
def test_changes_count_either_way(found: float, expected: float, state: str) -> None:
    value = MonitorValue("quality", "a", "null_ratio", found, 1_000, 500, null_low=0.27, null_high=0.33)
    assert judged(value, POLICY, expected=expected).state == state


@pytest.mark.parametrize(("found", "state"), [(0.95, "ok"), (0.79, "ok"), (0.74, "watch"), (0.6, "act")])
def test_accuracy_counts_only_where_it_falls(found: float, state: str) -> None:
    value = MonitorValue("performance", "all", "accuracy", found, 1_000, 500, null_low=0.76, null_high=1.0)
    assert judged(value, POLICY, expected=0.8).state == state


def test_the_shipped_policy_says_what_is_documented() -> None:
    policy = read_policy()
    assert policy.retrain.cool_down == timedelta(hours=24)
    assert policy.rule("drift", "language", "psi").act == 0.2
    assert policy.rule("drift", "language", "js") is None
    assert len(policy.digest) == 64
    assert default_policy_text().startswith("#")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("not toml at all [", "is no TOML"),
        ("flase_alarms = 1", "flase_alarms"),
        ("false_alarms = 2", "false_alarms"),
        ("[[rules]]\nfamily = 'drift'\nmeasure = 'psi'\nwatch = 2\nact = 1", "act is below watch"),
        ("[[rules]]\nfamily = 'moon'\nmeasure = 'psi'\nwatch = 1\nact = 1", "rules.0.family"),
        ("[retrain]\ncool_down = 5", "a time is a number"),
        ("[retrain]\ncool_down = '5 days'", "a time is a number"),
    ],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(MonitoringError, match=r"p\.toml") as refused:
        read_policy(tmp_path / "p.toml")
    assert told in refused.value.message
    assert "aisle monitor policy" in refused.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MonitoringError, match="cannot be read"):
        read_policy(tmp_path / "none.toml")

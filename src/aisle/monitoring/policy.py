"""The policy: from what on a value is worth a look or has to be acted on, and when that asks for a retraining."""

import re
import tomllib
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from aisle.digest import json_digest
from aisle.errors import MonitoringError
from aisle.monitoring.records import Family, MonitorValue, ValueState

_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Direction = Literal["change", "drop"]
DIRECTIONS: dict[tuple[Family, str], Direction] = {
    ("quality", "null_ratio"): "change",
    ("quality", "outlier_ratio"): "change",
    ("performance", "accuracy"): "drop",
    ("performance", "estimated_accuracy"): "drop",
}
"""What of a value the thresholds are about, where it is not the value itself: how far it is from the reference's, either
way, or how far below."""


def _span(value: object) -> object:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("a time is a number and s, m, h or d, as 24h")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


Span = Annotated[timedelta, BeforeValidator(_span)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Part):
    """When values of one measure are worth a look, and when they have to be acted on."""

    family: Family
    measure: str
    watch: float = Field(gt=0)
    act: float = Field(gt=0)
    columns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ascending(self) -> "Rule":
        if self.act < self.watch:
            raise ValueError("act is below watch")
        return self


class Retrain(_Part):
    """When a retraining is asked for."""

    families: tuple[Family, ...] = ("drift", "performance")
    minimum_rows: int = Field(300, ge=1)
    windows: int = Field(1, ge=1, le=100)
    cool_down: Span = timedelta(hours=24)
    lifetime: Span = timedelta(days=7)


class Policy(_Part):
    """What monitoring makes of what it measures."""

    false_alarms: float = Field(0.01, gt=0, lt=0.5)
    minimum_rows: int = Field(100, ge=2)
    rules: tuple[Rule, ...] = ()
    retrain: Retrain = Retrain()

    @cached_property
    def digest(self) -> str:
        """The policy's name: 64 hexadecimal digits over all that it says."""
        return json_digest(self.model_dump(mode="json"))

    def rule(self, family: Family, column: str, measure: str) -> Rule | None:
        """Return the first rule that fits a value, if one does."""
        for rule in self.rules:
            if (rule.family, rule.measure) == (family, measure) and (not rule.columns or column in rule.columns):
                return rule
        return None


def default_policy_text() -> str:
    """Return the policy that holds where no other is named, as a file."""
    return files(__package__).joinpath("default_policy.toml").read_text(encoding="utf-8")


def read_policy(path: Path | None = None) -> Policy:
    """Read a policy file.

    Args:
        path: The file, TOML; the default policy where none is named.

    Raises:
        MonitoringError: It cannot be read, or says what no policy says; the message names the place.
    """
    name = "The default policy" if path is None else str(path)
    try:
        text = default_policy_text() if path is None else path.read_text(encoding="utf-8")
        return Policy.model_validate(tomllib.loads(text))
    except OSError as error:
        raise MonitoringError(
            f"The policy {name} cannot be read: {error.strerror}.", hint="`aisle monitor policy` prints one to begin with."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MonitoringError(f"{name} is no TOML: {error}.", hint="`aisle monitor policy` prints a policy.") from error
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise MonitoringError(
            f"{name} is no policy: {told}.", hint="`aisle monitor policy` prints one with every field explained."
        ) from error


def judged(value: MonitorValue, policy: Policy, *, expected: float | None = None) -> MonitorValue:
    """Return a value with the state that the policy gives it.

    Args:
        value: The value, with its null band where it has one: inside of it a value is `ok` whatever its size.
        policy: The policy.
        expected: What the value is for the reference, where the thresholds are about the distance from that.
    """
    rule = policy.rule(value.family, value.column, value.measure)
    if rule is None or value.state == "unknown":
        return value
    if value.value is None:
        return _with(value, "unknown", rule)
    statistical = value.family != "application" and value.null_high is not None
    if statistical and value.m < policy.minimum_rows:
        note = f"{value.m} rows are too few to judge; {policy.minimum_rows} are needed"
        return _with(value, "unknown", rule, note)
    way = DIRECTIONS.get((value.family, value.measure))
    effect = value.value
    if expected is not None and way is not None:
        effect = abs(value.value - expected) if way == "change" else expected - value.value
    inside = _inside(value)
    state: ValueState = "ok" if inside or effect < rule.watch else "act" if effect >= rule.act else "watch"
    return _with(value, state, rule)


def _inside(value: MonitorValue) -> bool:
    assert value.value is not None
    above = value.null_high is not None and value.value > value.null_high
    below = value.null_low is not None and value.value < value.null_low
    return (value.null_high is not None or value.null_low is not None) and not above and not below


def _with(value: MonitorValue, state: ValueState, rule: Rule, note: str = "") -> MonitorValue:
    return replace(value, state=state, threshold=rule.watch, note=note or value.note)

"""Reading PromQL for what it asks for: metrics that somebody exports, with labels that they have."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from aisle.telemetry import METRICS

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))

_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_NAME = re.compile(r"\b(?:aisle|http|process|job|handler|code|instance)[a-z0-9_:]*[_:][a-zA-Z0-9_:]+\b|\bup\b|\bALERTS\b")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_EVERYWHERE = {"job", "instance"}
_PROCESS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
}
_FOREIGN = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity", "column", "measure", "state", "budget"}}


def documents(path: Path) -> Mapping[str, Any]:
    """Return what a YAML file holds."""
    found: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def rules(kind: str) -> list[Mapping[str, Any]]:
    """Return every rule of a kind: `alert` or `record`."""
    return [rule for path in RULES for group in documents(path)["groups"] for rule in group["rules"] if kind in rule]


def known_series() -> dict[str, set[str]]:
    """Return every series that there is, with its labels: of servers and exporter, of Prometheus, and recorded ones."""
    known = {name: set(labels) for name, labels in _FOREIGN.items()}
    known |= {name: set() for name in _PROCESS}
    for metric in METRICS:
        labels = set(metric.labels)
        if metric.kind == "histogram":
            known |= {f"{metric.name}_{part}": labels for part in ("sum", "count")}
            known[f"{metric.name}_bucket"] = labels | {"le"}
        else:
            known[metric.name] = labels
    known |= {rule["record"]: set(re.findall(r"[a-z]+", rule["record"].partition(":")[0])) for rule in rules("record")}
    return known


def names(expression: str) -> set[str]:
    """Return the series that an expression asks for."""
    return set(_NAME.findall(_STRING.sub('""', expression)))


def faults(expression: str, known: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what an expression asks for that is not there: series, and labels that it chooses them by."""
    found = [f"nobody exports {name}" for name in sorted(names(expression) - set(known))]
    for name, matchers in _SELECTOR.findall(expression):
        labels = set(_MATCHER.findall(_STRING.sub('""', matchers)))
        missing = sorted(labels - set(known.get(name, labels)) - _EVERYWHERE)
        found += [f"{name} has no label {label}" for label in missing]
    return found

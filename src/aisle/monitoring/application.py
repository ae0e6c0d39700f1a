"""How a server does, read from its own `/metrics`: two looks some seconds apart, and what was counted in between."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from aisle.errors import MonitoringError
from aisle.monitoring.policy import Policy, judged
from aisle.monitoring.records import MonitorValue

SERVER = "server"
"""The column of what is about the server."""

_LINE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_QUIET = ("/health", "/metrics")
_TIMEOUT_S = 5.0

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a server said of itself at a moment.

    Args:
        at: The moment, in seconds of a clock that only runs forward.
        samples: Each series' value.
    """

    at: float
    samples: Samples


def scrape(url: str, *, key: str | None = None, client: httpx.Client | None = None) -> Scrape:
    """Read a server's metrics.

    Args:
        url: The address of its `/metrics`, or the server's own.
        key: An API key, where the server wants one.
        client: Asks; one of its own by default.

    Raises:
        MonitoringError: It cannot be reached, refuses, or answers something else than metrics.
    """
    address = url if url.rstrip("/").endswith("/metrics") else f"{url.rstrip('/')}/metrics"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        get = httpx.get if client is None else client.get
        answer = get(address, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
    except httpx.HTTPError as error:
        raise MonitoringError(
            f"The metrics of {address} cannot be read: {error}.", hint="Check that the server runs and shows them to you."
        ) from error
    samples = read_samples(answer.text)
    if not any(name == "http_requests_total" for name, _ in samples) and "aisle_build_info" not in answer.text:
        raise MonitoringError(f"{address} shows no metrics of an aisle server.", hint="Name the address of `aisle serve`.")
    return Scrape(time.monotonic(), samples)


def two_scrapes(
    url: str, *, seconds: float, key: str | None = None, sleep: Callable[[float], None] = time.sleep
) -> list[Scrape]:
    """Read a server's metrics twice.

    Args:
        url: As for `scrape`.
        seconds: How long to wait in between.
        key: As for `scrape`.
        sleep: Waits.
    """
    first = scrape(url, key=key)
    sleep(seconds)
    return [first, scrape(url, key=key)]


def read_samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the series of a text in Prometheus's format; lines that are none are left out.

    Args:
        text: The text.
    """
    samples = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None or line.startswith("#"):
            continue
        try:
            value = float(found["value"])
        except ValueError:
            continue
        samples[found["name"], frozenset(_LABEL.findall(found["labels"] or ""))] = value
    return samples


def application_values(first: Scrape, second: Scrape, policy: Policy) -> list[MonitorValue]:
    """Return what a server did between two scrapes; a counter that was set back counts from 0.

    Args:
        first: The earlier scrape.
        second: The later one.
        policy: Gives the states.
    """
    seconds = second.at - first.at
    if seconds <= 0:
        raise MonitoringError("The two looks at the server were taken at one moment.", hint="Wait a second in between.")
    requests, failed = _requests(first, second)
    products = sum(_grown(first, second, "aisle_products_total").values())
    cpu = sum(_grown(first, second, "process_cpu_seconds_total").values())
    rows = round(requests)
    figures: dict[str, float | None] = {
        "requests_per_minute": 60 * requests / seconds,
        "products_per_minute": 60 * products / seconds,
        "error_ratio": failed / requests if requests else None,
        "latency_p50_seconds": _latency(first, second, 0.5),
        "latency_p99_seconds": _latency(first, second, 0.99),
        "cpu_cores": cpu / seconds,
    }
    note = f"nothing was asked in {seconds:.0f} s"
    return [
        judged(
            MonitorValue(
                "application",
                SERVER,
                name,
                value,
                0,
                rows,
                "ok" if value is not None else "unknown",
                note="" if value is not None else note,
            ),
            policy,
        )
        for name, value in figures.items()
    ]


def _grown(first: Scrape, second: Scrape, name: str) -> dict[frozenset[tuple[str, str]], float]:
    grown = {}
    for (series, labels), value in second.samples.items():
        if series == name and not dict(labels).get("handler", "").startswith(_QUIET):
            before = first.samples.get((series, labels), 0.0)
            grown[labels] = value - before if value >= before else value
    return grown


def _requests(first: Scrape, second: Scrape) -> tuple[float, float]:
    grown = _grown(first, second, "http_requests_total")
    failed = sum(count for labels, count in grown.items() if dict(labels).get("status", "").startswith("5"))
    return sum(grown.values()), failed


def _latency(first: Scrape, second: Scrape, share: float) -> float | None:
    """Return a quantile of the durations, evenly spread inside of a bucket; the last bucket's lower end at most."""
    counts: dict[float, float] = {}
    for labels, count in _grown(first, second, "http_request_duration_seconds_bucket").items():
        upto = float(dict(labels)["le"])
        counts[upto] = counts.get(upto, 0.0) + count
    ends = sorted(counts)
    if not ends or not counts[ends[-1]]:
        return None
    wanted, low, under = share * counts[ends[-1]], 0.0, 0.0
    for end in ends:
        if counts[end] >= wanted:
            if end == float("inf"):
                return low
            return low + (end - low) * (wanted - under) / (counts[end] - under)
        low, under = end, counts[end]
    return low

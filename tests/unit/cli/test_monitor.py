"""`aisle monitor`, on a trained home whose champion has answered."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest

from aisle.bootstrap import open_application
from aisle.cli import monitor_demo
from aisle.monitoring.drifts import DRIFTS, drifted
from tests.command_line import CommandLine


def answer(home: Path, *, drift: str | None = None) -> None:
    """Let the champion answer a thousand made-up products, with a drift among them or without."""
    products, codes = monitor_demo._products(home / "shop", 3)
    if drift is not None:
        products = drifted(DRIFTS[drift], products, codes, np.random.default_rng(0))
    with open_application() as application:
        monitor_demo._answer(application, products)


def test_nothing_was_looked_at_yet(trained: CommandLine) -> None:
    assert "no monitoring run yet" in trained("monitor", "report").err
    assert orjson.loads(trained.ok("monitor", "runs", "--json").out) == []
    trained.ok("monitor", "requests")


def test_a_drift_is_found_reported_explained_and_asked_for(trained: CommandLine, tmp_path: Path) -> None:
    answer(tmp_path)
    first = orjson.loads(trained.ok("monitor", "run", "--json", "--no-tracking").out)
    assert (first["state"], first["window_rows"], first["request"]) == ("ok", 1_000, None)
    answer(tmp_path, drift="swapped_fields")
    found = trained.ok("monitor", "run", "--rows", 1_000)
    assert "act: 1,000 answers" in found.text
    assert "Retraining was asked for: request 1" in found.text
    page = tmp_path / "page.html"
    trained.ok("monitor", "report", "--out", page)
    assert "title_chars" in page.read_text()
    explained = trained.ok("monitor", "explain", "title_chars")
    assert "Population stability index" in explained.text
    assert "psi over the last runs" in explained.text
    assert orjson.loads(trained.ok("monitor", "explain", "title_chars", "--json").out)["values"]
    assert "There are: all" in trained("monitor", "explain", "no such column").err
    (request,) = orjson.loads(trained.ok("monitor", "requests", "--json").out)
    assert (request["state"], request["run_id"]) == ("requested", 2)
    assert "requested" in trained.ok("monitor", "requests").text
    assert len(orjson.loads(trained.ok("monitor", "report", 1, "--json").out)["values"]) > 50
    with open_application() as application:
        shown = application.monitor().records.run(2)
    assert shown.mlflow_run
    assert "run" in trained.ok("monitor", "runs").text


def test_a_catalogue_is_checked(trained: CommandLine) -> None:
    values = orjson.loads(trained.ok("monitor", "catalogue", "--images", 0, "--json").out)
    measures = {value["measure"] for value in values}
    assert {"duplicate_ratio", "near_across_splits_ratio", "conflicting_ratio", "html_ratio", "cramers_v"} <= measures
    assert "Quality of the catalogue" in trained.ok("monitor", "catalogue").out


def test_a_policy_is_printed_and_checked(aisle: CommandLine, tmp_path: Path) -> None:
    printed = aisle.ok("monitor", "policy").out
    (tmp_path / "p.toml").write_text(printed)
    assert "is a policy of" in aisle.ok("monitor", "policy", "--check", tmp_path / "p.toml").out
    (tmp_path / "p.toml").write_text("rules = 3")
    assert "is no policy" in aisle("monitor", "policy", "--check", tmp_path / "p.toml").err


def test_a_server_that_is_not_there_is_an_error(trained: CommandLine, tmp_path: Path) -> None:
    ended = trained("monitor", "run", "--metrics", "http://127.0.0.1:9")
    assert ended.status == 1
    assert "cannot be read" in ended.err


def test_drifts_are_listed_and_others_refused(aisle: CommandLine) -> None:
    listed = aisle.ok("monitor", "demo", "--list").out
    assert all(name in listed for name in DRIFTS)
    assert "no drift 'rain'" in aisle("monitor", "demo", "--drift", "rain").err


def test_the_demo_shows_both_thousands(
    trained: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_application() as application:
        monkeypatch.setenv("AISLE_HOME", str(tmp_path))
        monitor_demo._show(application, "missing_descriptions", tmp_path / "sample-1500")
        told = " ".join(capsys.readouterr().out.split())
        assert "ok: 1,000 answers" in told
        assert "asked for: request 1" in told
        assert application.monitor().records.latest().at > datetime.now(UTC) - timedelta(hours=1)


def test_training_on_request_does_nothing_where_nothing_is_asked_for(trained: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert "nothing to do" in trained.ok("pipeline", "run", tmp_path / "shop", "--on-request").text

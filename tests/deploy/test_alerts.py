"""Rules, alerts and routes are valid and about series that exist; each alert has a runbook and tests both ways."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.metric_names import ROOT, RULES, documents, faults, known_series, names, rules
from tests.docs.markdown import Document

PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
RUNBOOKS = ROOT / "docs" / "runbooks"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
ALERTS = rules("alert")
RECORDS = rules("record")

every_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def tool(name: str, *arguments: object) -> str:
    """Run promtool or amtool and return what it says; `AssertionError` where it complains."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (scripts/setup-servers.sh)")
    ended = subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def expectations(alert: str) -> Iterator[list[Any]]:
    """Yield what the tests expect of an alert, at each moment that they look at."""
    for path in TESTS:
        for test in documents(path)["tests"]:
            for moment in test["alert_rule_test"]:
                if moment["alertname"] == alert:
                    yield moment["exp_alerts"]


@every_alert
class TestEveryAlert:
    def test_has_a_runbook_that_says_what_it_means_how_to_look_and_what_to_do(self, alert: Mapping[str, Any]):
        page = RUNBOOKS / f"{alert['alert']}.md"
        assert alert["annotations"]["runbook_url"] == "{{ $externalLabels.runbooks }}/" + page.name
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {alert['alert']}\n\n*{alert['labels']['severity']}: ")
        sections = text.split("\n## ")
        assert [section.split("\n")[0] for section in sections[1:]] == ["Look", "Do"]
        assert all(len(section.split()) > 8 for section in sections)

    def test_is_shown_to_fire_and_to_stay_silent(self, alert: Mapping[str, Any]):
        expected = list(expectations(alert["alert"]))
        assert any(expected)
        assert not all(expected)

    def test_asks_for_series_that_somebody_exports(self, alert: Mapping[str, Any]):
        assert not faults(alert["expr"], known_series())
        assert names(alert["expr"])

    def test_says_how_bad_it_is_in_a_sentence(self, alert: Mapping[str, Any]):
        assert alert["labels"]["severity"] in {"page", "ticket", "info"}
        assert alert["annotations"]["summary"].endswith(".")
        assert alert["alert"].startswith("Aisle")


def test_every_runbook_is_of_an_alert_and_in_the_list():
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"index.md"}
    assert pages == {f"{alert['alert']}.md" for alert in ALERTS}
    index = Document(RUNBOOKS / "index.md")
    assert pages <= set(index.links())
    for alert in ALERTS:
        assert f"| [{alert['alert']}]({alert['alert']}.md) | {alert['labels']['severity']} | " in index.text


def test_names_are_given_once():
    alerts, records = [rule["alert"] for rule in ALERTS], [rule["record"] for rule in RECORDS]
    assert len(alerts) == len(set(alerts)) > 15
    assert len(records) == len(set(records)) > 20


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["record"])
def test_recording_rules_ask_for_series_that_somebody_exports(record: Mapping[str, Any]):
    assert not faults(record["expr"], known_series())


def test_what_nobody_exports_is_noticed():
    known = known_series()
    assert faults("rate(aisle_made_up_total[5m])", known) == ["nobody exports aisle_made_up_total"]
    assert faults('aisle_drift{statistic="psi", column=~"a|b"}', known) == ["aisle_drift has no label statistic"]
    assert faults('sum by (code) (rate(http_requests_total{status=~"5..", job="x"}[5m]))', known) == []


class TestTools:
    def test_the_rules_and_the_configuration_are_valid(self):
        said = tool("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
        assert f"{len(RULES)} rule files found" in said

    @pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
    def test_every_alert_fires_and_stays_silent_as_its_tests_say(self, path: Path):
        assert "SUCCESS" in tool("promtool", "test", "rules", path)

    @pytest.mark.parametrize(
        ("rule", "weakened", "test"),
        [
            ("model.yml", ("aisle_model_pinned == 1", "aisle_model_pinned == 2"), "model"),
            ("monitoring.yml", ("aisle_drift_state == 2", "aisle_drift_state == 1"), "monitoring"),
        ],
    )
    def test_the_tests_notice_a_rule_that_is_wrong(self, tmp_path: Path, rule: str, weakened: tuple[str, str], test: str):
        shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
        changed = tmp_path / "prometheus" / "rules" / rule
        changed.write_text(changed.read_text().replace(*weakened))
        with pytest.raises(AssertionError, match="FAILED"):
            tool("promtool", "test", "rules", tmp_path / "prometheus" / "tests" / f"{test}.yml")

    def test_the_routes_are_valid(self):
        assert "SUCCESS" in tool("amtool", "check-config", ALERTMANAGER)

    @pytest.mark.parametrize(("severity", "receiver"), [("page", "pager"), ("ticket", "tickets"), ("info", "record")])
    def test_an_alert_goes_to_whom_its_severity_says(self, severity: str, receiver: str):
        said = tool("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", f"severity={severity}")
        assert said.split() == [receiver]

    def test_alerts_that_silence_others_are_alerts(self):
        known = {alert["alert"] for alert in ALERTS}
        for rule in documents(ALERTMANAGER)["inhibit_rules"]:
            for matcher in rule["source_matchers"] + rule["target_matchers"]:
                if matcher.startswith('alertname="'):
                    assert matcher.partition('"')[2].rstrip('"') in known

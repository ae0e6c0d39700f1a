"""The boards: made by the code, of the datasource that is provisioned, about series and labels that somebody exports."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.build import FOLDER, dashboards
from tests.deploy.metric_names import ROOT, documents, faults, known_series, names

PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
EXPECTED = {"aisle-service", "aisle-model", "aisle-quality", "aisle-drift", "aisle-pipeline"}

every_board = pytest.mark.parametrize("uid", sorted(EXPECTED))


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every query of a board with the panel that asks it, those of its annotations and variables included."""
    for panel in panels(board):
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((mark["name"], mark["expr"]) for mark in board["annotations"]["list"])
    for variable in board["templating"].get("list") or []:
        yield variable["name"], variable["query"].removeprefix("label_values(").rpartition(",")[0]


def test_the_boards_are_what_the_code_makes():
    made = dashboards()
    assert {name.removesuffix(".json") for name in made} == EXPECTED == set(BOARDS)
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} is stale: run `make docs`"


@every_board
class TestEveryBoard:
    def test_has_its_name_for_good_and_panels_of_their_own(self, uid: str):
        board = BOARDS[uid]
        assert (board["uid"], board["tags"]) == (uid, ["aisle"])
        assert board["title"].startswith("aisle / ")
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        titles = [panel["title"] for panel in panels(board)]
        assert len(set(titles)) == len(titles) > 5
        assert all(panel["description"].endswith(".") for panel in panels(board))

    def test_fits_the_grid_and_nothing_lies_on_another(self, uid: str):
        taken: set[tuple[int, int]] = set()
        for panel in BOARDS[uid]["panels"]:
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & taken, panel["title"]
            taken |= cells

    def test_asks_the_datasource_that_is_provisioned(self, uid: str):
        (source,) = documents(PROVISIONING / "datasources" / "aisle.yml")["datasources"]
        wanted = {"type": source["type"], "uid": source["uid"]}
        for panel in panels(BOARDS[uid]):
            assert panel["datasource"] == wanted
            assert all(target["datasource"] == wanted for target in panel["targets"])

    def test_asks_for_series_that_somebody_exports(self, uid: str):
        known = known_series()
        for title, expression in expressions(BOARDS[uid]):
            assert names(expression), title
            assert not faults(expression, known), title

    def test_uses_the_variables_that_it_has(self, uid: str):
        board = BOARDS[uid]
        known = {variable["name"] for variable in board["templating"].get("list") or []}
        text = json.dumps(panels(board))
        assert all(f"${name}" in text for name in known)

    def test_is_read_back_by_the_types_of_grafana_as_it_was_written(self, uid: str):
        register_default_plugins()
        read = Dashboard.from_json(json.loads(json.dumps(BOARDS[uid])))
        assert (read.uid, read.schema_version) == (uid, 42)
        assert len(read.panels or []) == len(BOARDS[uid]["panels"])


def test_every_metric_of_server_and_exporter_is_on_a_board_or_in_an_alert():
    from tests.deploy.metric_names import METRICS, rules

    asked = {name for board in BOARDS.values() for _, expression in expressions(board) for name in names(expression)}
    asked |= {name for kind in ("alert", "record") for rule in rules(kind) for name in names(rule["expr"])}
    asked = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in asked}
    left_out = {metric.name for metric in METRICS} - asked
    assert left_out == {
        "aisle_shadow_confidence_difference",
        "aisle_performance_threshold",
        "aisle_performance_window_rows",
        "aisle_quality_threshold",
        "aisle_quality_window_rows",
        "aisle_retrain_last_change_timestamp_seconds",
    }


def test_the_boards_are_provisioned_where_compose_mounts_them():
    (provider,) = documents(PROVISIONING / "dashboards" / "aisle.yml")["providers"]
    assert (provider["folderUid"], provider["options"]["path"]) == ("aisle", "/var/lib/grafana/dashboards")

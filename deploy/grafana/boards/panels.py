"""The few kinds of panel that the boards are made of, and the frame around them."""

from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = kinds.DataSourceRef(type_val="prometheus", uid="aisle-prometheus")
"""The datasource that the provisioning defines."""

ANSWERED = 'handler!~"/health/.*|/metrics"'
"""Requests that somebody made: no health checks, no scrapes."""

_REFIDS = "ABCDEFGH"
_P = TypeVar("_P", timeseries.Panel, stat.Panel, bargauge.Panel, statetimeline.Panel, table.Panel)
Panel = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel | table.Panel
Query = tuple[str, str]
"""An expression, and what its series are called."""


def lines(title: str, told: str, unit: str, *queries: Query, stacked: bool = False, span: int = 12) -> timeseries.Panel:
    """Return a panel of lines over time.

    Args:
        title: What it shows.
        told: What it means, in a sentence.
        unit: Grafana's name of the unit.
        queries: Expressions, and what their series are called.
        stacked: Whether the series lie on one another.
        span: Width, of 24.
    """
    panel = timeseries.Panel().unit(unit).line_width(1).fill_opacity(30 if stacked else 5).span_nulls(False)
    panel = panel.legend(common.VizLegendOptions().show_legend(True).placement(kinds.LegendPlacement.BOTTOM))
    panel = panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI))
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL))
    return _with(panel, title, told, queries, span, height=8)


def band(title: str, told: str, value: str, low: str, high: str, threshold: str, *, repeat: str) -> timeseries.Panel:
    """Return a panel of one value inside the band where it lies when nothing has changed, once for each of a variable."""
    queries = ((value, "{{measure}}"), (low, "null low"), (high, "null high"), (threshold, "threshold"))
    panel = lines(title, told, "short", *queries, span=12).repeat(repeat).repeat_direction("h").max_per_row(3)
    fill = [_option("custom.fillBelowTo", "null low"), _option("custom.fillOpacity", 15), _option("custom.lineWidth", 0)]
    dashed = [_option("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}), _option("custom.fillOpacity", 0)]
    panel = panel.override_by_name("null high", fill).override_by_name("null low", [_option("custom.lineWidth", 0)])
    return panel.override_by_name("threshold", dashed)


def figure(title: str, told: str, unit: str, query: str, *, legend: str = "", span: int = 4) -> stat.Panel:
    """Return a panel of one figure; otherwise as `lines`."""
    panel = (
        stat.Panel()
        .unit(unit)
        .reduce_options(_NEWEST)
        .graph_mode(kinds.BigValueGraphMode.AREA)
        .color_mode(kinds.BigValueColorMode.VALUE)
    )
    if legend:
        panel = panel.text_mode(kinds.BigValueTextMode.NAME)
    return _with(panel, title, told, [(query, legend)], span, height=4)


def level(title: str, told: str, query: str, *, span: int = 4) -> stat.Panel:
    """Return a panel of one state: ok, watch, act or not judged."""
    panel = figure(title, told, "none", query, span=span)
    return panel.mappings([_STATES]).graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.BACKGROUND)


def levels(title: str, told: str, query: str, legend: str, *, span: int = 24) -> statetimeline.Panel:
    """Return a panel of states over time."""
    panel = statetimeline.Panel().mappings([_STATES]).show_value(kinds.VisibilityMode.NEVER)
    return _with(panel, title, told, [(query, legend)], span, height=10)


def bars(title: str, told: str, unit: str, query: str, legend: str, *, span: int = 12) -> bargauge.Panel:
    """Return a panel of bars, one a series, of the newest values."""
    panel = bargauge.Panel().unit(unit).reduce_options(_NEWEST).orientation(kinds.VizOrientation.HORIZONTAL).min(0)
    panel = panel.display_mode(kinds.BarGaugeDisplayMode.BASIC)
    return _with(panel, title, told, [(query, legend)], span, height=10, instant=True)


def rows(title: str, told: str, query: str, *, span: int = 12) -> table.Panel:
    """Return a panel of a table: the labels of each series and its newest value."""
    return _with(table.Panel(), title, told, [(query, "")], span, height=8, instant=True)


def choice(name: str, series: str, told: str) -> dashboard.QueryVariable:
    """Return a variable whose values are those of a label of a series."""
    query = f"label_values({series}, {name})"
    found = dashboard.QueryVariable(name).label(name).description(told).datasource(SOURCE).query(query).definition(query)
    found = found.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    return found.multi(True).include_all(True).all_value(".*")


class Board:
    """A board: rows of panels, one beside the other and one under the other.

    Args:
        uid: Its name in addresses, for good.
        title: Its name for people.
        told: What it is for, in a sentence.
        variables: What can be chosen on it.
    """

    def __init__(self, uid: str, title: str, told: str, *variables: dashboard.QueryVariable) -> None:
        self._panels = 0
        self._board = (
            dashboard.Dashboard(f"aisle / {title}")
            .uid(uid)
            .description(told)
            .tags(["aisle"])
            .time("now-6h", "now")
            .refresh("1m")
            .timezone("browser")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .link(dashboard.DashboardLink("aisle").type(models.DashboardLinkType.DASHBOARDS).tags(["aisle"]).keep_time(True))
            .annotation(_promotions())
        )
        for variable in variables:
            self._board = self._board.with_variable(variable)

    def row(self, title: str, *panels: Panel) -> "Board":
        """Add a row of panels under a title."""
        self._board = self._board.with_row(dashboard.Row(title).id(self._number()))
        for panel in panels:
            self._board = self._board.with_panel(panel.id(self._number()))
        return self

    def build(self) -> models.Dashboard:
        """Return the finished board."""
        return self._board.build()

    def _number(self) -> int:
        self._panels += 1
        return self._panels


def _with(
    panel: _P,
    title: str,
    told: str,
    queries: "tuple[Query, ...] | list[Query]",
    span: int,
    *,
    height: int,
    instant: bool = False,
) -> _P:
    panel = panel.title(title).description(told).datasource(SOURCE).span(span).height(height)
    for letter, (expression, legend) in zip(_REFIDS, queries, strict=False):
        query = Dataquery().expr(expression).ref_id(letter).datasource(SOURCE).legend_format(legend or "__auto")
        if instant:
            table_like = isinstance(panel, table.Panel)
            query = query.instant().format(PromQueryFormat.TABLE if table_like else PromQueryFormat.TIME_SERIES)
        else:
            query = query.range()
        panel = panel.with_target(query)
    return panel


def _promotions() -> dashboard.AnnotationQuery:
    """Return marks at the promotions: the series tells when the champion became champion."""
    promoted = "aisle_champion_promoted_timestamp_seconds * 1000"
    marks = dashboard.AnnotationQuery().name("Promotions").datasource(SOURCE).enable(True).icon_color("purple")
    return marks.expr(promoted).title_format("Promotion").use_value_for_time(True)


def _option(name: str, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)


_NEWEST = common.ReduceDataOptions().calcs(["lastNotNull"])
_STATES = models.ValueMap(
    options={
        "-1": models.ValueMappingResult(text="not judged", color="gray", index=0),
        "0": models.ValueMappingResult(text="ok", color="green", index=1),
        "1": models.ValueMappingResult(text="watch", color="orange", index=2),
        "2": models.ValueMappingResult(text="act", color="red", index=3),
    }
)

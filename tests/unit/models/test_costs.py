"""Estimates are planned with, not measured by: that they grow with what makes a fit longer, and never are nothing."""

from dataclasses import replace

import pytest

from aisle.models.families import FAMILIES
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions

families = pytest.mark.parametrize("name", ["logistic", "svm", "forest", "boosting"])
BASE = {"rows": 10_000, "nonzeros": 1_000_000, "columns": 60_000, "classes": 27}


def seconds(name, options=None, **changes) -> float:
    own = {**BASE, **changes}
    return FAMILIES[name].cost(own["rows"], own["nonzeros"], own["classes"], options or FAMILIES[name].options())


def room(name, options=None, **changes) -> int:
    own = {**BASE, **changes}
    return FAMILIES[name].memory(**own, options=options or FAMILIES[name].options())


@families
@pytest.mark.parametrize("rows", [1, 100, 10_000_000])
@pytest.mark.parametrize("classes", [2, 1_000])
def test_estimates_are_positive(name, rows, classes) -> None:
    assert 0 < seconds(name, rows=rows, nonzeros=0, classes=classes) < float("inf")
    assert isinstance(room(name, rows=rows, classes=classes), int)
    assert room(name, rows=rows, nonzeros=1, columns=1, classes=classes) > 0


@families
def test_more_rows_take_longer_and_more_room(name) -> None:
    times = [seconds(name, rows=rows, nonzeros=100 * rows) for rows in (100, 1_000, 10_000, 100_000)]
    assert times == sorted(set(times))
    rooms = [room(name, rows=rows, nonzeros=100 * rows) for rows in (100, 1_000, 10_000, 100_000)]
    assert rooms == sorted(set(rooms))
    # A fit is about linear in rows; what it costs to begin counts for little here.
    assert 6 < times[3] / times[2] < 11


@families
def test_more_classes_take_no_less(name) -> None:
    times = [seconds(name, classes=classes) for classes in (2, 27, 405)]
    assert times == sorted(times)
    assert (name == "forest") == (times[0] == times[2])
    rooms = [room(name, classes=classes) for classes in (2, 27, 405)]
    assert rooms == sorted(rooms)
    assert rooms[0] < rooms[2]


@families
def test_more_values_take_longer(name) -> None:
    few, more, many = (seconds(name, nonzeros=nonzeros) for nonzeros in (100_000, 1_000_000, 2_000_000))
    assert few < more
    # A forest looks at no more columns of a row than it draws for a split.
    assert more == many if name == "forest" else more < many


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [
        ("logistic", LogisticOptions(passes=2), LogisticOptions(passes=10)),
        ("svm", SvmOptions(passes=2), SvmOptions(passes=10)),
        ("forest", ForestOptions(trees=10), ForestOptions(trees=100)),
        ("forest", ForestOptions(tries=50), ForestOptions(tries=500)),
        ("boosting", BoostingOptions(rounds=10), BoostingOptions(rounds=100)),
        ("boosting", BoostingOptions(depth=3), BoostingOptions(depth=9)),
        ("boosting", BoostingOptions(column_share=0.1), BoostingOptions(column_share=1.0)),
    ],
)
def test_options_that_ask_for_more_work_take_longer(name, less, more) -> None:
    assert seconds(name, less) < seconds(name, more)
    assert room(name, less) <= room(name, more)


def test_passes_that_are_never_reached_cost_nothing() -> None:
    assert seconds("logistic", LogisticOptions(passes=1_000)) == seconds("logistic", LogisticOptions(passes=100))


@families
def test_room_covers_what_is_kept_at_least(name) -> None:
    few, many = room(name), room(name, columns=10 * BASE["columns"])
    if name in {"logistic", "svm"}:
        assert many - few == 3 * 4 * 9 * BASE["columns"] * BASE["classes"]
    else:
        # Tree families copy their part of the matrix.
        assert few > 8 * BASE["nonzeros"]


def test_the_boosting_of_deep_trees_needs_room_for_histograms() -> None:
    options = BoostingOptions()
    assert room("boosting", replace(options, depth=12)) > 10 * room("boosting", options)

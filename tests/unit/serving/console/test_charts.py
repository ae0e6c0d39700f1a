"""Charts are SVG that holds whatever it is given, escaped."""

from xml.etree import ElementTree as ET

from aisle.serving.console.charts import bars, ranking, trend

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: str) -> ET.Element:
    return ET.fromstring(chart)


def test_a_bar_is_as_high_as_its_figure():
    chart = drawn(bars([("a", 10), ("<b>", 5), ("c", 0)], 'a "title" <b>'))
    heights = [float(bar.get("height", "")) for bar in chart.findall("rect")]
    assert heights[0] == 2 * heights[1] > heights[2] == 0
    assert chart.get("aria-label") == 'a "title" <b>'
    assert [bar.findtext("title") for bar in chart.findall("rect")][1] == "<b>: 5"


def test_a_trend_lies_over_its_band():
    chart = drawn(trend([0.1, 0.4], "PSI", band=[0.2, None]))
    assert len(chart.findall("circle")) == 2
    assert chart.find("polygon") is not None
    assert drawn(trend([0.1], "PSI")).find("polygon") is None
    assert drawn(bars([], "nothing")).findall("rect") == []


def test_axes_tell_the_greatest_figure_and_both_ends():
    texts = [text.text for text in drawn(bars([("00:00", 3), ("01:00", 12_000)], "hours")).findall("text")]
    assert texts == ["12,000", "0", "00:00", "01:00"]
    assert [text.text for text in drawn(trend([0.1, 0.25], "PSI", ends=("<a>", "b"))).findall("text")][-2:] == ["<a>", "b"]


def test_a_ranking_names_what_it_shows():
    chart = drawn(ranking([("<b>", 10), ("long " * 100, 5), ("none", 0)], "classes"))
    texts = [text.text or "" for text in chart.findall("text")]
    assert texts[:2] == ["<b>", "10"]
    assert len(texts[2]) == 42
    assert [float(bar.get("width", "")) for bar in chart.findall("rect")] == [580.0, 290.0, 0.0]
    assert drawn(ranking([], "nothing")).findall("rect") == []

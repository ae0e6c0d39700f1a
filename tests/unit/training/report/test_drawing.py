import warnings
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from aisle.training.report.drawing import BLUE, INK, Drawing, room, themed, write

SVG = "{http://www.w3.org/2000/svg}"
ODD = [
    "$x^2$ costs $5",
    '<script>alert("1")</script>',
    "a & b 'c'",
    "プール",
    "سلام",
    "👩‍🚀",
    "a\x00b\ud800",
    'id="axes" url(#x)',
]


def _drawn(name: str = "some", words: tuple[str, ...] = ("plain",)) -> bytes:
    drawing = Drawing(name, 300, 200, "A title & more", "What it <says>")
    axes = drawing.axes(40, 10, 10, 30)
    axes.plot(np.linspace(0, 1, 50), np.linspace(0, 1, 50) ** 2, "o-", color=BLUE, alpha=0.5)
    for place, text in enumerate(words):
        write(axes, 0.5, place / 10, text)
    return drawing.svg()


def _texts(svg: bytes) -> list[str | None]:
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_any_words_are_drawn_as_they_are() -> None:
    # A font that lacked a letter would warn, and warnings are errors here.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        texts = _texts(_drawn(words=tuple(ODD)))
    assert texts[-len(ODD) :] == [*ODD[:6], "a\ufffdb\ufffd", ODD[7]]


def test_the_same_figure_has_the_same_bytes_in_any_thread() -> None:
    with ThreadPoolExecutor(4) as threads:
        drawn = set(threads.map(lambda _: _drawn(words=tuple(ODD)), range(8)))
    assert len(drawn) == 1


def test_matplotlibs_own_settings_are_left_alone() -> None:
    before = dict(mpl.rcParams)
    _drawn()
    assert dict(mpl.rcParams) == before


def test_ids_belong_to_the_figure_and_all_references_lead_somewhere() -> None:
    svg = _drawn("one")
    elements = list(ElementTree.fromstring(svg).iter())
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(set(ids)) == len(ids) > 2
    assert all(name.startswith("one-") for name in ids)
    links = {v[1:] for e in elements for k, v in e.attrib.items() if k.endswith("href")}
    clips = {v[5:-1] for e in elements for k, v in e.attrib.items() if v.startswith("url(")}
    assert links
    assert clips
    assert links | clips <= set(ids)
    assert not set(ids) & {e.get("id") for e in ElementTree.fromstring(_drawn("two")).iter()}


def test_it_says_what_it_shows_and_nothing_of_when_it_was_drawn() -> None:
    svg = _drawn()
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "some-title some-text"
    assert (root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")) == ("A title & more", "What it <says>")
    assert (root.get("viewBox"), root.get("width")) == ("0 0 300 200", "300")
    assert b"metadata" not in svg
    assert b"<style" not in svg


@pytest.mark.parametrize(("ha", "anchor"), [("left", None), ("center", "middle"), ("right", "end")])
@pytest.mark.parametrize("rotation", [0, 90])
def test_words_stand_where_they_were_put_whatever_their_width(ha: str, anchor: str | None, rotation: int) -> None:
    drawing = Drawing("some", 200, 100, "", "")
    axes = drawing.axes(0, 0, 0, 0)
    axes.set_xlim(0, 200)
    axes.set_ylim(100, 0)
    axes.set_axis_off()
    write(axes, 80, 40, "a word", ha=ha, va="baseline", rotation=rotation)
    (text,) = ElementTree.fromstring(drawing.svg()).iter(f"{SVG}text")
    assert float(text.get("x", "")) == pytest.approx(80, abs=0.2)
    assert float(text.get("y", "")) == pytest.approx(40, abs=0.2)
    style = dict(part.split(": ") for part in text.get("style", "").split("; "))
    assert style.get("text-anchor") == anchor
    assert style["fill"] == INK
    assert (text.get("transform") is None) == (rotation == 0)


def test_in_a_page_the_colours_are_the_pages_and_words_stay_words() -> None:
    shown = themed(_drawn(words=(f"fill: {BLUE}",)))
    assert f">fill: {BLUE}<" in shown
    assert shown.count(BLUE) == 1
    assert "var(--blue)" in shown
    assert "var(--ink)" in shown


def test_broader_names_need_more_room() -> None:
    assert room(["abc", "ABC"]) == room(["ABC"]) > room(["abc"])

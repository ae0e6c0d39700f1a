"""Figures as small SVG documents whose text stays text, the same bytes at every drawing.

Matplotlib lays the marks out and writes them. Its text would be turned into outlines by fonts that know neither every
script nor the page's own letters, and its ids are random and clash once several figures stand in one page. So text is
written here as SVG text, its width being estimated where the layout asks for it, and ids are counted up from the
figure's name. Nothing of matplotlib's global state is read for it or changed.
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from aisle.training.report.wording import breadth, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_svg import RendererSVG
    from matplotlib.text import Text

INK, MUTED, LINE, PAPER = "#1f2328", "#5f6b78", "#d5dbe1", "#ffffff"
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#b5588f"
"""Told apart with any colour vision (Okabe and Ito, "Color Universal Design", 2008; the pink is darkened for white)."""

_THEME = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    PAPER: "--card",
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
    PINK: "--pink",
}
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_SIZE = 11
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_TAG = re.compile(r"<[^>]*>")
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^")]+)')


@dataclass
class Drawing:
    """A figure being drawn, measured in pixels.

    Args:
        name: What stands before its ids; letters and dashes.
        width: Pixels from left to right.
        height: Pixels from top to bottom.
        title: What it shows, for those who do not see it.
        description: What it says, in a sentence or two.
    """

    name: str
    width: float
    height: float
    title: str
    description: str

    def __post_init__(self) -> None:
        # Matplotlib looks for fonts and writes a file as it is imported: not before something is drawn.
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(self.width / 72, self.height / 72), dpi=72, facecolor=PAPER)

    def axes(self, left: float, top: float, right: float, bottom: float) -> "Axes":
        """Return empty axes that leave these margins in pixels around them, without a frame."""
        box = (left / self.width, bottom / self.height, 1 - (left + right) / self.width, 1 - (top + bottom) / self.height)
        axes = self.figure.add_axes(box)
        axes.set_facecolor("none")
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, labelsize=_SIZE, labelcolor=MUTED, pad=6)
        return axes

    def svg(self) -> bytes:
        """Return the figure as an SVG document."""
        stream = StringIO()
        renderer = _renderer()(self.width, self.height, stream, metadata=_NO_METADATA)
        self.figure.draw(renderer)
        renderer.finalize()  # type: ignore[no-untyped-call]
        body = stream.getvalue()
        body = body[body.index(">", body.index("<svg")) + 1 : body.rindex("</svg>")]
        body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
        title, description = (escape(printable(text)) for text in (self.title, self.description))
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img"'
            f' aria-labelledby="{self.name}-title {self.name}-text" width="{self.width:g}" height="{self.height:g}"'
            f' viewBox="0 0 {self.width:g} {self.height:g}" font-family={quoteattr(_FONTS)} stroke-linejoin="round">'
            f'<title id="{self.name}-title">{title}</title><desc id="{self.name}-text">{description}</desc>'
        )
        return f"{head}{_renamed(body, self.name)}</svg>\n".encode()


def room(names: list[str]) -> float:
    """Return how many pixels the broadest of some names needs as it is written by default."""
    return _SIZE * max(map(breadth, names))


def write(axes: "Axes", x: float, y: float, words: str, **looks: Any) -> "Text":
    """Write words at a place of the axes' data just as they are, without reading mathematics into them.

    Args:
        axes: Where.
        x: Place from left to right.
        y: Place from bottom to top.
        words: Any text.
        looks: As matplotlib's `Text` takes them; 11 pixels of `INK` by default.
    """
    looks = {"fontsize": _SIZE, "color": INK, "va": "center", **looks}
    return axes.text(x, y, printable(words), parse_math=False, rotation_mode="anchor", **looks)


def themed(svg: bytes) -> str:
    """Return a drawing for use inside a page: its colours follow the page's, light or dark."""

    def follow(match: re.Match[str]) -> str:
        tag = match[0]
        for colour, variable in _THEME.items():
            tag = tag.replace(f": {colour}", f": var({variable})")
        return tag

    return _TAG.sub(follow, svg.decode())


_NO_METADATA: dict[str, None] = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@cache
def _renderer() -> "type[RendererSVG]":
    from matplotlib.backends.backend_svg import RendererSVG

    class Renderer(RendererSVG):
        """Writes text as text, and looks up no letter in a font."""

        def draw_text(
            self,
            gc: Any,
            x: float,
            y: float,
            s: str,
            prop: Any,
            angle: float,
            ismath: Any = False,
            mtext: Any = None,
        ) -> None:
            """Write a text element; matplotlib gives the left end of the baseline, the anchor is worked out from it."""
            width = self.get_text_width_height_descent(s, prop, ismath)[0]
            anchor = mtext.get_horizontalalignment() if mtext is not None else "left"
            along = width * {"left": 0, "center": 0.5, "right": 1}[anchor]
            turn = math.radians(angle)
            place = x + along * math.cos(turn), y - along * math.sin(turn)
            looks = {"font-size": f"{prop.get_size_in_points():g}px", "fill": _hex(gc.get_rgb())}
            if anchor != "left":
                looks["text-anchor"] = _ANCHORS[anchor]
            if prop.get_weight() not in {"normal", 400}:
                looks["font-weight"] = str(prop.get_weight())
            attributes = {
                "x": f"{place[0]:.1f}",
                "y": f"{place[1]:.1f}",
                "style": "; ".join(f"{k}: {v}" for k, v in looks.items()),
            }
            if angle:
                attributes["transform"] = f"rotate({-angle:g} {place[0]:.1f} {place[1]:.1f})"
            self.writer.element("text", s, attrib=attributes)  # type: ignore[no-untyped-call]

        def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
            """Return about how much room a text takes, in pixels."""
            em = prop.get_size_in_points()
            return breadth(s) * em, 0.94 * em, 0.22 * em

    return Renderer


def _hex(colour: Any) -> str:
    red, green, blue = (round(255 * part) for part in colour[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"


def _renamed(body: str, name: str) -> str:
    """Count the ids that something refers to up from the figure's name, and leave out the others."""
    tags = _TAG.findall(body)
    wanted = {reference for tag in tags for reference in _REFERENCE.findall(tag)}
    names: dict[str, str] = {}

    def new(match: re.Match[str]) -> str:
        old = match[1]
        return f' id="{names.setdefault(old, f"{name}-{len(names)}")}"' if old in wanted else ""

    # A reference may come before what it refers to, so all names are given first.
    body = _TAG.sub(lambda tag: _ID.sub(new, tag[0]), body)

    def refer(match: re.Match[str]) -> str:
        return match[0][: -len(match[1])] + names[match[1]]

    return _TAG.sub(lambda tag: _REFERENCE.sub(refer, tag[0]), body)

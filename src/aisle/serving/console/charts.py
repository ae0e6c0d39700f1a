"""Charts as SVG, drawn on the server: no script, no style that a content security policy would refuse."""

from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT = 960, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 14, 24
_WIDE, _HIGH = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_ROW, _NAMES, _CHARS = 24, 300, 42


def bars(values: Sequence[tuple[str, float]], title: str) -> Markup:
    """Return a bar for each value, in their order, with its name and figure as its tooltip.

    Args:
        values: Names and figures, none below 0.
        title: What is shown, for those who do not see it.
    """
    top = max((value for _, value in values), default=0.0) or 1.0
    step = _WIDE / max(len(values), 1)
    shapes = [
        Markup(
            '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {:g}</title></rect>'
        ).format(
            _LEFT + number * step,
            _TOP + _HIGH - (height := value / top * _HIGH),
            max(step - 2, 1),
            height,
            name,
            value,
        )
        for number, (name, value) in enumerate(values)
    ]
    ends = (values[0][0], values[-1][0]) if values else ("", "")
    return _drawing([*_axes(top, ends), *shapes], title)


def ranking(values: Sequence[tuple[str, float]], title: str) -> Markup:
    """Return a line for each value: its name, a bar, and the figure.

    Args:
        values: Names and figures, none below 0.
        title: What is shown, for those who do not see it.
    """
    top = max((value for _, value in values), default=0.0) or 1.0
    room = _WIDTH - _NAMES - 80
    shapes = []
    for number, (name, value) in enumerate(values):
        middle, wide = number * _ROW + 17, value / top * room
        told = name if len(name) <= _CHARS else f"{name[: _CHARS - 1]}…"
        shapes += [
            Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(_NAMES - 8, middle, told),
            Markup('<rect class="bar" x="{}" y="{}" width="{:.1f}" height="16"><title>{}: {:g}</title></rect>').format(
                _NAMES, middle - 13, wide, name[:200], value
            ),
            Markup('<text class="tick" x="{:.1f}" y="{}">{:g}</text>').format(_NAMES + wide + 6, middle, value),
        ]
    return _drawing(shapes, title, max(len(values), 1) * _ROW)


def trend(
    values: Sequence[float], title: str, *, band: Sequence[float | None] = (), ends: tuple[str, str] = ("", "")
) -> Markup:
    """Return a line through values, oldest first, over the band in which they lie when nothing has changed.

    Args:
        values: The figures, none below 0.
        title: What is shown.
        band: Upper end of the band at each of them; nothing where it is not known.
        ends: What stands under the first of them and under the last.
    """
    known = [end for end in band if end is not None]
    top = max([*values, *known], default=0.0) or 1.0
    step = _WIDE / max(len(values) - 1, 1)

    def at(number: int, value: float) -> str:
        return f"{_LEFT + number * step:.1f},{_TOP + _HIGH - value / top * _HIGH:.1f}"

    shapes = _axes(top, ends)
    if known:
        edge = [at(number, end) for number, end in enumerate(band) if end is not None]
        floor = [at(number, 0) for number, end in enumerate(band) if end is not None][::-1]
        shapes.append(Markup('<polygon class="band" points="{}"/>').format(" ".join(edge + floor)))
    line = " ".join(at(number, value) for number, value in enumerate(values))
    shapes.append(Markup('<polyline class="line" points="{}"/>').format(line))
    shapes += [
        Markup('<circle class="dot" cx="{}" cy="{}" r="3"><title>{:.4g}</title></circle>').format(
            *at(number, value).split(","), value
        )
        for number, value in enumerate(values)
    ]
    return _drawing(shapes, title)


def _axes(top: float, ends: tuple[str, str]) -> list[Markup]:
    """Return the ground line, with the greatest figure and nothing beside it, and what stands under its ends."""
    ground = _TOP + _HIGH
    shapes = [Markup('<path class="axis" d="M{} {}H{}"/>').format(_LEFT, ground, _WIDTH - _RIGHT)]
    placed = (
        (_LEFT - 6, _TOP + 5, "end", f"{top:.3g}" if top < 1_000 else f"{top:,.0f}"),
        (_LEFT - 6, ground + 5, "end", "0"),
        (_LEFT, ground + 18, "start", ends[0][:_CHARS]),
        (_WIDTH - _RIGHT, ground + 18, "end", ends[1][:_CHARS]),
    )
    label = Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>')
    return shapes + [label.format(*one) for one in placed if one[-1]]


def _drawing(shapes: Sequence[Markup], title: str, height: int = _HEIGHT) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(_WIDTH, height, title)
    return head + Markup("").join(shapes) + Markup("</svg>")

"""Charts as SVG, drawn on the server: no script, no style that a content security policy would refuse."""

from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _EDGE = 640, 180, 8


def bars(values: Sequence[tuple[str, float]], title: str) -> Markup:
    """Return a bar for each value, with its name and figure as its tooltip.

    Args:
        values: Names and figures, none below 0.
        title: What is shown, for those who do not see it.
    """
    top = max((value for _, value in values), default=0.0) or 1.0
    step = (_WIDTH - 2 * _EDGE) / max(len(values), 1)
    shapes = [
        Markup(
            '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {:g}</title></rect>'
        ).format(
            _EDGE + number * step,
            _HEIGHT - _EDGE - (height := value / top * (_HEIGHT - 2 * _EDGE)),
            max(step - 2, 1),
            height,
            name,
            value,
        )
        for number, (name, value) in enumerate(values)
    ]
    return _drawing(shapes, title)


def trend(values: Sequence[float], title: str, *, band: Sequence[float | None] = ()) -> Markup:
    """Return a line through values, oldest first, over the band in which they lie when nothing has changed.

    Args:
        values: The figures, none below 0.
        title: What is shown.
        band: Upper end of the band at each of them; nothing where it is not known.
    """
    known = [end for end in band if end is not None]
    top = max([*values, *known], default=0.0) or 1.0
    step = (_WIDTH - 2 * _EDGE) / max(len(values) - 1, 1)

    def at(number: int, value: float) -> str:
        return f"{_EDGE + number * step:.1f},{_HEIGHT - _EDGE - value / top * (_HEIGHT - 2 * _EDGE):.1f}"

    shapes = []
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


def _drawing(shapes: Sequence[Markup], title: str) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        _WIDTH, _HEIGHT, escape(title)
    )
    return head + Markup("").join(shapes) + Markup("</svg>")

"""Small SVG figures for the page: their colours are the page's, their text stays text."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

_WIDTH = 520
_FONT = 'font-size="11" fill="var(--muted)"'


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a trend: words for when, the value, and up to where it would be chance.

    Args:
        when: In words.
        value: The value; nothing where there is none.
        null_high: The upper end of its null band, where it has one.
        state: What the policy made of it.
    """

    when: str
    value: float | None
    null_high: float | None
    state: str


def bars(names: Sequence[str], reference: Sequence[float], window: Sequence[float], title: str) -> Markup:
    """Return the shares of bins in the reference and in the window, side by side.

    Args:
        names: What the bins hold.
        reference: Share of each in the reference.
        window: Share of each in the window.
        title: What is shown, for those who do not see it.
    """
    left, row = 150, 24
    height = row * len(names) + 8
    most = max([*reference, *window, 1e-9])
    across = (_WIDTH - left - 60) / most
    parts = []
    for place, (name, before, now) in enumerate(zip(names, reference, window, strict=True)):
        y = 4 + place * row
        parts.append(
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end" font-size="11" fill="var(--ink)">{_short(name)}</text>'
            f'<rect x="{left}" y="{y + 2}" width="{before * across:.1f}" height="8" rx="2" fill="var(--muted)"/>'
            f'<rect x="{left}" y="{y + 11}" width="{now * across:.1f}" height="8" rx="2" fill="var(--blue)"/>'
            f'<text x="{left + max(before, now) * across + 6:.1f}" y="{y + 15}" {_FONT}>{100 * now:.1f} %</text>'
        )
    return _svg(_WIDTH, height, title, parts)


def trend(points: Sequence[Point], threshold: float | None, title: str) -> Markup:
    """Return how a value went, over where it would be if nothing had changed.

    Args:
        points: Oldest first.
        threshold: The limit of the policy, where it has one.
        title: What is shown, for those who do not see it.
    """
    left, top, width, height = 44, 10, _WIDTH - 60, 120
    there = [(place, point) for place, point in enumerate(points) if point.value is not None]
    values = [point.value or 0.0 for _, point in there]
    bands = [point.null_high for point in points if point.null_high is not None]
    most = 1.15 * max([*values, *bands, threshold or 0.0, 1e-9])
    step = width / max(len(points) - 1, 1)

    def x(place: int) -> float:
        return left + (place * step if len(points) > 1 else width / 2)

    def y(value: float) -> float:
        return top + height * (1 - value / most)

    parts = [f'<line x1="{left}" x2="{left + width}" y1="{top + height}" y2="{top + height}" stroke="var(--line)"/>']
    if bands and len(points) > 1:
        upper = [f"{x(place):.1f},{y(point.null_high or 0):.1f}" for place, point in enumerate(points)]
        corners = " ".join([*upper, f"{x(len(points) - 1):.1f},{y(0):.1f}", f"{x(0):.1f},{y(0):.1f}"])
        parts.append(f'<polygon points="{corners}" fill="var(--soft)"/>')
    if threshold is not None:
        line = y(threshold)
        parts.append(
            f'<line x1="{left}" x2="{left + width}" y1="{line:.1f}" y2="{line:.1f}" stroke="var(--orange)"'
            ' stroke-dasharray="4 3"/>'
            f'<text x="{left - 6}" y="{line + 4:.1f}" text-anchor="end" {_FONT}>{threshold:g}</text>'
        )
    path = " ".join(f"{x(place):.1f},{y(point.value or 0):.1f}" for place, point in there)
    parts.append(f'<polyline points="{path}" fill="none" stroke="var(--blue)" stroke-width="2"/>')
    for place, point in there:
        colour = {"act": "--orange", "watch": "--yellow"}.get(point.state, "--blue")
        told = escape(f"{point.when}: {point.value:.4g}")
        parts.append(
            f'<circle cx="{x(place):.1f}" cy="{y(point.value or 0):.1f}" r="3.5" fill="var({colour})">'
            f"<title>{told}</title></circle>"
        )
    if points:
        parts.append(f'<text x="{left}" y="{top + height + 16}" {_FONT}>{escape(points[0].when)}</text>')
    if len(points) > 1:
        parts.append(
            f'<text x="{left + width}" y="{top + height + 16}" text-anchor="end" {_FONT}>{escape(points[-1].when)}</text>'
        )
    return _svg(_WIDTH, top + height + 22, title, parts)


def gauge(value: float, null_low: float, null_high: float, threshold: float | None) -> Markup:
    """Return where a value lies, its null band and the limit, on one small line.

    Args:
        value: The value.
        null_low: Lower end of the null band.
        null_high: Upper end of it.
        threshold: The limit of the policy, where it has one.
    """
    most = 1.2 * max(abs(value), null_high, threshold or 0.0, 1e-9)
    across = 140 / most
    low, high, at = null_low * across, null_high * across, value * across
    parts = [
        '<rect x="0" y="4" width="140" height="6" rx="3" fill="var(--line)"/>',
        f'<rect x="{low:.1f}" y="4" width="{max(high - low, 1):.1f}" height="6" rx="3" fill="var(--green)" opacity="0.55"/>',
        f'<rect x="{min(max(at, 0), 138):.1f}" y="1" width="3" height="12" rx="1" fill="var(--ink)"/>',
    ]
    if threshold is not None:
        limit = threshold * across
        parts.append(f'<line x1="{limit:.1f}" x2="{limit:.1f}" y1="0" y2="14" stroke="var(--orange)"/>')
    return _svg(142, 14, f"{value:.4g}; up to {null_high:.4g} would be chance", parts)


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> Markup:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>'
    return Markup(f"{head}<title>{escape(title)}</title>{''.join(parts)}</svg>")  # noqa: S704 - every text is escaped above


def _short(name: str) -> str:
    return escape(name if len(name) <= 24 else f"{name[:23]}…")

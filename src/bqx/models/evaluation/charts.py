"""Charts of an evaluation as inline SVG: drawn with classes, so that the page colours them.

Every chart has a title that says in words what it shows, and the numbers stand in a table or in the
titles of its marks, so colour alone never tells anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from bqx.models.calibration import Coverage, Curve, Reliability
from bqx.models.evaluation.importance import Part
from bqx.models.evaluation.numbers import bounds, share, short, side
from bqx.models.skill import Measure

SHADES = 3
"""Shades on either side of zero."""


@dataclass(frozen=True)
class Axes:
    """A plain plot area and how values become pixels.

    Attributes:
        width: Of the picture.
        height: Of it.
        x: Least and greatest value across.
        y: Least and greatest value upwards.
    """

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 56
    right: int = 10
    top: int = 10
    bottom: int = 34

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            self.left + across * (self.width - self.left - self.right),
            self.height - self.bottom - up * (self.height - self.top - self.bottom),
        )

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str) -> str:
        """A line between two points."""
        (x1, y1), (x2, y2) = self.at(*start), self.at(*end)
        return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'

    def dot(self, x: float, y: float, kind: str, title: str) -> str:
        """A point that says what it is."""
        cx, cy = self.at(x, y)
        return (
            f'<circle class="{kind}" cx="{cx:.1f}" cy="{cy:.1f}" r="4">'
            f"<title>{escape(title)}</title></circle>"
        )

    def marks_up(self, values: Sequence[float], texts: Sequence[str]) -> Iterator[str]:
        """Lines across and their values."""
        for value, text in zip(values, texts, strict=True):
            yield self.line((self.x[0], value), (self.x[1], value), "grid")
            _, y = self.at(self.x[0], value)
            yield _text(self.left - 6, y + 4, text, "end")

    def marks_across(self, values: Sequence[float], texts: Sequence[str]) -> Iterator[str]:
        """Values below the plot."""
        for value, text in zip(values, texts, strict=True):
            x, _ = self.at(value, self.y[0])
            yield _text(x, self.height - self.bottom + 16, text, "middle")

    def svg(self, title: str, parts: Sequence[str], kind: str = "chart") -> str:
        """The picture."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
        name = escape(title)
        return (
            f'<svg {size} class="{kind}" role="img" aria-label="{name}"><title>{name}</title>'
            f"{''.join(parts)}</svg>"
        )


def heat(rows: Mapping[str, Mapping[str, Measure]], title: str) -> str:
    """Skill by row and column; a frame marks intervals that do not contain 0.

    Args:
        rows: By name of the row, by name of the column, the measure.
        title: What it shows.
    """
    names = list(next(iter(rows.values())))
    width, height, label, head = 92, 34, 84, 26
    axes = Axes(label + width * len(names), head + height * len(rows), (0.0, 1.0), (0.0, 1.0))
    sizes = [abs(m.skill) for cells in rows.values() for m in cells.values()]
    most = max((s for s in sizes if math.isfinite(s)), default=0.0)
    parts = [_text(label + (k + 0.5) * width, 16, name, "middle") for k, name in enumerate(names)]
    for i, (name, cells) in enumerate(rows.items()):
        y = head + i * height
        parts.append(_text(0, y + 21, name, "start", "name"))
        for k, column in enumerate(names):
            tip = f"{name} {column}"
            parts.append(_cell(cells[column], tip, (label + k * width, y), most))
    return axes.svg(title, parts, "heat")


def _cell(measure: Measure, name: str, place: tuple[float, float], most: float) -> str:
    where = side(measure.interval)
    frame = " sure" if where in {"above 0", "below 0"} else ""
    x, y = place
    title = f"{name}: skill {short(measure.skill)}, interval {bounds(measure.interval)}: {where}"
    return (
        f'<g class="{shade(measure.skill, most)}{frame}"><title>{escape(title)}</title>'
        f'<rect x="{x + 1:g}" y="{y + 1:g}" width="88" height="30" rx="3"/>'
        f"{_text(x + 45, y + 20, share(measure.skill, 2), 'middle', 'value')}</g>"
    )


def shade(skill: float, most: float) -> str:
    """Class of a colour: ``p1`` to ``p3`` above zero, ``m1`` to ``m3`` below, ``z`` for none."""
    if not math.isfinite(skill) or skill == 0.0 or most == 0.0:
        return "z"
    level = min(SHADES, 1 + int(SHADES * abs(skill) / most))
    return f"{'p' if skill > 0.0 else 'm'}{level}"


def over_time(series: Mapping[str, Measure], title: str) -> str:
    """Skill of consecutive periods with intervals, and the line of the martingale."""
    names = list(series)
    known = [(k, m) for k, m in enumerate(series.values()) if math.isfinite(m.skill)]
    ends = [b for _, m in known for b in (m.skill, *m.interval) if math.isfinite(b)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = 0.06 * (high - low) or 1e-4
    axes = Axes(
        max(320, 90 + 46 * len(names)),
        190,
        (-0.5, len(names) - 0.5),
        (low - room, high + room),
        left=74,
    )
    marks = _ticks(low - room, high + room)
    digits = max(0, -2 - math.floor(math.log10(marks[1] - marks[0])))
    parts = [*axes.marks_up(marks, [f"{100 * m + 0.0:.{digits}f} %" for m in marks])]
    parts.append(axes.line((-0.5, 0.0), (len(names) - 0.5, 0.0), "zero"))
    step = math.ceil(len(names) / 24)
    shown = range(0, len(names), step)
    parts += axes.marks_across(shown, [names[k].replace("_", "-")[2:] for k in shown])
    for k, m in known:
        if math.isfinite(m.interval[0]):
            parts.append(axes.line((k, m.interval[0]), (k, m.interval[1]), "whisker"))
        tip = f"{names[k].replace('_', '-')}: skill {short(m.skill)}, interval {bounds(m.interval)}"
        parts.append(axes.dot(k, m.skill, "model", tip))
    return axes.svg(title, parts)


def _ticks(low: float, high: float) -> list[float]:
    """Round values between two bounds, 0 among them where it lies between."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough * (1 - 1e-9))
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def reliability_chart(found: Reliability, title: str) -> str:
    """Observed shares over forecast probabilities, of the model and of the martingale."""
    axes = Axes(300, 280, (0.0, 1.0), (0.0, 1.0))
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    texts = [f"{m:g}" for m in marks]
    parts = [*axes.marks_up(marks, texts), *axes.marks_across(marks, texts)]
    parts.append(axes.line((0.0, 0.0), (1.0, 1.0), "zero"))
    for kind, curve in (("martingale", found.martingale), ("model", found.model)):
        parts += _curve(axes, curve, kind)
    parts.append(_text(axes.width / 2 + 20, axes.height - 3, "forecast probability", "middle"))
    return axes.svg(title, parts)


def _curve(axes: Axes, curve: Curve, kind: str) -> Iterator[str]:
    used = np.flatnonzero(curve.counts > 0).tolist()
    points = [(float(curve.forecast[k]), float(curve.observed[k])) for k in used]
    path = "".join(
        f"{'L' if n else 'M'}{x:.1f} {y:.1f}"
        for n, (x, y) in enumerate(axes.at(*p) for p in points)
    )
    yield f'<path class="curve {kind}" d="{path}"/>'
    for k, (x, y) in zip(used, points, strict=True):
        low, high = float(curve.low[k]), float(curve.high[k])
        if kind == "model" and math.isfinite(low):
            yield axes.line((x, low), (x, high), "whisker")
        tip = f"{kind}: forecast {x:.3f}, observed {y:.3f}, {int(curve.counts[k]):,} rows"
        yield axes.dot(x, y, kind, tip)


def coverage_chart(found: Sequence[Coverage], title: str) -> str:
    """Observed share less the nominal one at each quantile level, with intervals."""
    ends = [b - c.level for c in found for b in (*c.interval, c.model, c.martingale)]
    most = max((abs(e) for e in ends if math.isfinite(e)), default=0.0) * 1.1 or 0.01
    axes = Axes(300, 280, (0.0, 1.0), (-most, most))
    marks = _ticks(-most, most)
    parts = [*axes.marks_up(marks, [f"{100 * m + 0.0:.3g} %" for m in marks])]
    parts += axes.marks_across([c.level for c in found], [f"{c.level:g}" for c in found])
    parts.append(axes.line((0.0, 0.0), (1.0, 0.0), "zero"))
    for c in found:
        if math.isfinite(c.interval[0]):
            low, high = (b - c.level for b in c.interval)
            parts.append(axes.line((c.level, low), (c.level, high), "whisker"))
        for kind, value in (("martingale", c.martingale), ("model", c.model)):
            tip = f"{kind} at {c.level:g}: {share(value, 2)} of targets lie below"
            parts.append(axes.dot(c.level, value - c.level, kind, tip))
    parts.append(_text(axes.width / 2 + 20, axes.height - 3, "quantile level", "middle"))
    return axes.svg(title, parts)


def bars(parts: Sequence[Part], title: str) -> str:
    """Shares as bars, with the range over folds."""
    label, height = 20 + int(7.4 * max(len(p.name) for p in parts)), 24
    most = max((p.high for p in parts if math.isfinite(p.high)), default=0.0) or 1.0
    axes = Axes(label + 370, height * len(parts) + 6, (0.0, most), (0.0, 1.0), left=label, right=62)
    drawn = []
    for k, part in enumerate(parts):
        value = part.share if math.isfinite(part.share) else 0.0
        y = k * height + 4
        x, end = axes.at(0.0, 0.0)[0], axes.at(value, 0.0)[0]
        tip = f"{part.name}: {share(part.share)}, folds {share(part.low)} to {share(part.high)}"
        drawn.append(
            f'<g><title>{escape(tip)}</title><rect class="bar" x="{x:.1f}" y="{y}"'
            f' width="{max(end - x, 0.5):.1f}" height="16" rx="2"/>'
            f"{_text(label - 8, y + 12, part.name, 'end', 'name')}"
            f"{_text(axes.at(most, 0.0)[0] + 6, y + 12, share(part.share), 'start')}</g>"
        )
        if math.isfinite(part.low):
            start, end = (axes.at(b, 0.0)[0] for b in (part.low, part.high))
            drawn.append(_whisker(start, end, y + 8))
    return axes.svg(title, drawn, "bars")


def _whisker(start: float, end: float, y: float) -> str:
    return f'<line class="whisker" x1="{start:.1f}" x2="{end:.1f}" y1="{y}" y2="{y}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'

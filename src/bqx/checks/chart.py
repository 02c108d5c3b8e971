"""Line charts as inline SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bqx.checks.example import Curve, Example, Parabola
from bqx.domains.grid import FloatArray, Int64Array
from bqx.market import moment_of

WIDTH, HEIGHT = 1040, 250
LEFT, RIGHT, TOP, BOTTOM = 74, 12, 26, 42
UNITS = {"rate": "rate index", "bqx": "BQX return"}
DAY = 1440
MINUTES_A_MARK = (15, 30, 60, 120, 240, 480)
FITS_A_WEEK = 10


@dataclass(frozen=True)
class _Frame:
    """How values and rows become pixels."""

    rows: int
    low: float
    high: float

    def x(self, row: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * row / max(self.rows - 1, 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def path(self, rows: Int64Array | FloatArray, values: FloatArray) -> str:
        """A polyline; a missing value breaks it."""
        parts, move = [], True
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            if math.isnan(value):
                move = True
                continue
            parts.append(f"{'M' if move else 'L'}{self.x(row):.1f} {self.y(value):.1f}")
            move = False
        return "".join(parts)


def week_charts(example: Example) -> list[tuple[str, str]]:
    """One chart per domain over the week, and one per domain over a day of it."""
    whole = (0, len(example.minutes))
    charts = [(_title(c, example), _chart(example, c, whole)) for c in example.curves]
    day = _day(example.minutes)
    if day[1] - day[0] >= example.window and day != whole:
        title = f"{moment_of(int(example.minutes[day[0]])):%A, %d %B %Y}"
        charts += [
            (f"{_title(c, example)}, {title} only", _chart(example, c, day)) for c in example.curves
        ]
    return charts


def _title(curve: Curve, example: Example) -> str:
    name = "Rate domain (cause)" if curve.domain == "rate" else "BQX domain (effect)"
    return f"{name}, {example.pair}"


def _day(minutes: Int64Array) -> tuple[int, int]:
    """Rows of a whole UTC day in the middle."""
    middle = int(minutes[len(minutes) // 2]) // DAY * DAY
    low, high = np.searchsorted(minutes, (middle, middle + DAY))
    return int(low), int(high)


def _chart(example: Example, curve: Curve, span: tuple[int, int]) -> str:
    low, high = span
    values = curve.values[low:high]
    fits = [f for f in curve.fits if f.rows[0] >= low and f.rows[-1] < high]
    every = max(1, round(len(fits) / FITS_A_WEEK))
    shown = fits[every // 2 :: every]
    frame = _frame(values, shown)
    rows, line = _thin(values)
    drawn = "".join(
        f'<path class="fit" d="{frame.path(f.rows[::4] - low, f.values[::4])}">'
        f"<title>{_fit_title(example, f)}</title></path>"
        for f in shown
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="chart">'
        f"<title>{curve.label} with fitted parabolas</title>"
        f"{_values_axis(frame, UNITS[curve.domain])}{_time_axis(frame, example.minutes[low:high])}"
        f'<path class="line" d="{frame.path(rows, line)}"/>{drawn}'
        f"{_legend(curve.label, example.window, fitted=bool(shown))}</svg>"
    )


def _fit_title(example: Example, fit: Parabola) -> str:
    ends = (moment_of(int(example.minutes[row])) for row in fit.rows[[0, -1]])
    return "fit from " + " to ".join(f"{end:%a %H:%M}" for end in ends) + " UTC"


def _frame(values: FloatArray, fits: list[Parabola]) -> _Frame:
    everything = np.concatenate([values, *(f.values for f in fits)])
    known = everything[np.isfinite(everything)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    margin = 0.05 * (high - low) or max(abs(high), 1e-6) * 1e-3
    return _Frame(len(values), low - margin, high + margin)


def _thin(values: FloatArray) -> tuple[Int64Array, FloatArray]:
    """Least and greatest value of every pixel column, in the order in which they came."""
    size = max(1, math.ceil(len(values) / (WIDTH - LEFT - RIGHT)))
    if size < 3:
        return np.arange(len(values)), values
    rows: list[int] = []
    for begin in range(0, len(values), size):
        part = values[begin : begin + size]
        known = np.flatnonzero(np.isfinite(part))
        if len(known):
            ends = {int(known[part[known].argmin()]), int(known[part[known].argmax()])}
            rows += [begin + at for at in sorted(ends)]
    kept = np.array(rows, np.int64)
    return kept, values[kept]


def _values_axis(frame: _Frame, name: str) -> str:
    step = _step((frame.high - frame.low) / 5)
    digits = max(0, -math.floor(math.log10(step)))
    marks = np.arange(math.ceil(frame.low / step), math.floor(frame.high / step) + 1) * step
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="translate(13 {middle}) rotate(-90)" text-anchor="middle"'
    return f'<text class="tick" {turned}>{name}</text>' + "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
        f"{mark + 0.0:.{digits}f}</text>"
        for mark, y in ((float(m), frame.y(float(m))) for m in marks)
    )


def _step(rough: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is at least ``rough``."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= rough * (1 - 1e-9))


def _time_axis(frame: _Frame, minutes: Int64Array) -> str:
    """Marks at the days' beginnings; within a day or so, at full hours."""
    length = int(minutes[-1]) - int(minutes[0])
    if length > 2 * DAY:
        every, form = DAY, "%a %d %b"
    else:
        every = next((m for m in MINUTES_A_MARK if length / m <= 9), MINUTES_A_MARK[-1])
        form = "%H:%M"
    base = HEIGHT - BOTTOM
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>']
    for row in np.flatnonzero(minutes % every == 0).tolist():
        x = frame.x(row)
        moment: datetime = moment_of(int(minutes[row]))
        anchor = "end" if x > WIDTH - 40 else "middle"
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}"/>'
            f'<text class="tick" x="{x:.1f}" y="{base + 16}" text-anchor="{anchor}">'
            f"{moment:{form}}</text>"
        )
    ends = (moment_of(int(minutes[at])) for at in (0, -1))
    text = "trading minutes, UTC, " + " to ".join(f"{end:%Y-%m-%d %H:%M}" for end in ends)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="tick" x="{middle}" y="{HEIGHT - 3}" text-anchor="middle">{text}</text>'
    )
    return "".join(parts)


def _legend(label: str, window: int, *, fitted: bool) -> str:
    text = f"stored w{window} fits, drawn from their terms" if fitted else "no stored fits"
    second = LEFT + 60 + 6.6 * len(label)
    return (
        f'<line class="line" x1="{LEFT}" x2="{LEFT + 22}" y1="11" y2="11"/>'
        f'<text class="key" x="{LEFT + 28}" y="15">{label}</text>'
        f'<line class="fit" x1="{second:.0f}" x2="{second + 22:.0f}" y1="11" y2="11"/>'
        f'<text class="key" x="{second + 28:.0f}" y="15">{text}</text>'
    )

"""Fibonacci levels between two extremes, and where the series stands among them."""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

RETRACEMENTS = (0.236, 0.382, 0.5, 0.618, 0.786)
EXTENSIONS = (1.272, 1.618, 2.618, 4.236)
FAN = (0.382, 0.5, 0.618)
NEAREST = 8
"""Levels of a swing grid: the retracements and the first three extensions."""

RANGE_ROWS = 16
GRID_ROWS = 12
LEAST, MOST = -0.5, 1.5
"""Bounds of the position in a swing grid."""


@jit
def _range_levels(high: float, span: float, out: Floats, t: int) -> None:
    for k in range(len(RETRACEMENTS)):
        out[k, t] = high - RETRACEMENTS[k] * span
    for k in range(len(EXTENSIONS)):
        out[5 + k, t] = high + (EXTENSIONS[k] - 1.0) * span


@jit
def _fan_and_arc(  # noqa: PLR0917 - two points and a third
    value: float, low: float, low_age: float, high: float, high_age: float, reach: float
) -> tuple[float, float, float, float]:
    """Three fan lines at the current row, and the distance from the later extreme."""
    rising = low_age > high_age
    v0, v1 = (low, high) if rising else (high, low)
    old, new = (low_age, high_age) if rising else (high_age, low_age)
    run = (v1 - v0) * (old / (old - new))
    arc = math.sqrt(((value - v1) / (high - low)) ** 2 + (new / reach) ** 2)
    return v0 + (1.0 - FAN[0]) * run, v0 + (1.0 - FAN[1]) * run, v0 + (1.0 - FAN[2]) * run, arc


@jit
def range_grid(u: Floats, lows: Floats, highs: Floats, w: int, out: Floats) -> None:
    """Levels between the extremes of a trailing window, fan, arc and distances.

    Args:
        u: Shape (n,), the series.
        lows: Shape (2, n), least value of the window and its age in rows.
        highs: Shape (2, n), greatest value of the window and its age in rows.
        w: Rows in the window, the unit of time of the arc.
        out: Shape (16, n), filled: five retracements, four extensions, three fan lines (ratios
            0.382, 0.5, 0.618), arc radius, and the distances of the series from the levels 0.382,
            0.5 and 0.618 in units of the range, each within [ratio - 1, ratio]. Fan and arc are NaN
            where one row holds both extremes, the distances where the range is 0.
    """
    for t in range(len(u)):
        low, high = lows[0, t], highs[0, t]
        span = high - low
        _range_levels(high, span, out, t)
        out[9:13, t] = np.nan
        if lows[1, t] != highs[1, t] and span > 0.0:
            fans = _fan_and_arc(u[t], low, lows[1, t], high, highs[1, t], float(w))
            out[9, t], out[10, t], out[11, t], out[12, t] = fans
        # Relative to the high, so that rounding cannot leave the range.
        below = (u[t] - high) / span if span > 0.0 else np.nan
        for k in range(len(FAN)):
            out[13 + k, t] = FAN[k] + below


@jit
def _distances(value: float, high: float, span: float, out: Floats, t: int) -> None:
    """Distances from the eight levels, and the least of them without its sign."""
    nearest = np.inf
    for k in range(NEAREST):
        if k < len(RETRACEMENTS):
            distance = value - (high - RETRACEMENTS[k] * span)
        else:
            distance = value - (high + (EXTENSIONS[k - len(RETRACEMENTS)] - 1.0) * span)
        out[k, t] = distance
        nearest = min(nearest, abs(distance))
    out[NEAREST, t] = nearest


@jit
def swing_grid(u: Floats, lows: Floats, highs: Floats, scale: Floats, out: Floats) -> None:
    """Where the series stands in the grid between the newest swing low and swing high.

    Args:
        u: Shape (n,), the series.
        lows: Shape (2, n), newest confirmed swing low and its age in rows.
        highs: Shape (2, n), newest confirmed swing high and its age in rows.
        scale: Shape (n,), mean true range, the unit of the grid's strength.
        out: Shape (12, n), filled: distances from five retracements and three extensions, the
            least distance, position within [-0.5, 1.5], rows since the newer swing, and strength.
            NaN where a swing is missing or the high is not above the low; the strength also where
            the scale is 0 or NaN.
    """
    for t in range(len(u)):
        span = highs[0, t] - lows[0, t]
        if not span > 0.0:
            out[:, t] = np.nan
            continue
        _distances(u[t], highs[0, t], span, out, t)
        age = min(lows[1, t], highs[1, t])
        out[9, t] = min(max((u[t] - lows[0, t]) / span, LEAST), MOST)
        out[10, t] = age
        fading = math.exp(-age / 1440.0)
        out[11, t] = span / scale[t] * fading if scale[t] > 0.0 else np.nan

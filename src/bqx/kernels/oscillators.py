"""Row-by-row formulas of technical indicators."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

LAMBERT = 0.015
"""Factor of the commodity channel index: most values then lie within 100 of 0 (Lambert 1980)."""


@jit
def typical_price(high: Floats, low: Floats, close: Floats, out: Floats) -> None:
    """Mean of high, low and close.

    Args:
        high: Shape (n,).
        low: Shape (n,).
        close: Shape (n,).
        out: Shape (n,), filled.
    """
    for t in range(len(out)):
        out[t] = (high[t] + low[t] + close[t]) / 3.0


@jit
def commodity_channel(gap: Floats, deviation: Floats, out: Floats) -> None:
    """Distance from the mean in units of 0.015 mean deviations.

    Args:
        gap: Shape (n,), distance of the typical price from its mean.
        deviation: Shape (n,), its mean absolute deviation.
        out: Shape (n,), filled; NaN where the deviation is 0, for then the distance is, too.
    """
    for t in range(len(out)):
        out[t] = gap[t] / (LAMBERT * deviation[t])


@jit
def rate_of_change(y: Floats, k: int, out: Floats) -> None:
    """Relative change over ``k`` rows in percent.

    The difference is taken first: a ratio of 1.0001 less 1 would have lost four digits.

    Args:
        y: Shape (n,), positive or NaN.
        k: Rows, at least 1.
        out: Shape (n,), filled; NaN where t < k.
    """
    out[:k] = np.nan
    for t in range(k, len(out)):
        out[t] = 100.0 * ((y[t] - y[t - k]) / y[t - k])


@jit
def scaled_change(y: Floats, k: int, scale: Floats, out: Floats) -> None:
    """Change over ``k`` rows in units of a deviation.

    Args:
        y: Shape (n,).
        k: Rows, at least 1.
        scale: Shape (n,), a deviation of a window that reaches back over ``k`` rows or more.
        out: Shape (n,), filled; NaN where t < k, and where the deviation is 0, for then the change
            is, too.
    """
    out[:k] = np.nan
    for t in range(k, len(out)):
        out[t] = (y[t] - y[t - k]) / scale[t]


@jit
def above(close: Floats, bottom: Floats, top: Floats, out: Floats) -> None:
    """Share of a channel below the close, in percent: 0 at its bottom, 100 at its top.

    Args:
        close: Shape (n,), within the channel.
        bottom: Shape (n,).
        top: Shape (n,).
        out: Shape (n,), filled; NaN where the channel has no width.
    """
    for t in range(len(out)):
        out[t] = 100.0 * ((close[t] - bottom[t]) / (top[t] - bottom[t]))


@jit
def below(close: Floats, bottom: Floats, top: Floats, out: Floats) -> None:
    """Share of a channel above the close, in negative percent: 0 at its top, -100 at its bottom.

    Args:
        close: Shape (n,), within the channel.
        bottom: Shape (n,).
        top: Shape (n,).
        out: Shape (n,), filled; NaN where the channel has no width.
    """
    for t in range(len(out)):
        out[t] = -100.0 * ((top[t] - close[t]) / (top[t] - bottom[t]))

"""On which side of its running median a series stands, without finding the median."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

_STRIDE = 24
"""Every so many values of a window are looked at for new bounds."""
_PATIENCE = 128
"""Rows for which bounds are kept at least."""


class _Bounds(NamedTuple):
    """Two values, and how many values of the window they bound.

    Attributes:
        low: The lower one.
        high: The other one.
        to_low: Values at or below the lower one.
        to_high: Values below the other one.
    """

    low: float
    high: float
    to_low: int
    to_high: int


@jit
def _unknown() -> _Bounds:
    """Bounds that decide nothing."""
    return _Bounds(np.nan, np.nan, 0, 0)


@jit
def _choose(window: Floats) -> _Bounds:
    """Two values of the window, most likely on either side of its median."""
    sample = np.sort(window[::_STRIDE])
    low, high = sample[42 * len(sample) // 100], sample[58 * len(sample) // 100]
    to_low = to_high = 0
    for i in range(len(window)):
        to_low += window[i] <= low
        to_high += window[i] < high
    return _Bounds(low, high, to_low, to_high)


@jit
def _advance(known: _Bounds, now: float, gone: float) -> _Bounds:
    """Let a value in and one out; NaN is none."""
    to_low = known.to_low + (now <= known.low) - (gone <= known.low)
    to_high = known.to_high + (now < known.high) - (gone < known.high)
    return _Bounds(known.low, known.high, to_low, to_high)


@jit
def _below(window: Floats, value: float) -> int:
    count = 0
    for i in range(len(window)):
        count += window[i] < value
    return count


@jit
def above_median(y: Floats, w: int, out: Floats) -> None:
    """Whether at least half of the window lies strictly below the current row.

    In a window of even length that says whether the row is above the median; at the median it is
    not. How many values lie at or below one bound, and below another, is followed from row to row.
    A row outside of the bounds is decided by these counts, most often; if it is not, its window is
    counted, and new bounds are taken. All of it is exact, so the result depends neither on the
    bounds nor on where the slice begins.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, even.
        out: Shape (n,), filled: 1 above the median, 0 elsewhere; NaN where t < w - 1.
    """
    half, full, chosen = w // 2, w - 1, -_PATIENCE
    bounds = _unknown()
    for t in range(len(y)):
        now = y[t]
        if np.isnan(now):
            bounds, full, chosen = _unknown(), t + w, -_PATIENCE
        if t < full:
            out[t] = np.nan
            continue
        bounds = _advance(bounds, now, y[t - w] if t >= w else np.nan)
        if now <= bounds.low and bounds.to_low <= half:
            out[t] = 0.0
        elif now >= bounds.high and bounds.to_high >= half:
            out[t] = 1.0
        else:
            window = y[t - w + 1 : t + 1]
            out[t] = 1.0 if _below(window, now) >= half else 0.0
            if t - chosen >= _PATIENCE:
                bounds, chosen = _choose(window), t

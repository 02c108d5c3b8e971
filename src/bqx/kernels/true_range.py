"""True range and directional movement from one bar to the next (Wilder 1978)."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.recursive import first_number


@jit
def true_range(high: Floats, low: Floats, close: Floats, step: int, out: Floats) -> None:
    """Range of a bar and the close before it: the greatest of H - L, |H - C'| and |L - C'|.

    Args:
        high: Shape (n,). NaN may stand only at the start, in all three series.
        low: Shape (n,).
        close: Shape (n,).
        step: Rows from a bar to the one before it.
        out: Shape (n,), filled; NaN where there is no bar before.
    """
    start = min(max(first_number(close) + step, first_number(high)), len(out))
    out[:start] = np.nan
    before = close[start - step :]
    tops, bottoms, ranges = high[start:], low[start:], out[start:]
    for i in range(len(ranges)):
        ranges[i] = max(tops[i], before[i]) - min(bottoms[i], before[i])


@jit
def directional_movement(high: Floats, low: Floats, step: int, plus: Floats, minus: Floats) -> None:
    """Rise of the high or fall of the low since the bar before: the greater, if it is positive.

    Args:
        high: Shape (n,). NaN may stand only at the start, in both series.
        low: Shape (n,).
        step: Rows from a bar to the one before it.
        plus: Shape (n,), filled: the rise, where it is the greater one, and 0 elsewhere; NaN where
            there is no bar before.
        minus: Shape (n,), filled: the fall, likewise.
    """
    start = min(first_number(high) + step, len(plus))
    plus[:start] = np.nan
    minus[:start] = np.nan
    tops, bottoms, ups, downs = high[start:], low[start:], plus[start:], minus[start:]
    top_before, bottom_before = high[start - step :], low[start - step :]
    for i in range(len(ups)):
        rise, fall = tops[i] - top_before[i], bottom_before[i] - bottoms[i]
        ups[i] = rise if rise > max(fall, 0.0) else 0.0
        downs[i] = fall if fall > max(rise, 0.0) else 0.0

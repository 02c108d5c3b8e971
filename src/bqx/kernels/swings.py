"""Confirmed swings: fractals that are used only once the bars after them are known."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def _stands_out(y: Floats, s: int, k: int, step: int, sign: float) -> bool:
    """Whether a value exceeds (sign 1) or undercuts (sign -1) the k bars on either side.

    False as soon as a comparison fails, which on a price is nearly always one of the first; false
    also where a value is NaN.
    """
    value = sign * y[s]
    for j in range(1, k + 1):
        if not (value > sign * y[s + j * step] and value > sign * y[s - j * step]):
            return False
    return True


@jit
def latest_swing(  # noqa: PLR0917 - what a swing is takes four numbers
    y: Floats, k: int, step: int, sign: float, lookback: int, out: Floats
) -> None:
    """The newest confirmed swing at every row, and its age.

    A swing high at s is strictly higher than the k bars on either side (Williams 1995, *Trading
    Chaos*: k = 2). It is known at s + k * step, when the last of these bars has closed, and is
    forgotten when it is more than ``lookback`` rows old. A value thus depends on the last lookback
    + k * step + 1 rows. Comparisons alone, so every result is exact.

    Args:
        y: Shape (n,), the bars' highs for swing highs, their lows for swing lows. A row within
            reach of NaN is no swing.
        k: Order: bars on either side, at least 1.
        step: Rows of one bar; bars that stand side by side end ``step`` rows apart.
        sign: 1.0 for swing highs, -1.0 for swing lows.
        lookback: Greatest age of a swing, at least k * step.
        out: Shape (2, n), filled: the swing's value, and how many rows ago it was, from k * step to
            ``lookback``. NaN where there is no such swing.
    """
    delay = k * step
    swing = -1
    for t in range(len(y)):
        s = t - delay
        if s >= delay and _stands_out(y, s, k, step, sign):
            swing = s
        if swing >= 0 and t - swing <= lookback:
            out[0, t] = y[swing]
            out[1, t] = t - swing
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan

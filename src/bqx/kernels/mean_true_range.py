"""Mean true range over a fixed number of bars."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.true_range import true_range


@jit
def mean_true_range(
    bars: tuple[Floats, Floats, Floats], count: int, step: int, out: Floats
) -> None:
    """Mean true range of the last ``count`` bars that stand side by side.

    The true range is the greatest of H - L, H - C' and C' - L in absolute value, C' being the
    previous close (Wilder 1978), which is max(H, C') - min(L, C') exactly. A plain mean, added up
    from the newest bar to the oldest.

    Args:
        bars: High, low and close, each of shape (n,). NaN may stand only at the start of them.
        count: Number of bars, at least 1.
        step: Rows of one bar; the last bars end at t, t - step, t - 2 step …
        out: Shape (n,), filled; NaN where t < count * step. Exactly 0 where all bars are flat.
    """
    ranges = np.empty(len(out))
    high, low, close = bars
    true_range(high, low, close, step, ranges)
    first = count * step
    out[:first] = np.nan
    total = out[first:]
    total[:] = 0.0
    for j in range(count):
        past = ranges[first - j * step : len(ranges) - j * step]
        for i in range(len(total)):
            total[i] += past[i]
    for i in range(len(total)):
        total[i] /= count

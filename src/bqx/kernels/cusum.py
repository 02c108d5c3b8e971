"""Two-sided cumulative sums with reset (Page 1954)."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

SLACK = 0.5
"""Taken off every score: shifts of less than half a deviation do not add up."""

THRESHOLD = 5.0
"""Sum above which there is an alarm."""


@jit
def cusum(z: Floats, cap: int, out: Floats) -> None:
    """Two-sided cumulative sums of scores, both set to 0 after an alarm of either.

    The recursion forgets where it began: from any two beginnings the sums are equal once both have
    come back to 0.

    Args:
        z: Shape (n,), scores. At a NaN the sums stay and nothing is written but NaN.
        cap: Greatest count of samples since an alarm; also the count while there was none.
        out: Shape (3, n), filled: upper less lower sum before the reset, whether there is an alarm,
            samples since the last one.
    """
    upper = lower = 0.0
    since = cap
    for i in range(len(z)):
        since = min(since + 1, cap)
        if np.isnan(z[i]):
            out[:, i] = np.nan
            continue
        upper = max(0.0, upper + z[i] - SLACK)
        lower = max(0.0, lower - z[i] - SLACK)
        alarm = upper > THRESHOLD or lower > THRESHOLD
        out[0, i] = upper - lower
        if alarm:
            upper = lower = 0.0
            since = 0
        out[1, i] = alarm
        out[2, i] = since

"""What is usual at a minute of the day, from the days before."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit
from bqx.kernels.sorted_window import between

DAY = 1_440
"""Minutes of a day."""

DAYS = 20
"""Days that are looked at."""

LEAST = 15
"""Values that a quantile needs."""


@jit
def _previous(minutes: Ints, out: Ints) -> None:
    """The last row before each one that has the same minute of the day; -1 where there is none."""
    last = np.full(DAY, -1)
    for t in range(len(minutes)):
        minute = minutes[t] % DAY
        out[t] = last[minute]
        last[minute] = t


@jit
def low_quantile_of_minute(y: Floats, minutes: Ints, q: float, out: Floats) -> None:
    """A low quantile of the values at the same minute of the day on earlier days.

    Between the two smallest values it is interpolated linearly (type 7 of Hyndman and Fan 1996).

    Args:
        y: Shape (n,), NaN where there is no value.
        minutes: Shape (n,), epoch minute of each row, increasing.
        q: In [0, 1 / (DAYS - 1)].
        out: Shape (n,), filled from the newest ``DAYS`` rows of the minute before the row, none of
            them more than ``DAYS * DAY`` rows ago; NaN where fewer than ``LEAST`` have a value.
    """
    previous = np.empty(len(y), np.int64)
    _previous(minutes, previous)
    for t in range(len(y)):
        smallest = second = np.inf
        rows = count = 0
        i = previous[t]
        while i >= 0 and i >= t - DAYS * DAY and rows < DAYS:
            value = y[i]
            if not np.isnan(value):
                count += 1
                second = min(second, max(smallest, value))
                smallest = min(smallest, value)
            rows += 1
            i = previous[i]
        out[t] = between(smallest, second, (count - 1) * q) if count >= LEAST else np.nan

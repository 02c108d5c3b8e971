"""Laying bars on the rows of a grid."""

from __future__ import annotations

from bqx.kernels.arrays import Ints
from bqx.kernels.jit import jit


@jit
def lay(minutes: Ints, bars: Ints, before: int, newest: Ints, age: Ints) -> None:
    """Find the newest bar of every row.

    Args:
        minutes: Shape (n,), epoch minute of each row, increasing.
        bars: Epoch minutes of the bars, increasing.
        before: Age that the newest bar before the first row has one row earlier; it counts only
            where the first row has no bar of its own.
        newest: Shape (n,), filled: index of the newest bar at or before the row, -1 if none.
        age: Shape (n,), filled: rows since that bar, 0 where the row has a bar.
    """
    k = -1
    rows = before
    for i in range(len(minutes)):
        while k + 1 < len(bars) and bars[k + 1] <= minutes[i]:
            k += 1
        rows = 0 if k >= 0 and bars[k] == minutes[i] else rows + 1
        newest[i] = k
        age[i] = rows

"""Lengths of runs of equal values."""

from __future__ import annotations

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit


@jit
def run_lengths(y: Floats, out: Ints) -> None:
    """Count the consecutive equal values that end at each row.

    Args:
        y: One value per row.
        out: Filled: 1 where the value differs from the one before it (or is NaN), otherwise one
            more than in the row before. Counted from the start of the slice, so it may be compared
            with a window length only where the window fits into the slice.
    """
    length = 0
    for t in range(len(y)):
        length = length + 1 if t > 0 and y[t] == y[t - 1] else 1
        out[t] = length

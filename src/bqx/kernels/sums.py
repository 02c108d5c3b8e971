"""Rolling sums by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit


@jit
def _scan_back(y: Floats, block: Block, sums: Floats) -> None:
    """Sums of the part of each window at or before the border."""
    border, w = block.border, block.w
    total = 0.0
    for i in range(w - block.first):
        total += y[border - i]
        sums[w - 1 - i] = total


@jit
def _scan_on(y: Floats, block: Block, sums: Floats, out: Floats) -> None:
    """Join the sums of the part after the border."""
    border = block.border
    total = 0.0
    for j in range(block.stop):
        if j > 0:
            total += y[border + j]
        if j >= block.first:
            out[border + j] = sums[j] + total


@jit
def moving_sum(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Sum of every trailing window, the current row included.

    Method: two-sided scan (see ``borders``). No value outside of a window ever enters its sum, so a
    window of zeros gives exactly 0, a sum of values that are not negative is not negative, and
    nothing is carried along.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN where t < w - 1.
    """
    sums = np.empty(w)
    out[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        _scan_back(y, block, sums)
        _scan_on(y, block, sums, out)


@jit
def moving_sums(y: Floats, w: int, origin: int, out: Floats) -> None:
    """``moving_sum`` of each row of ``y``.

    Args:
        y: Shape (k, n), the series, each in one piece of memory.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (k, n), filled.
    """
    for k in range(len(y)):
        moving_sum(y[k], w, origin, out[k])

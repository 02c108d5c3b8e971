"""Rolling weighted means by a two-sided scan, such as prices weighted with volume."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit


@jit
def _scan(y: Floats, weights: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums of weights and weighted values over one side of the border.

    Values are relative to the border's, which contributes its weight once. ``step`` is -1 for the
    rows at or before the border and 1 for those after it.
    """
    border, w = block.border, block.w
    reference = y[border]
    weight = total = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        t = border + step * i
        if step < 0 or i > 0:
            weight += weights[t]
            total += weights[t] * (y[t] - reference)
        j = w - 1 - i if step < 0 else i
        sums[0, j] += weight
        sums[1, j] += total


@jit
def weighted_mean(y: Floats, weights: Floats, w: int, origin: int, out: Floats) -> None:
    """Weighted mean of every trailing window, the current row included.

    Args:
        y: Shape (n,), the series.
        weights: Shape (n,), not negative. NaN in either makes exactly the windows that contain it
            NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; exactly the value in a window of w equal values. NaN where t < w -
            1, and where all weights are 0.
    """
    sums = np.empty((2, w))
    out[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        sums[:] = 0.0
        _scan(y, weights, block, -1, sums)
        _scan(y, weights, block, 1, sums)
        for j in range(block.first, block.stop):
            out[border + j] = y[border] + sums[1, j] / sums[0, j]

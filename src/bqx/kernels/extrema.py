"""Rolling minimum and maximum (van Herk 1992; Gil and Werman 1993)."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit


@jit
def _scan_back(y: Floats, block: Block, lows: Floats, highs: Floats) -> None:
    """Extrema of the part of each window at or before the border.

    A comparison with NaN is false, so the first NaN is taken; it stays, for only NaN is before it.
    """
    border, w = block.border, block.w
    low = high = y[border]
    for i in range(w - block.first):
        value = y[border - i]
        low = min(value, low)
        high = max(value, high)
        lows[w - 1 - i] = low
        highs[w - 1 - i] = high


@jit
def _scan_on(y: Floats, block: Block, lows: Floats, highs: Floats) -> None:
    """Join the extrema of the part after the border; a NaN in the part before it stays."""
    border = block.border
    low = high = y[border]
    for j in range(block.stop):
        value = y[border + j]
        low = min(low, value)
        high = max(high, value)
        lows[j] = min(lows[j], low)
        highs[j] = max(highs[j], high)


@jit
def minmax(y: Floats, w: int, origin: int, low: Floats, high: Floats) -> None:
    """Minimum and maximum of every trailing window, the current row included.

    Six comparisons a row, whatever w.

    Args:
        y: Shape (n,), the series. NaN may stand only at its start, and makes exactly the windows
            that contain it NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        low: Shape (n,), filled; NaN where t < w - 1.
        high: Shape (n,), filled; NaN where t < w - 1.
    """
    lows, highs = np.empty(w), np.empty(w)
    low[: w - 1] = np.nan
    high[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        _scan_back(y, block, lows, highs)
        _scan_on(y, block, lows, highs)
        start, end = border + block.first, border + block.stop
        low[start:end] = lows[block.first : block.stop]
        high[start:end] = highs[block.first : block.stop]

"""Rolling extrema and when they occurred (van Herk 1992; Gil and Werman 1993)."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit

MAXIMUM = 1.0
MINIMUM = -1.0
"""Which extremum ``latest_extremum`` looks for: the factor that turns it into a maximum."""


@jit
def _scan_back(y: Floats, block: Block, sign: float, best: Floats, at: Ints) -> None:
    """Extremum of the part of each window at or before the border; the latest of equal ones.

    A comparison with NaN is false, so the first NaN is taken; it stays, for only NaN is before it.
    """
    border, w = block.border, block.w
    top, row = sign * y[border], border
    for i in range(w - block.first):
        value = sign * y[border - i]
        if not value <= top:
            top, row = value, border - i
        best[w - 1 - i] = top
        at[w - 1 - i] = row


@jit
def _scan_on(y: Floats, block: Block, sign: float, best: Floats, at: Ints) -> None:
    """Join the extremum of the part after the border; a NaN in the part before it stays."""
    border = block.border
    top, row = sign * y[border], border
    for j in range(block.stop):
        value = sign * y[border + j]
        if value >= top:
            top, row = value, border + j
        if top >= best[j]:
            best[j] = top
            at[j] = row


@jit
def _write(block: Block, sign: float, scratch: tuple[Floats, Ints], out: Floats) -> None:
    best, at = scratch
    for j in range(block.first, block.stop):
        t = block.border + j
        out[0, t] = sign * best[j]
        out[1, t] = t - at[j] if best[j] == best[j] else np.nan


@jit
def latest_extremum(y: Floats, w: int, origin: int, sign: float, out: Floats) -> None:
    """Extremum of every trailing window, the current row included, and its age.

    Of equal extrema the latest counts. Comparisons alone, so every result is exact; four of them a
    row, whatever w.

    Args:
        y: Shape (n,), the series. NaN may stand only at its start, and makes exactly the windows
            that contain it NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        sign: ``MAXIMUM`` or ``MINIMUM``.
        out: Shape (2, n), filled: the extremum, and how many rows ago it occurred, 0 … w - 1. NaN
            where t < w - 1.
    """
    best, at = np.empty(w), np.empty(w, np.int64)
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        _scan_back(y, block, sign, best, at)
        _scan_on(y, block, sign, best, at)
        _write(block, sign, (best, at), out)

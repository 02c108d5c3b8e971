"""Rolling sums by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit

SHORT = 4
"""Longest window that is summed value by value."""


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
def _scan_both(y: Floats, block: Block, sums: Floats, out: Floats, ahead: Floats) -> None:
    """Both scans at once: on from a border, and back from the next one into ``ahead``.

    A chain of additions waits for its own last result; two take no longer than one.
    """
    border, w = block.border, block.w
    total = 0.0
    back = 0.0 + y[border + w]  # as the other scan begins: -0.0 becomes 0.0
    out[border] = sums[0]
    ahead[w - 1] = back
    for j in range(1, w):
        # Unsigned, so that numba emits no test for negative indices.
        total += y[np.uintp(border + j)]
        back += y[np.uintp(border + w - j)]
        out[np.uintp(border + j)] = sums[np.uintp(j)] + total
        ahead[np.uintp(w - 1 - j)] = back


@jit
def _short(y: Floats, w: int, out: Floats) -> None:
    """Sums from the oldest value to the newest, all windows at a time."""
    out[: w - 1] = np.nan
    whole = out[w - 1 :]
    whole[:] = 0.0
    for i in range(w):
        past = y[i : i + len(whole)]
        for j in range(len(whole)):
            whole[j] += past[j]


@jit
def moving_sum(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Sum of every trailing window, the current row included.

    Method: two-sided scan (see ``borders``); short windows are added up one by one. No value
    outside of a window ever enters its sum, so a window of zeros gives exactly 0, a sum of values
    that are not negative is not negative, and nothing is carried along.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN where t < w - 1.
    """
    if w <= SHORT:
        _short(y, w, out)
        return
    sums, ahead = np.zeros(w), np.empty(w)
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        if border < w:
            _scan_back(y, block, sums)
        if border + w < len(y):
            _scan_both(y, block, sums, out, ahead)
        else:
            _scan_on(y, block, sums, out)
        sums, ahead = ahead, sums
    # The windows of a block that do not fit were written, too.
    out[: w - 1] = np.nan


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

"""Rolling mean and standard deviation by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border, lost_digits
from bqx.kernels.jit import jit


@jit
def _scan(y: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums of d and d² over one side of the border.

    d is a value relative to the border's. ``step`` is -1 for the rows at or before the border and 1
    for those after it.
    """
    border, w = block.border, block.w
    reference = y[border]
    total = squares = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        d = y[border + step * i] - reference
        total += d
        squares += d * d
        at = 2 * (w - 1 - i if step < 0 else i)
        sums[at] += total
        sums[at + 1] += squares


@jit
def _scan_both(y: Floats, block: Block, sums: Floats, ahead: Floats) -> None:
    """Both scans at once: on from a border, and back from the next one into ``ahead``.

    A chain of additions waits for its own last result; two take no longer than one.
    """
    border, w = block.border, block.w
    here, there = y[border], y[border + w]
    total = squares = back = back_squares = 0.0
    for j in range(w):
        # Unsigned, so that numba emits no test for negative indices.
        d, e = y[np.uintp(border + j)] - here, y[np.uintp(border + w - j)] - there
        total += d
        squares += d * d
        back += e
        back_squares += e * e
        at, to = np.uintp(2 * j), np.uintp(2 * (w - 1 - j))
        sums[at] += total
        sums[at + np.uintp(1)] += squares
        ahead[to] = back
        ahead[to + np.uintp(1)] = back_squares


@jit
def _combine(y: Floats, block: Block, sums: Floats, mean: Floats, std: Floats) -> int:
    """Write a block's means and deviations; returns how many windows lost digits."""
    start, end = block.border + block.first, block.border + block.stop
    means, stds, moment = mean[start:end], std[start:end], sums[2 * block.first :]
    reference = y[block.border]
    per_row, per_freedom = 1.0 / block.w, 1.0 / (block.w - 1)
    lost = 0
    for j in range(len(means)):
        total = moment[2 * j]
        scatter = moment[2 * j + 1] - total * total * per_row
        lost += lost_digits(total, scatter, block.w)
        means[j] = reference + total * per_row
        stds[j] = np.sqrt(scatter * per_freedom)
    return lost


@jit
def _deviation(y: Floats) -> float:
    """Standard deviation of one window, from its values."""
    total = scatter = 0.0
    for i in range(len(y)):
        total += y[i] - y[-1]
    centre = total / len(y)
    for i in range(len(y)):
        d = y[i] - y[-1] - centre
        scatter += d * d
    return float(np.sqrt(scatter / (len(y) - 1)))


@jit
def _again(y: Floats, block: Block, sums: Floats, std: Floats) -> None:
    """Evaluate the windows that lost digits from their values."""
    w = block.w
    for j in range(block.first, block.stop):
        total = sums[2 * j]
        if lost_digits(total, sums[2 * j + 1] - total * total * (1.0 / w), w):
            end = block.border + j + 1
            std[end - 1] = _deviation(y[end - w : end])


@jit
def mean_std(y: Floats, w: int, origin: int, mean: Floats, std: Floats) -> None:
    """Mean and sample standard deviation of every trailing window, the current row included.

    Method: two-sided scan (see ``borders``) of sums relative to the border's value; windows whose
    mean lies far from that value (see ``lost_digits``) are evaluated again from their values.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        mean: Shape (n,), filled; exactly the value in a window of w equal values.
        std: Shape (n,), filled, with w - 1 degrees of freedom; exactly 0 in a window of w equal
            values. Both are NaN where t < w - 1.
    """
    sums, ahead = np.zeros(2 * w), np.empty(2 * w)
    mean[: w - 1] = np.nan
    std[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        if border < w:
            _scan(y, block, -1, sums)
        if border + w < len(y):
            _scan_both(y, block, sums, ahead)
        else:
            _scan(y, block, 1, sums)
        if _combine(y, block, sums, mean, std):
            _again(y, block, sums, std)
        sums, ahead = ahead, sums

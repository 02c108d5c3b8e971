"""Rolling mean and standard deviation by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import CANCELLED, Block, block_at, first_border
from bqx.kernels.jit import jit


@jit
def _scan_back(y: Floats, block: Block, sums: Floats) -> None:
    """Sums of d and d² over the part of each window at or before the border."""
    border, w = block.border, block.w
    reference = y[border]
    s1 = s2 = 0.0
    for i in range(w - block.first):
        d = y[border - i] - reference
        s1 += d
        s2 += d * d
        at = 2 * (w - 1 - i)
        sums[at] = s1
        sums[at + 1] = s2


@jit
def _scan_on(y: Floats, block: Block, sums: Floats) -> None:
    """Add the same sums over the part of each window after the border."""
    border = block.border
    reference = y[border]
    s1 = s2 = 0.0
    for j in range(block.stop):
        d = y[border + j] - reference
        s1 += d
        s2 += d * d
        sums[2 * j] += s1
        sums[2 * j + 1] += s2


@jit
def _combine(y: Floats, block: Block, sums: Floats, mean: Floats, std: Floats) -> int:
    """Write a block's means and deviations; returns how many windows lost digits."""
    start, end = block.border + block.first, block.border + block.stop
    means, stds, moment = mean[start:end], std[start:end], sums[2 * block.first :]
    reference = y[block.border]
    per_row, per_freedom = 1.0 / block.w, 1.0 / (block.w - 1)
    cancelled = 0
    for j in range(len(means)):
        s1, s2 = moment[2 * j], moment[2 * j + 1]
        centre = s1 * per_row
        scatter = max(s2 - s1 * centre, 0.0)
        cancelled += s2 > CANCELLED * scatter
        means[j] = reference + centre
        stds[j] = np.sqrt(scatter * per_freedom)
    return cancelled


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
        s1, s2 = sums[2 * j], sums[2 * j + 1]
        if s2 > CANCELLED * max(s2 - s1 * (s1 / w), 0.0):
            end = block.border + j + 1
            std[end - 1] = _deviation(y[end - w : end])


@jit
def mean_std(y: Floats, w: int, origin: int, mean: Floats, std: Floats) -> None:
    """Mean and sample standard deviation of every trailing window, the current row included.

    Method: two-sided scan (see ``borders``); windows whose sum of squares about the border's value
    is more than 64 times the one about their mean are evaluated again from their values.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        mean: Shape (n,), filled; exactly the value in a window of w equal values.
        std: Shape (n,), filled, with w - 1 degrees of freedom; exactly 0 in a window of w equal
            values. Both are NaN where t < w - 1.
    """
    sums = np.empty(2 * w)
    mean[: w - 1] = np.nan
    std[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        _scan_back(y, block, sums)
        _scan_on(y, block, sums)
        if _combine(y, block, sums, mean, std):
            _again(y, block, sums, std)

"""Rolling regression of one series on several others, by a two-sided scan.

Only what the regressors explain is kept, one after the other: squared partial correlations, R²,
F and t statistics all follow from it.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border, lost_digits
from bqx.kernels.jit import jit

COLLINEAR = 1e-12
"""Share of a regressor's variation below which what the others leave of it is rounding."""


@jit
def _relative(y: Floats, block: Block, d: Floats) -> None:
    """Values around the border relative to the one there; the border's stand at w - 1."""
    border, w = block.border, block.w
    for a in range(len(y)):
        source, target = y[a], d[a]
        for i in range(max(0, w - 1 - border), w - 1 + block.stop):
            target[i] = source[border - w + 1 + i] - source[border]


@jit
def _running(x: Floats, y: Floats, block: Block, sums: Floats) -> None:
    """Sums of products over each window, from both sides of the border."""
    w = block.w
    total = 0.0
    for j in range(w - 1, block.first - 1, -1):
        total += x[j] * y[j]
        sums[j] = total
    total = 0.0
    for j in range(block.stop):
        total += x[w - 1 + j] * y[w - 1 + j]
        sums[j] += total


@jit
def _take_off(target: Floats, x: Floats, y: Floats, divisor: Floats) -> None:
    """Subtract the quotient of x and the divisor times y."""
    for j in range(len(target)):
        target[j] -= x[j] / divisor[j] * y[j]


@jit
def _again(d: Floats, j: int, sums: Floats) -> None:
    """Sums of products about the means of window ``j``, from its values."""
    k, w = sums.shape[0], sums.shape[2]
    mean = np.zeros(k)
    for a in range(k):
        for i in range(j, j + w):
            mean[a] += (d[a, i] - d[a, j]) / w
    for a in range(k):
        for b in range(a + 1):
            total = 0.0
            for i in range(j, j + w):
                total += (d[a, i] - d[a, j] - mean[a]) * (d[b, i] - d[b, j] - mean[b])
            sums[a, b, j] = total


@jit
def _scatters(d: Floats, block: Block, sums: Floats) -> None:
    """Sums of products about the means, by pairs of series and window of the block."""
    k, w = sums.shape[0], block.w
    total, ones, count = np.empty((k, w)), np.ones(2 * w), np.full(w, float(w))
    for a in range(k):
        _running(d[a], ones, block, total[a])
        for b in range(a + 1):
            _running(d[a], d[b], block, sums[a, b])
            _take_off(sums[a, b], total[a], total[b], count)
    for j in range(block.first, block.stop):
        lost = False
        for a in range(k):
            lost |= lost_digits(total[a, j], sums[a, a, j], w)
        if lost:
            _again(d, j, sums)


@jit
def _write(block: Block, cross: Floats, left: Floats, first: Floats, out: Floats) -> None:
    """What a regressor explains, where something of it is left and it follows known ones."""
    for j in range(block.first, block.stop):
        known = left[j] > COLLINEAR * first[j]
        out[block.border + j] = cross[j] / np.sqrt(left[j]) if known else np.nan


@jit
def _eliminate(block: Block, sums: Floats, out: Floats) -> None:
    """Take the regressors off one after the other, in all windows of a block at once."""
    last = len(sums) - 1
    start, end = block.border + block.first, block.border + block.stop
    out[last + 1, start:end] = sums[last, last, block.first : block.stop]
    first = np.empty((last, block.w))
    for i in range(last):
        first[i] = sums[i, i]
    for i in range(last):
        _write(block, sums[last, i], sums[i, i], first[i], out[i])
        for a in range(i + 1, last + 1):
            for b in range(i + 1, a + 1):
                _take_off(sums[a, b], sums[a, i], sums[b, i], sums[i, i])
    out[last, start:end] = sums[last, last, block.first : block.stop]
    for t in range(start, end):
        for i in range(last):
            # What follows a regressor that has nothing left is not known.
            if np.isnan(out[i, t]):
                out[i + 1 : last + 1, t] = np.nan
        out[last, t] = max(out[last, t], 0.0)


@jit
def explained_in_turn(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Regress the last series on the others and a constant over every trailing window.

    Method: two-sided scan (see ``borders``) of sums of products relative to the border's values;
    windows with a mean far from that value (see ``lost_digits``) are evaluated again. Then Gaussian
    elimination in the order of the regressors.

    Args:
        y: Shape (k + 1, n), the k regressors and the dependent series. NaN makes the windows that
            contain it NaN.
        w: Rows in a window, more than k + 1.
        origin: Absolute grid row of element 0.
        out: Shape (k + 2, n), filled. Row i < k: root of the sum of squares that regressor i
            explains beyond those before it, with the sign of its coefficient; NaN from the first
            regressor on that the ones before it and the constant determine. Row k: residual sum of
            squares after all of them, then NaN too. Row k + 1: sum of squares of the dependent
            series about its mean. All are NaN where t < w - 1.
    """
    k = len(y)
    d, sums = np.zeros((k, 2 * w)), np.ones((k, k, w))
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), y.shape[1], w):
        block = block_at(border, w, y.shape[1])
        _relative(y, block, d)
        _scatters(d, block, sums)
        _eliminate(block, sums, out)

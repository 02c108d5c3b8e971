"""Rolling mean and deviation of the values that there are, in series with holes."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border, lost_digits
from bqx.kernels.jit import jit


@jit
def _scan(y: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the number of values on one side of the border, and sums of d and d².

    d is a value relative to the border's.
    """
    border, w = block.border, block.w
    reference = y[border]
    # The border belongs to both sides and is counted once; its d is 0.
    count = 0.0 if step < 0 else -1.0
    total = squares = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        value = y[border + step * i]
        if not np.isnan(value):
            d = value - reference
            count += 1.0
            total += d
            squares += d * d
        at = w - 1 - i if step < 0 else i
        sums[0, at] += count
        sums[1, at] += total
        sums[2, at] += squares


@jit
def _moments(y: Floats) -> tuple[int, float, float]:
    """Number, mean and standard deviation of the values of one window."""
    count, reference, total = 0, 0.0, 0.0
    for value in y:
        if not np.isnan(value):
            reference = value if count == 0 else reference
            count += 1
            total += value - reference
    centre = total / max(count, 1)
    scatter = 0.0
    for value in y:
        if not np.isnan(value):
            scatter += (value - reference - centre) ** 2
    return count, reference + centre, np.sqrt(scatter / max(count - 1, 1))


@jit
def _write(y: Floats, block: Block, sums: Floats, least: int, out: Floats) -> None:
    """Means and deviations of a block's windows; where digits are lost, from the values."""
    w, reference = block.w, y[block.border]
    mean, std = out[0], out[1]
    for j in range(block.first, block.stop):
        end = block.border + j + 1
        count, total = sums[0, j], sums[1, j]
        scatter = sums[2, j] - total * total / count
        if np.isnan(reference) or lost_digits(total, scatter, count):
            count, mean[end - 1], std[end - 1] = _moments(y[end - w : end])
        else:
            mean[end - 1] = reference + total / count
            std[end - 1] = np.sqrt(scatter / (count - 1.0))
        if count < least:
            mean[end - 1] = std[end - 1] = np.nan


@jit
def mean_std_of_present(y: Floats, w: int, least: int, origin: int, out: Floats) -> None:
    """Mean and sample standard deviation of the values in every trailing window.

    Method: two-sided scan (see ``borders``). Windows whose border has no value, or whose mean lies
    far from it (see ``lost_digits``), are evaluated from their values.

    Args:
        y: Shape (n,), NaN where there is no value.
        w: Rows in a window.
        least: Values that a window needs, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (2, n), filled: mean, and standard deviation with ddof 1, exactly 0 where all
            values are equal. Both are NaN where there are fewer than ``least`` values, and where
            t < w - 1.
    """
    sums = np.empty((3, w))
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        sums[:] = 0.0
        if not np.isnan(y[border]):
            _scan(y, block, -1, sums)
            _scan(y, block, 1, sums)
        _write(y, block, sums, least, out)


@jit
def standard_score(y: Floats, mean: Floats, std: Floats, out: Floats) -> None:
    """Distances from the mean in standard deviations.

    Args:
        y: Shape (n,), the values.
        mean: Shape (n,), their means.
        std: Shape (n,), their standard deviations.
        out: Shape (n,), filled; NaN where the deviation is 0 or something is missing.
    """
    for t in range(len(y)):
        out[t] = (y[t] - mean[t]) / std[t] if std[t] > 0.0 else np.nan

"""Moments over the marked rows of a window: the rows that have a bar, for example.

A row counts with its mark, 1 or 0. Method: two-sided scan (see ``borders``), relative to the value
at the border, be it marked or not; windows that lose digits thereby are evaluated again from their
marked values.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border, lost_digits
from bqx.kernels.jit import jit

SUMS = 6
"""Rows of the scratch array: count, sums of x, y, x², y² and xy, one column per window."""


@jit
def _scan(series: tuple[Floats, Floats, Floats], block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums over one side of the border.

    ``step`` is -1 for the rows at or before the border and 1 for those after it.
    """
    x, y, marks = series
    border, w = block.border, block.w
    x0, y0 = x[border], y[border]
    n = sx = sy = xx = yy = xy = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        # Unsigned, so that numba emits no test for negative indices.
        t = np.uintp(border + step * i)
        j = np.uintp(w - 1 - i if step < 0 else i)
        # The border itself belongs to the rows at or before it.
        mark = marks[t] if step < 0 or i > 0 else 0.0
        dx, dy = (x[t] - x0) * mark, (y[t] - y0) * mark
        n += mark
        sx += dx
        sy += dy
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
        sums[0, j] += n
        sums[1, j] += sx
        sums[2, j] += sy
        sums[3, j] += xx
        sums[4, j] += yy
        sums[5, j] += xy


@jit
def _direct(x: Floats, y: Floats, marks: Floats) -> tuple[float, float, float, float]:
    """Sums of products and squares about the means, and the mean of y, from the marked values."""
    last = len(marks) - 1
    while last > 0 and marks[last] == 0.0:
        last -= 1
    n = sx = sy = 0.0
    for i in range(last + 1):
        n += marks[i]
        sx += (x[i] - x[last]) * marks[i]
        sy += (y[i] - y[last]) * marks[i]
    mx, my = sx / n, sy / n
    xy = xx = yy = 0.0
    for i in range(last + 1):
        dx, dy = (x[i] - x[last] - mx) * marks[i], (y[i] - y[last] - my) * marks[i]
        xy += dx * dy
        xx += dx * dx
        yy += dy * dy
    return xy, xx, yy, y[last] + my


@jit
def _write(
    series: tuple[Floats, Floats, Floats], block: Block, sums: Floats, j: int, out: Floats
) -> None:
    """Write one window: what is left of its sums when the means are taken off."""
    x, y, marks = series
    end = block.border + j + 1
    n, sx, sy = sums[0, j], sums[1, j], sums[2, j]
    per_row = 1.0 / n
    xx, yy = sums[3, j] - sx * sx * per_row, sums[4, j] - sy * sy * per_row
    xy, mean = sums[5, j] - sx * sy * per_row, y[block.border] + sy * per_row
    if lost_digits(sx, xx, n) or lost_digits(sy, yy, n):
        start = end - block.w
        xy, xx, yy, mean = _direct(x[start:end], y[start:end], marks[start:end])
    out[0, end - 1] = n
    out[1, end - 1] = mean
    out[2, end - 1] = xx
    out[3, end - 1] = yy
    out[4, end - 1] = xy


@jit
def marked_products(  # noqa: PLR0917 - two series and their marks are three arrays
    x: Floats, y: Floats, marks: Floats, w: int, origin: int, out: Floats
) -> None:
    """Count, mean and sums of products about the means, over the marked rows of every window.

    Args:
        x: Shape (n,), the first series. NaN, in a marked row or not, makes exactly the windows that
            contain it NaN.
        y: Shape (n,), the second series, alike.
        marks: Shape (n,), 1 where a row counts and 0 where it does not.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (5, n), filled: marked rows, mean of y, sum of squares of x and of y about their
            means, and of their products. A sum of squares is exactly 0 where all marked values are
            equal. NaN where t < w - 1, and all but the count where no row is marked.
    """
    series = (x, y, marks)
    sums = np.empty((SUMS, w))
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        sums[:] = 0.0
        _scan(series, block, -1, sums)
        _scan(series, block, 1, sums)
        for j in range(block.first, block.stop):
            _write(series, block, sums, j, out)


@jit
def marked_correlation(products: Floats, out: Floats) -> None:
    """Pearson correlations.

    Args:
        products: Shape (5, n), as ``marked_products`` leaves them.
        out: Shape (n,), filled, within [-1, 1]; NaN where one of the series does not vary.
    """
    xx, yy, xy = products[2], products[3], products[4]
    for t in range(len(out)):
        varies = (xx[t] > 0.0) & (yy[t] > 0.0)
        ratio = xy[t] / (np.sqrt(xx[t]) * np.sqrt(yy[t]))
        out[t] = max(min(ratio, 1.0), -1.0) if varies else np.nan


@jit
def marked_mean_std(  # noqa: PLR0917 - a series, its marks and two results are arrays
    y: Floats, marks: Floats, w: int, origin: int, mean: Floats, std: Floats
) -> None:
    """Mean and sample standard deviation over the marked rows of every trailing window.

    Args:
        y: Shape (n,), the series. NaN, in a marked row or not, makes exactly the windows that
            contain it NaN.
        marks: Shape (n,), 1 where a row counts and 0 where it does not.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        mean: Shape (n,), filled; exactly the value where all marked values are equal. NaN where
            t < w - 1 or no row is marked.
        std: Shape (n,), filled, with one degree of freedom less than there are marked rows; exactly
            0 where all marked values are equal. NaN where t < w - 1 or fewer than 2 are marked.
    """
    products = np.empty((5, len(y)))
    marked_products(y, y, marks, w, origin, products)
    for t in range(len(y)):
        mean[t] = products[1, t]
        std[t] = np.sqrt(products[3, t] / (products[0, t] - 1.0))

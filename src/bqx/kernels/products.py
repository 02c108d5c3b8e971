"""Sums of products over rolling windows, the ground of covariances and correlations."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, lost_digits
from bqx.kernels.jit import jit

Series = tuple[Floats, ...]
"""Series of equal length."""

ROWS = 14
"""Rows of the scratch array ``sums``, one column per window of a block.

Row k holds the sums of series k = 0 … 3, row 4 + k of its squares; the products stand at 8 (series
0 and 1), 9 (0, 2), 10 (1, 2), 11 (0, 3), 12 (1, 3) and 13 (2, 3).
"""

SQUARE = 4
"""Distance between the row of a series' sums and that of its squares."""


@jit
def scan_three(series: Series, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums of series 0 … 2 over one side of the border.

    d is a value relative to the border's. ``step`` is -1 for the rows at or before the border and 1
    for those after it.
    """
    x, y, z = series[0], series[1], series[2]
    border, w = block.border, block.w
    x0, y0, z0 = x[border], y[border], z[border]
    sx = sy = sz = xx = yy = zz = xy = xz = yz = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        # Unsigned, so that numba emits no test for negative indices.
        t = np.uintp(border + step * i)
        j = np.uintp(w - 1 - i if step < 0 else i)
        dx, dy, dz = x[t] - x0, y[t] - y0, z[t] - z0
        sx += dx
        sy += dy
        sz += dz
        xx += dx * dx
        yy += dy * dy
        zz += dz * dz
        xy += dx * dy
        xz += dx * dz
        yz += dy * dz
        sums[0, j] += sx
        sums[1, j] += sy
        sums[2, j] += sz
        sums[4, j] += xx
        sums[5, j] += yy
        sums[6, j] += zz
        sums[8, j] += xy
        sums[9, j] += xz
        sums[10, j] += yz


@jit
def scan_fourth(series: Series, block: Block, step: int, sums: Floats) -> None:
    """The same for series 3 and its products with the others."""
    x, y, z, c = series[0], series[1], series[2], series[3]
    border, w = block.border, block.w
    x0, y0, z0, c0 = x[border], y[border], z[border], c[border]
    sc = cc = xc = yc = zc = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        t = np.uintp(border + step * i)
        j = np.uintp(w - 1 - i if step < 0 else i)
        dc = c[t] - c0
        sc += dc
        cc += dc * dc
        xc += (x[t] - x0) * dc
        yc += (y[t] - y0) * dc
        zc += (z[t] - z0) * dc
        sums[3, j] += sc
        sums[7, j] += cc
        sums[11, j] += xc
        sums[12, j] += yc
        sums[13, j] += zc


@jit
def centre(first: Floats, second: Floats, product: Floats, w: int) -> None:
    """Turn sums of products about the border's values into those about the means."""
    per_row = 1.0 / w
    for j in range(len(product)):
        product[j] -= first[j] * second[j] * per_row


@jit
def count_lost(total: Floats, scatter: Floats, w: int) -> int:
    """How many windows of a series lost digits (see ``lost_digits``)."""
    count = 0
    for j in range(len(total)):
        count += lost_digits(total[j], scatter[j], w)
    return count


@jit
def scatters(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Sums of products and squares about the means of one window, from its values."""
    sx = sy = 0.0
    for i in range(len(x)):
        sx += x[i] - x[-1]
        sy += y[i] - y[-1]
    mx, my = sx / len(x), sy / len(x)
    xy = xx = yy = 0.0
    for i in range(len(x)):
        dx, dy = x[i] - x[-1] - mx, y[i] - y[-1] - my
        xy += dx * dy
        xx += dx * dx
        yy += dy * dy
    return xy, xx, yy

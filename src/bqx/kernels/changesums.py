"""Sums of products of one-row changes over rolling windows, for the lags of a unit root test.

The scratch rows are those of ``products``: 4, 5, 6 are squares of series 0, 1, 2, and 8, 9, 10 the
products (0, 1), (0, 2), (1, 2). Rows 0, 1 and 2 hold the loadings: sums of products of another
series' change with the levels of 0, 1 and 2 before it.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block
from bqx.kernels.jit import jit


@jit
def scan_changes(values: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums of products of changes over one side of the border.

    A change belongs to the windows that hold both of its rows.

    Args:
        values: Shape (4, rows), four series; the fourth one's changes make the loadings.
        block: Windows on a border.
        step: -1 for the rows up to the border, 1 for those from it on.
        sums: Scratch, one column per window; rows 0 to 2 get the loadings.
    """
    a, b, c, y = values[0], values[1], values[2], values[3]
    ya = yb = yc = aa = bb = cc = ab = ac = bc = 0.0
    for i in range(1, block.w - block.first if step < 0 else block.stop):
        s = np.uintp(block.border - i if step < 0 else block.border + i - 1)
        t = np.uintp(s + np.uintp(1))
        j = np.uintp(block.w - 1 - i if step < 0 else i)
        da, db, dc, dy = a[t] - a[s], b[t] - b[s], c[t] - c[s], y[t] - y[s]
        ya += dy * a[s]
        yb += dy * b[s]
        yc += dy * c[s]
        aa += da * da
        bb += db * db
        cc += dc * dc
        ab += da * db
        ac += da * dc
        bc += db * dc
        sums[0, j] += ya
        sums[1, j] += yb
        sums[2, j] += yc
        sums[4, j] += aa
        sums[5, j] += bb
        sums[6, j] += cc
        sums[8, j] += ab
        sums[9, j] += ac
        sums[10, j] += bc


@jit
def _lagged(a: Floats, b: Floats, s: int) -> float:
    """Product of two series' changes one row apart, the mean of both orders."""
    forth = (a[s + 1] - a[s]) * (b[s + 2] - b[s + 1])
    back = (b[s + 1] - b[s]) * (a[s + 2] - a[s + 1])
    return float(0.5 * (forth + back))


@jit
def scan_lags(values: Floats, block: Block, step: int, sums: Floats) -> None:
    """The same for the products of changes with the changes one row before.

    Such a product belongs to the windows that hold all of its three rows; the one around the border
    is left to ``join_lags``.
    """
    a, b, c = values[0], values[1], values[2]
    aa = bb = cc = ab = ac = bc = 0.0
    for i in range(2, block.w - block.first if step < 0 else block.stop):
        s = block.border - i if step < 0 else block.border + i - 2
        j = np.uintp(block.w - 1 - i if step < 0 else i)
        aa += _lagged(a, a, s)
        bb += _lagged(b, b, s)
        cc += _lagged(c, c, s)
        ab += _lagged(a, b, s)
        ac += _lagged(a, c, s)
        bc += _lagged(b, c, s)
        sums[4, j] += aa
        sums[5, j] += bb
        sums[6, j] += cc
        sums[8, j] += ab
        sums[9, j] += ac
        sums[10, j] += bc


@jit
def join_lags(values: Floats, block: Block, sums: Floats) -> None:
    """Add the products whose middle row is the border."""
    s = block.border - 1
    if s < 0:
        return
    for row, i, k in ((4, 0, 0), (5, 1, 1), (6, 2, 2), (8, 0, 1), (9, 0, 2), (10, 1, 2)):
        for j in range(max(block.first, 1), min(block.stop, block.w - 1)):
            sums[row, j] += _lagged(values[i], values[k], s)

"""Rolling Pearson correlation and regression slope of two series by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border, lost_digits
from bqx.kernels.jit import jit
from bqx.kernels.products import centre, count_lost, scatters

SUMS = 5
"""Rows of the scratch array: sums of x, y, x², y² and xy, one column per window of a block."""


@jit
def _scan(x: Floats, y: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums over one side of the border, relative to the values there."""
    border, w = block.border, block.w
    x0, y0 = x[border], y[border]
    sx = sy = xx = yy = xy = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        # Unsigned, so that numba emits no test for negative indices.
        t = np.uintp(border + step * i)
        j = np.uintp(w - 1 - i if step < 0 else i)
        dx, dy = x[t] - x0, y[t] - y0
        sx += dx
        sy += dy
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
        sums[0, j] += sx
        sums[1, j] += sy
        sums[2, j] += xx
        sums[3, j] += yy
        sums[4, j] += xy


@jit
def _scan_both(x: Floats, y: Floats, block: Block, sums: Floats, ahead: Floats) -> None:
    """Both scans at once: on from a border, and back from the next one into ``ahead``.

    A chain of additions waits for its own last result; two take little longer than one.
    """
    border, w = block.border, block.w
    x0, y0, x1, y1 = x[border], y[border], x[border + w], y[border + w]
    sx = sy = xx = yy = xy = 0.0
    bx = by = bxx = byy = bxy = 0.0
    for i in range(w):
        t, j = np.uintp(border + i), np.uintp(i)
        s, k = np.uintp(border + w - i), np.uintp(w - 1 - i)
        dx, dy, ex, ey = x[t] - x0, y[t] - y0, x[s] - x1, y[s] - y1
        sx += dx
        sy += dy
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
        sums[0, j] += sx
        sums[1, j] += sy
        sums[2, j] += xx
        sums[3, j] += yy
        sums[4, j] += xy
        bx += ex
        by += ey
        bxx += ex * ex
        byy += ey * ey
        bxy += ex * ey
        ahead[0, k] = bx
        ahead[1, k] = by
        ahead[2, k] = bxx
        ahead[3, k] = byy
        ahead[4, k] = bxy


@jit
def _again(x: Floats, y: Floats, block: Block, sums: Floats) -> None:
    """Take the sums of the windows that lost digits from their values."""
    for j in range(block.first, block.stop):
        if lost_digits(sums[0, j], sums[2, j], block.w) or lost_digits(
            sums[1, j], sums[3, j], block.w
        ):
            end = block.border + j + 1
            xy, xx, yy = scatters(x[end - block.w : end], y[end - block.w : end])
            sums[2, j], sums[3, j], sums[4, j] = xx, yy, xy


@jit
def _scatter_block(x: Floats, y: Floats, block: Block, sums: Floats, ahead: Floats) -> None:
    """Sums of squares and products about the means of a block's windows, in rows 2 to 4.

    ``sums`` has what the call for the block before left in ``ahead``, or zeros at first.
    """
    if block.border < block.w:
        _scan(x, y, block, -1, sums)
    if block.border + block.w < len(x):
        _scan_both(x, y, block, sums, ahead)
    else:
        _scan(x, y, block, 1, sums)
    first, stop, w = block.first, block.stop, block.w
    sx, sy = sums[0, first:stop], sums[1, first:stop]
    centre(sx, sy, sums[4, first:stop], w)
    centre(sx, sx, sums[2, first:stop], w)
    centre(sy, sy, sums[3, first:stop], w)
    if count_lost(sx, sums[2, first:stop], w) + count_lost(sy, sums[3, first:stop], w):
        _again(x, y, block, sums)


@jit
def pearson(xy: float, xx: float, yy: float) -> float:
    """Correlation from sums about the means; NaN where a side does not vary."""
    if not (xx > 0.0 and yy > 0.0):
        return np.nan
    return float(max(min(xy / (np.sqrt(xx) * np.sqrt(yy)), 1.0), -1.0))


@jit
def _pearson_block(xy: Floats, xx: Floats, yy: Floats, out: Floats) -> None:
    """``pearson`` of a block's windows, without branches."""
    for j in range(len(out)):
        varies = (xx[j] > 0.0) & (yy[j] > 0.0)
        ratio = xy[j] / (np.sqrt(xx[j]) * np.sqrt(yy[j]))
        out[j] = max(min(ratio, 1.0), -1.0) if varies else np.nan


@jit
def correlation(x: Floats, y: Floats, w: int, origin: int, out: Floats) -> None:
    """Pearson correlation of two series over every trailing window, the current row included.

    Method: two-sided scan (see ``borders``) of sums relative to the border's values; windows in
    which a mean lies far from that value (see ``lost_digits``) are evaluated again.

    Args:
        x: Shape (n,), one series. NaN makes exactly the windows that contain it NaN.
        y: Shape (n,), the other; it may have NaN in other rows.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled, in [-1, 1]. NaN where one side has w equal values, and where
            t < w - 1.
    """
    sums, ahead = np.zeros((SUMS, w)), np.empty((SUMS, w))
    out[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(x), w):
        block = block_at(border, w, len(x))
        _scatter_block(x, y, block, sums, ahead)
        first, stop = block.first, block.stop
        xx, yy, xy = sums[2, first:stop], sums[3, first:stop], sums[4, first:stop]
        _pearson_block(xy, xx, yy, out[border + first : border + stop])
        sums, ahead = ahead, sums


@jit
def slope(y: Floats, x: Floats, w: int, origin: int, out: Floats) -> None:
    """Least-squares slope of ``y`` on ``x`` over every trailing window, the current row included.

    Method: as ``correlation``.

    Args:
        y: Shape (n,), the explained series. NaN makes exactly the windows that contain it NaN.
        x: Shape (n,), the explaining series.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled, in units of y per unit of x. Exactly 0 where y has w equal values;
            NaN where x has, and where t < w - 1.
    """
    sums, ahead = np.zeros((SUMS, w)), np.empty((SUMS, w))
    out[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(x), w):
        block = block_at(border, w, len(x))
        _scatter_block(x, y, block, sums, ahead)
        for j in range(block.first, block.stop):
            varies = sums[2, j] > 0.0
            out[border + j] = sums[4, j] / sums[2, j] if varies else np.nan
        sums, ahead = ahead, sums


@jit
def residual(y: Floats, x: Floats, w: int, origin: int, out: Floats) -> None:
    """Residual at the current row of the least-squares line of ``y`` on ``x``.

    The line is fitted with an intercept over the trailing window, the current row included.
    Method: as ``correlation``.

    Args:
        y: Shape (n,), the explained series. NaN makes exactly the windows that contain it NaN.
        x: Shape (n,), the explaining series.
        w: Rows in a window, at least 3.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled, in units of y. Exactly 0 where y has w equal values; NaN where x
            has, and where t < w - 1.
    """
    sums, ahead = np.zeros((SUMS, w)), np.empty((SUMS, w))
    per_row = 1.0 / w
    out[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(x), w):
        block = block_at(border, w, len(x))
        _scatter_block(x, y, block, sums, ahead)
        x0, y0 = x[border], y[border]
        for j in range(block.first, block.stop):
            varies = sums[2, j] > 0.0
            coefficient = sums[4, j] / sums[2, j] if varies else np.nan
            dx = x[border + j] - x0 - sums[0, j] * per_row
            dy = y[border + j] - y0 - sums[1, j] * per_row
            out[border + j] = dy - coefficient * dx
        sums, ahead = ahead, sums

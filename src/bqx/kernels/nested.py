"""Means and sums of squares and products over nested windows, the longer built from the shorter.

Windows of 15 rows are joined from five of 3, and those of 30, 60, 120 and 240 each from two of the
length before. Where windows are joined, the squares of the distances between their means are added
(Chan, Golub and LeVeque 1983), so that no digit cancels, and a window of equal values has a sum of
squares of exactly 0. All five lengths cost a few operations a row.

A value comes from the rows of its own window in one fixed order: its bits do not depend on the
slice. All functions leave the rows before the first whole window as they are.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

WINDOWS = (15, 30, 60, 120, 240)
REACH = WINDOWS[-1]

# Unsigned, so that numba emits no test for negative indices.
_1, _2 = np.uintp(1), np.uintp(2)
_3, _6, _9, _12 = np.uintp(3), np.uintp(6), np.uintp(9), np.uintp(12)


@jit
def means_of_three(y: Floats, mean: Floats) -> None:
    """Means over 3 rows, exactly the value where all are equal."""
    for t in range(2, len(y)):
        u = np.uintp(t)
        now = y[u]
        mean[u] = now + ((y[u - _1] - now) + (y[u - _2] - now)) * (1.0 / 3.0)


@jit
def products_of_three(x: Floats, y: Floats, out: Floats) -> None:
    """Sums of products about the means over 3 rows."""
    for t in range(2, len(x)):
        u = np.uintp(t)
        ax, bx = x[u - _1] - x[u], x[u - _2] - x[u]
        ay, by = y[u - _1] - y[u], y[u - _2] - y[u]
        out[u] = ax * ay + bx * by - (ax + bx) * (ay + by) * (1.0 / 3.0)


@jit
def means_of_fifteen(three: Floats, mean: Floats) -> None:
    """Means over 15 rows from those over 3."""
    for t in range(14, len(three)):
        u = np.uintp(t)
        now = three[u]
        near = (three[u - _3] - now) + (three[u - _6] - now)
        far = (three[u - _9] - now) + (three[u - _12] - now)
        mean[u] = now + (near + far) * 0.2


@jit
def products_of_fifteen(mx: Floats, my: Floats, three: Floats, out: Floats) -> None:
    """Sums of products about the means over 15 rows, from the means and sums over 3."""
    for t in range(14, len(three)):
        u = np.uintp(t)
        x0, y0 = mx[u], my[u]
        ax, ay = mx[u - _3] - x0, my[u - _3] - y0
        bx, by = mx[u - _6] - x0, my[u - _6] - y0
        cx, cy = mx[u - _9] - x0, my[u - _9] - y0
        dx, dy = mx[u - _12] - x0, my[u - _12] - y0
        within = three[u] + three[u - _3] + three[u - _6] + three[u - _9] + three[u - _12]
        between = ax * ay + bx * by + cx * cy + dx * dy
        out[u] = within + 3.0 * (between - (ax + bx + cx + dx) * (ay + by + cy + dy) * 0.2)


@jit
def doubled_means(mean: Floats, w: int, out: Floats) -> None:
    """Means over 2 w rows from those over w."""
    lag = np.uintp(w)
    for t in range(2 * w - 1, len(mean)):
        u = np.uintp(t)
        out[u] = mean[u] + 0.5 * (mean[u - lag] - mean[u])


@jit
def doubled_products(mx: Floats, my: Floats, inner: Floats, w: int, out: Floats) -> None:
    """Sums of products about the means over 2 w rows, from the means and sums over w."""
    lag, half = np.uintp(w), 0.5 * w
    for t in range(2 * w - 1, len(inner)):
        u = np.uintp(t)
        between = (mx[u] - mx[u - lag]) * (my[u] - my[u - lag])
        out[u] = inner[u] + inner[u - lag] + half * between


@jit
def nested_moments(y: Floats, mean: Floats, squares: Floats) -> None:
    """Means and sums of squares about them over the shortest nested windows, or all of them.

    Args:
        y: Shape (n,), the series: changes, or values whose level is not great against their moves;
            the sums of squares have a relative error of about level / deviation * 1e-15. NaN makes
            exactly the windows that contain it NaN.
        mean: Shape (k, n), filled: over 3 rows, then over each of the first k - 1 of ``WINDOWS``.
        squares: Shape (k, n), filled likewise; exactly 0 in a window of equal values. Both are NaN
            where t < w - 1.
    """
    for k in range(len(mean)):
        w = WINDOWS[k - 1] if k else 3
        mean[k, : w - 1] = np.nan
        squares[k, : w - 1] = np.nan
    means_of_three(y, mean[0])
    products_of_three(y, y, squares[0])
    means_of_fifteen(mean[0], mean[1])
    products_of_fifteen(mean[0], mean[0], squares[0], squares[1])
    for k in range(1, len(mean) - 1):
        doubled_means(mean[k], WINDOWS[k - 1], mean[k + 1])
        doubled_products(mean[k], mean[k], squares[k], WINDOWS[k - 1], squares[k + 1])


@jit
def inverse_roots(squares: Floats, out: Floats) -> None:
    """1 over the square root of each sum of squares.

    Args:
        squares: Shape (k, n).
        out: Shape (k, n), filled; NaN where a sum is 0 or NaN.
    """
    for k in range(len(squares)):
        row, to = squares[k], out[k]
        for t in range(len(row)):
            to[t] = 1.0 / np.sqrt(row[t]) if row[t] > 0.0 else np.nan

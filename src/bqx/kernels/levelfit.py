"""A series regressed on two others over rolling windows, and the moments of the residuals.

Nothing is run again over a window: with the coefficients of a window, the residual is a linear
combination of the three series, and so each moment of it is a quadratic form in sums of their
products. Where a form loses digits the window is evaluated again from its values.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

ROWS = 11
"""Rows of a scratch array of sums, as in ``products`` with three series."""

FIT = 11
"""Rows of the array ``fit``, one column per window, named by the constants below."""
FIRST, SECOND, LEVEL = 0, 1, 2
"""Coefficients of the two regressors, and the constant."""
RSS, TSS = 3, 4
"""Sums of squares of the residual, and of the dependent series about its mean."""
CHANGES, LAGGED = 5, 6
"""Sums of squares of the residual's changes, and of their products with the changes before."""
LOADING = 7
"""Sum of products of the dependent series' change with the residual before it."""
NEAR = 8
"""First of two rows: sums of squares of the last residuals about their mean."""
DOUBT = 10
"""1 where digits were lost."""

EXACT = 1e-12
"""Standard deviation below which a series of logs does not vary, but for rounding."""

LOSS = 1e-4
"""What must be left of the squares about the border's values that a scatter is a difference of.

A spike on a border, such as the last mark of a leg that fell silent, leaves 1 / w and no less.
"""


@jit
def _uncentred(sums: Floats, j: int, k: int, per_row: float) -> float:
    """Sum of squares of series ``k`` about the border's value."""
    return float(sums[4 + k, j] + sums[k, j] * sums[k, j] * per_row)


@jit
def _form(
    sums: Floats, j: int, weights: tuple[float, float], per_row: float
) -> tuple[float, float]:
    """Scatter of series 0 without the weighted regressors, and the squares it came from."""
    first, second = weights[0] * weights[0], weights[1] * weights[1]
    crossed = weights[0] * weights[1] * sums[10, j]
    crossed -= weights[0] * sums[8, j] + weights[1] * sums[9, j]
    scatter = sums[4, j] + first * sums[5, j] + second * sums[6, j] + 2.0 * crossed
    squares = _uncentred(sums, j, 0, per_row) + first * _uncentred(sums, j, 1, per_row)
    return scatter, squares + second * _uncentred(sums, j, 2, per_row)


@jit
def solve(sums: Floats, j: int, w: int, fit: Floats) -> None:
    """Coefficients and the residual's sum of squares of window ``j`` from centred sums."""
    s01, s02, s12, s11, s22 = sums[8, j], sums[9, j], sums[10, j], sums[5, j], sums[6, j]
    per_row = 1.0 / w
    own = s22 - s12 * s12 / s11
    second = (s02 - s12 * s01 / s11) / own
    first = (s01 - second * s12) / s11
    rss, squares = _form(sums, j, (first, second), per_row)
    both = _uncentred(sums, j, 1, per_row) * _uncentred(sums, j, 2, per_row)
    least = EXACT * EXACT * (w - 1)
    alike = (s11 * s22 - s12 * s12 <= LOSS * both) | (s11 <= least) | (own <= least)
    fit[FIRST, j] = first
    fit[SECOND, j] = second
    fit[LEVEL, j] = (sums[0, j] - first * sums[1, j] - second * sums[2, j]) * per_row
    fit[RSS, j] = rss
    fit[DOUBT, j] = alike | (rss < LOSS * squares)


@jit
def total(sums: Floats, j: int, weights: tuple[float, float], w: int, fit: Floats) -> None:
    """Scatter of the dependent series, which is series 0 plus the weighted regressors."""
    tss, squares = _form(sums, j, (-weights[0], -weights[1]), 1.0 / w)
    fit[TSS, j] = tss
    fit[DOUBT, j] += tss < LOSS * squares


@jit
def near(sums: Floats, j: int, w: int, row: int, fit: Floats) -> None:
    """Scatter of the last ``w`` residuals, from the centred sums of their rows."""
    scatter, squares = _form(sums, j, (fit[FIRST, j], fit[SECOND, j]), 1.0 / w)
    fit[row, j] = scatter
    fit[DOUBT, j] += scatter < LOSS * squares


@jit
def changes(changed: Floats, lagged: Floats, j: int, rise: float, fit: Floats) -> None:
    """Moments of the residual's changes; ``rise`` is that of the dependent series."""
    first, second = fit[FIRST, j], fit[SECOND, j]
    moved, squares = _form(changed, j, (first, second), 0.0)
    fit[CHANGES, j] = moved
    fit[LAGGED, j] = _form(lagged, j, (first, second), 0.0)[0]
    loading = changed[0, j] - first * changed[1, j] - second * changed[2, j]
    fit[LOADING, j] = loading - fit[LEVEL, j] * rise
    fit[DOUBT, j] += moved < LOSS * squares


@jit
def _means(values: Floats) -> tuple[float, float, float, float]:
    """Means of the four series of one window."""
    z, x, v, y = values[0], values[1], values[2], values[3]
    n = len(z)
    mz = mx = mv = my = 0.0
    for i in range(n):
        mz += z[i] - z[n - 1]
        mx += x[i] - x[n - 1]
        mv += v[i] - v[n - 1]
        my += y[i] - y[n - 1]
    return z[n - 1] + mz / n, x[n - 1] + mx / n, v[n - 1] + mv / n, y[n - 1] + my / n


@jit
def _coefficients(values: Floats, j: int, fit: Floats) -> None:
    """Fit of one window from its values, the second regressor without the first one's part.

    The coefficients are NaN where a regressor has no part of its own.
    """
    z, x, v, y = values[0], values[1], values[2], values[3]
    mz, mx, mv, my = _means(values)
    xx = xv = xz = yy = own = rest = 0.0
    for i in range(len(z)):
        dx, dy = x[i] - mx, y[i] - my
        xx += dx * dx
        xv += dx * (v[i] - mv)
        xz += dx * (z[i] - mz)
        yy += dy * dy
    least = EXACT * EXACT * (len(z) - 1)
    both, alone = (xv / xx, xz / xx) if xx > least else (np.nan, np.nan)
    for i in range(len(z) if xx > least else 0):
        dx = x[i] - mx
        dv = v[i] - mv - both * dx
        own += dv * dv
        rest += dv * (z[i] - mz - alone * dx)
    second = rest / own if own > least else np.nan
    first = alone - second * both
    fit[FIRST, j], fit[SECOND, j] = first, second
    fit[LEVEL, j], fit[TSS, j] = mz - first * mx - second * mv, yy


@jit
def _scatter(x: Floats) -> float:
    """Sum of squares of a window about its mean, exactly 0 where all values are equal."""
    n = len(x)
    mean = squares = 0.0
    for i in range(n):
        mean += x[i] - x[n - 1]
    mean /= n
    for i in range(n):
        d = x[i] - x[n - 1] - mean
        squares += d * d
    return squares


@jit
def again(values: Floats, nearby: tuple[int, int], j: int, fit: Floats) -> None:
    """Evaluate one window from its values.

    Args:
        values: Shape (4, w): series 0, the regressors, the dependent series.
        nearby: Rows in the two shorter windows.
        j: Column of the window.
        fit: Filled at that column.
    """
    _coefficients(values, j, fit)
    first, second, level = fit[FIRST, j], fit[SECOND, j], fit[LEVEL, j]
    if np.isnan(level):
        fit[RSS:DOUBT, j] = np.nan
        return
    z, x, v, y = values[0], values[1], values[2], values[3]
    n = len(z)
    e = np.empty(n)
    for i in range(n):
        e[i] = z[i] - first * x[i] - second * v[i] - level
    rss, moved, lagged, loading, before = e[0] * e[0], 0.0, 0.0, 0.0, 0.0
    for i in range(1, n):
        change = e[i] - e[i - 1]
        rss += e[i] * e[i]
        moved += change * change
        lagged += change * before
        loading += (y[i] - y[i - 1]) * e[i - 1]
        before = change
    fit[RSS, j], fit[CHANGES, j], fit[LAGGED, j], fit[LOADING, j] = rss, moved, lagged, loading
    for k in range(len(nearby)):
        fit[NEAR + k, j] = _scatter(e[n - nearby[k] :])

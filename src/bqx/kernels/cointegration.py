"""Rolling Engle-Granger regressions with the dynamics of their residuals."""

from __future__ import annotations

import numpy as np

from bqx.kernels import levelfit
from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.changesums import join_lags, scan_changes, scan_lags
from bqx.kernels.jit import jit
from bqx.kernels.levelfit import DOUBT, FIT, NEAR, ROWS, again
from bqx.kernels.products import Series, centre, scan_three
from bqx.kernels.residual import LAG, write_crossings, write_dynamics, write_levels

MEASURES = 14
"""Rows of the output of ``error_correction``."""

LEAST_ROWS = 2 * LAG + 1
"""Rows that the longest window must have."""


@jit
def _relative(series: Series, weights: tuple[float, float], block: Block, values: Floats) -> Block:
    """Lay the rows behind a block's windows into ``values``, relative to the border.

    The first of the four rows is the dependent series without the weighted regressors, in which an
    identity that holds in theory has cancelled before anything is squared.

    Returns:
        The block in rows of ``values``.
    """
    y, x, v = series[0], series[1], series[2]
    border = block.border
    low = border + block.first - block.w + 1
    for k in range(border + block.stop - low):
        dy = y[low + k] - y[border]
        dx = x[low + k] - x[border]
        dv = v[low + k] - v[border]
        values[0, k] = dy - weights[0] * dx - weights[1] * dv
        values[1, k] = dx
        values[2, k] = dv
        values[3, k] = dy
    return Block(border - low, block.w, block.first, block.stop)


@jit
def _centre_all(sums: Floats, first: int, stop: int, w: int) -> None:
    """Turn sums of products about the border's values into those about the means."""
    for a, b, row in ((0, 0, 4), (1, 1, 5), (2, 2, 6), (0, 1, 8), (0, 2, 9), (1, 2, 10)):
        centre(sums[a, first:stop], sums[b, first:stop], sums[row, first:stop], w)


@jit
def _level_sums(values: Floats, block: Block, w: int, sums: Floats) -> None:
    """Centred sums over the last ``w`` rows of every window, w a divisor of the windows' length."""
    series = (values[0], values[1], values[2])
    sums[:] = 0.0
    for k in range(block.first // w * w, block.stop, w):
        first, stop = max(0, block.first - k), min(w, block.stop - k)
        part = Block(block.border + k, w, first, stop)
        columns = sums[:, k : k + w]
        scan_three(series, part, -1, columns)
        scan_three(series, part, 1, columns)
        _centre_all(columns, first, stop, w)


@jit
def _change_sums(values: Floats, block: Block, changed: Floats, lagged: Floats) -> None:
    changed[:] = 0.0
    lagged[:] = 0.0
    for step in (-1, 1):
        scan_changes(values, block, step, changed)
        scan_lags(values, block, step, lagged)
    join_lags(values, block, lagged)


@jit
def _fit(  # noqa: PLR0917 - two of them are scratch that all blocks share
    values: Floats,
    block: Block,
    weights: tuple[float, float],
    nearby: tuple[int, int],
    sums: Floats,
    fit: Floats,
) -> None:
    """Coefficients and moments of all windows of a block."""
    first, stop, w = block.first, block.stop, block.w
    _level_sums(values, block, w, sums[0])
    for k in range(len(nearby)):
        _level_sums(values, block, nearby[k], sums[1 + k])
    _change_sums(values, block, sums[3], sums[4])
    y = values[3]
    for j in range(first, stop):
        t = block.border + j
        levelfit.solve(sums[0], j, w, fit)
        levelfit.total(sums[0], j, weights, w, fit)
        for k in range(len(nearby)):
            levelfit.near(sums[1 + k], j, nearby[k], NEAR + k, fit)
        levelfit.changes(sums[3], sums[4], j, y[t] - y[t - w + 1], fit)
        if fit[DOUBT, j] > 0.0:
            again(values[:, t - w + 1 : t + 1], nearby, j, fit)


@jit
def error_correction(
    series: Series,
    weights: tuple[float, float],
    windows: tuple[int, int, int],
    origin: int,
    out: Floats,
) -> None:
    """Regress a series on two others over every trailing window, and follow the residual.

    Engle and Granger (1987), first step: y = c + b1 x1 + b2 x2 + e by ordinary least squares, the
    current row included. Everything at row t is made with the coefficients of the window of t.

    Method: two-sided scans (see ``borders``) of the products of levels, of changes and of changes
    one row apart; see ``levelfit``. The regression is run on what is left of y beyond the
    theoretical weights, so an identity such as a currency triangle costs no digits. The cost per
    row does not depend on the windows, but for the search of the last change of sign.

    Args:
        series: y, x1 and x2, shape (n,) each, in logs or another unit in which 1e-12 is nothing but
            rounding. NaN makes exactly the windows that contain it NaN.
        weights: Coefficients of x1 and x2 in theory, 0 and 0 where there is no theory.
        windows: Rows of the regression (at least 41), and of the two windows over which the
            residual's deviation is also measured, both divisors of the first, at least 2.
        origin: Absolute grid row of element 0.
        out: Shape (14, n), filled; NaN where t < windows[0] - 1, and where a regressor does not
            vary or has no part of its own beside the other (deviations below 1e-12). Rows:
            0 e_t;
            1, 2 e_t over the deviation of e in the two shorter windows, NaN where that is 0;
            3 e_t - e_t-20;
            4 its change over 20 rows;
            5 half-life of e in rows by its first autoregression without a constant, at most
            windows[0], NaN unless 0 < phi < 1;
            6 slope of y's change on e one row before;
            7 t-statistic of Dickey and Fuller (1979), one lagged change, no constant;
            8 whether e is nearer to 0 than 20 rows before, 0 or 1;
            9 rows since e changed its sign;
            10, 11 b1 and b2;
            12 sample standard deviation of e;
            13 r2, NaN where y does not vary.
            Where e does not vary, rows 1, 2 and 5 to 9 are NaN.
    """
    n, w = len(out[0]), windows[0]
    nearby = windows[1], windows[2]
    values, fit = np.empty((4, 2 * w)), np.empty((FIT, w))
    sums = np.empty((5, ROWS, w))
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), n, w):
        block = block_at(border, w, n)
        if block.first >= block.stop:
            continue
        part = out[:, border + block.first : border + block.stop]
        inner = _relative(series, weights, block, values)
        _fit(values, inner, weights, nearby, sums, fit)
        write_levels(values, inner, (weights, nearby), fit, part)
        write_dynamics(values, inner, fit, part)
        write_crossings(values, inner, fit, part)

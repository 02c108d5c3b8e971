"""Measures of a regression's residual over its window, from moments and a few of its values."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block
from bqx.kernels.jit import jit
from bqx.kernels.levelfit import (
    CHANGES,
    EXACT,
    FIRST,
    LAGGED,
    LEVEL,
    LOADING,
    NEAR,
    RSS,
    SECOND,
    TSS,
)

LAG = 20
"""Rows behind a velocity."""

SINGULAR = 1e-10
"""Share of a sum of squares below which what is left of it is rounding."""


@jit
def _residual(values: Floats, fit: Floats, j: int, t: int) -> float:
    """The residual at row ``t`` with the coefficients of window ``j``."""
    rest = values[0, t] - fit[FIRST, j] * values[1, t] - fit[SECOND, j] * values[2, t]
    return float(rest - fit[LEVEL, j])


@jit
def _ratio(value: float, scatter: float, w: int) -> float:
    """A value in standard deviations of w rows; NaN where they do not vary."""
    sd = np.sqrt(scatter / (w - 1))
    return float(value / sd) if sd > EXACT else np.nan


@jit
def write_levels(
    values: Floats,
    block: Block,
    settings: tuple[tuple[float, float], tuple[int, int]],
    fit: Floats,
    out: Floats,
) -> None:
    """The residual, what became of it in the last rows, and how well the window fits.

    Args:
        values: Shape (4, rows), relative to their border: series 0, the regressors, the dependent.
        block: The windows, in rows of ``values``.
        settings: Weights that series 0 is without, and rows in the two shorter windows.
        fit: See ``levelfit``, one column per window.
        out: Shape (14, windows), filled but for rows 5 to 7 and 9.
    """
    weights, nearby = settings
    w = block.w
    least = EXACT * EXACT * (w - 1)
    for j in range(block.first, block.stop):
        t, k = block.border + j, j - block.first
        now = _residual(values, fit, j, t)
        before = _residual(values, fit, j, t - LAG)
        earlier = _residual(values, fit, j, t - 2 * LAG)
        rss, tss = fit[RSS, j], fit[TSS, j]
        inbound = 1.0 if abs(now) < abs(before) else 0.0
        out[0, k] = now
        out[1, k] = _ratio(now, fit[NEAR, j], nearby[0])
        out[2, k] = _ratio(now, fit[NEAR + 1, j], nearby[1])
        out[3, k] = now - before
        out[4, k] = (now - before) - (before - earlier)
        out[8, k] = inbound if rss > least else np.nan
        out[10, k] = weights[0] + fit[FIRST, j]
        out[11, k] = weights[1] + fit[SECOND, j]
        out[12, k] = np.sqrt(rss / (w - 1))
        out[13, k] = max(1.0 - rss / tss, 0.0) if tss > least else np.nan


@jit
def _half_life(last: float, begin: float, rss: float, changes: float, w: int) -> float:
    """Rows until half of a deviation is gone, by the first autoregression without a constant.

    1 - phi is taken as it is, not as a difference: phi is often close to 1.
    """
    fall = 0.5 * (begin * begin - last * last + changes) / (rss - last * last)
    if not 0.0 < fall < 1.0:
        return np.nan
    return min(float(-np.log(2.0) / np.log1p(-fall)), float(w))


@jit
def _dickey_fuller(ends: tuple[float, float, float, float], fit: Floats, j: int, w: int) -> float:
    """The t-statistic of rho in de_s = rho e_s-1 + gamma de_s-1 + error, w - 2 rows.

    Sums of a level times its own change telescope: 2 e_s-1 de_s = e_s² - e_s-1² - de_s².

    Args:
        ends: First, second, last but one and last residual of the window.
        fit: See ``levelfit``.
        j: Column of the window.
        w: Rows in the window.
    """
    begin, second, before, last = ends
    rss, squares, cross = fit[RSS, j], fit[CHANGES, j], fit[LAGGED, j]
    first_change, last_change = second - begin, last - before
    ll = rss - begin * begin - last * last
    gg = squares - last_change * last_change
    dd = squares - first_change * first_change
    lg = 0.5 * (before * before - begin * begin + gg)
    ld = 0.5 * (last * last - second * second - dd)
    determinant = ll * gg - lg * lg
    if not determinant > SINGULAR * ll * gg:
        return np.nan
    rho = (ld * gg - lg * cross) / determinant
    gamma = (ll * cross - lg * ld) / determinant
    ssr = dd - rho * ld - gamma * cross
    if not ssr > SINGULAR * dd:
        return np.nan
    return float(rho / np.sqrt(ssr / (w - 4) * gg / determinant))


@jit
def write_dynamics(values: Floats, block: Block, fit: Floats, out: Floats) -> None:
    """Half-life, loading and Dickey-Fuller statistic; arguments as in ``write_levels``."""
    w = block.w
    y = values[3]
    for j in range(block.first, block.stop):
        t, k = block.border + j, j - block.first
        start = t - w + 1
        begin = _residual(values, fit, j, start)
        second = _residual(values, fit, j, start + 1)
        before = _residual(values, fit, j, t - 1)
        last = _residual(values, fit, j, t)
        rss = fit[RSS, j]
        # The residuals sum to 0, so those before the last one sum to its opposite.
        mean = -last / (w - 1)
        scatter = rss - last * last + last * mean
        if not (rss > EXACT * EXACT * (w - 1) and scatter > SINGULAR * rss):
            out[5:8, k] = np.nan
            continue
        out[5, k] = _half_life(last, begin, rss, fit[CHANGES, j], w)
        out[6, k] = (fit[LOADING, j] - (y[t] - y[start]) * mean) / scatter
        out[7, k] = _dickey_fuller((begin, second, before, last), fit, j, w)


@jit
def _rows_since_cross(  # noqa: PLR0917 - a loop over three series with three coefficients
    z: Floats, x: Floats, v: Floats, first: float, second: float, level: float
) -> int:
    """Rows since the sign of the last residual began; all rows when it never changed."""
    n = len(z)
    above = z[n - 1] - first * x[n - 1] - second * v[n - 1] > level
    for i in range(1, n):
        s = np.uintp(n - 1 - i)
        if (z[s] - first * x[s] - second * v[s] > level) != above:
            return i - 1
    return n


@jit
def write_crossings(values: Floats, block: Block, fit: Floats, out: Floats) -> None:
    """Rows since the residual changed its sign; arguments as in ``write_levels``."""
    w = block.w
    z, x, v = values[0], values[1], values[2]
    for j in range(block.first, block.stop):
        end = block.border + j + 1
        if not fit[RSS, j] > EXACT * EXACT * (w - 1):
            out[9, j - block.first] = np.nan
            continue
        first, second, level = fit[FIRST, j], fit[SECOND, j], fit[LEVEL, j]
        part = slice(end - w, end)
        out[9, j - block.first] = _rows_since_cross(z[part], x[part], v[part], first, second, level)

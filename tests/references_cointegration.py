"""One window of the error correction tables, written step by step in extended precision."""

from __future__ import annotations

import numpy as np

from references import Floats, Long

LAG = 20
EXACT = 1e-12
NAMES = (
    "ect",
    "deviation_zscore_near",
    "deviation_zscore_far",
    "ect_velocity",
    "ect_accel",
    "half_life",
    "alpha",
    "adf",
    "regime_inbound",
    "bars_since_cross",
    "vec_weight_1",
    "vec_weight_2",
    "resid_std",
    "r2",
)
"""The outputs of the kernel in order."""


def regression(y: Floats, first: Floats, second: Floats) -> tuple[Long, np.longdouble, Long]:
    """Weights, r2 and residuals of the regression with intercept, by Gram and Schmidt."""
    dy, dx, dv = (
        s.astype(np.longdouble) - s.astype(np.longdouble).mean() for s in (y, first, second)
    )
    both = (dx @ dv) / (dx @ dx)
    own = dv - both * dx
    weight = (own @ (dy - (dx @ dy) / (dx @ dx) * dx)) / (own @ own)
    weights = np.array([(dx @ dy) / (dx @ dx) - weight * both, weight])
    e = dy - weights[0] * dx - weights[1] * dv
    return weights, 1 - (e @ e) / (dy @ dy), e


def dickey_fuller(e: Long) -> np.longdouble:
    """Statistic t of rho in de_s = rho e_s-1 + gamma de_s-1 by the normal equations."""
    de = np.diff(e)
    x = np.stack([e[1:-1], de[:-1]])
    target = de[1:]
    (a, b), (_, c) = x @ x.T
    determinant = a * c - b * b
    p, q = x @ target
    rho, gamma = (c * p - b * q) / determinant, (a * q - b * p) / determinant
    rest = target - rho * x[0] - gamma * x[1]
    return np.longdouble(rho / np.sqrt((rest @ rest) / (len(target) - 2) * c / determinant))


def half_life(e: Long) -> np.longdouble:
    """By the slope of e on its value one row before, through 0."""
    phi = (e[1:] @ e[:-1]) / (e[:-1] @ e[:-1])
    if not 0 < phi < 1:
        return np.longdouble(np.nan)
    return np.longdouble(min(-np.log(np.longdouble(2)) / np.log(phi), len(e)))


def rows_since_cross(e: Long) -> int:
    """Rows since the sign last changed."""
    changed = np.flatnonzero((e[1:] > 0) != (e[:-1] > 0))
    return len(e) - 2 - int(changed[-1]) if len(changed) else len(e)


def loading(y: Floats, e: Long) -> np.longdouble:
    """Slope of y's change on e one row before, with intercept."""
    change, before = np.diff(y.astype(np.longdouble)), e[:-1] - e[:-1].mean()
    return np.longdouble((change - change.mean()) @ before / (before @ before))


def window(y: Floats, first: Floats, second: Floats, near: tuple[int, int]) -> tuple[Long, Long]:
    """All outputs of one window in the order of `NAMES`, and the natural unit of each."""
    weights, r2, e = regression(y, first, second)
    sd = e.std(ddof=1)
    nearby = [e[-n:].std(ddof=1) for n in near]
    velocity = e[-1] - e[-1 - LAG]
    earlier = e[-1 - LAG] - e[-1 - 2 * LAG]
    levels = [e[-1], *(e[-1] / n if n > EXACT else np.nan for n in nearby)]
    moves = [velocity, velocity - earlier]
    dynamics = [half_life(e), loading(y, e), dickey_fuller(e)]
    state = [abs(e[-1]) < abs(e[-1 - LAG]), rows_since_cross(e)]
    exact = np.array([*levels, *moves, *dynamics, *state, *weights, sd, r2], np.longdouble)
    one = np.longdouble(1)
    rise = np.diff(y.astype(np.longdouble)).std() / sd
    scales = [sd, one, one, sd, sd, one, rise, one, one, one, one, one, sd, one]
    unit = np.maximum(np.array(scales), np.abs(np.where(np.isnan(exact), 1, exact)))
    return exact, unit

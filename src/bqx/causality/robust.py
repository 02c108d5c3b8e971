"""Covariances of coefficients that stay right under changing variance and dependence.

White (1980) for heteroskedasticity, as HC3 (MacKinnon and White 1985); Newey and West (1987) for
autocorrelation too, with the lag of Newey and West (1994).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Robust = Literal["none", "hc", "hac"]
ROBUST = ("none", "hc", "hac")


def require_robust(robust: str) -> None:
    """Check the name of a covariance.

    Raises:
        ConfigError: If it is unknown.
    """
    if robust not in ROBUST:
        raise ConfigError(f"robust {robust!r}", expected=", ".join(ROBUST))


class Design(NamedTuple):
    """The regressors of a test, beside the constant that is always one.

    Attributes:
        own: Those that are known anyway, shape (n, a).
        extra: Those that are tested, shape (n, b).
        usable: Rows that count, shape (n,).
    """

    own: Floats
    extra: Floats
    usable: Flags


def residuals(y: Floats, design: Design, beta: Floats) -> Floats:
    """What a regression leaves; 0 in rows that are not usable.

    Args:
        y: Shape (n,).
        design: The regressors.
        beta: Coefficients of 1, ``own`` and ``extra``, shape (1 + a + b,).
    """
    out = np.zeros(len(y))
    _residuals(y, design, beta, out)
    return out


@jit
def _residuals(y: Floats, design: Design, beta: Floats, out: Floats) -> None:
    own, extra, usable = design
    a, b = own.shape[1], extra.shape[1]
    for t in range(len(y)):
        if usable[t]:
            told = beta[0]
            for j in range(a):
                told += beta[1 + j] * own[t, j]
            for j in range(b):
                told += beta[1 + a + j] * extra[t, j]
            out[t] = y[t] - told


def left_out(error: Floats, design: Design, inverse: Floats) -> Floats:
    """Residuals of rows that the fit had not seen: ``e / (1 - h)`` with the leverage h.

    With them White's covariance is HC3. With plain residuals it is too small where few rows
    decide: under heavy tails the smallest of many p values, which are what is looked at after
    adjusting for their number, come too often.

    Args:
        error: Residuals, shape (n,); 0 in rows that are not usable.
        design: The regressors.
        inverse: Inverse of the regressors' products, shape (1 + a + b, 1 + a + b).

    Returns:
        Shape (n,).
    """
    out = np.zeros(len(error))
    _left_out(error, design, np.ascontiguousarray(inverse), out)
    return out


@jit
def _left_out(error: Floats, design: Design, inverse: Floats, out: Floats) -> None:
    own, extra, usable = design
    a, b = own.shape[1], extra.shape[1]
    x = np.ones(1 + a + b)
    for t in range(len(error)):
        if usable[t]:
            for j in range(a):
                x[1 + j] = own[t, j]
            for j in range(b):
                x[1 + a + j] = extra[t, j]
            leverage = 0.0
            for i in range(len(x)):
                told = 0.5 * inverse[i, i] * x[i]
                for j in range(i):
                    told += inverse[i, j] * x[j]
                leverage += 2.0 * x[i] * told
            # A row that a coefficient is there for alone has no residual to speak of.
            out[t] = error[t] / max(1.0 - leverage, 1e-6)


def covariance(
    robust: Robust, error: Floats, design: Design, inverse: Floats, *, first: int, lag: int
) -> Floats:
    """Covariance of the last coefficients, corrected for the size of the sample.

    Args:
        robust: ``hc`` or ``hac``.
        error: Residuals, shape (n,); 0 in rows that are not usable.
        design: The regressors.
        inverse: Inverse of the regressors' products, shape (k, k).
        first: The first coefficient that is asked for.
        lag: Greatest lag of ``hac``.

    Returns:
        Shape (k - first, k - first).
    """
    if robust == "hc":
        return sandwich(left_out(error, design, inverse), design, inverse[first:], 0)
    n = int(np.count_nonzero(design.usable))
    return sandwich(error, design, inverse[first:], lag) * n / (n - len(inverse))


def sandwich(error: Floats, design: Design, influence: Floats, lag: int) -> Floats:
    """Covariance of some coefficients under autocorrelation up to a lag (Bartlett's weights).

    The weighted sum of autocovariances up to L is the mean over windows of L + 1 rows of the outer
    product of the sum over the window, so a row costs the same whatever the lag. Rows that are not
    usable stay holes: rows that are k apart count as k apart.

    Args:
        error: Residuals, shape (n,).
        design: The regressors.
        influence: Rows of the inverse of the regressors' products, one per coefficient that is
            asked for, shape (c, 1 + a + b).
        lag: Greatest lag; 0 for White's covariance.

    Returns:
        Shape (c, c), without a correction for the sample size.
    """
    lower = np.zeros((len(influence), len(influence)))
    _sandwich(error, design, np.ascontiguousarray(influence.T), lag, lower)
    return (lower + np.tril(lower, -1).T) / (lag + 1.0)


@jit
def _sandwich(error: Floats, design: Design, influence: Floats, lag: int, out: Floats) -> None:
    n, c = len(error), influence.shape[1]
    ring, total = np.zeros((lag + 1, c)), np.zeros(c)
    for t in range(n + lag):
        score = ring[t % (lag + 1)]
        for i in range(c):
            total[i] -= score[i]
            score[i] = 0.0
        if t < n and design.usable[t]:
            _score(t, error[t], design, influence, score)
            for i in range(c):
                total[i] += score[i]
        for i in range(c):
            for j in range(i + 1):
                out[i, j] += total[i] * total[j]


@jit
def _score(t: int, error: float, design: Design, influence: Floats, out: Floats) -> None:
    """What row t adds to the coefficients."""
    own, extra, _ = design
    a, c = own.shape[1], len(out)
    for i in range(c):
        out[i] = influence[0, i]
    for j in range(a):
        for i in range(c):
            out[i] += influence[1 + j, i] * own[t, j]
    for j in range(extra.shape[1]):
        for i in range(c):
            out[i] += influence[1 + a + j, i] * extra[t, j]
    for i in range(c):
        out[i] *= error


def automatic_lag(error: Floats, design: Design) -> int:
    """Lag by Newey and West (1994), from the sum of the tested regressors' scores.

    Args:
        error: Residuals, shape (n,); 0 in rows that are not usable.
        design: The regressors; the tested ones of comparable scale.
    """
    n = int(np.count_nonzero(design.usable))
    first = min(int(4.0 * (n / 100.0) ** (2.0 / 9.0)), max(n - 1, 0))
    products = np.zeros(first + 1)
    _products(error, design.extra, design.usable, products)
    level = products[0] + 2.0 * products[1:].sum()
    slope = 2.0 * (np.arange(1, first + 1) * products[1:]).sum()
    if level == 0.0:
        return first
    return min(int(1.1447 * ((slope / level) ** 2 * n) ** (1.0 / 3.0)), max(n - 1, 0))


@jit
def _products(error: Floats, extra: Floats, usable: Flags, out: Floats) -> None:
    score = np.zeros(len(error))
    for t in range(len(error)):
        if usable[t]:
            told = 0.0
            for j in range(extra.shape[1]):
                told += extra[t, j]
            score[t] = told * error[t]
        for k in range(min(len(out), t + 1)):
            out[k] += score[t] * score[t - k]

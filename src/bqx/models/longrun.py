"""Long-run (HAC) variance of sums of dependent rows."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.jit import jit

Floats = NDArray[np.float64]

Kernel = Literal["uniform", "bartlett"]
"""Weights of autocovariances: all 1, as Diebold and Mariano (1995), or falling (Newey-West)."""


def lag_products(u: Floats, lag: int) -> Floats:
    """``sum_t u_t u_{t+k}`` for k = 0 … lag, shape (lag + 1,); lag is below the length of u."""
    out = np.zeros(lag + 1)
    _add_products(np.ascontiguousarray(u, np.float64), out)
    return out


@jit
def _add_products(u: Floats, out: Floats) -> None:
    """All lags of one row together: that runs in the width of the processor."""
    for t in range(len(u)):
        for k in range(min(len(out), len(u) - t)):
            out[k] += u[t] * u[t + k]


def long_run_variance(u: Floats, lag: int, kernel: Kernel) -> float:
    """Variance of the sum of a centred series, from its products up to a lag.

    ``sum_t u_t² + 2 sum_{k=1..lag} w_k sum_t u_t u_{t+k}``, with w_k = 1 (uniform; may come out
    negative) or 1 - k/(lag + 1) (Bartlett; never negative).

    Args:
        u: Shape (n,), on an axis without holes: 0 where a row is missing.
        lag: Greatest lag, cut at n - 1.
        kernel: The weights.
    """
    lags = np.arange(min(lag, len(u) - 1) + 1)
    weights = np.where(lags == 0, 1.0, 2.0)
    if kernel == "bartlett":
        weights *= 1.0 - lags / (lag + 1.0)
    return float(weights @ lag_products(u, int(lags[-1])))


def automatic_lag(u: Floats) -> int:
    """Lag for the Bartlett kernel by Newey and West (1994), without prewhitening.

    Args:
        u: A centred series on an axis without holes, shape (n,).
    """
    n = len(u)
    first = min(int(4.0 * (n / 100.0) ** (2.0 / 9.0)), n - 1)
    products = lag_products(u, first)
    level = products[0] + 2.0 * products[1:].sum()
    slope = 2.0 * (np.arange(1, first + 1) * products[1:]).sum()
    if level == 0.0:
        return first
    return min(int(1.1447 * ((slope / level) ** 2 * n) ** (1.0 / 3.0)), n - 1)


def effective_size(rows: Floats, u: Floats, horizon: int) -> float:
    """Independent rows that would give a mean the precision which the dependent ones give it.

    Args:
        rows: Deviations from the mean, one per row of each pair.
        u: Their sums by time, on an axis without holes.
        horizon: Targets overlap up to that many rows; no smaller lag is used.

    Returns:
        The number of rows times the variance that independence would give over the long-run
        variance; NaN where nothing varies.
    """
    variance = long_run_variance(u, max(automatic_lag(u), 2 * horizon - 1), "bartlett")
    return len(rows) * float(rows @ rows) / variance if variance > 0.0 else float("nan")

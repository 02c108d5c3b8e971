"""Measures across a few aligned series, such as one statistic at several windows, row by row.

A row's bits depend on its own values alone: each is read in the order of the series.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def spread_across(y: Floats, out: Floats) -> None:
    """Sample standard deviation of the series' values in each row.

    Args:
        y: Shape (k, n), at least two series.
        out: Shape (n,), filled, with k - 1 degrees of freedom; exactly 0 where all values are
            equal, NaN where one is NaN.
    """
    k = len(y)
    for t in range(len(out)):
        total = scatter = 0.0
        for i in range(k):
            total += y[i, t] - y[0, t]
        mean = total / k
        for i in range(k):
            d = y[i, t] - y[0, t] - mean
            scatter += d * d
        out[t] = np.sqrt(scatter / (k - 1))


@jit
def weighted_across(y: Floats, weights: Floats, out: Floats) -> None:
    """Weighted sum of the series' values in each row.

    Args:
        y: Shape (k, n).
        weights: Shape (k,).
        out: Shape (n,), filled; NaN where one value is NaN.
    """
    out[:] = 0.0
    for i in range(len(y)):
        row, weight = y[i], weights[i]
        for t in range(len(out)):
            out[t] += weight * row[t]


@jit
def share_below_across(y: Floats, out: Floats) -> None:
    """Share of the k series whose value is less than the own one, in each row.

    Args:
        y: Shape (k, n).
        out: Shape (k, n), filled, from 0 to (k - 1) / k; NaN in rows where one value is NaN.
    """
    k = len(y)
    for t in range(y.shape[1]):
        known = 0
        for i in range(k):
            known += not np.isnan(y[i, t])
        for i in range(k):
            below = 0
            for j in range(k):
                below += y[j, t] < y[i, t]
            out[i, t] = below / k if known == k else np.nan


@jit
def greatest_across(y: Floats, out: Floats) -> None:
    """Number of the series with the greatest value in each row, from 1.

    Args:
        y: Shape (k, n).
        out: Shape (n,), filled; the first of several equal ones, NaN where one value is NaN.
    """
    for t in range(len(out)):
        best, unknown = 0, 0
        for i in range(len(y)):
            unknown += np.isnan(y[i, t])
            if y[i, t] > y[best, t]:
                best = i
        out[t] = best + 1 if unknown == 0 else np.nan

"""Forecasts of variance by a regression on variances over several windows."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

TERMS = 3
"""Explaining variances."""

LEAST_PIVOT = 1e-10
"""Share of a term's scatter that must remain when those before it are taken off."""


@jit
def _scatter(x: Floats, mean: Floats, matrix: Floats) -> None:
    """Sums of products of the columns about their means, relative to their roots.

    Args:
        x: Shape (TERMS + 1, m), the terms and last the outcome.
        mean: Shape (TERMS + 1,).
        matrix: Shape (TERMS + 1, TERMS + 1), filled with sums of products.
    """
    for a in range(TERMS + 1):
        for b in range(a + 1):
            total = 0.0
            for i in range(x.shape[1]):
                total += (x[a, i] - mean[a]) * (x[b, i] - mean[b])
            matrix[a, b] = matrix[b, a] = total


@jit
def _eliminate(matrix: Floats, slopes: Floats) -> None:
    """Solve the normal equations by Gauss's method; NaN where terms depend on each other."""
    start = np.diag(matrix).copy()
    for k in range(TERMS):
        if not matrix[k, k] > LEAST_PIVOT * start[k]:
            slopes[:] = np.nan
            return
        for a in range(k + 1, TERMS):
            factor = matrix[a, k] / matrix[k, k]
            for b in range(k, TERMS + 1):
                matrix[a, b] -= factor * matrix[k, b]
    for k in range(TERMS - 1, -1, -1):
        rest = matrix[k, TERMS]
        for b in range(k + 1, TERMS):
            rest -= matrix[k, b] * slopes[b]
        slopes[k] = rest / matrix[k, k]


@jit
def _gather(v: Floats, newest: int, hour: int, x: Floats) -> None:
    """Outcomes at ``newest`` and every ``hour`` rows before it, with the terms an hour earlier."""
    for i in range(x.shape[1]):
        row = newest - hour * i
        x[TERMS, i] = v[0, row]
        for k in range(TERMS):
            x[k, i] = v[k, row - hour]


@jit
def _means(x: Floats, mean: Floats) -> None:
    for k in range(len(mean)):
        total = 0.0
        for i in range(x.shape[1]):
            total += x[k, i]
        mean[k] = total / x.shape[1]


@jit
def _apply(v: Floats, x: Floats, mean: Floats, slopes: Floats, out: Floats) -> None:
    """Forecasts of one day; those beyond all outcomes of the sample give way to their mean."""
    low, high = x[TERMS].min(), x[TERMS].max()
    for t in range(len(out)):
        value = mean[TERMS]
        for k in range(TERMS):
            value += slopes[k] * (v[k, t] - mean[k])
        out[t] = mean[TERMS] if value < low or value > high else value


@jit
def har_forecast(v: Floats, starts: Ints, hour: int, samples: int, out: Floats) -> None:
    """Forecast of the variance of the next hour (heterogeneous autoregression, Corsi 2009).

    The outcome is regressed on the three variances of an hour before, with a constant. The
    coefficients of a day come from the samples before its first row, an hour apart. A forecast
    below the smallest or above the greatest outcome of the sample is replaced by their mean
    (the filter of Bollerslev, Patton and Quaedvlieg 2016), so it is never negative.

    Args:
        v: Shape (3, n), variances over the last hour and two longer windows. NaN makes the days
            NaN whose sample contains it, and the rows that have it.
        starts: First row of each day, increasing.
        hour: Rows that the forecast looks ahead.
        samples: Outcomes in a regression.
        out: Shape (n,), filled; NaN before the first day with ``hour * samples`` rows and one more
            before it, and in days whose explaining variances depend on each other.
    """
    x, mean = np.empty((TERMS + 1, samples)), np.empty(TERMS + 1)
    matrix, slopes = np.empty((TERMS + 1, TERMS + 1)), np.empty(TERMS)
    out[:] = np.nan
    for k in range(len(starts)):
        begin = starts[k]
        end = starts[k + 1] if k + 1 < len(starts) else len(out)
        if begin - 1 - hour * samples < 0:
            continue
        _gather(v, begin - 1, hour, x)
        _means(x, mean)
        _scatter(x, mean, matrix)
        _eliminate(matrix, slopes)
        _apply(v[:, begin:end], x, mean, slopes, out[begin:end])

"""Sums and moments over the pairs of a panel, row by row, of which some may have no value.

A row's bits depend on its own values and the order of the pairs alone.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def add_present(values: Floats, factor: float, total: Floats, seen: Floats) -> None:
    """Add a pair's values to the sums over the pairs.

    Args:
        values: Shape (n,), NaN where the pair does not count.
        factor: What they are multiplied with.
        total: Shape (n,), the sums so far.
        seen: Shape (n,), the number of values in them.
    """
    for t in range(len(values)):
        counts = not np.isnan(values[t])
        total[t] += factor * values[t] if counts else 0.0
        seen[t] += counts


@jit
def mean_of_seen(total: Floats, seen: Floats, least: int, out: Floats) -> None:
    """Means of sums.

    Args:
        total: Shape (n,), sums.
        seen: Shape (n,), values in them.
        least: Values that a mean needs, at least 1.
        out: Shape (n,), filled; NaN where there are fewer.
    """
    for t in range(len(out)):
        out[t] = total[t] / seen[t] if seen[t] >= least else np.nan


@jit
def add_to_moments(values: Floats, seen: Floats, mean: Floats, squares: Floats) -> None:
    """Add a pair's values to the moments over the pairs (Welford 1962).

    Args:
        values: Shape (n,), NaN where the pair does not count.
        seen: Shape (n,), the number of values so far.
        mean: Shape (n,), their mean; 0 where there are none.
        squares: Shape (n,), sum of their squares about the mean, exactly 0 where all are equal.
    """
    for t in range(len(values)):
        if not np.isnan(values[t]):
            seen[t] += 1.0
            away = values[t] - mean[t]
            # The first value is the mean, without rounding.
            mean[t] = values[t] if seen[t] == 1.0 else mean[t] + away / seen[t]
            squares[t] += away * (values[t] - mean[t])


@jit
def dispersion(seen: Floats, squares: Floats, least: int, out: Floats) -> None:
    """Sample standard deviation over the pairs.

    Args:
        seen: Shape (n,), number of values.
        squares: Shape (n,), sum of their squares about the mean.
        least: Values that are needed, at least 2.
        out: Shape (n,), filled; NaN where there are fewer.
    """
    for t in range(len(out)):
        out[t] = np.sqrt(squares[t] / (seen[t] - 1.0)) if seen[t] >= least else np.nan

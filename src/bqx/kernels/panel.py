"""Sums and deviations over the pairs of a panel, row by row, of which some may have no value.

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
def dispersion_of_present(y: Floats, least: int, out: Floats) -> None:
    """Sample standard deviation over the pairs that have a value, in each row.

    Args:
        y: Shape (k, n), NaN where a pair does not count.
        least: Values that a row needs, at least 2.
        out: Shape (n,), filled, with one degree of freedom less than there are values; exactly 0
            where all are equal, NaN where there are fewer than ``least``.
    """
    for t in range(len(out)):
        count, reference, total, squares = 0, 0.0, 0.0, 0.0
        for i in range(len(y)):
            value = y[i, t]
            if not np.isnan(value):
                reference = value if count == 0 else reference
                count += 1
                total += value - reference
        if count < least:
            out[t] = np.nan
            continue
        mean = reference + total / count
        for i in range(len(y)):
            if not np.isnan(y[i, t]):
                squares += (y[i, t] - mean) * (y[i, t] - mean)
        out[t] = np.sqrt(squares / (count - 1))

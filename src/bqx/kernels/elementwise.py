"""Functions of single values, row by row.

NumPy's own loops may round a logarithm differently where an array begins or ends. These do not: a
row's bits depend on its value alone.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def log(values: Floats, out: Floats) -> None:
    """Natural logarithm.

    Args:
        values: Shape (n,), positive or NaN.
        out: Shape (n,), filled.
    """
    for t in range(len(values)):
        out[t] = np.log(values[t])


@jit
def change(values: Floats, k: int, out: Floats) -> None:
    """Difference from the value ``k`` rows earlier.

    Args:
        values: Shape (n,).
        k: Rows, at least 1.
        out: Shape (n,), filled; NaN where t < k.
    """
    out[:k] = np.nan
    for t in range(k, len(values)):
        out[t] = values[t] - values[t - k]


@jit
def log_change(values: Floats, k: int, out: Floats) -> None:
    """Logarithm of the ratio to the value ``k`` rows earlier, exactly 0 where the two are equal.

    The ratio is near 1, so its distance from 1 is taken first: the logarithm of a level would lose
    digits that a change of 1e-4 needs.

    Args:
        values: Shape (n,), positive or NaN.
        k: Rows, at least 1.
        out: Shape (n,), filled; NaN where t < k.
    """
    out[:k] = np.nan
    for t in range(k, len(values)):
        before = values[t - k]
        out[t] = np.log1p((values[t] - before) / before)

"""Counting and clearing by a validity mask."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Bools, Floats
from bqx.kernels.jit import jit


@jit
def count_nonfinite(values: Floats, valid: Bools) -> int:
    """Number of NaN and infinite values among the valid rows."""
    count = 0
    for t in range(len(values)):
        count += valid[t] and not np.isfinite(values[t])
    return count


@jit
def zero_where(values: Floats, valid: Bools) -> None:
    """Set the values that are not valid to 0.0, in place."""
    for t in range(len(values)):
        values[t] = values[t] if valid[t] else 0.0

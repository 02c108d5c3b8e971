"""Grading of values by fixed levels."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def grade(values: Floats, edges: tuple[float, ...], out: Floats) -> None:
    """Number of edges that lie below each value: 0, 1 … len(edges).

    An edge that itself counts as passed is given as the next smaller number.

    Args:
        values: Shape (n,), any order.
        edges: The levels, at least one.
        out: Shape (n,), filled with whole numbers; NaN where the value is.
    """
    for t in range(len(values)):
        passed = 0
        for k in range(len(edges)):
            passed += values[t] > edges[k]
        out[t] = np.nan if np.isnan(values[t]) else passed

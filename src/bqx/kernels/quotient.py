"""Quotients whose divisor may be nothing but rounding."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def quotient(above: Floats, below: Floats, least: float, out: Floats) -> None:
    """Quotient of two series, where the divisor is large enough.

    Args:
        above: Shape (n,), dividend.
        below: Shape (n,), divisor.
        least: Size from which on a divisor counts, more than 0.
        out: Shape (n,), filled; NaN where abs(below) < least or something is NaN.
    """
    for t in range(len(out)):
        out[t] = above[t] / below[t] if abs(below[t]) >= least else np.nan

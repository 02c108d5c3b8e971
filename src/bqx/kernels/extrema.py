"""Rolling minimum and maximum."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def minmax(y: Floats, w: int, origin: int, low: Floats, high: Floats) -> None:
    """First version."""
    low[: w - 1] = np.nan
    high[: w - 1] = np.nan
    for t in range(w - 1, len(y)):
        a = b = y[t]
        for i in range(t - w + 1, t):
            a = np.minimum(a, y[i])
            b = np.maximum(b, y[i])
        low[t] = a
        high[t] = b

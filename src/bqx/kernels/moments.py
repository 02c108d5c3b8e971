"""Rolling mean and standard deviation."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def mean_std(y: Floats, w: int, origin: int, mean: Floats, std: Floats) -> None:
    """First version."""
    n = len(y)
    mean[: w - 1] = np.nan
    std[: w - 1] = np.nan
    for t in range(w - 1, n):
        s0 = 0.0
        ref = y[t - w + 1]
        for i in range(t - w + 1, t + 1):
            s0 += y[i] - ref
        m = s0 / w
        sd = 0.0
        for i in range(t - w + 1, t + 1):
            d = y[i] - ref - m
            sd += d * d
        mean[t] = ref + m
        std[t] = np.sqrt(sd / (w - 1))

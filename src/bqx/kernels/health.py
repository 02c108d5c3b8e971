"""Signs that data or market are unlike those of the day before."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

LEAST = 2
"""Scores that have to agree."""


@jit
def looks_unusual(scores: Floats, limit: float, out: Floats) -> None:
    """Whether at least two standard scores lie beyond a limit, on either side.

    Args:
        scores: Shape (k, n), NaN where there is none, which is not beyond.
        limit: The limit, positive.
        out: Shape (n,), filled with 0 and 1; NaN where fewer than two scores are known.
    """
    for t in range(len(out)):
        known = beyond = 0
        for k in range(len(scores)):
            known += not np.isnan(scores[k, t])
            beyond += abs(scores[k, t]) > limit
        out[t] = beyond >= LEAST if known >= LEAST else np.nan

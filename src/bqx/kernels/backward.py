"""Backward cumulative returns, the base of the BQX domain."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

BQX_WINDOWS = (15, 30, 45, 60, 75)
"""Window lengths of the BQX base columns, in rows."""

TILE = 1024


@jit
def _add_differences(index: Floats, first: int, last: int, lag: int, total: Floats) -> None:
    for t in range(first, last):
        total[t - first] += index[t - lag] - index[t]


@jit
def _divide(index: Floats, first: int, last: int, total: Floats, out: Floats) -> None:
    for t in range(first, last):
        out[t] = total[t - first] / index[t]


@jit
def backward_return(index: Floats, w: int, out: Floats) -> None:
    """First version."""
    total = np.empty(TILE)
    out[:w] = np.nan
    for first in range(w, len(index), TILE):
        last = min(first + TILE, len(index))
        total[:] = 0.0
        for lag in range(1, w + 1):
            _add_differences(index, first, last, lag, total)
        _divide(index, first, last, total, out)


@jit
def backward_returns(index: Floats, out: Floats) -> None:
    """First version."""
    for k in range(len(BQX_WINDOWS)):
        backward_return(index, BQX_WINDOWS[k], out[k])

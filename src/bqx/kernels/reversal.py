"""How fast moves and deviations are taken back."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

HALF = 0.5 - 1e-6
"""Share of a move that is a half: moves are whole numbers of points, so that a half is common, and
that must not hang on rounding."""

LARGE = 2.0
"""Standard deviations that a large return exceeds."""


@jit
def _taken_back(y: Floats, i: int, reach: int) -> bool:
    """Whether the move of row ``i`` is at least half taken back within ``reach`` rows."""
    move = y[i] - y[i - 1]
    for k in range(i + 1, i + reach + 1):
        if (y[i] - y[k]) * np.sign(move) >= HALF * abs(move):
            return True
    return False


@jit
def large_moves(y: Floats, r: Floats, deviation: Floats, reach: int, out: Floats) -> None:
    """Large one-row moves, and those of them that were soon taken back, when that is known.

    Args:
        y: Shape (n,), the series.
        r: Shape (n,), its one-row returns, of the same sign as its changes.
        deviation: Shape (n,), their standard deviation; that of the row before a return counts.
        reach: Rows after a move in which it may be taken back.
        out: Shape (2, n), filled: 1 where the return of ``reach`` rows ago exceeds ``LARGE``
            deviations, and 1 where at least half of its move was taken back since. NaN where that
            return or its deviation is, and where t <= reach.
    """
    out[:, : reach + 1] = np.nan
    for t in range(reach + 1, len(y)):
        i = t - reach
        size, unit = abs(r[i]), deviation[i - 1]
        large = size > LARGE * unit
        known = not np.isnan(size + unit)
        out[0, t] = large if known else np.nan
        out[1, t] = (large and _taken_back(y, i, reach)) if known else np.nan


@jit
def half_life(phi: Floats, longest: float, out: Floats) -> None:
    """Rows in which half of a deviation decays, from a first autoregression.

    Args:
        phi: Shape (n,), its coefficient.
        longest: Greatest value that is written.
        out: Shape (n,), filled; NaN where phi is not between 0 and 1.
    """
    for t in range(len(phi)):
        decays = 0.0 < phi[t] < 1.0
        out[t] = min(-np.log(2.0) / np.log(phi[t]), longest) if decays else np.nan

"""Backward cumulative returns, the base of the BQX domain."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

BQX_WINDOWS = (15, 30, 45, 60, 75)
"""Window lengths of the BQX base columns, in rows."""

LONGEST = BQX_WINDOWS[-1]

TILE = 1024
"""Rows summed at a time: the tile's values and sums stay in the first-level cache."""

STEP = 5
"""Lags added in one pass over a tile; fewer passes mean fewer loads and stores of the sums."""


@jit
def _add_step(past: Floats, now: Floats, total: Floats) -> None:
    """Add the differences of five lags; row j's are past[j + 4], past[j + 3] … past[j]."""
    for j in range(len(now)):
        value = now[j]
        s = total[j]
        s += past[j + 4] - value
        s += past[j + 3] - value
        s += past[j + 2] - value
        s += past[j + 1] - value
        total[j] = s + (past[j] - value)


@jit
def _add_one(past: Floats, now: Floats, total: Floats) -> None:
    for j in range(len(now)):
        total[j] += past[j] - now[j]


@jit
def _add_lags(index: Floats, start: int, lags: tuple[int, int], total: Floats) -> None:
    """Add to each row from ``start`` on its differences at ``lags[0] < lag <= lags[1]``, in order.

    Always the same order, whatever the tile, so that equal values give equal bits.
    """
    now = index[start : start + len(total)]
    lag, last = lags
    while lag + STEP <= last:
        lag += STEP
        _add_step(index[start - lag : start - lag + len(total) + STEP - 1], now, total)
    while lag < last:
        lag += 1
        _add_one(index[start - lag : start - lag + len(total)], now, total)


@jit
def _divide(total: Floats, now: Floats, out: Floats) -> None:
    for j in range(len(now)):
        out[j] = total[j] / now[j]


@jit
def backward_return(index: Floats, w: int, out: Floats) -> None:
    """Backward cumulative return over ``w`` rows: the sum over i = 1 … w of (I_t-i - I_t) / I_t.

    Positive when the past lies above the present, that is, when the price has fallen. The
    differences are summed from the newest to the oldest and divided once; exactly 0 where the last
    w + 1 values are equal.

    Args:
        index: Shape (n,), the rate index (any positive series: the scale cancels). NaN makes
            exactly the rows that use it NaN.
        w: Rows behind the current one.
        out: Shape (n,), filled; NaN where t < w.
    """
    sums = np.empty(TILE)
    out[:w] = np.nan
    for start in range(w, len(index), TILE):
        end = min(start + TILE, len(index))
        total = sums[: end - start]
        total[:] = 0.0
        _add_lags(index, start, (0, w), total)
        _divide(total, index[start:end], out[start:end])


@jit
def backward_returns(index: Floats, out: Floats) -> None:
    """``backward_return`` for each of ``BQX_WINDOWS``, with the same bits.

    The sum over a window goes on from the one over the next shorter window.

    Args:
        index: Shape (n,), as for ``backward_return``.
        out: Shape (5, n), filled.
    """
    for k in range(len(BQX_WINDOWS)):
        backward_return(index[:LONGEST], BQX_WINDOWS[k], out[k, :LONGEST])
    sums = np.empty(TILE)
    for start in range(LONGEST, len(index), TILE):
        end = min(start + TILE, len(index))
        total = sums[: end - start]
        total[:] = 0.0
        lag = 0
        for k in range(len(BQX_WINDOWS)):
            _add_lags(index, start, (lag, BQX_WINDOWS[k]), total)
            _divide(total, index[start:end], out[k, start:end])
            lag = BQX_WINDOWS[k]

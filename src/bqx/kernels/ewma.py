"""Exponentially weighted averages of values that are never negative, such as squared returns.

``recursive.ema`` measures from the value at the anchor, which keeps the digits of a level. Squares
have no level but reach over many orders of magnitude; here they are averaged as they are, so that
no average is negative and one of zeros is exactly 0.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.recursive import first_number


@jit
def _average(y: Floats, gain: float, state: float, out: Floats) -> None:
    keep = 1.0 - gain
    for t in range(len(y)):
        state = keep * state + gain * y[t]
        out[t] = state


@jit
def ewma(y: Floats, n: int, origin: int, memory: int, out: Floats) -> None:
    """Exponential average with gain 2/(n + 1), seeded with the first value of its recursion.

    The value at absolute row R comes from a recursion begun at the row ``(R // M - 1) M``, or at
    the first number of the series if that is later.

    Args:
        y: Shape (n,), the series. NaN may stand only at its start.
        n: Span in rows.
        origin: Absolute grid row of element 0.
        memory: M, see `recursive.ema_rows`; values depend on twice as many rows.
        out: Shape (n,), filled; NaN until n values were seen.
    """
    gain = 2.0 / (n + 1.0)
    warm = np.empty(2 * memory)
    start = begin = first_number(y)
    while begin < len(y):
        phase = (origin + begin) % memory
        end = min(begin + memory - phase, len(y))
        seed = max(begin - phase - memory, start)
        _average(y[seed:end], gain, y[seed], warm)
        out[begin:end] = warm[begin - seed : end - seed]
        begin = end
    out[: start + n - 1] = np.nan

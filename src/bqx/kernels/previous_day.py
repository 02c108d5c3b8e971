"""Extremes and close of the previous completed day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

MINUTES_A_DAY = 1440


class Day(NamedTuple):
    """What is known of a day.

    Attributes:
        first: Index of its first row.
        bars: Number of its observed rows so far.
        high: Greatest value.
        low: Least value.
        close: Last value.
    """

    first: int
    bars: int
    high: float
    low: float
    close: float


@jit
def _begun(first: int) -> Day:
    return Day(first, 0, -np.inf, np.inf, np.nan)


@jit
def _grown(day: Day, high: float, low: float, close: float) -> Day:
    return Day(day.first, day.bars + 1, max(day.high, high), min(day.low, low), close)


@jit
def previous_day(  # noqa: PLR0917 - prices, their marks and their clock
    prices: tuple[Floats, Floats, Floats],
    observed: NDArray[np.bool_],
    minutes: Ints,
    begin: int,
    memory: int,
    out: Floats,
) -> None:
    """Greatest and least value and last close of the newest earlier UTC day that has a bar.

    A day is made of its observed rows; a day without any is passed over. It must be whole: its
    first row is a midnight or has a row before it. And the first row must be one of the last
    ``memory`` - 1 rows, so that the value does not depend on where a slice begins.

    Args:
        prices: High, low and close, each of shape (n,).
        observed: Shape (n,), whether a row has a bar.
        minutes: Shape (n,), epoch minute of each row.
        begin: Index of the first row that may be used.
        memory: Rows that a value may depend on, its own included.
        out: Shape (3, n), filled: high, low and close of the day; NaN where there is none.
    """
    high, low, close = prices
    out[:] = np.nan
    begun = begin < len(minutes) and minutes[begin] % MINUTES_A_DAY == 0
    # A first day that has no beginning is never the newest row's within memory.
    day = _begun(begin if begun else begin - memory)
    done = _begun(begin - memory)
    for t in range(begin, len(minutes)):
        if t > begin and minutes[t] // MINUTES_A_DAY != minutes[t - 1] // MINUTES_A_DAY:
            done = day if day.bars > 0 else done
            day = _begun(t)
        if observed[t]:
            day = _grown(day, high[t], low[t], close[t])
        if done.bars > 0 and done.first > t - memory + 1:
            out[0, t], out[1, t], out[2, t] = done.high, done.low, done.close

"""Bars over blocks of the clock, such as half hours, and measures of the last of them.

A block counts once it has closed: in the row of its last minute, or where the week ends inside of
it, in the first row of the next one. There is one block in many rows, so each measure can be taken
from its window alone, from the first block to the last: nothing depends on where a slice begins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.convergence import macd
from bqx.kernels.jit import jit
from bqx.kernels.moments import mean_std
from bqx.kernels.recursive import ema, wilder, wilder_rows
from bqx.kernels.relative_strength import relative_strength
from bqx.kernels.trend import efficiency_ratio, linear_trend

DEPTH = wilder_rows(14)
"""Blocks over which a recursion runs, from its start on: it has forgotten it then."""

MEASURES = 11
"""Rows of the output of ``block_measures``."""

NEVER = 2**31
"""Rows to the next restart of a recursion that does not restart."""


class Bar(NamedTuple):
    """A block that has not closed yet.

    Attributes:
        number: Minutes of its start, in blocks.
        high: Greatest value so far.
        low: Least value so far.
        whole: Whether all of its rows so far are in the slice and have values.
    """

    number: int
    high: float
    low: float
    whole: bool


@jit
def _with_row(bar: Bar, high: float, low: float) -> Bar:
    """The block with one more row."""
    whole = bar.whole and not np.isnan(high + low)
    return Bar(bar.number, max(bar.high, high), min(bar.low, low), whole)


@jit
def _close(bar: Bar, close: float, count: int, bars: Floats) -> int:
    """Keep a block, unless it is not whole; returns how many there are."""
    if not bar.whole:
        return count
    bars[0, count], bars[1, count], bars[2, count] = bar.high, bar.low, close
    return count + 1


@jit
def block_bars(minutes: Ints, k: int, rows: tuple[Floats, Floats, Floats], newest: Ints) -> Floats:
    """Bars over the blocks of the clock that lie in a slice as a whole.

    Args:
        minutes: Shape (n,), epoch minute of each row, ascending.
        k: Minutes in a block.
        rows: High, low and close of each row, of shape (n,). Blocks with NaN are left out; only
            the first rows may have it.
        newest: Shape (n,), filled with the number of the newest block that has closed at each row,
            counted from 0; -1 where none has.

    Returns:
        High, low and close of the blocks, of shape (3, blocks).
    """
    high, low, close = rows
    bars = np.empty((3, len(minutes) // k * 2 + 2))
    bar = Bar(number=-1, high=-np.inf, low=np.inf, whole=False)
    count, closed = 0, True
    for t in range(len(minutes)):
        number = minutes[t] // k
        if number != bar.number:
            if not closed:
                count = _close(bar, close[t - 1], count, bars)
            bar = Bar(number, -np.inf, np.inf, t > 0 or minutes[t] % k == 0)
        bar = _with_row(bar, high[t], low[t])
        closed = (minutes[t] + 1) % k == 0
        if closed:
            count = _close(bar, close[t], count, bars)
        newest[t] = count - 1
    return bars[:, :count].copy()


@jit
def spread_blocks(values: Floats, newest: Ints, out: Floats) -> None:
    """Give each row the value of its newest closed block.

    Args:
        values: Shape (blocks,).
        newest: Shape (n,), see ``block_bars``.
        out: Shape (n,), filled; NaN where no block has closed.
    """
    for t in range(len(newest)):
        out[t] = values[newest[t]] if newest[t] >= 0 else np.nan


@jit
def _deviation(y: Floats, w: int) -> tuple[float, float]:
    """Mean and sample standard deviation of the last ``w`` values; NaN where there are fewer."""
    if len(y) < w:
        return np.nan, np.nan
    mean, std = np.empty(w), np.empty(w)
    mean_std(y[len(y) - w :], w, 0, mean, std)
    return float(mean[-1]), float(std[-1])


@jit
def _trend(y: Floats, w: int) -> tuple[float, float]:
    """Slope of the last ``w`` values and its standard error; NaN where there are fewer."""
    if len(y) < w:
        return np.nan, np.nan
    out = np.empty((3, w))
    linear_trend(y[len(y) - w :], w, 0, out[0], out[1], out[2])
    return float(out[0, -1]), float(out[1, -1])


@jit
def _efficiency(y: Floats, w: int) -> float:
    """Net change over the path of the last ``w`` changes; NaN where there are fewer."""
    if len(y) <= w:
        return np.nan
    out = np.empty(w + 1)
    efficiency_ratio(y[len(y) - w - 1 :], w, 0, out)
    return float(out[-1])


@jit
def _recursions(close: Floats, true_range: Floats, scratch: Floats, out: Floats) -> None:
    """The recursive measures of the last block: EMA 20, RSI 14, MACD 12 and 26, ATR 14."""
    n = len(close)
    ema(close, 20, 0, NEVER, scratch[0, :n])
    relative_strength(close, 14, 0, NEVER, scratch[1, :n])
    macd(close, (12, 26, 9), 0, NEVER, scratch[2:5, :n])
    wilder(true_range, 14, 0, NEVER, scratch[5, :n])
    out[1], out[3], out[4], out[5] = (
        scratch[0, n - 1],
        scratch[1, n - 1],
        scratch[2, n - 1],
        scratch[5, n - 1],
    )


@jit
def block_measures(close: Floats, change: Floats, true_range: Floats, out: Floats) -> None:
    """Technical measures of blocks, each from the blocks up to it.

    Args:
        close: Shape (m,), closes of the blocks.
        change: Shape (m,), changes from one block to the next, NaN in the first one.
        true_range: Shape (m,), true ranges, NaN in the first one.
        out: Shape (MEASURES, m), filled: mean of 10 closes; their exponential average of span 20;
            standard deviation of 20 changes; relative strength index of 14 blocks; exponential
            average of span 12 minus that of 26; average true range of 14 blocks (Wilder 1978);
            standard deviation of 20 closes; slope of 10 closes per block, and its standard error;
            standard deviation of 5 changes over that of 25; efficiency ratio of 20 changes. NaN
            where there are too few blocks or a divisor is 0.
    """
    scratch, found = np.empty((6, DEPTH)), np.empty(MEASURES)
    for i in range(len(close)):
        begin, end = max(0, i + 1 - DEPTH), i + 1
        y, r = close[begin:end], change[begin:end]
        _recursions(y, true_range[begin:end], scratch, found)
        found[0] = _deviation(y, 10)[0]
        found[2] = _deviation(r, 20)[1]
        found[6] = _deviation(y, 20)[1]
        found[7], found[8] = _trend(y, 10)
        long = _deviation(r, 25)[1]
        found[9] = _deviation(r, 5)[1] / long if long > 0.0 else np.nan
        found[10] = _efficiency(y, 20)
        out[:, i] = found

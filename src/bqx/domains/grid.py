"""A pair's bars on the trading-minute grid: dense arrays with previous-tick fill.

Inside the week a missing minute takes the previous close (previous-tick interpolation, Dacorogna,
Gençay, Müller, Olsen and Pictet 2001, *An Introduction to High-Frequency Finance*), volume 0, and
is marked as not observed. Kernels therefore see no gaps; validity is decided from the marks alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bqx.errors import BqxError
from bqx.kernels.grid import lay
from bqx.market import Calendar

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

QUOTES = ("bid", "ask", "bid_low", "ask_high")
"""Rows of `BarArrays.quotes`: last bid, last ask, lowest bid, highest ask of the minute."""

NEVER = 2**31
"""Age of the newest bar in rows before the first one."""


@dataclass(frozen=True)
class BarArrays:
    """A pair's bars in order of time, as arrays of equal length.

    Attributes:
        minutes: Epoch minutes of the bars' opens, increasing.
        open: First price of the minute.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Tick volume; NaN where the source has none.
        quotes: Shape (4, n), see `QUOTES`; NaN where the source has none, None if it nowhere has.
    """

    minutes: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    quotes: FloatArray | None = None

    def take(self, keep: BoolArray | slice) -> BarArrays:
        """The bars where ``keep`` is true, or a range of them (which copies nothing)."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        quotes = None if self.quotes is None else self.quotes[:, keep]
        opens, highs, lows, closes, volume = (column[keep] for column in columns)
        return BarArrays(self.minutes[keep], opens, highs, lows, closes, volume, quotes)

    def times(self, factor: FloatArray | float, volume: FloatArray | float = 1.0) -> BarArrays:
        """The bars with all prices and quotes, and the volumes, multiplied."""
        opens, highs, lows, closes = (
            price * factor for price in (self.open, self.high, self.low, self.close)
        )
        quotes = None if self.quotes is None else self.quotes * factor
        return BarArrays(self.minutes, opens, highs, lows, closes, self.volume * volume, quotes)


@dataclass(frozen=True)
class Quotes:
    """Quotes on the grid; a missing minute repeats the last bid and ask."""

    bid: FloatArray
    ask: FloatArray
    bid_low: FloatArray
    ask_high: FloatArray


@dataclass(frozen=True)
class Grid:
    """Consecutive rows of the trading-minute grid, filled from a pair's bars.

    Attributes:
        first: Absolute row of element 0; kernels anchor their blocks on absolute rows.
        start: Absolute row from which the history counts: the first bar with a rate index.
        minutes: Epoch minute of each row.
        close: Last price; a missing minute repeats the previous one.
        observed: Whether the minute has a bar.
        age: Rows since the newest bar, 0 in an observed minute.
        bars: The bars behind the rows.
        newest: Index of each row's newest bar.
        empty: Rows at the start that lie before the first bar; their prices are NaN.
    """

    first: int
    start: int
    minutes: Int64Array
    close: FloatArray
    observed: BoolArray
    age: Int64Array
    bars: BarArrays
    newest: Int64Array
    empty: int = 0

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.minutes)

    def since(self, row: int) -> Grid:
        """The rows from absolute row ``row`` on; nothing is copied."""
        cut = row - self.first
        arrays = ("minutes", "close", "observed", "age", "newest")
        parts = {name: getattr(self, name)[cut:] for name in arrays}
        return replace(self, first=row, empty=max(self.empty - cut, 0), **parts)

    @cached_property
    def open(self) -> FloatArray:
        """First price; a missing minute repeats the previous close."""
        return self._filled(self.bars.open, self.close)

    @cached_property
    def high(self) -> FloatArray:
        """Highest price; a missing minute repeats the previous close."""
        return self._filled(self.bars.high, self.close)

    @cached_property
    def low(self) -> FloatArray:
        """Lowest price; a missing minute repeats the previous close."""
        return self._filled(self.bars.low, self.close)

    @cached_property
    def volume(self) -> FloatArray:
        """Tick volume: 0 in a missing minute, NaN where the source has none."""
        return self._filled(self.bars.volume, np.zeros(len(self)))

    @cached_property
    def quotes(self) -> Quotes | None:
        """Bid and ask; None where no bar of the slice has them."""
        if self.bars.quotes is None:
            return None
        bid, ask, low, high = self.bars.quotes
        bids, asks = (self._headless(side[self.newest]) for side in (bid, ask))
        return Quotes(bids, asks, self._filled(low, bids), self._filled(high, asks))

    def _filled(self, values: FloatArray, missing: FloatArray) -> FloatArray:
        return np.where(self.observed, values[self.newest], missing)

    def _headless(self, values: FloatArray) -> FloatArray:
        values[: self.empty] = np.nan
        return values


def open_bars(bars: BarArrays, calendar: Calendar) -> BarArrays:
    """The bars inside trading minutes; the others have no row on the grid."""
    keep = calendar.is_open(bars.minutes)
    return bars if keep.all() else bars.take(keep)


def fill(
    bars: BarArrays,
    calendar: Calendar,
    first: int,
    last: int,
    start: int,
    *,
    may_begin_later: bool = False,
) -> Grid:
    """Lay bars on the rows ``[first, last)``.

    Args:
        bars: Bars inside trading minutes. When the row ``first`` has no bar, they must begin with
            an earlier one, whose close fills the start.
        calendar: The grid.
        first: Absolute row of the first element.
        last: Absolute row after the last element.
        start: Absolute row from which the history counts.
        may_begin_later: Whether rows may lie before the first bar; their prices are NaN then.

    Raises:
        BqxError: If nothing precedes a missing first row, and that is not allowed.
    """
    minutes = calendar.minutes(first, last)
    newest, age = np.empty_like(minutes), np.empty_like(minutes)
    lay(minutes, bars.minutes, _age_before(bars, calendar, minutes, first), newest, age)
    empty = int(np.searchsorted(newest, 0))
    if empty and not may_begin_later:
        raise BqxError(
            f"no bar at or before grid row {first}",
            expected="bars that begin at or before the first row",
            hint="start the slice at the pair's first bar",
        )
    if empty:
        age[:empty], newest[:empty] = NEVER, 0
    known = bars if len(bars.minutes) else _no_bar(minutes)
    close = known.close[newest]
    close[:empty] = np.nan
    return Grid(first, start, minutes, close, age == 0, age, known, newest, empty)


def bare_grid(calendar: Calendar, first: int, last: int) -> Grid:
    """The rows ``[first, last)`` without the bars of any pair; each counts as observed."""
    minutes = calendar.minutes(first, last)
    nothing = np.zeros_like(minutes)
    close = np.full(len(minutes), np.nan)
    seen = np.ones(len(minutes), np.bool_)
    return Grid(first, first, minutes, close, seen, nothing, _no_bar(minutes), nothing)


def _no_bar(minutes: Int64Array) -> BarArrays:
    """One bar without prices, so that every row has a newest one."""
    unknown = np.full(1, np.nan)
    return BarArrays(minutes[:1], unknown, unknown, unknown, unknown, unknown)


def _age_before(bars: BarArrays, calendar: Calendar, minutes: Int64Array, first: int) -> int:
    """Rows from the newest bar before the first row to the row before that one."""
    k = int(bars.minutes.searchsorted(minutes[0])) - 1 if len(minutes) else -1
    if k < 0:
        return 0
    row, _ = calendar.row_range(int(bars.minutes[k]), 0)
    return first - row - 1

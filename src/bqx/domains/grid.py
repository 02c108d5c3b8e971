"""A pair's bars on the trading-minute grid: dense arrays with previous-tick fill.

Inside the week a missing minute takes the previous close (previous-tick interpolation, Dacorogna,
Gençay, Müller, Olsen and Pictet 2001, *An Introduction to High-Frequency Finance*), volume 0, and
is marked as not observed. Kernels therefore see no gaps; validity is decided from the marks alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bqx.errors import BqxError
from bqx.kernels.grid import lay
from bqx.market import Calendar

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


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
    """

    minutes: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def take(self, keep: BoolArray | slice) -> BarArrays:
        """The bars where ``keep`` is true, or a range of them (which copies nothing)."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return BarArrays(self.minutes[keep], *(column[keep] for column in columns))


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
    """

    first: int
    start: int
    minutes: Int64Array
    close: FloatArray
    observed: BoolArray
    age: Int64Array
    bars: BarArrays
    newest: Int64Array

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.minutes)

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

    def _filled(self, values: FloatArray, missing: FloatArray) -> FloatArray:
        return np.where(self.observed, values[self.newest], missing)


def open_bars(bars: BarArrays, calendar: Calendar) -> BarArrays:
    """The bars inside trading minutes; the others have no row on the grid."""
    keep = calendar.is_open(bars.minutes)
    return bars if keep.all() else bars.take(keep)


def fill(bars: BarArrays, calendar: Calendar, first: int, last: int, start: int) -> Grid:
    """Lay bars on the rows ``[first, last)``.

    Args:
        bars: Bars inside trading minutes. When the row ``first`` has no bar, they must begin with
            an earlier one, whose close fills the start.
        calendar: The grid.
        first: Absolute row of the first element.
        last: Absolute row after the last element.
        start: Absolute row from which the history counts.

    Raises:
        BqxError: If nothing precedes a missing first row.
    """
    minutes = calendar.minutes(first, last)
    newest, age = np.empty_like(minutes), np.empty_like(minutes)
    lay(minutes, bars.minutes, _age_before(bars, calendar, minutes, first), newest, age)
    if len(newest) and newest[0] < 0:
        raise BqxError(
            f"no bar at or before grid row {first}",
            expected="bars that begin at or before the first row",
            hint="start the slice at the pair's first bar",
        )
    return Grid(
        first=first,
        start=start,
        minutes=minutes,
        close=bars.close[newest],
        observed=age == 0,
        age=age,
        bars=bars,
        newest=newest,
    )


def _age_before(bars: BarArrays, calendar: Calendar, minutes: Int64Array, first: int) -> int:
    """Rows from the newest bar before the first row to the row before that one."""
    k = int(bars.minutes.searchsorted(minutes[0])) - 1 if len(minutes) else -1
    if k < 0:
        return 0
    row, _ = calendar.row_range(int(bars.minutes[k]), 0)
    return first - row - 1

"""A pair's bars on the trading-minute grid: dense arrays with previous-tick fill.

Inside the week a missing minute takes the previous close (previous-tick interpolation, Dacorogna,
Gençay, Müller, Olsen and Pictet 2001, *An Introduction to High-Frequency Finance*), volume 0, and
is marked as not observed. Kernels therefore see no gaps; validity is decided from the marks alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import BqxError
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

    def take(self, keep: BoolArray) -> BarArrays:
        """The bars where ``keep`` is true."""
        columns = (self.open, self.high, self.low, self.close, self.volume)
        return BarArrays(self.minutes[keep], *(column[keep] for column in columns))


@dataclass(frozen=True)
class Grid:
    """Consecutive rows of the trading-minute grid, filled from a pair's bars.

    Attributes:
        first: Absolute row of element 0; kernels anchor their blocks on absolute rows.
        start: Absolute row from which the history counts: the first bar with a rate index.
        minutes: Epoch minute of each row.
        open: Prices of each row; a missing minute repeats the previous close.
        high: See ``open``.
        low: See ``open``.
        close: See ``open``.
        volume: Tick volume, 0 in a missing minute, NaN where the source has none.
        observed: Whether the minute has a bar.
        age: Rows since the newest bar, 0 in an observed minute.
    """

    first: int
    start: int
    minutes: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    observed: BoolArray
    age: Int64Array

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.minutes)


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
    rows = calendar.row_at_or_after(bars.minutes) - first
    newest = np.full(last - first, -1, np.int64)
    inside = (rows >= 0) & (rows < last - first)
    newest[rows[inside]] = np.flatnonzero(inside)
    observed = newest >= 0
    before = int(np.searchsorted(rows, 0)) - 1
    if len(newest) and not observed[0]:
        if before < 0:
            raise BqxError(
                f"no bar at or before grid row {first}",
                expected="bars that begin at or before the first row",
                hint="start the slice at the pair's first bar",
            )
        newest[0] = before
    np.maximum.accumulate(newest, out=newest)
    close = bars.close[newest]
    return Grid(
        first=first,
        start=start,
        minutes=calendar.minutes(first, last),
        open=np.where(observed, bars.open[newest], close),
        high=np.where(observed, bars.high[newest], close),
        low=np.where(observed, bars.low[newest], close),
        close=close,
        volume=np.where(observed, bars.volume[newest], 0.0),
        observed=observed,
        age=np.arange(last - first) - rows[newest],
    )

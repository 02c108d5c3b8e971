"""Bars of a domain: index bars of one row, or trailing bars of the BQX series over 15 rows.

BQX has no prices within a minute. A family that needs open, high, low and close gets a bar over the
last 15 rows at every row; the bar before it ends 15 rows earlier. Bars of one row would make range
estimators vanish, and bars from the prices within the minute would repeat the rate domain, because
BQX is monotone in the current price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqx.domains.grid import FloatArray
from bqx.domains.rate import IndexBars
from bqx.kernels.extrema import minmax


@dataclass(frozen=True)
class Bars:
    """Open, high, low and close of the bar that ends at each row."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


def index_bars(index: IndexBars) -> Bars:
    """The bars of the rate domain: one row each."""
    return Bars(index.open, index.high, index.low, index.close)


def trailing_bars(series: FloatArray, rows: int, origin: int, out: FloatArray) -> Bars:
    """Bars over the last ``rows`` values of a series, at every row.

    Args:
        series: Shape (n,).
        rows: Rows in a bar.
        origin: Absolute grid row of element 0.
        out: Shape (3, n), filled with open, high and low; NaN where a bar is not complete.
    """
    opens, highs, lows = out
    opens[: rows - 1] = np.nan
    opens[rows - 1 :] = series[: len(series) - rows + 1]
    minmax(series, rows, origin, lows, highs)
    return Bars(opens, highs, lows, series)

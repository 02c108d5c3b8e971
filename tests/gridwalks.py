"""Lognormal walks laid on the grid, for tests of targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.domains.domain import Domains
from bqx.domains.grid import BarArrays, fill
from bqx.market import Calendar, as_utc, epoch_minute

FloatArray = NDArray[np.float64]

GRID = Calendar()


def row_at(moment: str) -> int:
    """Absolute row of a UTC time, on the calendar of the tests."""
    minute = epoch_minute(as_utc(moment))
    return GRID.row_range(minute, minute + 1)[0]


def domains_of(
    closes: FloatArray, start: str = "2019-01-07T00:00", missing: tuple[int, ...] = ()
) -> Domains:
    """Domains over consecutive rows from ``start``; the first row is the first bar.

    Args:
        closes: One price per row.
        start: Time of the first row, in UTC.
        missing: Rows without a bar, counted from the first.
    """
    first = row_at(start)
    keep = np.ones(len(closes), np.bool_)
    keep[list(missing)] = False
    minutes = GRID.minutes(first, first + len(closes))[keep]
    prices = closes[keep]
    bars = BarArrays(minutes, prices, prices, prices, prices, np.ones(len(prices)))
    return Domains(fill(bars, GRID, first, first + len(closes), first), float(prices[0]))


def walk(
    rng: np.random.Generator, shape: int | tuple[int, ...], sd: float, drift: float = 0.5
) -> FloatArray:
    """Lognormal paths along the last axis, the first value after one return.

    Args:
        rng: Source of the returns.
        shape: Of the result.
        sd: Standard deviation of a log return.
        drift: Mean of a log return in units of ``sd^2``: 1/2 makes the inverse a martingale, -1/2
            the path itself.
    """
    return np.exp(np.cumsum(rng.normal(drift * sd**2, sd, shape), axis=-1))

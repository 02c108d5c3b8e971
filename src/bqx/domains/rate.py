"""The rate index: prices relative to one stored baseline per pair, times 100."""

from __future__ import annotations

from dataclasses import dataclass

from bqx.domains.grid import BarArrays, FloatArray, Grid

BASE = 100.0


@dataclass(frozen=True)
class Baseline:
    """The close that stands for 100.

    Attributes:
        minute: Epoch minute of its bar.
        rate: The close.
    """

    minute: int
    rate: float


@dataclass(frozen=True)
class IndexBars:
    """Open, high, low and close index, one value per row, on the same baseline."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


def first_baseline(bars: BarArrays, not_before: int | None = None) -> Baseline | None:
    """The first bar at or after ``not_before`` (an epoch minute); None when there is none."""
    at = 0 if not_before is None else int(bars.minutes.searchsorted(not_before))
    if at >= len(bars.minutes):
        return None
    return Baseline(int(bars.minutes[at]), float(bars.close[at]))


def index_bars(grid: Grid, baseline: float) -> IndexBars:
    """``price / baseline * 100`` for the four prices; exactly 100 at the baseline's close."""
    prices = (grid.open, grid.high, grid.low, grid.close)
    return IndexBars(*(price / baseline * BASE for price in prices))

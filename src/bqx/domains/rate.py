"""The rate index: prices relative to one stored baseline per pair, times 100."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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


class IndexBars:
    """Open, high, low and close index, one value per row: ``price / baseline * 100``.

    The close index, which is the rate index, is exactly 100 at the baseline's close; the other
    three are made when they are asked for.

    Args:
        grid: The slice.
        baseline: The close that stands for 100.
    """

    def __init__(self, grid: Grid, baseline: float) -> None:
        self._grid = grid
        self._baseline = baseline
        self.close = self._index(grid.close)

    @cached_property
    def open(self) -> FloatArray:
        """Index of the first price."""
        return self._index(self._grid.open)

    @cached_property
    def high(self) -> FloatArray:
        """Index of the highest price."""
        return self._index(self._grid.high)

    @cached_property
    def low(self) -> FloatArray:
        """Index of the lowest price."""
        return self._index(self._grid.low)

    def _index(self, prices: FloatArray) -> FloatArray:
        return prices / self._baseline * BASE


def first_baseline(bars: BarArrays, not_before: int | None = None) -> Baseline | None:
    """The first bar at or after ``not_before`` (an epoch minute); None when there is none."""
    at = 0 if not_before is None else int(bars.minutes.searchsorted(not_before))
    if at >= len(bars.minutes):
        return None
    return Baseline(int(bars.minutes[at]), float(bars.close[at]))

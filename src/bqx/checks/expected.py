"""What a pair's tables must hold, worked out a second time from its bars alone.

Nothing here shares code with the families or with ``bqx.domains.validity``, except the calendar:
a check that asks the code under test what to expect cannot fail. The plain way is taken where the
other one is fast, and the thresholds of the NULL rule are written down a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.market import Calendar, month_bounds

COVERAGE_PERCENT = 90
MAX_AGE = 5
BQX_ROWS = 15
FLAT_SST = 1e-18
# SST >= range² / 2, so a flat window cannot hold two values farther apart than this.
_FLAT_RANGE = 1.5e-9
_CHUNK = 4096


@dataclass(frozen=True)
class Truth:
    """The trading minutes of a pair, its bars on them, and what follows from both.

    A *position* counts the trading minutes from the pair's first bar.

    Attributes:
        pair: Pair.
        minutes: Epoch minute of each position, up to the last bar.
        bars: Positions that have a bar.
        closes: Close of each bar.
        start: First position whose history counts: the baseline's, or the first bar's if later.
        baseline: Close that stands for a rate index of 100.
        outside: Bars of each month that lie outside trading minutes.
    """

    pair: str
    minutes: Int64Array
    bars: Int64Array
    closes: FloatArray
    start: int
    baseline: float
    outside: Mapping[str, int] = field(default_factory=dict)

    def span(self, month: str) -> tuple[int, int]:
        """Positions of a month, half open."""
        low, high = np.searchsorted(self.minutes, month_bounds(month))
        return int(low), int(high)

    @cached_property
    def _newest(self) -> Int64Array:
        """For each position, how many bars there are up to and including it."""
        return np.searchsorted(self.bars, np.arange(len(self.minutes)), side="right")

    @cached_property
    def index(self) -> FloatArray:
        """Rate index of each position; a minute without a bar keeps the last close."""
        return self.closes[self._newest - 1] / self.baseline * 100.0

    @cached_property
    def bqx(self) -> FloatArray:
        """Backward return over 15 rows: the mean way down to now, times 15, over now."""
        out = np.full(len(self.index), np.nan)
        if len(out) > BQX_ROWS:
            windows = sliding_window_view(self.index, BQX_ROWS + 1)
            now = windows[:, -1]
            out[BQX_ROWS:] = (windows[:, :-1] - now[:, None]).sum(axis=1) / now
        return out

    def series(self, domain: str) -> FloatArray:
        """The series of a domain at each position."""
        return self.index if domain == "rate" else self.bqx

    def valid(self, history: int, low: int, high: int) -> BoolArray:
        """Where a value with that history must be shown, on the positions ``[low, high)``."""
        at = np.arange(low, high)
        seen = self._newest[low:high]
        inside = seen - np.searchsorted(self.bars, at - history, side="right")
        age = at - self.bars[seen - 1]
        known = at - history + 1 >= self.start
        return known & (100 * inside >= COVERAGE_PERCENT * history) & (age <= MAX_AGE)

    def flat(self, domain: str, window: int, low: int, high: int) -> BoolArray:
        """Where the window's sum of squares about its mean is below `FLAT_SST`."""
        first = max(low - window + 1, 0)
        values = self.series(domain)[first:high]
        still = _runs(np.abs(np.diff(values, prepend=np.nan)) <= _FLAT_RANGE)[low - first :]
        flat = np.zeros(high - low, np.bool_)
        candidates = np.flatnonzero(still >= window - 1)
        if len(candidates) == 0:
            return flat
        windows = sliding_window_view(values, window)
        for at in np.array_split(candidates, len(candidates) // _CHUNK + 1):
            rows = windows[at + low - first - window + 1]
            deviations = rows - rows.mean(axis=1, keepdims=True)
            flat[at] = (deviations * deviations).sum(axis=1) < FLAT_SST
        return flat


def _runs(true: BoolArray) -> Int64Array:
    """How many true values in a row end at each place."""
    places = np.arange(len(true))
    return places - np.maximum.accumulate(np.where(true, -1, places))


def constant(values: FloatArray, window: int) -> BoolArray:
    """Where the last ``window`` values are one and the same number."""
    return np.asarray(_runs(np.diff(values, prepend=np.nan) == 0.0) >= window - 1)


def truth(
    pair: str,
    bars: Mapping[str, tuple[Int64Array, FloatArray]],
    calendar: Calendar,
    baseline: tuple[int, float],
) -> Truth | None:
    """Lay a pair's bars on the trading minutes.

    Args:
        pair: Pair.
        bars: Epoch minutes and closes of all of its bars by month, in order of time.
        calendar: Trading minutes.
        baseline: Epoch minute and close of the bar that stands for 100.

    Returns:
        None when no bar lies in a trading minute.
    """
    inside = {month: calendar.is_open(minutes) for month, (minutes, _) in bars.items()}
    if not any(keep.any() for keep in inside.values()):
        return None
    minutes = np.concatenate([bars[month][0][keep] for month, keep in inside.items()])
    everything = np.arange(minutes[0], minutes[-1] + 1)
    trading = everything[calendar.is_open(everything)]
    return Truth(
        pair=pair,
        minutes=trading,
        bars=np.searchsorted(trading, minutes),
        closes=np.concatenate([bars[month][1][keep] for month, keep in inside.items()]),
        start=int(np.searchsorted(trading, baseline[0])),
        baseline=baseline[1],
        outside={month: int(np.count_nonzero(~keep)) for month, keep in inside.items()},
    )

"""A pair's bars in a legacy database, and whether its rate index is what the bars say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bqx.checks.expected import Truth, truth
from bqx.domains.grid import BarArrays, FloatArray, Int64Array, open_bars
from bqx.domains.rate import BASE
from bqx.domains.together import PairBars
from bqx.errors import BqxError
from bqx.market import Calendar, epoch_minute, month_of
from bqx.market.week import as_utc
from bqx.postgres.connect import Connection
from bqx.stages.column_values import column_values
from bqx.stages.target import SCHEMA

LEGACY_BASELINE = epoch_minute(as_utc("2024-07-01"))
"""Minute at or after which the first version's index was 100."""
INDEX_TOLERANCE = 1e-9
"""Greatest relative difference between a stored index and the one that the bars give."""
_MICROS_A_MINUTE = 60_000_000
_COLUMNS = ("open", "high", "low", "close", "volume", "rate_index")


@dataclass(frozen=True)
class LegacyBars:
    """A pair's bars in order of time.

    Attributes:
        pair: The pair.
        bars: All of its bars, those outside of trading minutes too.
        index: The rate index stored beside them; NaN where there is none.
        calendar: Trading minutes.
    """

    pair: str
    bars: BarArrays
    index: FloatArray
    calendar: Calendar

    @cached_property
    def usable(self) -> BarArrays:
        """The bars inside trading minutes."""
        return open_bars(self.bars, self.calendar)

    @cached_property
    def baseline(self) -> int | None:
        """Position of the bar whose index is 100; None when all bars lie before that time."""
        at = int(self.bars.minutes.searchsorted(LEGACY_BASELINE))
        return at if at < len(self.bars.minutes) else None

    @property
    def rate(self) -> float:
        """Close that stands for 100.

        Raises:
            BqxError: If there is no such bar.
        """
        if self.baseline is None:
            raise BqxError(
                f"m1_{self.pair} has no bar at or after the legacy baseline, 2024-07-01 00:00 UTC",
                expected="the bar whose close stands for 100",
            )
        return float(self.bars.close[self.baseline])

    @cached_property
    def strangers(self) -> int:
        """Bars whose stored index is not their close over the baseline's."""
        if self.baseline is None:
            return len(self.index)
        wanted = self.bars.close / self.rate * BASE
        near = np.abs(self.index - wanted) <= INDEX_TOLERANCE * wanted
        return int(np.count_nonzero(~near))

    @property
    def known(self) -> PairBars:
        """The bars as the domains take them; the history counts from the first one."""
        return PairBars(self.usable, self.rate)

    @cached_property
    def truth(self) -> Truth:
        """What tables of the pair must hold, by the second implementation.

        Raises:
            BqxError: If no bar lies in a trading minute.
        """
        minutes, closes = self.usable.minutes, self.usable.close
        found = None
        if len(minutes):
            everything = {month_of(int(minutes[0])): (minutes, closes)}
            baseline = (int(minutes[0]), self.rate)
            found = truth(self.pair, everything, self.calendar, baseline)
        if found is None:
            raise BqxError(
                f"none of {len(self.bars.minutes)} bars of m1_{self.pair} lies in a trading minute",
                expected=f"bars inside {self.calendar.identity}",
            )
        return found


def read_bars(connection: Connection, pair: str, calendar: Calendar) -> LegacyBars:
    """Read ``m1_{pair}``, all of its months.

    Raises:
        BqxError: If a time repeats or is no whole minute, or a price is missing or not positive.
    """
    micros, found = column_values(connection, f"{SCHEMA}.m1_{pair}", _COLUMNS)
    _check(pair, micros, np.array([found[name] for name in _COLUMNS[:4]]))
    prices = (found[name] for name in _COLUMNS[:5])
    bars = BarArrays(micros // _MICROS_A_MINUTE, *prices)
    return LegacyBars(pair, bars, found["rate_index"], calendar)


def _check(pair: str, micros: Int64Array, prices: FloatArray) -> None:
    uneven = int(np.count_nonzero(micros % _MICROS_A_MINUTE))
    repeated = int(np.count_nonzero(np.diff(micros) == 0))
    bad = int(np.count_nonzero(~(np.isfinite(prices) & (prices > 0)).all(axis=0)))
    if uneven or repeated or bad:
        raise BqxError(
            f"m1_{pair} has {repeated} repeated times, {uneven} times within a minute and {bad}"
            " bars with a price that is missing or not positive",
            expected="one bar per whole minute, prices positive",
            hint=f"look at {SCHEMA}.m1_{pair}; `bqx ingest` says which rows it would refuse",
        )

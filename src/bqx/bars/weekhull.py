"""Proposing a shorter trading week for a source that never has the whole FX week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.market import TradingWeek

ZONES = ("UTC", "America/New_York")
"""Time zones in which a broker's week may be constant; the first wins a tie."""
MIN_WEEKS = 4
"""Number of whole weeks that a proposal needs."""
MIN_SHORTER = 60
"""Minutes that the open or the close must differ from the trading week's at least once."""

_BLOCK = 15
_WEEK = 7 * 24 * 60
_BLOCKS = _WEEK // _BLOCK
# Blocks are numbered from Saturday noon, when no market is open; 1970-01-01 was a Thursday.
_ORIGIN = 2 * 24 * 60 + 12 * 60
_MIN_BARS = 2
_SHARE = 0.5
_FAR = 8


@dataclass(frozen=True)
class _Hull:
    """The weekly blocks [first, last] that are traded by the wall clock of a zone."""

    zone: str
    first: int
    last: int
    unrest: float

    def week(self) -> TradingWeek:
        open_day, open_time = _moment(self.first)
        close_day, close_time = _moment(self.last + 1)
        return TradingWeek(open_day, open_time, close_day, close_time, self.zone)


def _moment(block: int) -> tuple[int, time]:
    """Weekday (0 = Monday) and time of a block's start."""
    day, minute = divmod(block * _BLOCK + 5 * 24 * 60 + 12 * 60, 24 * 60)
    return day % 7, time(minute // 60, minute % 60)


def propose_week(bars: pl.DataFrame, week: TradingWeek) -> str | None:
    """A week that leaves out the hours in which the source never has bars.

    A quarter of an hour belongs to the source's week if at least half of the weeks have two bars in
    it: a lone bar at the closing minute does not count. Of UTC and New York time the zone is taken
    in which the open and the close stand still.

    Args:
        bars: Accepted bars.
        week: The week in use.

    Returns:
        The text that `TradingWeek.parse` reads, or None if there are fewer than `MIN_WEEKS` whole
        weeks or nothing to leave out.
    """
    whole = _whole_weeks(bars, week)
    if whole is None:
        return None
    minutes, weeks, count = whole
    hulls = [hull for zone in ZONES if (hull := _hull(minutes, weeks, count, zone)) is not None]
    if not hulls:
        return None
    proposal = min(hulls, key=lambda hull: hull.unrest).week()
    return str(proposal) if _is_shorter(proposal, week, minutes) else None


def _whole_weeks(
    bars: pl.DataFrame, week: TradingWeek
) -> tuple[NDArray[np.int64], NDArray[np.int64], int] | None:
    """Epoch minutes of the bars in weeks that lie inside the data, and the number of their week."""
    minutes = bars["ts_utc"].dt.epoch("s").to_numpy() // 60
    starts, _ = week.sessions()
    number = np.searchsorted(starts, minutes, side="right") - 1
    if not len(minutes):
        return None
    # The first and the last week may be cut by the ends of the file.
    inside = (number > number[0]) & (number < number[-1])
    found = np.unique(number[inside])
    if len(found) < MIN_WEEKS:
        return None
    return minutes[inside], np.searchsorted(found, number[inside]), len(found)


def _hull(
    minutes: NDArray[np.int64], weeks: NDArray[np.int64], count: int, zone: str
) -> _Hull | None:
    block = (_wall_minutes(minutes, zone) - _ORIGIN) % _WEEK // _BLOCK
    bars = np.bincount(weeks * _BLOCKS + block, minlength=count * _BLOCKS)
    traded = bars.reshape(count, _BLOCKS) >= _MIN_BARS
    usual = np.flatnonzero(traded.mean(axis=0) >= _SHARE)
    busy = traded[traded.any(axis=1)]
    if not len(usual):
        return None
    first, last = int(usual[0]), int(usual[-1])
    opens = busy.argmax(axis=1)
    closes = _BLOCKS - 1 - busy[:, ::-1].argmax(axis=1)
    # A holiday moves one open far away; it must not outweigh half a year of daylight saving.
    away = np.minimum(np.abs(opens - first), _FAR) + np.minimum(np.abs(closes - last), _FAR)
    return _Hull(zone, first, last, float(away.mean()))


def _wall_minutes(minutes: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    moments = pl.Series(minutes * 60).cast(pl.Int64) * 1_000_000
    wall = moments.cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    return np.asarray(wall.dt.replace_time_zone(None).dt.epoch("s").to_numpy() // 60)


def _is_shorter(proposal: TradingWeek, week: TradingWeek, minutes: NDArray[np.int64]) -> bool:
    """Whether the proposed week opens later, or closes earlier, in some week of the data."""
    starts, ends = week.sessions()
    new_starts, new_ends = proposal.sessions()
    low, high = np.searchsorted(starts, [minutes[0], minutes[-1]], side="right") - 1
    span = slice(int(low), int(high) + 1)
    late = _nearest(new_starts, starts[span]) - starts[span]
    early = ends[span] - _nearest(new_ends, ends[span])
    return bool(max(late.max(), early.max()) >= MIN_SHORTER)


def _nearest(values: NDArray[np.int64], to: NDArray[np.int64]) -> NDArray[np.int64]:
    after = np.clip(np.searchsorted(values, to), 1, len(values) - 1)
    before = values[after - 1]
    return np.where(to - before < values[after] - to, before, values[after])

"""The trading week and the grid of trading minutes, numbered once for all pairs.

Times are whole minutes since 1970-01-01 00:00 UTC ("epoch minutes"). A *row* is the running number
of a trading minute: closed minutes have none, so a window of W rows is W trading minutes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Int64Array = NDArray[np.int64]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST_YEAR, LAST_YEAR = 1990, 2100
_FORM = re.compile(
    r"^(?P<open_day>\w{3}) (?P<open>\d\d:\d\d)"
    r" - (?P<close_day>\w{3}) (?P<close>\d\d:\d\d) (?P<zone>\S+)$"
)


@dataclass(frozen=True)
class TradingWeek:
    """One session a week, from ``open_day`` ``open_time`` until ``close_day`` ``close_time``.

    Args:
        open_day: Weekday of the open, 0 = Monday.
        open_time: Local time of the first tradable minute.
        close_day: Weekday of the close.
        close_time: Local time of the first minute that is closed.
        zone: IANA time zone of both times; daylight saving is the zone's own.
    """

    open_day: int
    open_time: time
    close_day: int
    close_time: time
    zone: str

    @classmethod
    def parse(cls, text: str) -> TradingWeek:
        """Read ``Sun 17:00 - Fri 17:00 America/New_York``.

        Raises:
            ConfigError: If the text has another form, or names an unknown weekday or time zone.
        """
        match = _FORM.match(" ".join(text.split()))
        if match is None:
            raise _week_error(text)
        days = [match["open_day"].lower(), match["close_day"].lower()]
        if not set(days) <= set(DAYS):
            raise _week_error(text)
        try:
            ZoneInfo(match["zone"])
            times = [time.fromisoformat(match[k]) for k in ("open", "close")]
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise _week_error(text) from error
        return cls(DAYS.index(days[0]), times[0], DAYS.index(days[1]), times[1], match["zone"])

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        opens = f"{DAYS[self.open_day].title()} {self.open_time:%H:%M}"
        return f"{opens} - {DAYS[self.close_day].title()} {self.close_time:%H:%M} {self.zone}"

    def sessions(self) -> tuple[Int64Array, Int64Array]:
        """Opens and exclusive closes of the weeks from 1990 to 2100, in epoch minutes."""
        return _sessions(self)


def _week_error(text: str) -> ConfigError:
    return ConfigError(
        f"unreadable trading week {text!r}",
        expected="DAY HH:MM - DAY HH:MM ZONE",
        hint="for example 'Sun 17:00 - Fri 17:00 America/New_York' or 'Mon 00:00 - Fri 21:00 UTC'",
    )


FX_WEEK = TradingWeek(6, time(17), 4, time(17), "America/New_York")
"""The FX week: Sunday 17:00 until Friday 17:00 New York time, 7,200 minutes."""


@lru_cache(maxsize=8)
def _sessions(week: TradingWeek) -> tuple[Int64Array, Int64Array]:
    zone = ZoneInfo(week.zone)
    first = date(FIRST_YEAR, 1, 1)
    first += timedelta(days=(week.open_day - first.weekday()) % 7)
    length = (week.close_day - week.open_day) % 7
    if length == 0 and week.close_time <= week.open_time:
        length = 7
    days = [first + timedelta(days=7 * k) for k in range((date(LAST_YEAR, 1, 1) - first).days // 7)]
    opens = [epoch_minute(datetime.combine(d, week.open_time, zone)) for d in days]
    closes = [
        epoch_minute(datetime.combine(d + timedelta(days=length), week.close_time, zone))
        for d in days
    ]
    return np.array(opens, np.int64), np.array(closes, np.int64)


def as_utc(moment: str | date | datetime) -> datetime:
    """An aware time: text is ISO 8601, a day is its midnight, what has no time zone is UTC.

    Raises:
        ValueError: If a text cannot be read.
    """
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def read_moment(moment: str | date | datetime) -> datetime:
    """The aware time that a user gives; see `as_utc`.

    Raises:
        ConfigError: If a text cannot be read.
    """
    try:
        return as_utc(moment)
    except ValueError as error:
        raise ConfigError(
            f"unreadable time {moment!r}", expected="ISO 8601", hint="2019-01-02T22:30"
        ) from error


def epoch_minute(moment: datetime) -> int:
    """Epoch minute of an aware datetime, rounded down."""
    return int(moment.timestamp()) // 60


def moment_of(minute: int) -> datetime:
    """The aware UTC datetime of an epoch minute."""
    return datetime.fromtimestamp(minute * 60, UTC)


@dataclass(frozen=True)
class Closure:
    """A span without trading, such as a holiday, in UTC: ``start`` inclusive, ``end`` exclusive."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str) -> Closure:
        """Read a UTC date (``2018-12-25``) or a span (``2018-12-24T22:00/2018-12-25T22:00``).

        Raises:
            ConfigError: If the text is neither, or ends before it starts.
        """
        try:
            if "/" in text:
                start, end = (as_utc(part) for part in text.split("/", 1))
            else:
                start = datetime.combine(date.fromisoformat(text), time(), UTC)
                end = start + timedelta(days=1)
        except ValueError as error:
            raise _closure_error(text) from error
        if end <= start:
            raise _closure_error(text)
        return cls(start, end)

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        return f"{self.start.isoformat()}/{self.end.isoformat()}"


def _closure_error(text: str) -> ConfigError:
    return ConfigError(
        f"unreadable holiday {text!r}",
        expected="a UTC date, or START/END in ISO 8601 with END after START",
        hint="for example 2018-12-25 or 2018-12-24T22:00/2018-12-25T22:00",
    )


@dataclass(frozen=True)
class Calendar:
    """The trading-minute grid: a week and the closures taken out of it.

    Args:
        week: The weekly session.
        closures: Holidays.
    """

    week: TradingWeek = FX_WEEK
    closures: tuple[Closure, ...] = ()

    @cached_property
    def spans(self) -> tuple[Int64Array, Int64Array]:
        """Starts and exclusive ends of all open spans, in epoch minutes."""
        starts, ends = self.week.sessions()
        for closure in sorted(self.closures, key=lambda c: c.start):
            low, high = epoch_minute(closure.start), -(-int(closure.end.timestamp()) // 60)
            starts, ends = _cut(starts, ends, low, high)
        return starts, ends

    @cached_property
    def _first_rows(self) -> Int64Array:
        """Row number of the first minute of each span, and the total at the end."""
        starts, ends = self.spans
        return np.concatenate(([0], np.cumsum(ends - starts)))

    def is_open(self, minutes: Int64Array) -> NDArray[np.bool_]:
        """Whether each epoch minute is a trading minute."""
        starts, ends = self.spans
        span = _last_at_or_before(starts, minutes)
        inside = (span >= 0) & (minutes < ends[np.maximum(span, 0)])
        return np.asarray(inside, dtype=np.bool_)

    def row_at_or_after(self, minutes: Int64Array) -> Int64Array:
        """Row of each epoch minute; of the next trading minute where it is closed."""
        starts, ends = self.spans
        span = _last_at_or_before(starts, minutes)
        safe = np.maximum(span, 0)
        row = self._first_rows[safe] + np.minimum(minutes, ends[safe]) - starts[safe]
        return np.where(span < 0, 0, row)

    def row_range(self, start: int, end: int) -> tuple[int, int]:
        """Rows of the trading minutes in ``[start, end)`` epoch minutes, as a half-open range."""
        first, last = self.row_at_or_after(np.array([start, end], np.int64))
        return int(first), int(last)

    def minutes(self, first: int, last: int) -> Int64Array:
        """Epoch minutes of the rows ``[first, last)``."""
        starts, _ = self.spans
        borders = self._first_rows
        low, high = np.searchsorted(borders, [first, max(last - 1, first)], side="right") - 1
        inner = borders[low + 1 : high + 1] - first
        counts = np.diff(inner, prepend=0, append=last - first)
        offsets = np.repeat((starts - borders[:-1])[low : high + 1], counts)
        offsets += np.arange(first, last, dtype=np.int64)
        return offsets

    @property
    def identity(self) -> str:
        """A text that names the grid: equal texts, equal row numbers."""
        return "; ".join([str(self.week), *(str(c) for c in self.closures)])


def _last_at_or_before(borders: Int64Array, values: Int64Array) -> Int64Array:
    """Index of the last border at or before each value, -1 where there is none."""
    if len(values) < len(borders) or np.any(values[1:] < values[:-1]):
        return np.searchsorted(borders, values, side="right") - 1
    # In order, as they nearly always are: look up the few borders among the many values.
    low, high = np.searchsorted(borders, values[[0, -1]], side="right") - 1
    inner = np.searchsorted(values, borders[low + 1 : high + 1], side="left")
    counts = np.diff(inner, prepend=0, append=len(values))
    return np.repeat(np.arange(low, high + 1), counts)


def _cut(
    starts: Int64Array, ends: Int64Array, low: int, high: int
) -> tuple[Int64Array, Int64Array]:
    """Take the minutes [low, high) out of the spans."""
    left = np.stack([starts, np.minimum(ends, low)])
    right = np.stack([np.maximum(starts, high), ends])
    pieces = np.concatenate([left, right], axis=1)
    pieces = pieces[:, pieces[0] < pieces[1]]
    order = np.argsort(pieces[0], kind="stable")
    return pieces[0][order], pieces[1][order]


def calendar(week: str | None = None, holidays: Sequence[str] = ()) -> Calendar:
    """Build a calendar from texts, as they stand in the settings.

    Raises:
        ConfigError: If one of the texts cannot be read.
    """
    session = FX_WEEK if week is None else TradingWeek.parse(week)
    return Calendar(session, tuple(sorted((Closure.parse(h) for h in holidays), key=str)))

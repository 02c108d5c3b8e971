"""Time of day and week, one table for all pairs."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray, Int64Array
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature

DAY = 1440
WEEK_DAYS = 7
FRIDAY = 4
_FIRST_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""

ASIA, LONDON, OVERLAP, NEW_YORK, QUIET = 0, 8 * 60, 13 * 60, 16 * 60, 21 * 60
"""Minutes of the day at which sessions begin, in UTC; 13:00 is also New York's opening."""

_CODES = ((ASIA, 0), (LONDON, 1), (OVERLAP, 3), (NEW_YORK, 2), (QUIET, 4))
_OPENINGS = (ASIA, LONDON, OVERLAP)


def _circle(name: str, what: str, turns: str) -> Feature:
    return Feature(
        name,
        f"{what} on a circle.",
        unit="ratio",
        formula=f"{name.partition('sin')[1] or 'cos'}(2π {turns})",
        low=-1.0,
        high=1.0,
        history=1,
    )


def _table(size: int) -> tuple[FloatArray, FloatArray]:
    """Sine and cosine of each of ``size`` steps around the circle."""
    angles = 2.0 * np.pi * np.arange(size) / size
    return np.sin(angles), np.cos(angles)


def _last_at_or_before(times: tuple[int, ...], minute_of_day: Int64Array) -> Int64Array:
    """Which of the times of the day came last."""
    return np.asarray(np.searchsorted(times, minute_of_day, side="right") - 1)


class Time(Family):
    """Time of the day and the week, from the open minute of the row, in UTC.

    Sessions are fixed in UTC; those of London and New York really move by an hour with daylight
    saving.
    """

    table = "time"
    domains = ("rate",)
    single = True

    hour_sin = _circle("hour_sin", "Hour of the day", "hour/24")
    hour_cos = _circle("hour_cos", "Hour of the day", "hour/24")
    day_of_week_sin = _circle("day_of_week_sin", "Day of the week", "weekday/7, Monday = 0")
    day_of_week_cos = _circle("day_of_week_cos", "Day of the week", "weekday/7, Monday = 0")
    session_overlap = Feature(
        "session_overlap",
        "Whether London and New York are both open.",
        unit="flag",
        formula="1 if 13:00 <= time < 16:00",
        low=0.0,
        high=1.0,
        history=1,
        kind="flag",
    )
    is_weekend_approach = Feature(
        "is_weekend_approach",
        "Whether the week ends soon.",
        unit="flag",
        formula="1 on Friday from 16:00",
        low=0.0,
        high=1.0,
        history=1,
        kind="flag",
    )
    minutes_since_market_open = Feature(
        "minutes_since_market_open",
        "Minutes since the last opening of Asia (00:00), London (08:00) or New York (13:00).",
        unit="minutes",
        formula="minute of the day - last opening",
        low=0.0,
        high=659.0,
        history=1,
        kind="count",
    )
    trading_session = Feature(
        "trading_session",
        "Session: 0 Asia, 1 London, 3 London and New York, 2 New York, 4 quiet.",
        unit="category",
        formula="by the times 00:00, 08:00, 13:00, 16:00, 21:00",
        low=0.0,
        high=4.0,
        history=1,
        kind="category",
    )
    time_sin_minute = _circle("time_sin_minute", "Minute of the day", "minute of the day/1440")
    time_cos_minute = _circle("time_cos_minute", "Minute of the day", "minute of the day/1440")

    def compute_fixed(self, d: Domain) -> Columns:
        """All ten columns; circles are looked up, so that equal times have equal bits."""
        minute = d.grid.minutes % DAY
        weekday = (d.grid.minutes // DAY + _FIRST_WEEKDAY) % WEEK_DAYS
        hours, days, minutes = _table(24), _table(WEEK_DAYS), _table(DAY)
        begins, codes = (np.array(part) for part in zip(*_CODES, strict=True))
        overlap = (minute >= OVERLAP) & (minute < NEW_YORK)
        opened = np.array(_OPENINGS)[_last_at_or_before(_OPENINGS, minute)]
        return {
            "hour_sin": hours[0][minute // 60],
            "hour_cos": hours[1][minute // 60],
            "day_of_week_sin": days[0][weekday],
            "day_of_week_cos": days[1][weekday],
            "session_overlap": overlap.astype(np.float64),
            "is_weekend_approach": ((weekday == FRIDAY) & (minute >= NEW_YORK)).astype(np.float64),
            "minutes_since_market_open": (minute - opened).astype(np.float64),
            "trading_session": codes[_last_at_or_before(tuple(begins), minute)].astype(np.float64),
            "time_sin_minute": minutes[0][minute],
            "time_cos_minute": minutes[1][minute],
        }

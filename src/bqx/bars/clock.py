"""Vendor clocks: wall time of a zone, moved by a fixed number of minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from bqx.bars.schema import Reason
from bqx.errors import ClockError

_FIXED = re.compile(r"^(?:UTC|GMT)\s*([+-]\d{1,2})(?::?(\d\d))?$", re.IGNORECASE)
_MOVED = re.compile(
    r"^(new york|[A-Za-z_]+/[A-Za-z_/]+)\s*([+-]\d{1,2})(?::?(\d\d))?$", re.IGNORECASE
)


@dataclass(frozen=True)
class Clock:
    """A clock that shows the wall time of ``zone`` plus ``shift`` minutes.

    A fixed offset is a shift of UTC. The server clock of most MetaTrader brokers is New York time
    plus 7 hours, so that the trading day ends at midnight all year.
    """

    zone: str
    shift: int = 0

    def __str__(self) -> str:
        """For example ``UTC``, ``UTC+03:00`` or ``America/New_York +07:00``."""
        if not self.shift:
            return self.zone
        gap = "" if self.zone == "UTC" else " "
        hours, minutes = divmod(abs(self.shift), 60)
        return f"{self.zone}{gap}{'+' if self.shift > 0 else '-'}{hours:02d}:{minutes:02d}"

    def to_utc(self, wall: pl.Expr) -> pl.Expr:
        """UTC of naive wall times; NULL in the hour that daylight saving skips.

        The hour that comes twice is read as its first pass; the FX market is closed in it.
        """
        local = wall - pl.duration(minutes=self.shift)
        aware = local.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
        return aware.dt.convert_time_zone("UTC").dt.cast_time_unit("us")


UTC_CLOCK = Clock("UTC")
NEW_YORK = Clock("America/New_York")
BROKER = Clock("America/New_York", 7 * 60)


def parse_clock(text: str) -> Clock:
    """Read an IANA name, a fixed offset (``UTC+3``, ``UTC-05:00``) or ``New York +7``.

    Raises:
        ClockError: If the text is none of these.
    """
    plain = text.strip()
    fixed = _FIXED.match(plain)
    if fixed is not None:
        return Clock("UTC", _minutes(fixed[1], fixed[2]))
    moved = _MOVED.match(plain)
    # Etc/GMT+3 is a zone by itself, not a shifted one.
    if moved is not None and plain not in available_timezones():
        zone = "America/New_York" if moved[1].lower() == "new york" else moved[1]
        return Clock(_zone(zone, text), _minutes(moved[2], moved[3]))
    return Clock(_zone("UTC" if plain.upper() in {"UTC", "GMT"} else plain, text))


def _minutes(hours: str, minutes: str | None) -> int:
    sign = -1 if hours.startswith("-") else 1
    return sign * (abs(int(hours)) * 60 + int(minutes or 0))


def _zone(name: str, text: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ClockError(
            f"unknown time zone {text!r}",
            expected="an IANA name, a fixed offset, or the broker schedule",
            hint="for example Europe/London, UTC+3 or 'New York +7'",
        ) from error
    return name


def place(rows: pl.DataFrame, clock: Clock) -> pl.DataFrame:
    """Add ``ts_utc`` to rows that have ``wall``; a wall time that never was is unreadable."""
    rows = rows.with_columns(clock.to_utc(pl.col("wall")).alias("ts_utc"))
    lost = pl.col("ts_utc").is_null() & pl.col("reason").is_null()
    return rows.with_columns(
        pl.when(lost).then(pl.lit(Reason.UNREADABLE)).otherwise("reason").alias("reason"),
        pl.when(lost)
        .then(pl.lit(f"the clock {clock} skips this hour"))
        .otherwise("detail")
        .alias("detail"),
    )

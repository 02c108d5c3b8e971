"""QuantConnect LEAN minute quotes: one zip a day with bid and ask bars, no traded volume.

``<market>/minute/<pair>/<YYYYMMDD>_quote.zip`` holds lines of ``ms-of-day, bid open, high, low,
close, size, ask open, high, low, close, size``. The day's clock depends on the market.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import polars as pl

from bqx.bars.clock import UTC_CLOCK, Clock, parse_clock, place
from bqx.bars.names import pair_in
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading, complete
from bqx.bars.schema import ASK, BID, PRICES
from bqx.bars.source import Member
from bqx.bars.text import Layout, split, to_rows
from bqx.errors import ClockError

CLOCKS = {"fxcm": Clock("UTC", -5 * 60), "oanda": UTC_CLOCK}
"""Clock of a file's day, by market folder."""

_FILE = re.compile(r"^(\d{8})_quote\.zip$", re.IGNORECASE)
_NAMES = ("ms", *BID, "bid_size", *ASK, "ask_size")


def matches(member: Member) -> bool:
    """Whether the file is named like a day of LEAN quotes."""
    return _FILE.match(member.path.name) is not None


def read(member: Member, options: ReadOptions) -> Reading:
    """Read one day; open, high, low and close are the middle of bid and ask.

    Raises:
        InputFileError: If the file's name is no day.
        ClockError: If the market folder is unknown and no time zone is given.
    """
    day = _day(member)
    clock = _clock(member, options)
    millis = pl.col("ms").cast(pl.Int64, strict=False)
    inside = pl.when(millis.is_between(0, 86_399_999)).then(millis)
    wall = pl.lit(day) + pl.duration(milliseconds=inside)
    rows = to_rows(split(member, Layout(",", _NAMES)), wall, len(_NAMES), required=(*BID, *ASK))
    middle = [
        ((pl.col(bid) + pl.col(ask)) / 2).alias(name)
        for name, bid, ask in zip(PRICES, BID, ASK, strict=True)
    ]
    pair = pair_in(member.path.parent.name) or pair_in(member.stem)
    return Reading(complete(place(rows.with_columns(middle), clock)), str(clock), pair)


def _day(member: Member) -> datetime:
    match = _FILE.match(member.path.name)
    try:
        day = datetime.strptime(match[1] if match else "", "%Y%m%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise member.error("the name holds no day", expected="YYYYMMDD_quote.zip") from error
    return day.replace(tzinfo=None)


def _clock(member: Member, options: ReadOptions) -> Clock:
    if options.timezone is not None:
        return parse_clock(options.timezone)
    folders = [part.lower() for part in member.path.resolve().parts[:-1]]
    markets = [name for name in CLOCKS if name in folders]
    if len(markets) != 1:
        raise ClockError(
            f"{member.label}: the market is in no folder of its path",
            expected="one of the folders " + ", ".join(CLOCKS),
            hint="name the time zone of the file's day",
        )
    return CLOCKS[markets[0]]

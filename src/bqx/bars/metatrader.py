"""MetaTrader 4 and 5 exports: broker time, tick volume.

MT4: ``YYYY.MM.DD,HH:MM,open,high,low,close,volume``. MT5: the same with tabs, seconds, tick volume,
volume and spread, with or without a header.
"""

from __future__ import annotations

import re

import polars as pl

from bqx.bars.broker import estimate_clock
from bqx.bars.clock import UTC_CLOCK, Clock, parse_clock, place
from bqx.bars.names import pair_in
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading, complete
from bqx.bars.source import Member
from bqx.bars.text import Layout, first_lines, header_line, separator_of, split, to_rows

_LINE = re.compile(r"^\d{4}\.\d\d\.\d\d([\t,;]|\s)\d\d:\d\d(:\d\d)?[\t,;]")
_HEADER = re.compile(r"^<DATE>[\t,;]<TIME>[\t,;]<OPEN>", re.IGNORECASE)
_NAMES = ("date", "time", "open", "high", "low", "close", "volume", "real_volume", "spread")
_MT4_FIELDS, _MT5_FIELDS = 7, 9
# Binary.com names its files so, and documents UTC.
_BINARY = re.compile(r"^frx[a-z]{6}_m1_\d{6}\b", re.IGNORECASE)


def matches(member: Member) -> bool:
    """Whether the file starts with MetaTrader's header or a line of its bars."""
    lines = first_lines(member, 1)
    return bool(lines) and (_LINE.match(lines[0]) or _HEADER.match(lines[0])) is not None


def read(member: Member, options: ReadOptions) -> Reading:
    """Read MetaTrader bars; the clock is given, Binary.com's UTC, or estimated from the weeks.

    Raises:
        InputFileError: If the lines have neither 7 nor 9 fields.
        ClockError: If the clock can be neither told nor estimated.
    """
    header = int(_HEADER.match(header_line(member)) is not None)
    lines = first_lines(member, 2)
    separator = separator_of(lines[-1]) or ","
    fields = lines[-1].count(separator) + 1
    if fields not in {_MT4_FIELDS, _MT5_FIELDS}:
        raise member.error(f"{fields} fields a line", expected="7 (MT4) or 9 (MT5)")
    table = split(member, Layout(separator, _NAMES[:fields], header))
    rows = to_rows(table, _wall(), fields)
    clock, notes = _clock(member, options, rows["wall"])
    return Reading(complete(place(rows, clock)), str(clock), pair_in(member.stem), notes)


def _wall() -> pl.Expr:
    stamp = pl.concat_str("date", pl.col("time").str.slice(0, 8), separator=" ")
    whole = stamp.str.to_datetime("%Y.%m.%d %H:%M:%S", strict=False)
    return pl.coalesce(whole, stamp.str.to_datetime("%Y.%m.%d %H:%M", strict=False))


def _clock(member: Member, options: ReadOptions, wall: pl.Series) -> tuple[Clock, tuple[str, ...]]:
    if options.timezone is not None:
        return parse_clock(options.timezone), ()
    if _BINARY.match(member.stem):
        return UTC_CLOCK, ("the clock is UTC by the naming of the file (Binary.com)",)
    return estimate_clock(member.label, wall)

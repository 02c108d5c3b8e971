"""Dukascopy: candle exports as CSV, and hours of ticks as ``.bi5``.

CSV files have a first column ``Gmt time`` or ``Local time`` with ``DD.MM.YYYY HH:MM:SS.mmm``, or a
``Time (UTC)`` with ISO dates. A ``.bi5`` file is an LZMA stream of 20-byte big-endian records
(milliseconds of the hour, ask, bid, ask volume, bid volume) whose hour stands in the path:
``<PAIR>/YYYY/MM/DD/HHh_ticks.bi5``, where January is month 00.
"""

from __future__ import annotations

import re

import polars as pl

from bqx.bars.clock import place
from bqx.bars.dukaticks import read_ticks
from bqx.bars.names import pair_in
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading, complete
from bqx.bars.schema import ASK, BID, PRICES
from bqx.bars.source import Member
from bqx.bars.text import Layout, first_lines, header_line, separator_of, split, to_rows
from bqx.bars.timestamps import read_times

_HEADER = re.compile(
    r'^"?(?P<clock>gmt time|local time|time \([\w/+:-]+\)|etc/utc)"?[,;\t]"?open', re.IGNORECASE
)
_NAMES = ("stamp", "open", "high", "low", "close", "volume")
_SIDE = re.compile(r"(?<![a-z])(bid|ask)(?![a-z])", re.IGNORECASE)


def matches(member: Member) -> bool:
    """Whether the file is a ``.bi5``, or its first line is the header of an export."""
    if member.path.suffix.lower() == ".bi5":
        return True
    lines = first_lines(member, 1)
    return bool(lines) and _HEADER.match(lines[0]) is not None


def read(member: Member, options: ReadOptions) -> Reading:
    """Read candles, or aggregate ticks to minutes.

    Exports hold either bid or ask prices, which their name tells; the bars then have that side
    filled, and open, high, low and close repeat it.

    Raises:
        InputFileError: If the name of a tick file holds no hour, or its length is wrong.
        ClockError: If the times are local without offset, and no time zone is given.
    """
    if member.path.suffix.lower() == ".bi5":
        return read_ticks(member)
    header = header_line(member)
    table = split(member, Layout(separator_of(header) or ",", _NAMES, header=1))
    times = table["stamp"].str.replace(r"^(\d{2})\.(\d{2})\.(\d{4})", "$3.$2.$1")
    times = times.str.replace("GMT([+-])", "$1")
    wall, clock = read_times(member, times, _zone_named(header) or options.timezone)
    rows = to_rows(table.with_columns(wall.alias("wall")), pl.col("wall"), len(_NAMES))
    side, note = _side(member)
    rows = rows.with_columns(pl.col(p).alias(s) for p, s in zip(PRICES, side, strict=False))
    return Reading(complete(place(rows, clock)), str(clock), pair_in(member.stem), note)


def _zone_named(header: str) -> str | None:
    """The time zone in the header, or None if it is local or carried by each row."""
    match = _HEADER.match(header)
    clock = match["clock"].lower() if match else ""
    if clock in {"gmt time", "etc/utc", "time (utc)", "time (gmt)"}:
        return "UTC"
    return clock[6:-1].upper() if clock.startswith("time (") else None


def _side(member: Member) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sides = {side.lower() for side in _SIDE.findall(member.stem.replace("_", " "))}
    if len(sides) != 1:
        return (), ()
    name = sides.pop()
    return (BID if name == "bid" else ASK), (f"open, high, low and close are {name} prices",)

"""HistData's generic ASCII minute bars: ``YYYYMMDD HHMMSS;open;high;low;close;volume``.

The vendor documents the clock as "EST without daylight saving". The files follow another rule,
which the week's open and the US payroll minute show: to the end of 2018 New York wall time, from
2019 London wall time less five hours, that is UTC-5 moving to UTC-4 on the European dates.
"""

from __future__ import annotations

import re
from datetime import timedelta

import polars as pl

from bqx.bars.clock import NEW_YORK, Clock, parse_clock, place
from bqx.bars.edges import verify
from bqx.bars.names import pair_in
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading, Rows, complete
from bqx.bars.source import Member
from bqx.bars.text import Layout, first_lines, split, to_rows

LONDON_LESS_5 = Clock("Europe/London", -5 * 60)
CHANGE_YEAR = 2019
"""First year of the second rule."""

_LINE = re.compile(r"^\d{8} \d{6};(\s*-?[\d.]+\s*;){4}")
_NAMES = ("stamp", "open", "high", "low", "close", "volume")
_GAP_LINE = re.compile(rb"^Gap of \d+s found between (\d{14}) and \d{14}", re.MULTILINE)


def matches(member: Member) -> bool:
    """Whether the first line is one of HistData's."""
    lines = first_lines(member, 1)
    return bool(lines) and _LINE.match(lines[0]) is not None


def read(member: Member, options: ReadOptions) -> Reading:
    """Read HistData bars and prove their clock by the FX week.

    Raises:
        ClockError: If the bars contradict the clock.
    """
    table = split(member, Layout(";", _NAMES))
    wall = pl.col("stamp").str.to_datetime("%Y%m%d %H%M%S", strict=False)
    rows = to_rows(table, wall, len(_NAMES))
    placed, clock = _place(rows, options.timezone)
    notes = (
        *verify(member.label, clock, placed["ts_utc"]),
        *_padding_note(rows),
        *_gap_note(member, rows),
    )
    return Reading(complete(placed), clock, pair_in(member.stem), notes)


def _place(rows: pl.DataFrame, timezone: str | None) -> tuple[Rows, str]:
    if timezone is not None:
        clock = parse_clock(timezone)
        return place(rows, clock), str(clock)
    old = pl.col("wall").dt.year() < CHANGE_YEAR
    early = rows.filter(old.fill_null(value=True))
    late = rows.filter(~old)
    used = [str(c) for part, c in ((early, NEW_YORK), (late, LONDON_LESS_5)) if part.height]
    both = pl.concat([place(early, NEW_YORK), place(late, LONDON_LESS_5)])
    return both.sort("line"), f", from {CHANGE_YEAR} ".join(used)


def _padding_note(rows: pl.DataFrame) -> tuple[str, ...]:
    padded = rows["raw"].str.contains(r" ;| $|; ").sum()
    return (f"{padded:,} rows with space-padded numbers were read",) if padded else ()


def _gap_note(member: Member, rows: pl.DataFrame) -> tuple[str, ...]:
    """Compare the vendor's gap report, which is about ticks, with the minutes that are missing."""
    if member.companion is None:
        return ()
    starts = [start.decode() for start in _GAP_LINE.findall(member.companion)]
    listed = pl.Series(starts, dtype=pl.String).str.to_datetime("%Y%m%d%H%M%S", strict=False)
    minutes = rows["wall"].drop_nulls().unique().sort()
    before_hole = minutes.filter(minutes.diff().shift(-1) > timedelta(minutes=1))
    unlisted = (~before_hole.is_in(listed.dt.truncate("1m").implode())).sum()
    return (
        f"{unlisted:,} of {before_hole.len():,} missing stretches are not in the vendor's report",
    )

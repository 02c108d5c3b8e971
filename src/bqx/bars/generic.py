"""Delimited text with a header line, or with a column map for columns counted from 1."""

from __future__ import annotations

import polars as pl

from bqx.bars.clock import place
from bqx.bars.columns import recognise, resolve
from bqx.bars.names import pair_in
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading, complete
from bqx.bars.schema import PRICES, VALUES
from bqx.bars.source import Member
from bqx.bars.text import Layout, first_lines, separator_of, split, to_rows
from bqx.bars.timestamps import read_times


def matches(member: Member) -> bool:
    """Whether the first line is a header that names the four prices."""
    names = _header(member)
    return set(PRICES) <= recognise(names).keys()


def _header(member: Member) -> list[str]:
    lines = first_lines(member, 1)
    separator = separator_of(lines[0]) if lines else None
    if separator is None:
        return []
    return [name.strip(' \t\r"') for name in lines[0].split(separator)]


def read(member: Member, options: ReadOptions) -> Reading:
    """Read delimited text whose first line names the columns.

    Raises:
        InputFileError: If there is no header, or it lacks a column.
        ClockError: If the timestamps are naive and no time zone is given, or mixed.
    """
    names = _header(member)
    if not names:
        raise member.error(
            "the first line has no delimiter", expected="a header with ; , tab or | between names"
        )
    columns = resolve(member, names, options.columns)
    separator = separator_of(first_lines(member, 1)[0]) or ","
    # The frame has columns of its own, so source names get a prefix that no reader uses.
    source = {name: f"source {k}" for k, name in enumerate(names)}
    table = split(member, Layout(separator, tuple(source.values()), header=1))
    table = table.rename({source[columns[n]]: n for n in VALUES if n in columns})
    wall, clock = read_times(member, _time_text(table, columns, source), options.timezone)
    rows = to_rows(table.with_columns(wall.alias("wall")), pl.col("wall"), len(names))
    return Reading(complete(place(rows, clock)), str(clock), pair_in(member.stem))


def _time_text(table: pl.DataFrame, columns: dict[str, str], source: dict[str, str]) -> pl.Series:
    parts = [source[columns[n]] for n in ("ts_utc", "date", "time") if n in columns]
    return table.select(pl.concat_str(parts, separator=" ")).to_series()

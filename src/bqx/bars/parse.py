"""Reading a vendor file: detect, read, convert the clock, validate, account for every row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from bqx.bars.edges import suspicion
from bqx.bars.names import settle_pair
from bqx.bars.parsed import ParsedFile, ReadOptions
from bqx.bars.readers import reader_of
from bqx.bars.rows import Reading, drop_empty_volume, order_note
from bqx.bars.schema import Reason
from bqx.bars.source import Member, Source, label_of, open_source
from bqx.bars.validate import Checked, check
from bqx.bars.weekhull import propose_week
from bqx.errors import InputFileError
from bqx.market import FX_WEEK, TradingWeek

__all__ = ["MAX_WRONG", "ParsedFile", "ReadOptions", "account", "parse_file"]

MAX_WRONG = 0.2
"""Largest share of rows that may be wrong in themselves before the whole file is refused."""

# Rows that say nothing against the reading of the file as a whole.
_PLAUSIBLE = (Reason.OUTSIDE_WEEK, Reason.OUTLIER, Reason.CONFLICTING_DUPLICATE)


def parse_file(
    path: Path,
    options: ReadOptions | None = None,
    *,
    week: TradingWeek = FX_WEEK,
    now: datetime | None = None,
) -> list[ParsedFile]:
    """Read and validate a vendor file completely; nothing is returned of a file that is refused.

    Args:
        path: The file: plain, gzip, or a zip with one or more data members.
        options: What the user knows about the file.
        week: The trading week; bars outside it go to quarantine.
        now: The present moment, for the check on future bars.

    Returns:
        One entry for each data member.

    Raises:
        InputFileError: If the file cannot be read, its format or pair cannot be told, or more than
            `MAX_WRONG` of its rows are wrong.
        ClockError: If its clock cannot be told, or contradicts the rule of its format.
        UnknownNameError: If the pair is none of the 28.
    """
    source = open_source(path)
    moment = now or datetime.now(UTC)
    return [
        _parse_member(source, member, options or ReadOptions(), week, moment)
        for member in source.members
    ]


def _parse_member(
    source: Source, member: Member, options: ReadOptions, week: TradingWeek, now: datetime
) -> ParsedFile:
    reader = reader_of(member, options.format)
    reading = reader.read(member, options)
    pair = settle_pair(member.label, options.pair, reading.pair)
    named = replace(reading, pair=pair)
    return account(source, member.name, named, reader.name, week=week, now=now)


def account(
    source: Source,
    member: str | None,
    reading: Reading,
    format: str,  # noqa: A002 - the field's word
    *,
    week: TradingWeek = FX_WEEK,
    now: datetime | None = None,
) -> ParsedFile:
    """Validate what was read, and account for every row.

    Args:
        source: What was read.
        member: Name of the part of it, or None.
        reading: Its rows, with the pair.
        format: Name of the format.
        week: The trading week; bars outside it go to quarantine.
        now: The present moment, for the check on future bars.

    Raises:
        InputFileError: If the pair is unknown, or more than `MAX_WRONG` of the rows are wrong.
    """
    label = label_of(source.path, member)
    pair = settle_pair(label, None, reading.pair)
    rows, volume_note = drop_empty_volume(reading.rows)
    checked = check(rows, pair, week, now or datetime.now(UTC))
    _refuse_if_wrong(label, checked, reading.records)
    return ParsedFile(
        path=source.path,
        member=member,
        pair=pair,
        format=format,
        clock=reading.clock,
        sha256=source.sha256,
        size=source.size,
        bars=checked.bars,
        quarantine=checked.quarantine,
        tally=checked.tally,
        reasons=_reasons(checked.quarantine),
        notes=(
            *source.notes,
            *reading.notes,
            *volume_note,
            *order_note(rows),
            *suspicion(rows["ts_utc"]),
        ),
        week_proposal=propose_week(checked.bars, week),
    )


def _reasons(quarantine: pl.DataFrame) -> dict[str, int]:
    counts = quarantine.group_by("reason").len().sort("len", "reason", descending=[True, False])
    return dict(counts.iter_rows())


def _refuse_if_wrong(label: str, checked: Checked, records: int) -> None:
    """Refuse a file that was probably misread: wrong delimiter, columns, or scale."""
    total = max(records, int(checked.tally["read"].sum()))
    if not total:
        return
    wrong = checked.quarantine.filter(~pl.col("reason").is_in(_PLAUSIBLE))
    if checked.bars.height and wrong.height <= MAX_WRONG * total:
        return
    shown = (wrong if wrong.height else checked.quarantine).head(3)
    lines = "; ".join(
        f"line {line}: {reason} ({detail})"
        for line, reason, detail in shown.select("line", "reason", "detail").iter_rows()
    )
    raise InputFileError(
        f"{label}: {checked.quarantine.height:,} of {total:,} rows cannot be accepted: {lines}",
        expected=f"at most {MAX_WRONG:.0%} wrong rows, and one good row",
        hint=_hint(shown),
    )


def _hint(shown: pl.DataFrame) -> str:
    text = " ".join(shown["raw"].to_list())
    if "," in text and ";" in text:
        return "is this a decimal comma? write the prices with a decimal point"
    return "check the format, the delimiter, the order of the columns, and the time zone"

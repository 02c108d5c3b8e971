"""The registry of formats: detection, and the reader of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bqx.bars import dukascopy, generic, histdata, lean, metatrader, parquet
from bqx.bars.parsed import ReadOptions
from bqx.bars.rows import Reading
from bqx.bars.source import Member
from bqx.errors import InputFileError


@dataclass(frozen=True)
class Reader:
    """A vendor format.

    Attributes:
        name: What `ReadOptions.format` calls it.
        about: One line for the list of formats.
        matches: Whether a member is in this format, from its name and first bytes.
        read: Turns a member into rows.
    """

    name: str
    about: str
    matches: Callable[[Member], bool]
    read: Callable[[Member, ReadOptions], Reading]


READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        Reader("lean", "LEAN minute quotes YYYYMMDD_quote.zip", lean.matches, lean.read),
        Reader("histdata", "HistData ASCII minute bars", histdata.matches, histdata.read),
        Reader("metatrader", "MetaTrader 4 or 5 export", metatrader.matches, metatrader.read),
        Reader(
            "dukascopy", "Dukascopy candles CSV or ticks .bi5", dukascopy.matches, dukascopy.read
        ),
        Reader(
            "parquet", "Parquet with ts_utc, open, high, low, close", parquet.matches, parquet.read
        ),
        Reader("generic", "delimited text with a header", generic.matches, generic.read),
    )
}
"""All formats by name, in the order of detection: the most particular first."""


def reader_of(member: Member, name: str | None) -> Reader:
    """The reader that the user names, or the first whose format the member has.

    Raises:
        InputFileError: If the name is unknown, or no format matches.
    """
    if name is not None:
        return _named(name)
    for reader in READERS.values():
        if reader.matches(member):
            return reader
    raise member.error("the format cannot be detected", expected=_formats(), hint=_HINT)


_HINT = "name the format, and for generic text the columns"


def _named(name: str) -> Reader:
    try:
        return READERS[name.lower()]
    except KeyError:
        raise InputFileError(f"unknown format {name!r}", expected=_formats()) from None


def _formats() -> str:
    return "one of " + "; ".join(f"{r.name} ({r.about})" for r in READERS.values())

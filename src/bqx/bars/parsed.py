"""What a reader is asked for, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bqx.bars.schema import BAR_SCHEMA, QUARANTINE_SCHEMA, TALLY_SCHEMA


@dataclass(frozen=True)
class ReadOptions:
    """What the user knows about a file and the file does not say.

    Args:
        pair: The pair. Otherwise it is taken from the name of the file, the member or the folder;
            naming another pair than the file does is an error.
        format: Name of the format; otherwise it is detected.
        timezone: Clock of the file: an IANA name, a fixed offset such as ``UTC+3``, or
            ``New York +7``, the usual server time of MetaTrader brokers. Otherwise the rule of the
            format holds, or the clock is estimated.
        columns: For generic files, schema name -> source column; ``ts_utc`` may be given as one
            column, or split as ``date`` and ``time``.
    """

    pair: str | None = None
    format: str | None = None
    timezone: str | None = None
    columns: dict[str, str] | None = None


@dataclass(frozen=True)
class ParsedFile:
    """One data member of a vendor file: its accepted bars and the account of every other row.

    Attributes:
        path: The file, or the address of a server without its password.
        member: Name of the data inside an archive, or of the table; None for a plain file.
        pair: Canonical name of the pair.
        format: Name of the format that was read.
        clock: The rule that turned the file's clock into UTC.
        sha256: Hash of the file's bytes.
        size: Size of the file in bytes.
        bars: Accepted bars (`BAR_SCHEMA`).
        quarantine: Rejected rows (`QUARANTINE_SCHEMA`).
        tally: Rows read, accepted, duplicate and quarantined by month (`TALLY_SCHEMA`).
        reasons: Rejected rows by reason.
        notes: What the user should know about the file.
        week_proposal: A shorter trading week that fits the file, in the form that
            `TradingWeek.parse` reads, or None.

    Raises:
        ValueError: If the tally does not balance; this is a fault of bqx, not of the file.
    """

    path: Path | str
    member: str | None
    pair: str
    format: str
    clock: str
    sha256: str
    size: int
    bars: pl.DataFrame
    quarantine: pl.DataFrame
    tally: pl.DataFrame
    reasons: dict[str, int]
    notes: tuple[str, ...] = ()
    week_proposal: str | None = None

    def __post_init__(self) -> None:
        """Check the schemas, and that every row read is accounted for."""
        for frame, schema in (
            (self.bars, BAR_SCHEMA),
            (self.quarantine, QUARANTINE_SCHEMA),
            (self.tally, TALLY_SCHEMA),
        ):
            if frame.schema != schema:
                raise ValueError(f"{self.path}: wrong schema {frame.schema}")
        account = self.tally.select("accepted", "duplicate", "quarantined").sum_horizontal()
        sums = self.tally["accepted"].sum(), self.tally["quarantined"].sum()
        held = self.bars.height, self.quarantine.height
        if not (account == self.tally["read"]).all() or sums != held:
            raise ValueError(f"{self.path}: the tally does not balance: {self.tally}")

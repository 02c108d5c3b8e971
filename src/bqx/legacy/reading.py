"""Bars from ``m1_{pair}`` of a PostgreSQL database, validated as those of vendor files are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from psycopg.sql import SQL, Composed, Identifier

from bqx.bars.clock import UTC_CLOCK
from bqx.bars.parse import account
from bqx.bars.parsed import ParsedFile, ReadOptions
from bqx.bars.rows import Reading, complete
from bqx.bars.schema import PRICES, VALUES, Reason
from bqx.bars.source import Source
from bqx.errors import InputFileError, UnknownNameError
from bqx.legacy.schema import M1, SCHEMA
from bqx.market import PAIRS, parse_pairs
from bqx.postgres.connect import Connection, connect, redacted, reported, run

FORMAT = "postgresql"
_TIMES = ("ts_utc", "time")
"""Names that the first version gave to the open minute."""


@dataclass(frozen=True)
class TableOfBars:
    """A pair's table of bars in a database.

    Attributes:
        address: Of the server.
        pair: The pair.
    """

    address: str
    pair: str

    @property
    def path(self) -> str:
        """The address without its password."""
        return redacted(self.address)

    @property
    def member(self) -> str:
        """Name of the table."""
        return f"{SCHEMA}.{M1.parent(self.pair)}"

    @property
    def options(self) -> ReadOptions:
        """What tells the table from others, where its content does not."""
        return ReadOptions(pair=self.pair, format=FORMAT)

    def parse(self) -> ParsedFile:
        """Read and validate the table completely.

        Raises:
            InputFileError: If columns are missing, or too many rows are wrong.
            StoreError: If the server refuses.
        """
        with connect(self.address, autocommit=True) as connection:
            frame, note = self._read(connection)
        source = Source(self.path, _digest(frame), int(frame.estimated_size()), (), note)
        reading = Reading(_rows(frame), str(UTC_CLOCK), self.pair)
        return account(source, self.member, reading, FORMAT)

    def _read(self, connection: Connection) -> tuple[pl.DataFrame, tuple[str, ...]]:
        """The bars in order of time, and the table's comment."""
        with reported(f"reading {self.member}"):
            cursor = connection.execute(self._query(connection), binary=True)
            schema = {c.name: _dtype(c.name) for c in cursor.description or ()}
            frame = pl.DataFrame(cursor.fetchall(), schema, orient="row")
            told = run(connection, "SELECT obj_description(%s::regclass)", (self.member,))
            note = told.fetchone()[0]
        return frame.rename({_TIMES[1]: _TIMES[0]}, strict=False), (note,) if note else ()

    def _query(self, connection: Connection) -> Composed:
        found = run(
            connection,
            "SELECT attname, atttypid::regtype::text FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            (self.member,),
        )
        types: dict[str, str] = dict(found.fetchall())
        time = next((name for name in _TIMES if name in types), None)
        lost = [name for name in PRICES if name not in types]
        if time is None or lost:
            raise InputFileError(
                f"{self.path}!{self.member} has the columns {', '.join(types)}",
                expected=f"{' or '.join(_TIMES)}, and {', '.join(PRICES)}",
            )
        if types[time] != "timestamp with time zone":
            raise InputFileError(
                f"{self.path}!{self.member}: column {time} is {types[time]}",
                expected="timestamp with time zone: the minute in UTC must be known",
            )
        values = [SQL("{}::float8").format(Identifier(n)) for n in VALUES if n in types]
        return SQL("SELECT {} FROM {} ORDER BY 1").format(
            SQL(", ").join([Identifier(time), *values]),
            Identifier(*self.member.split(".")),
        )


def tables_of_bars(address: str, pairs: str | Sequence[str] | None = None) -> Iterator[TableOfBars]:
    """The tables of bars in a database, in the order of the pairs.

    Args:
        address: Of the server and database.
        pairs: Pairs; all that have a table when None.

    Raises:
        UnknownNameError: If there is no table, or none of a pair that was asked for.
        StoreError: If the server refuses.
    """
    with connect(address, autocommit=True) as connection, reported("looking for bars"):
        rows = run(
            connection,
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace ="
            " to_regnamespace(%s)",
            (SCHEMA,),
        ).fetchall()
    held = [pair for pair in PAIRS if (M1.parent(pair),) in rows]
    names = parse_pairs(pairs if isinstance(pairs, str) else list(pairs)) if pairs else tuple(held)
    absent = [pair for pair in names if pair not in held]
    if absent or not names:
        raise UnknownNameError(
            f"{redacted(address)} has no table {SCHEMA}.{M1.parent((absent or ['PAIR'])[0])}",
            expected=f"tables {SCHEMA}.{M1.name}_PAIR",
            hint=f"there are bars of {', '.join(held)}" if held else "is this the right database?",
        )
    return (TableOfBars(address, pair) for pair in names)


def _dtype(name: str) -> pl.DataType:
    return pl.Datetime("us", "UTC") if name in _TIMES else pl.Float64()


def _digest(frame: pl.DataFrame) -> str:
    """SHA-256 of the columns: names, values, and where there is none."""
    digest = hashlib.sha256()
    for column in frame:
        digest.update(f"{column.name}\n".encode())
        digest.update(column.to_physical().fill_null(0).to_numpy().tobytes())
        digest.update(column.is_null().to_numpy().tobytes())
    return digest.hexdigest()


def _rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as validation takes them; what is NULL must not be."""
    lost = pl.coalesce(
        pl.when(pl.col(name).is_null()).then(pl.lit(f"{name} is NULL"))
        for name in ("ts_utc", *PRICES)
    )
    rows = frame.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.struct(pl.all()).struct.json_encode().alias("raw"),
        lost.alias("detail"),
    )
    reason = pl.when(pl.col("detail").is_not_null()).then(pl.lit(Reason.UNREADABLE))
    return complete(rows.with_columns(reason.alias("reason")))

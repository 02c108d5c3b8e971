"""Partitions as tables of a PostgreSQL database, schema ``bqx``.

A table of a pair is partitioned by month. What a partition was made from, and which of the table's
columns it has, stands in ``bqx_meta.contents``: written in the transaction that puts it in.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
import pyarrow as pa

from bqx.errors import IntegrityError, StoreError
from bqx.features.names import TableName
from bqx.features.table import KEY
from bqx.market import moment_of, month_bounds
from bqx.postgres.connect import Connection, connect, reported, run
from bqx.postgres.partitioned import Slot, describe, ensure_parent, quoted, replace_partition
from bqx.postgres.pool import Pool, is_alive
from bqx.postgres.reading import Reader, told
from bqx.store.folder import QUARANTINE, REJECTED
from bqx.store.inspection import differing, one_line, schema_problems, value_problems
from bqx.store.partitions import Key, Problem, Stray
from bqx.store.state import Partition

SCHEMA = "bqx"
META = "bqx_meta"
TABLES = f"""
CREATE TABLE IF NOT EXISTS contents (
  tbl TEXT, pair TEXT, month TEXT, columns TEXT, fingerprint TEXT, inputs TEXT,
  PRIMARY KEY (tbl, pair, month));
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, content TEXT);
CREATE TABLE IF NOT EXISTS {QUARANTINE} (
  source INTEGER, pair TEXT, line INTEGER, ts_utc TIMESTAMPTZ, reason TEXT, detail TEXT, raw TEXT);
"""
_ORIGIN = (b"fingerprint", b"inputs")
_CONTENTS = f"{META}.contents"
_LOCKED = "nothing was changed; when a reader holds a lock, wait for it to end, and try again"
_HINT = "`bqx verify` lists what is damaged; `bqx build --force` makes tables again"


def relation(key: Key) -> str:
    """Name of a partition: ``reg_rate_eurusd_2024_07``."""
    return str(TableName(*key))


class PostgresPartitions:
    """Partitions in a database.

    Args:
        address: Of the server, as `bqx.postgres.connect.connect` reads it.
    """

    unit = "table"

    def __init__(self, address: str) -> None:
        self._pool: Pool[Connection] = Pool(lambda: connect(address, autocommit=True), is_alive)
        self._reader = Reader(address)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._reader.close()

    def _query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._pool.borrow() as connection, reported("reading the database"):
            return list(run(connection, statement, parameters).fetchall())

    # Reading

    def read(self, key: Key, columns: Sequence[str] | None = None) -> pa.Table:
        """A partition; see `bqx.store.partitions.Partitions.read`."""
        found = self.schema(key)
        if found is None:
            raise IntegrityError(
                f"cannot read {SCHEMA}.{relation(key)}: there is no such table",
                expected="the partition that was written",
                hint=_HINT,
            )
        names = [n for n in found.names if columns is None or n in columns]
        schema = pa.schema([found.field(n) for n in names], metadata=found.metadata)
        chosen = ", ".join(quoted(name) for name in names) or "NULL"
        place = quoted(SCHEMA, relation(key))
        with told(f"reading {SCHEMA}.{relation(key)}"):
            rows = self._reader.fetch(f"SELECT {chosen} FROM {place} ORDER BY {quoted(KEY)}")
        # A column of a type that is none of ours is shown as it came.
        kinds = zip(schema, rows.schema, strict=True)
        fields = [f if f.type != pa.string() else f.with_type(r.type) for f, r in kinds]
        return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields, metadata=found.metadata))

    def schema(self, key: Key) -> pa.Schema | None:
        """Names, types, comments and origin of a partition of this store; None without one."""
        with self._pool.borrow() as connection, reported("reading the catalogue"):
            found = describe(connection, SCHEMA, relation(key))
            row = run(
                connection,
                f"SELECT columns, fingerprint, inputs FROM {_CONTENTS}"
                " WHERE tbl = %s AND pair = %s AND month = %s",
                key,
            ).fetchone()
        if found is None or row is None:
            return None
        held = [name for name in str(row[0]).split(",") if name in found.names]
        origin = dict(zip(_ORIGIN, (str(v).encode() for v in row[1:]), strict=True))
        metadata = (found.metadata or {}) | (origin if row[1] else {})
        return pa.schema([found.field(name) for name in held], metadata=metadata or None)

    def exists(self, key: Key) -> bool:
        """Whether there is such a table."""
        return self.schema(key) is not None

    def keys(self, table: str) -> list[Key]:
        """Partitions of a table that there are, recorded or not."""
        there = self._relations()
        query = f"SELECT tbl, pair, month FROM {_CONTENTS} WHERE tbl = %s ORDER BY 2, 3"
        return [
            (t, p, m) for t, p, m in self._query(query, (table,)) if relation((t, p, m)) in there
        ]

    def _relations(self) -> dict[str, str]:
        """Kinds of the tables in the schema, by name."""
        return dict(
            self._query(
                "SELECT relname::text, relkind::text FROM pg_class"
                " WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'f')"
                " ORDER BY relname",
                (SCHEMA,),
            )
        )

    def version(self, key: Key) -> Hashable | None:
        """The number of the table: a partition that is put in has another one."""
        place = quoted(SCHEMA, relation(key))
        return self._query("SELECT to_regclass(%s)::oid::bigint", (place,))[0][0]  # type: ignore[no-any-return]

    def size(self, key: Key) -> int:
        """Bytes of a table and its index; 0 where there is none."""
        place = quoted(SCHEMA, relation(key))
        return int(
            self._query("SELECT coalesce(pg_total_relation_size(to_regclass(%s)), 0)", (place,))[0][
                0
            ]
        )

    # Writing

    @contextmanager
    def _changing(self, what: str) -> Iterator[Connection]:
        """A connection of one's own, in a transaction."""
        with (
            self._pool.borrow() as connection,
            reported(what, _LOCKED),
            connection.transaction(),
        ):
            yield connection

    def write(self, key: Key, table: pa.Table, *, check: bool = False) -> int:
        """Replace a partition; see `bqx.store.partitions.Partitions.write`."""
        slot = _slot(key)
        with self._changing(f"preparing {SCHEMA}.{slot.parent}") as connection:
            ensure_parent(connection, slot, table.schema, lambda: self._owned(connection, key))
        with self._changing(f"writing {SCHEMA}.{slot.name}") as connection:
            size = replace_partition(connection, slot, table, check=check)
            _describe(connection, key, table.schema)
        return size

    def _owned(self, connection: Connection, key: Key) -> bool:
        query = f"SELECT 1 FROM {_CONTENTS} WHERE tbl = %s AND pair = %s LIMIT 1"
        return run(connection, query, key[:2]).fetchone() is not None

    def drop(self, key: Key) -> None:
        """Remove a partition, where there is one."""
        where = "WHERE tbl = %s AND pair = %s AND month = %s"
        with self._changing(f"dropping {SCHEMA}.{relation(key)}") as connection:
            run(connection, f"DROP TABLE IF EXISTS {quoted(SCHEMA, relation(key))}")
            run(connection, f"DELETE FROM {_CONTENTS} {where}", key)

    # Checking

    def inspect(
        self, partition: Partition, schema: pa.Schema | None, *, deep: bool
    ) -> list[Problem]:
        """Everything in which a table differs from its record; rows are counted."""
        key = (partition.tbl, partition.pair, partition.month)
        found = self.schema(key)
        if found is None:
            return [Problem("missing", "no table", f"{partition.rows} rows")]
        try:
            counted = self._query(f"SELECT count(*) FROM {quoted(SCHEMA, relation(key))}")[0][0]
            problems = differing("rows", f"{counted} rows", f"{partition.rows} rows")
            problems += schema_problems(found, schema, partition)
            problems += self._foreign_values(key, found)
            table = self.read(key, None if deep else [KEY])
        except StoreError as error:
            return [Problem("unreadable", one_line(error), "a table that can be read")]
        return [*problems, *value_problems(table, partition, deep=deep)]

    def _foreign_values(self, key: Key, known: pa.Schema) -> list[Problem]:
        """Columns that the partition was written without, and that hold something all the same."""
        with self._pool.borrow() as connection, reported("reading the catalogue"):
            found = describe(connection, SCHEMA, relation(key)) or known
        more = [name for name in found.names if name not in known.names]
        if not more:
            return []
        counts = ", ".join(f"count({quoted(name)})" for name in more)
        row = self._query(f"SELECT {counts} FROM {quoted(SCHEMA, relation(key))}")[0]
        filled = [name for name, count in zip(more, row, strict=True) if count]
        return [Problem("schema", f"foreign columns {filled}", "those written")] if filled else []

    def strays(self, recorded: Collection[Key]) -> list[Stray]:
        """Tables of the schema that belong to no record."""
        known = {relation(key) for key in recorded}
        parents = {str(TableName(table, pair)) for table, pair, _ in recorded}
        contents = self._query(f"SELECT tbl, pair, month FROM {_CONTENTS}")
        places = {relation((t, p, m)): (t, p, m) for t, p, m in contents}
        parents |= {str(TableName(t, p)) for t, p, _ in contents}
        return [
            Stray("unrecorded", *places.get(name, (None, None, None)), f"table {SCHEMA}.{name}")
            for name, kind in self._relations().items()
            if name not in known and not (kind == "p" and name in parents)
        ]

    # Rejected rows

    def keep_rejected(self, source: int, rows: pa.Table) -> None:
        """Keep the rows that were rejected of a source."""
        names = ", ".join(REJECTED.names)
        frame = pl.DataFrame(rows)
        statement: Any = f"COPY {META}.{QUARANTINE} ({names}) FROM STDIN"
        with self._changing("keeping rejected rows") as connection:
            run(connection, f"DELETE FROM {META}.{QUARANTINE} WHERE source = %s", (source,))
            with connection.cursor().copy(statement) as copy:
                for row in frame.select(REJECTED.names).iter_rows():
                    copy.write_row(row)

    def rejected(self, source: int | None = None) -> pa.Table:
        """The rejected rows of one source, or of all of them."""
        where = "" if source is None else f" WHERE source = {source:d}"
        names = ", ".join(REJECTED.names)
        with told("reading rejected rows"):
            rows = self._reader.fetch(
                f"SELECT {names} FROM {META}.{QUARANTINE}{where} ORDER BY source, line"
            )
        return rows.cast(REJECTED)


def _slot(key: Key) -> Slot:
    table, pair, month = key
    first, last = (f"{moment_of(minute):%Y-%m-%d %H:%M:%S+00}" for minute in month_bounds(month))
    return Slot(SCHEMA, str(TableName(table, pair)), relation(key), KEY, (first, last))


def _describe(connection: Connection, key: Key, schema: pa.Schema) -> None:
    """Write down what the partition is, in the transaction that puts it in."""
    origin = [(schema.metadata or {}).get(name, b"").decode() for name in _ORIGIN]
    run(
        connection,
        f"INSERT INTO {_CONTENTS} (tbl, pair, month, columns, fingerprint, inputs)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (tbl, pair, month) DO UPDATE SET"
        " columns = excluded.columns, fingerprint = excluded.fingerprint,"
        " inputs = excluded.inputs",
        (*key, ",".join(schema.names), *origin),
    )

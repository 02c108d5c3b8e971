"""How fast this machine and its server are: a probe of about a second, kept for a week."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from bqx.postgres.connect import reported
from bqx.stages.target import META, PostgresTarget

TABLE = f"{META}.rates"
KEPT = "7 days"
_PROBE = f"{META}_probe"
_TABLES = 24
_WIDE = 40
_ADDED = 6
_ROWS = 20_000
_COLUMNS = 8
_GRID = 20_000
_WINDOW = 60
_OUTPUTS = 7


@dataclass(frozen=True)
class Rates:
    """What was measured.

    Attributes:
        definitions: Relations a second that are renamed, moved or altered without a rewrite.
        opened: Relations a second whose few rows are read.
        remade: Relations a second whose few rows are written to new files, with more columns.
        copy: Bytes a second of tables that are filled by binary COPY.
        rewrite: Bytes a second of tables that are rewritten with more columns.
        read: Bytes a second of tables whose rows are counted and compared.
        wal: Bytes of write-ahead log for a byte of table.
        wal_each: Bytes of write-ahead log for a changed definition.
        values: Feature values a second that are computed.
    """

    definitions: float
    opened: float
    remade: float
    copy: float
    rewrite: float
    read: float
    wal: float
    wal_each: float
    values: float


def rates(target: PostgresTarget) -> Rates:
    """The rates of this machine with this server, measured where they are not known."""
    target.execute(
        f"CREATE TABLE IF NOT EXISTS {TABLE} (host text, server text, rates jsonb,"
        " measured timestamptz DEFAULT now(), PRIMARY KEY (host, server))"
    )
    key = (socket.gethostname(), str(target.query("SHOW server_version")[0][0]))
    known = target.query(
        f"SELECT rates FROM {TABLE} WHERE host = %s AND server = %s"
        f" AND measured > now() - interval '{KEPT}'",
        key,
    )
    if known:
        return Rates(**known[0][0])
    found = measure(target)
    target.execute(
        f"INSERT INTO {TABLE} (host, server, rates) VALUES (%s, %s, %s)"
        " ON CONFLICT (host, server) DO UPDATE SET rates = excluded.rates, measured = now()",
        (*key, json.dumps(asdict(found))),
    )
    return found


def measure(target: PostgresTarget) -> Rates:
    """Measure the rates in a schema of its own, within a transaction that is rolled back."""
    with reported("measuring the server"), target.connection.transaction(force_rollback=True):
        target.execute(f"CREATE SCHEMA {_PROBE}")
        definitions, opened, remade, wal_each = _definitions(target)
        copied, wal = _copy(target)
        table = f"{_PROBE}.filled"
        add = f"ALTER TABLE {table} ADD COLUMN more float8 GENERATED ALWAYS AS (c0) STORED"
        rewritten = _timed(lambda: target.execute(add))
        check = f"SELECT count(*), count(*) FILTER (WHERE abs(c0 - more) > 1e-6) FROM {table}"
        read = _timed(lambda: target.query(check))
        size = int(target.query("SELECT pg_relation_size(%s)", (table,))[0][0])
    return Rates(
        definitions=definitions,
        opened=opened,
        remade=remade,
        copy=size / copied,
        rewrite=size / rewritten,
        read=size / read,
        wal=wal / size,
        wal_each=wal_each,
        values=_values(),
    )


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _written(target: PostgresTarget) -> int:
    return int(target.query("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0][0])


def _definitions(target: PostgresTarget) -> tuple[float, float, float, float]:
    """Relations a second that are renamed, read and remade, and bytes of log for a renaming.

    The relations are like a pair's: partitions with many columns.
    """
    values = ", ".join(f"x{i} float8" for i in range(_WIDE))
    parent = f"{_PROBE}.parent"
    key = "ts_utc float8 PRIMARY KEY"
    target.execute(f"CREATE TABLE {parent} ({key}, {values}) PARTITION BY RANGE (ts_utc)")
    for i in range(_TABLES):
        bounds = f"FROM ({i}) TO ({i + 1})"
        target.execute(f"CREATE TABLE {_PROBE}.old_{i} PARTITION OF {parent} FOR VALUES {bounds}")
    before = _written(target)
    tables = range(_TABLES)
    rename = ";".join(f"ALTER TABLE {_PROBE}.old_{i} RENAME TO new_{i}" for i in tables)
    renamed = _timed(lambda: target.execute(rename))
    wal = _written(target) - before
    count = " UNION ALL ".join(f"SELECT count(*) FROM {_PROBE}.new_{i}" for i in tables)
    counted = _timed(lambda: target.query(count))
    new = ", ".join(f"ADD y{i} float8 GENERATED ALWAYS AS (x{i}) STORED" for i in range(_ADDED))
    plain = ", ".join(f"ALTER y{i} DROP EXPRESSION" for i in range(_ADDED))
    remade = _timed(lambda: target.execute(f"ALTER TABLE {parent} {new}"))
    remade += _timed(lambda: target.execute(f"ALTER TABLE {parent} {plain}"))
    return _TABLES / renamed, _TABLES / counted, _TABLES / remade, wal / _TABLES


def _copy(target: PostgresTarget) -> tuple[float, float]:
    """Seconds of a binary COPY with a key, and bytes of log."""
    table = f"{_PROBE}.filled"
    names = [f"c{i}" for i in range(_COLUMNS)]
    declared = ", ".join(f"{name} float8" for name in names)
    target.execute(f"CREATE TABLE {table} (id float8 PRIMARY KEY, {declared})")
    rows = _binary_rows()
    before = _written(target)

    def send() -> None:
        statement = f"COPY {table} FROM STDIN (FORMAT binary)".encode()
        with target.connection.cursor().copy(statement) as copy:
            copy.write(rows)

    return _timed(send), _written(target) - before


def _binary_rows() -> bytes:
    """Rows in the format of a binary COPY: count of fields, then length and value of each."""
    fields = [("count", ">i2")]
    for i in range(_COLUMNS + 1):
        fields += [(f"length{i}", ">i4"), (f"value{i}", ">f8")]
    rows = np.zeros(_ROWS, np.dtype(fields))
    rows["count"] = _COLUMNS + 1
    random = np.random.default_rng(0)
    for i in range(_COLUMNS + 1):
        rows[f"length{i}"] = 8
        rows[f"value{i}"] = random.standard_normal(_ROWS) if i else np.arange(_ROWS)
    return b"PGCOPY\n\xff\r\n\x00" + bytes(8) + rows.tobytes() + b"\xff\xff"


def _values() -> float:
    from bqx.kernels.quadratic import quadratic_fit

    series = 100 + np.random.default_rng(0).standard_normal(_GRID).cumsum() * 1e-3
    out = np.empty((_OUTPUTS, _GRID))
    quadratic_fit(series, _WINDOW, 0, out)  # compiles or loads the kernel
    return out.size / _timed(lambda: quadratic_fit(series, _WINDOW, 0, out))

"""State of a store: tables that say what was written, from what, and when.

Only the process that holds the store's lock writes. A partition is forgotten before its file is
replaced and recorded afterwards, so that a killed process leaves work to do, never a wrong record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bqx.domains.grid import FloatArray
from bqx.domains.rate import Baseline
from bqx.store.database import Database, Row, Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS partitions (
  tbl TEXT, pair TEXT, month TEXT, rows INTEGER, hash TEXT, bytes INTEGER, fingerprint TEXT,
  inputs TEXT, first INTEGER, last INTEGER, written TEXT, PRIMARY KEY (tbl, pair, month));
CREATE TABLE IF NOT EXISTS days (
  pair TEXT, day INTEGER, hash TEXT, rows INTEGER, PRIMARY KEY (pair, day));
CREATE TABLE IF NOT EXISTS sources (
  id INTEGER PRIMARY KEY, path TEXT, member TEXT, sha256 TEXT, size INTEGER, pair TEXT,
  format TEXT, clock TEXT, options TEXT, synthetic INTEGER, ingested TEXT, report TEXT);
CREATE TABLE IF NOT EXISTS provenance (
  pair TEXT, month TEXT, source INTEGER, accepted INTEGER, replaced INTEGER,
  PRIMARY KEY (pair, month, source));
CREATE TABLE IF NOT EXISTS baselines (pair TEXT PRIMARY KEY, minute INTEGER, rate REAL);
CREATE TABLE IF NOT EXISTS parameters (
  pair TEXT, domain TEXT, name TEXT, row INTEGER, version TEXT, inputs TEXT, vals BLOB,
  fitted TEXT, PRIMARY KEY (pair, domain, name, row));
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, kind TEXT, started TEXT, finished TEXT, outcome TEXT);
"""


@dataclass(frozen=True)
class Partition:
    """What is known of one stored partition.

    Attributes:
        tbl: Table name without pair and month.
        pair: Pair.
        month: ``yyyy_mm``.
        rows: Number of rows.
        hash: Content hash.
        bytes: Size of the file.
        fingerprint: Of the table and the grid, when it was written.
        inputs: Hash of the bars that it was made from.
        first: Epoch minute of the first row.
        last: Epoch minute of the last row.
    """

    tbl: str
    pair: str
    month: str
    rows: int
    hash: str
    bytes: int
    fingerprint: str
    inputs: str
    first: int
    last: int


@dataclass(frozen=True)
class Day:
    """The bars of a pair on one UTC day: ``day`` counts from 1970-01-01."""

    pair: str
    day: int
    hash: str
    rows: int


@dataclass(frozen=True)
class Parameters:
    """Parameters that a feature fitted on a pair's past.

    Attributes:
        pair: Pair.
        domain: Domain.
        name: What was fitted.
        row: Absolute grid row, a month's first, before which all of the past was used.
        version: Hash of the code that fitted.
        inputs: Hash of the bars that were used.
        vals: The float64 values as bytes; None where the past was too short.
    """

    pair: str
    domain: str
    name: str
    row: int
    version: str
    inputs: str
    vals: bytes | None


_PARTITION_FIELDS = ", ".join(f.name for f in fields(Partition))


def _upsert(table: str, columns: Sequence[str], keys: int) -> str:
    """A statement that puts a row in place of the one with the same first ``keys`` columns."""
    marks = ", ".join("?" * len(columns))
    values = ", ".join(f"{name} = excluded.{name}" for name in columns[keys:])
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        f" ON CONFLICT ({', '.join(columns[:keys])}) DO UPDATE SET {values}"
    )


_PUT_PARTITION = _upsert("partitions", [*(f.name for f in fields(Partition)), "written"], 3)
_PUT_DAY = _upsert("days", [f.name for f in fields(Day)], 2)
_PUT_PARAMETERS = _upsert("parameters", [*(f.name for f in fields(Parameters)), "fitted"], 4)


def now() -> str:
    """The time, as it stands in the state."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class State:
    """The record of a store.

    Args:
        database: Where its tables, made by `SCHEMA`, are.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: all of its statements or none."""
        return self.database.transaction()

    def query(self, statement: str, parameters: Iterable[object] = ()) -> list[Row]:
        """The rows of a query."""
        return self.database.query(statement, parameters)

    # Partitions

    def partitions(
        self, tbl: str | None = None, pair: str | None = None
    ) -> dict[tuple[str, str, str], Partition]:
        """Recorded partitions by table, pair and month."""
        wanted = {
            name: value for name, value in (("tbl", tbl), ("pair", pair)) if value is not None
        }
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1 = 1"
        rows = self.query(
            f"SELECT {_PARTITION_FIELDS} FROM partitions WHERE {where} ORDER BY tbl, pair, month",
            wanted.values(),
        )
        found = [Partition(*row) for row in rows]  # type: ignore[arg-type]
        return {(p.tbl, p.pair, p.month): p for p in found}

    def forget(self, keys: Iterable[tuple[str, str, str]]) -> None:
        """Remove partitions from the record; their files may be replaced from now on."""
        with self.transaction() as connection:
            connection.executemany(
                "DELETE FROM partitions WHERE tbl = ? AND pair = ? AND month = ?", list(keys)
            )

    def record(self, partitions: Iterable[Partition], days: Iterable[Day] = ()) -> None:
        """Record written partitions and, for bars, their days."""
        with self.transaction() as connection:
            connection.executemany(
                _PUT_PARTITION,
                [(*asdict(p).values(), now()) for p in partitions],
            )
            connection.executemany(
                _PUT_DAY,
                [tuple(asdict(d).values()) for d in days],
            )

    # Bars

    def days(self, pair: str) -> list[tuple[int, str]]:
        """Days with bars and their hashes, in order."""
        rows = self.query("SELECT day, hash FROM days WHERE pair = ? ORDER BY day", (pair,))
        return [(int(str(day)), str(digest)) for day, digest in rows]

    def pairs(self) -> tuple[str, ...]:
        """Pairs with bars."""
        return tuple(str(row[0]) for row in self.query("SELECT DISTINCT pair FROM days ORDER BY 1"))

    def baseline(self, pair: str) -> Baseline | None:
        """The stored baseline of a pair."""
        rows = self.query("SELECT minute, rate FROM baselines WHERE pair = ?", (pair,))
        return Baseline(*rows[0]) if rows else None  # type: ignore[arg-type]

    def set_baseline(self, pair: str, baseline: Baseline) -> None:
        """Store a baseline, once: an existing one stays."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO baselines VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (pair, baseline.minute, baseline.rate),
            )

    # Parameters

    def parameters(
        self, pair: str, domain: str, name: str, row: int, made_from: tuple[str, str]
    ) -> tuple[bool, FloatArray | None]:
        """Whether parameters are stored, of that version and from these inputs, and the values."""
        rows = self.query(
            "SELECT vals FROM parameters WHERE pair = ? AND domain = ? AND name = ? AND row = ?"
            " AND version = ? AND inputs = ?",
            (pair, domain, name, row, *made_from),
        )
        if not rows:
            return False, None
        stored = rows[0][0]
        return True, np.frombuffer(stored) if isinstance(stored, bytes) else None

    def record_parameters(self, found: Iterable[Parameters]) -> None:
        """Store fitted parameters in place of older ones."""
        with self.transaction() as connection:
            connection.executemany(
                _PUT_PARAMETERS,
                [(*asdict(p).values(), now()) for p in found],
            )

    # Runs

    def last_run(self, kind: str) -> dict[str, Any]:
        """Outcome of the newest run of a kind; empty when there was none."""
        rows = self.query(
            "SELECT outcome FROM runs WHERE kind = ? ORDER BY id DESC LIMIT 1", (kind,)
        )
        return dict(json.loads(str(rows[0][0]))) if rows else {}

    def log_run(self, kind: str, started: str, outcome: object) -> None:
        """Append to the ledger of runs."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (kind, started, finished, outcome) VALUES (?, ?, ?, ?)",
                (kind, started, now(), json.dumps(outcome)),
            )

"""The databases that a record can live in: SQLite beside the files, or PostgreSQL.

Statements are written once, in the SQL that both understand: ``?`` stands for a parameter, and
``INSERT … ON CONFLICT`` for an upsert.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

Row = tuple[object, ...]


class Transaction(Protocol):
    """Statements that take effect together or not at all."""

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Run a statement."""

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> Any:
        """Run a statement once for each row of parameters."""


class Database(Protocol):
    """What a record needs of a database."""

    def query(self, statement: str, parameters: Iterable[object] = ()) -> list[Row]:
        """The rows of a query."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: all of its statements or none."""

    def columns(self, table: str) -> dict[str, str]:
        """Names and types of a table's columns."""

    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""

    def close(self) -> None:
        """Let go of it."""


class SqliteDatabase:
    """One SQLite file in WAL mode; any thread may use it.

    Args:
        path: The file.
        schema: Statements that make the tables where they are missing.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(schema)
        # Python 3.13 warns of connections that are left to the garbage collector.
        weakref.finalize(self, self._connection.close)

    def query(self, statement: str, parameters: Iterable[object] = ()) -> list[Row]:
        """The rows of a query."""
        with self._lock:
            return self._connection.execute(statement, tuple(parameters)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of its statements or none."""
        with self._lock, self._connection:
            yield self._connection

    def backup(self, target: Path) -> None:
        """Copy everything into another file, without a log beside it."""
        with closing(sqlite3.connect(target)) as copy:
            with self.transaction() as connection:
                connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")

    def settle(self) -> None:
        """Wait until everything is in the file itself."""
        self.query("PRAGMA wal_checkpoint(FULL)")

    def columns(self, table: str) -> dict[str, str]:
        """Names and types of a table's columns."""
        rows = self.query("SELECT name, type FROM pragma_table_info(?)", (table,))
        return {str(name): str(kind) for name, kind in rows}

    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        rows = self.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return tuple(str(row[0]) for row in rows)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

"""A PostgreSQL database as stages see it: one connection, one lock, the ledger beside the data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from bqx.errors import StoreError
from bqx.postgres.connect import Connection, connect, redacted, reported, run

SCHEMA = "bqx"
"""Schema of the tables, as the source documents call it."""
META = "bqx_meta"
"""Schema of the record and of the ledger."""
LEDGER = f"{META}.stage_runs"
UNDO = f"{META}.stage_undo"
_LOCK = 0x6271785F73746167  # "bqx_stag"
_TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {META};
CREATE TABLE IF NOT EXISTS {LEDGER} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL, action text NOT NULL,
  who text NOT NULL, started timestamptz NOT NULL, finished timestamptz, plan_hash text,
  plan jsonb, outcome jsonb, status text NOT NULL, message text);
CREATE TABLE IF NOT EXISTS {UNDO} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL,
  made timestamptz NOT NULL DEFAULT now(), manifest jsonb NOT NULL)
"""


class PostgresTarget:
    """A database whose schema `SCHEMA` the stages change.

    Outside of `transaction`, every statement is a transaction of its own.

    Args:
        address: Of the server, as `bqx.postgres.connect.connect` reads it.

    Raises:
        StoreError: If the server cannot be reached.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.connection: Connection = connect(address, autocommit=True)

    @property
    def name(self) -> str:
        """The address without passwords."""
        return redacted(self.address)

    def close(self) -> None:
        """Close the connection, which frees the lock."""
        self.connection.close()

    def __enter__(self) -> Self:
        """The target itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def prepare(self) -> None:
        """Make the ledger's tables where they are missing."""
        with reported(f"making the ledger in {META}"):
            for statement in _TABLES.split(";"):
                run(self.connection, statement)

    def query(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of a query, with psycopg's ``%s`` for a parameter."""
        with reported("reading the database"):
            return list(run(self.connection, statement, parameters).fetchall())

    def query_in_full(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """`query`, where PostgreSQL writes every name of a definition in full."""
        with self.transaction():
            self.execute("SET LOCAL search_path TO ''")
            return self.query(statement, parameters)

    def execute(self, statement: str, parameters: Any = None) -> int:
        """Run a statement; the number of rows that it changed."""
        with reported(f"running {' '.join(statement.split())[:200]}"):
            return int(run(self.connection, statement, parameters).rowcount)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: everything inside or nothing."""
        with reported("committing"), self.connection.transaction():
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock of stages; the server frees it when the connection is lost.

        Raises:
            StoreError: If another process holds it.
        """
        if not self.query("SELECT pg_try_advisory_lock(%s)", (_LOCK,))[0][0]:
            raise StoreError(
                f"another process is changing {self.name}",
                expected="one stage at a time",
                hint="wait for it to end; `bqx stage history` shows it",
            )
        try:
            yield
        finally:
            if not self.connection.closed and not self.connection.broken:
                self.query("SELECT pg_advisory_unlock(%s)", (_LOCK,))

    # Undoing

    def remember(self, code: str, manifest: Mapping[str, Any]) -> None:
        """Write what undoing needs, in the transaction of the change."""
        self.query(
            f"INSERT INTO {UNDO} (code, manifest) VALUES (%s, %s) RETURNING id",
            (code, json.dumps(manifest)),
        )

    def remembered(self, code: str) -> tuple[int, Mapping[str, Any]] | None:
        """Number and manifest of the newest application that can be undone."""
        rows = self.query(
            f"SELECT id, manifest FROM {UNDO} WHERE code = %s ORDER BY id DESC LIMIT 1", (code,)
        )
        return (int(rows[0][0]), rows[0][1]) if rows else None

    def undoable(self, code: str) -> tuple[int, Mapping[str, Any]]:
        """`remembered`, where there must be something to undo.

        Raises:
            StoreError: If there is nothing.
        """
        return applied(self.remembered(code), code, self.name)

    def forget(self, number: int) -> None:
        """Remove a manifest, in the transaction that undoes its change."""
        self.execute(f"DELETE FROM {UNDO} WHERE id = %s", (number,))

    def undone_before(self, number: int) -> Sequence[str]:
        """Codes of applications made after that one and not undone: the newest first."""
        rows = self.query(f"SELECT code FROM {UNDO} WHERE id > %s ORDER BY id DESC", (number,))
        return [str(row[0]) for row in rows]


def applied(
    found: tuple[int, Mapping[str, Any]] | None, code: str, place: str
) -> tuple[int, Mapping[str, Any]]:
    """What is remembered of a stage, where there must be something to undo.

    Raises:
        StoreError: If there is nothing.
    """
    if found is None:
        raise StoreError(
            f"nothing to roll back: {code} was not applied to {place}",
            expected="an application that was not rolled back",
            hint="`bqx stage history` lists what was done",
        )
    return found

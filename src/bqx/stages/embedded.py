"""A store in a folder as stages see it: its writer's lock, and the ledger in its state file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from bqx.stages.embedded_ledger import RUNS, TABLE, EmbeddedLedger
from bqx.stages.target import applied
from bqx.store.change import sweep
from bqx.store.embedded import EmbeddedStore
from bqx.store.state import now

UNDO = "stage_undo"
_UNDO_TABLE = f"""CREATE TABLE IF NOT EXISTS {UNDO} (
  id INTEGER PRIMARY KEY, name TEXT UNIQUE, code TEXT, made TEXT, manifest TEXT)"""
UNFINISHED = "building"
"""Folder of tables that are being built beside; a later run goes on with them."""
Statement = tuple[str, tuple[Any, ...]]


class EmbeddedTarget:
    """A folder whose tables the stages change.

    Args:
        store: The open store; whoever opened it closes it.
    """

    def __init__(self, store: EmbeddedStore) -> None:
        self.store = store
        self.ledger = EmbeddedLedger(store.state.database)

    @property
    def name(self) -> str:
        """The store's folder."""
        return str(self.store.root)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        """The target itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def prepare(self) -> None:
        """Make the ledger's tables where they are missing."""
        missing = {RUNS, UNDO} - set(self.store.state.database.tables())
        if missing:
            with self.store.state.transaction() as connection:
                for statement in (TABLE, _UNDO_TABLE):
                    connection.execute(statement)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store's writer's lock; what a killed stage laid beside is swept away.

        Raises:
            StoreError: If another process is writing.
        """
        with self.store.writing():
            self.prepare()
            names = self.store.state.query(f"SELECT name FROM {UNDO}")
            sweep(self.store, [*(str(name) for (name,) in names), UNFINISHED])
            yield

    # Undoing

    def remembering(self, code: str, name: str, manifest: Mapping[str, Any]) -> Statement:
        """The statement that writes what undoing needs; it may run twice."""
        return (
            f"INSERT OR IGNORE INTO {UNDO} (name, code, made, manifest) VALUES (?, ?, ?, ?)",
            (name, code, now(), json.dumps(manifest)),
        )

    def forgetting(self, number: int) -> Statement:
        """The statement that removes a manifest."""
        return f"DELETE FROM {UNDO} WHERE id = ?", (number,)

    def remembered(self, code: str) -> tuple[int, Mapping[str, Any]] | None:
        """Number and manifest of the newest application that can be undone."""
        if UNDO not in self.store.state.database.tables():
            return None
        rows = self.store.state.query(
            f"SELECT id, manifest FROM {UNDO} WHERE code = ? ORDER BY id DESC LIMIT 1", (code,)
        )
        return (int(str(rows[0][0])), json.loads(str(rows[0][1]))) if rows else None

    def later(self, number: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Codes and manifests of applications after that one, not undone: the newest first."""
        rows = self.store.state.query(
            f"SELECT code, manifest FROM {UNDO} WHERE id > ? ORDER BY id DESC", (number,)
        )
        return [(str(code), json.loads(str(manifest))) for code, manifest in rows]

    def undone_before(self, number: int) -> Sequence[str]:
        """Codes of applications made after that one and not undone: the newest first."""
        return [code for code, _ in self.later(number)]

    def undoable(self, code: str) -> tuple[int, Mapping[str, Any]]:
        """Number and manifest of the newest application.

        Raises:
            StoreError: If there is none.
        """
        return applied(self.remembered(code), code, self.name)

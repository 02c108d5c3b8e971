"""Bring a store back to a snapshot, in steps that can be repeated after any interruption.

A journal names the snapshot for as long as this lasts. Whoever opens the store while it is there
takes the same steps again: what is done already is left as it is.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import fields
from pathlib import Path

from bqx.config import FILE
from bqx.errors import IntegrityError
from bqx.market import PAIRS
from bqx.store.durable import put_bytes, put_link, same_file, sync
from bqx.store.embedded import JOURNAL, SNAPSHOTS, STATE, EmbeddedStore
from bqx.store.folder import QUARANTINE
from bqx.store.state import Partition, State, now

# The ledgers go on: a restore is an event in them, not their end. So do registered models.
KEPT = ("runs", "stage_runs", "models", "model_history")
_MONTH_FILE = re.compile(r"\d{4}_\d{2}\.parquet")
_FIELDS = ", ".join(field.name for field in fields(Partition))


def restore_files(store: EmbeddedStore, name: str) -> None:
    """Bring a store back to a snapshot that was checked before.

    The caller holds the writer's lock.
    """
    put_bytes(name.encode(), store.root / JOURNAL)
    _apply(store, name)


def finish_restore(store: EmbeddedStore) -> None:
    """Take the steps of a restore that was interrupted.

    Raises:
        IntegrityError: If its snapshot is gone.
        StoreError: If another process is restoring.
    """
    journal = store.root / JOURNAL
    with store.writing():
        if not journal.exists():
            return
        name = journal.read_text(encoding="utf-8")
        if not (store.root / SNAPSHOTS / name / STATE).is_file():
            raise IntegrityError(
                f"the snapshot {name} was being restored, and is gone",
                expected=f"it in {store.root / SNAPSHOTS}",
                hint=f"put it back; or delete {journal} and run `bqx verify`",
            )
        _apply(store, name)


def _apply(store: EmbeddedStore, name: str) -> None:
    began = now()
    folder = store.root / SNAPSHOTS / name
    links = {
        store.root / path.relative_to(folder): path
        for path in (*partition_files(folder, read_partitions(folder)), *quarantine_files(folder))
    }
    present = _present(store.root)
    differing = [p for p in {*links, *present} if p not in links or not same_file(p, links[p])]
    # First the record, then the file: a reader never trusts a file that is being replaced.
    store.state.forget(_keys(store.root, differing))
    for path in differing:
        if path in links:
            put_link(links[path], path)
        else:
            path.unlink()
    for touched in {path.parent for path in differing}:
        sync(touched)
    put_bytes((folder / FILE).read_bytes(), store.root / FILE)
    _copy_state(folder / STATE, store.state)
    store.database.settle()
    (store.root / JOURNAL).unlink()
    sync(store.root)
    store.reload()
    store.state.log_run("restore", began, {"snapshot": name, "files": len(differing)})


def _keys(root: Path, paths: Iterable[Path]) -> list[tuple[str, str, str]]:
    """Table, pair and month of those files that are partitions."""
    places = [path.relative_to(root).with_suffix("").parts for path in paths]
    return [(place[0], place[1], place[2]) for place in places if len(place) == 3]


def _present(root: Path) -> set[Path]:
    """Partitions and quarantine files in a store's folder, recorded or not."""
    partitions = {
        path
        for pair in PAIRS
        for path in root.glob(f"*/{pair}/*.parquet")
        if _MONTH_FILE.fullmatch(path.name)
    }
    return partitions | set(quarantine_files(root))


def quarantine_files(folder: Path) -> list[Path]:
    """Files of rejected rows in a store or snapshot."""
    return sorted((folder / QUARANTINE).glob("*.parquet"))


def partition_files(folder: Path, partitions: Iterable[Partition]) -> list[Path]:
    """Files of partitions in a store or snapshot."""
    return [folder / p.tbl / p.pair / f"{p.month}.parquet" for p in partitions]


def read_partitions(folder: Path) -> list[Partition]:
    """The partitions that a snapshot's state records."""
    with closing(_read_only(folder / STATE)) as state:
        rows = state.execute(f"SELECT {_FIELDS} FROM partitions ORDER BY tbl, pair, month")
        return [Partition(*row) for row in rows]


def _read_only(path: Path) -> sqlite3.Connection:
    # Immutable: opening leaves no files beside it.
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)


def _copy_state(path: Path, state: State) -> None:
    """Replace the content of the state in one transaction."""
    with closing(_read_only(path)) as snapshot, state.transaction() as connection:
        found = snapshot.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = [name for (name,) in found if name not in KEPT]
        for table in {*state.database.tables()} - {*tables, *KEPT}:
            connection.execute(f"DELETE FROM {table}")  # the snapshot is older than the table
        for table in tables:
            rows = snapshot.execute(f"SELECT * FROM {table}")
            columns = [description[0] for description in rows.description]
            marks = ", ".join("?" for _ in columns)
            connection.execute(f"DELETE FROM {table}")
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows
            )

"""Replace many partitions at once: all of them or none, whatever interrupts it.

New files are laid beside the store's own and the old ones are kept by links. Then a journal is
written, which is the moment of the change; its steps can be repeated after any interruption.
Whoever opens the store while the journal is there takes them again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bqx.errors import IntegrityError
from bqx.store.durable import check_size, put_bytes, put_link, same_file, sync
from bqx.store.embedded import CHANGE, CHANGES, EmbeddedStore
from bqx.store.partitions import Key
from bqx.store.state import Partition

OLD = "old"
_DAMAGED = "`bqx verify` lists what is damaged"


@dataclass(frozen=True)
class Change:
    """Partitions that are put, and others that go, in one step.

    Attributes:
        source: Folder under `CHANGES` that holds the files to put, laid out like a store.
        put: Records of the partitions to put.
        drop: Table, pair and month of those that go without another in their place.
        statements: Further statements for the record; running them twice must do no harm.
        discard: Folders under `CHANGES` that are of no use after the change.
    """

    source: str
    put: tuple[Partition, ...]
    drop: tuple[Key, ...]
    statements: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    discard: tuple[str, ...] = ()


def key_of(partition: Partition) -> Key:
    """Table, pair and month."""
    return partition.tbl, partition.pair, partition.month


def beside(store: EmbeddedStore, folder: str, key: Key) -> Path:
    """Where a partition's file stands in a folder of files laid beside."""
    table, pair, month = key
    return store.root / CHANGES / folder / table / pair / f"{month}.parquet"


def keep(store: EmbeddedStore, name: str, keys: Iterable[Key]) -> list[Partition]:
    """Link the present files of partitions into the folder of a change.

    Returns:
        The records of those of them that exist.

    Raises:
        IntegrityError: If a recorded file is missing or has another size.
    """
    wanted = set(keys)
    present = [p for key, p in store.state.partitions().items() if key in wanted]
    for partition in present:
        path = store.path(*key_of(partition))
        check_size(path, partition.bytes, _DAMAGED)
        put_link(path, beside(store, f"{name}/{OLD}", key_of(partition)))
    return present


def commit(store: EmbeddedStore, change: Change) -> None:
    """Make a change; the caller holds the writer's lock.

    Raises:
        IntegrityError: If a file to put is missing or has another size; nothing is changed then.
    """
    for partition in change.put:
        check_size(beside(store, change.source, key_of(partition)), partition.bytes, _DAMAGED)
    for folder in _folders(store.root / CHANGES):
        sync(folder)
    put_bytes(json.dumps(asdict(change)).encode(), store.root / CHANGE)
    _apply(store, change)


def finish_change(store: EmbeddedStore) -> None:
    """Take the steps of a change that was interrupted.

    Raises:
        IntegrityError: If the journal cannot be read, or a file to put is gone.
        StoreError: If another process is making the change.
    """
    journal = store.root / CHANGE
    with store.writing():
        if journal.exists():
            _apply(store, _read(journal))


def sweep(store: EmbeddedStore, names: Sequence[str]) -> None:
    """Remove what was laid beside for changes other than those."""
    folder = store.root / CHANGES
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in names:
            shutil.rmtree(path)


def _read(journal: Path) -> Change:
    try:
        found = json.loads(journal.read_text(encoding="utf-8"))
        return Change(
            source=found["source"],
            put=tuple(Partition(**p) for p in found["put"]),
            drop=tuple((t, p, m) for t, p, m in found["drop"]),
            statements=tuple((text, tuple(values)) for text, values in found["statements"]),
            discard=tuple(found["discard"]),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise IntegrityError(
            f"cannot read {journal}: {error}",
            expected="the journal of a change that was interrupted",
            hint="restore a snapshot; `bqx verify` lists what differs",
        ) from error


def _apply(store: EmbeddedStore, change: Change) -> None:
    put = [key_of(partition) for partition in change.put]
    gone = [key for key in change.drop if key not in set(put)]
    # First the record, then the file: a reader never trusts a file that is being replaced.
    store.state.forget([*put, *gone])
    for key in put:
        source, target = beside(store, change.source, key), store.path(*key)
        if not same_file(source, target):
            put_link(source, target)
    for key in gone:
        store.path(*key).unlink(missing_ok=True)
    for folder in {store.path(*key).parent for key in (*put, *gone)}:
        _settle_folder(store.root, folder)
    with store.state.transaction() as connection:
        for text, values in change.statements:
            connection.execute(text, values)
    store.state.record(change.put)
    store.database.settle()
    (store.root / CHANGE).unlink()
    sync(store.root / CHANGES)
    for name in change.discard:
        shutil.rmtree(store.root / CHANGES / name, ignore_errors=True)


def _settle_folder(root: Path, folder: Path) -> None:
    """Wait until a folder's names are on the disk; remove it when it is empty, and its parents."""
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
    if folder.is_dir():
        sync(folder)


def _folders(folder: Path) -> list[Path]:
    return [folder, *(path for path in folder.rglob("*") if path.is_dir())]

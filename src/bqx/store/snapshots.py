"""Snapshots: the content of a store kept under a name, as hard links.

Partition files are only ever replaced, never changed, so a link keeps what it was made of at no
cost. A snapshot has the layout of the store, with ``snapshot.json`` beside it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bqx.config import FILE
from bqx.errors import BqxError, ConfigError, IntegrityError, StoreError, UnknownNameError
from bqx.store.durable import check_size, put_bytes, put_link, sync
from bqx.store.embedded import SNAPSHOTS, STATE, EmbeddedStore
from bqx.store.hashing import file_hash
from bqx.store.inspection import inspect_partition
from bqx.store.restore import partition_files, quarantine_files, read_partitions, restore_files
from bqx.store.state import now

MANIFEST = "snapshot.json"
_DAMAGED = "`bqx verify` lists what is damaged; a snapshot keeps what is whole"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
# Hidden names: a snapshot that is being made or deleted is none.
_MAKING, _DELETING = ".making", ".deleting"


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot holds.

    Attributes:
        name: Its name.
        created: When, ISO 8601 in UTC.
        partitions: Number of partitions, bars included.
        rows: Their rows.
        bytes: Their bytes, shared with the store as long as it has the same partitions.
        files: Hash (XXH3) of every file that is no partition, by its path in the snapshot.
    """

    name: str
    created: str
    partitions: int
    rows: int
    bytes: int
    files: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The snapshot as plain values."""
        return asdict(self)


def create(store: EmbeddedStore, name: str) -> Snapshot:
    """Keep the present content of a store under a name.

    Args:
        store: The store.
        name: Small letters, digits, ``_``, ``.`` and ``-``; at most 100, the first a letter or
            digit.

    Raises:
        ConfigError: If the name has another form.
        StoreError: If there is such a snapshot, or another process is writing.
        IntegrityError: If a recorded partition is missing or has another size.
    """
    _check_name(name)
    with store.writing():
        _sweep(store)
        target = _folder(store, name)
        if target.exists():
            raise StoreError(
                f"there is a snapshot {name}",
                expected="a new name",
                hint=f"`bqx snapshot delete {name}` first",
            )
        making = target.with_name(_MAKING)
        try:
            made = _fill(store, making, name)
        except BqxError:
            _sweep(store)
            raise
        making.rename(target)
        sync(target.parent)
    return made


def list_snapshots(store: EmbeddedStore) -> list[Snapshot]:
    """The snapshots of a store, oldest first.

    Raises:
        IntegrityError: If one cannot be read.
    """
    found = [_read(store, name) for name in _names(store)]
    return sorted(found, key=lambda s: (s.created, s.name))


def restore(store: EmbeddedStore, name: str) -> None:
    """Bring a store back to a snapshot; the ledger of runs goes on.

    What the store has beyond the snapshot is lost. When this is interrupted, opening the store
    finishes it.

    Raises:
        UnknownNameError: If there is no such snapshot.
        IntegrityError: If a file of it is missing or damaged; nothing is changed then.
        StoreError: If another process is writing.
    """
    with store.writing():
        _check_content(store, _read(store, name))
        restore_files(store, name)


def delete(store: EmbeddedStore, name: str) -> None:
    """Delete a snapshot; what the store holds is not touched.

    Raises:
        UnknownNameError: If there is no such snapshot.
        StoreError: If another process is writing.
    """
    with store.writing():
        _known(store, name)
        _sweep(store)
        folder = _folder(store, name)
        folder.rename(folder.with_name(_DELETING))
        sync(folder.parent)
        _sweep(store)


def _folder(store: EmbeddedStore, name: str) -> Path:
    return store.root / SNAPSHOTS / name


def _names(store: EmbeddedStore) -> list[str]:
    folder = store.root / SNAPSHOTS
    return (
        sorted(p.name for p in folder.iterdir() if _NAME.fullmatch(p.name))
        if folder.is_dir()
        else []
    )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"unusable snapshot name {name!r}",
            expected="small letters, digits, '_', '.' and '-', the first a letter or digit",
            hint="for example before-2.12",
        )


def _known(store: EmbeddedStore, name: str) -> None:
    names = _names(store)
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    raise UnknownNameError(
        f"no snapshot {name!r} in {store.root}",
        expected=f"one of {', '.join(names)}" if names else "a snapshot; there is none",
        hint=f"did you mean {close[0]}?" if close else "`bqx snapshot create NAME` makes one",
    )


def _sweep(store: EmbeddedStore) -> None:
    """Remove what an interrupted `create` or `delete` left behind."""
    for name in (_MAKING, _DELETING):
        if _folder(store, name).exists():
            shutil.rmtree(_folder(store, name))


def _fill(store: EmbeddedStore, folder: Path, name: str) -> Snapshot:
    folder.mkdir(parents=True)
    store.database.backup(folder / STATE)
    sync(folder / STATE)
    shutil.copyfile(store.root / FILE, folder / FILE)
    partitions = read_partitions(folder)
    files = partition_files(store.root, partitions)
    for partition, path in zip(partitions, files, strict=True):
        check_size(path, partition.bytes, _DAMAGED)
    for path in (*files, *quarantine_files(store.root)):
        put_link(path, folder / path.relative_to(store.root))
    made = Snapshot(
        name=name,
        created=now(),
        partitions=len(partitions),
        rows=sum(p.rows for p in partitions),
        bytes=sum(p.bytes for p in partitions),
        files=_hashes(folder, [folder / STATE, folder / FILE, *quarantine_files(folder)]),
    )
    put_bytes(json.dumps(made.to_json(), indent=1).encode(), folder / MANIFEST)
    for path in (folder / FILE, *(p for p in folder.rglob("*") if p.is_dir())):
        sync(path)
    return made


def _hashes(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_hash(p) for p in paths}


def _read(store: EmbeddedStore, name: str) -> Snapshot:
    _known(store, name)
    path = _folder(store, name) / MANIFEST
    try:
        return Snapshot(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise IntegrityError(
            f"cannot read {path}: {error}",
            expected="the file that came with the snapshot",
            hint=f"`bqx snapshot delete {name}`",
        ) from error


def _check_content(store: EmbeddedStore, snapshot: Snapshot) -> None:
    """Compare every file of a snapshot with its record."""
    folder = _folder(store, snapshot.name)
    present = [p for p in map(folder.joinpath, snapshot.files) if p.is_file()]
    found = _hashes(folder, present)
    damaged = [name for name, digest in snapshot.files.items() if found.get(name) != digest]
    if not damaged:
        partitions = read_partitions(folder)
        files = partition_files(folder, partitions)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = list(pool.map(inspect_partition, files, partitions))
        damaged = [
            f"{path.relative_to(folder)} ({problem[0].kind})"
            for path, problem in zip(files, problems, strict=True)
            if problem
        ]
    if damaged:
        raise IntegrityError(
            f"snapshot {snapshot.name}: {', '.join(damaged[:10])} missing or damaged",
            expected="the files that were kept",
            hint="nothing was changed; restore another snapshot",
        )

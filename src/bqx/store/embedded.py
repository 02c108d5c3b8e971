"""The embedded store: one Parquet file per table, pair and month, and one state file.

Layout of the folder::

    bqx.toml                                 settings that determine the values
    state.sqlite                             what was written, from what, when
    m1/eurusd/2019_01.parquet                bars as delivered
    reg_rate/eurusd/2019_01.parquet          a table's partition
    quarantine/000001.parquet                rejected rows of one source
    snapshots/<name>/                        hard links
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

from bqx.config import FILE, StoreSettings, read_store_settings
from bqx.domains.around import Memo
from bqx.errors import StoreError, UnknownNameError
from bqx.features.registry import Registry, registry
from bqx.features.table import TableSpec
from bqx.market import Calendar, parse_pairs
from bqx.store.barstore import M1, BarStore
from bqx.store.database import SqliteDatabase
from bqx.store.lock import WriterLock
from bqx.store.parquet import remove_leftovers
from bqx.store.state import SCHEMA, State

STATE = "state.sqlite"
SNAPSHOTS = "snapshots"
PATIENCE = 10.0
"""Seconds that opening a store waits for the record of a partition being ingested."""
JOURNAL = "restore.journal"
"""Stands in the folder while a snapshot is being restored."""


class EmbeddedStore:
    """A store in a folder.

    Args:
        root: The folder; created with default settings when it does not exist or is empty.
        settings: Settings of a new store. An existing store keeps its own.
        families: Feature families; those of the settings when None.

    Raises:
        StoreError: If the folder holds something else, or its settings contradict ``settings``.
        ConfigError: If its settings cannot be read.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        settings: StoreSettings | None = None,
        families: Registry | None = None,
    ) -> None:
        self.root = Path(root).expanduser().resolve()
        self._families = families
        found = _settings(self.root, settings)
        self.database = SqliteDatabase(self.root / STATE, SCHEMA)
        self.state = State(self.database)
        self._writer = WriterLock(self.root / ".lock")
        self._use(found)
        if (self.root / JOURNAL).exists():
            from bqx.store.restore import finish_restore

            finish_restore(self)
        self._recover_bars()

    def reload(self) -> None:
        """Take over the settings of ``bqx.toml`` after they were replaced.

        Raises:
            ConfigError: If they cannot be read.
        """
        self._use(read_store_settings(self.root / FILE))

    def _use(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.calendar: Calendar = settings.calendar()
        self.registry = self._families or registry(settings.families)
        self.bars = BarStore(self.root, self.state, self.calendar, settings.baseline_minute)
        self.shared = Memo()
        self.__dict__.pop("tables", None)

    def close(self) -> None:
        """Close the state file."""
        self.state.close()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @cached_property
    def tables(self) -> dict[str, TableSpec]:
        """All tables that the families make, by name."""
        return self.registry.tables

    def fingerprint(self, table: str) -> str:
        """What a current partition of the table carries: its code and the grid."""
        text = f"{self.tables[table].fingerprint}|{self.calendar.identity}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def path(self, table: str, pair: str, month: str) -> Path:
        """File of a partition."""
        return self.root / table / pair / f"{month}.parquet"

    def select_pairs(self, pairs: str | Sequence[str] | None) -> tuple[str, ...]:
        """Pairs with bars, or those of them that are named.

        Raises:
            UnknownNameError: If a name is no pair, or the pair has no bars here.
        """
        present = self.state.pairs()
        if pairs is None:
            return present
        wanted = parse_pairs(list(pairs) if not isinstance(pairs, str) else pairs)
        absent = [p for p in wanted if p not in present]
        if absent:
            raise UnknownNameError(
                f"no bars of {', '.join(absent)} in {self.root}",
                expected=f"some of {', '.join(present) or 'nothing: the store is empty'}",
                hint="`bqx ingest FILES` first",
            )
        return wanted

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer's lock; what a killed writer left behind is put in order first.

        Raises:
            StoreError: If another process is writing.
        """
        with self._writer.hold() as fresh:
            if fresh:
                remove_leftovers(self.root)
            yield

    def _recover_bars(self) -> None:
        """Record bar partitions that a killed ingest wrote but did not record.

        While another process is ingesting, its own record is waited for.

        Raises:
            StoreError: If that takes longer than `PATIENCE`.
        """
        deadline = time.monotonic() + PATIENCE
        while unrecorded := self.bars.unrecorded():
            try:
                with self.writing():
                    for pair, month in unrecorded:
                        self.bars.record(pair, month)
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


def _settings(root: Path, settings: StoreSettings | None) -> StoreSettings:
    file = root / FILE
    if file.is_file():
        found = read_store_settings(file)
        if settings is not None and settings != found:
            raise StoreError(
                f"{root} has other settings: {found.to_toml()}",
                expected=settings.to_toml(),
                hint=f"edit {file}; `bqx plan` then lists what must be rebuilt",
            )
        return found
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise StoreError(
            f"{root} is no bqx store",
            expected=f"an empty or new folder, or one with {FILE}",
            hint="choose another folder",
        )
    root.mkdir(parents=True, exist_ok=True)
    created = settings or StoreSettings()
    created.calendar()
    file.write_text(created.to_toml(), encoding="utf-8")
    return created


__all__ = ["M1", "EmbeddedStore"]

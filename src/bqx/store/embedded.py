"""The embedded store: one Parquet file per table, pair and month, and one state file.

Layout of the folder::

    bqx.toml                                 settings that determine the values
    state.sqlite                             what was written, from what, when
    m1/eurusd/2019_01.parquet                bars as delivered
    reg_rate/eurusd/2019_01.parquet          a table's partition
    quarantine/000001.parquet                rejected rows of one source
    snapshots/<name>/                        hard links
    models/<name>/<version>/                 artefacts of registered models
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bqx.config import FILE, StoreSettings, read_store_settings
from bqx.errors import BqxError, StoreError
from bqx.features.registry import Registry
from bqx.store.barstore import M1
from bqx.store.base import BaseStore
from bqx.store.database import SqliteDatabase
from bqx.store.durable import put_bytes
from bqx.store.folder import JOURNAL, SNAPSHOTS, STATE, ParquetPartitions
from bqx.store.lock import WriterLock
from bqx.store.parquet import remove_leftovers
from bqx.store.state import SCHEMA, State

CHANGES = ".changes"
"""Folder of what is laid beside; hidden, so that nothing in it is taken for the store's own."""
CHANGE = f"{CHANGES}/journal.json"
"""Stands there while many partitions are being replaced at once."""


class EmbeddedStore(BaseStore):
    """A store in a folder.

    Args:
        root: The folder; created with default settings when it does not exist or is empty.
        settings: Settings of a new store. An existing store keeps its own.
        families: Feature families; those of the settings when None.
        create: Whether a store is made where there is none.

    Raises:
        StoreError: If the folder holds something else or nothing, or its settings contradict
            ``settings``.
        ConfigError: If its settings cannot be read.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        settings: StoreSettings | None = None,
        families: Registry | None = None,
        create: bool = True,
    ) -> None:
        self.root = Path(root).expanduser().resolve()
        found = _settings(self.root, settings, create=create)
        self.database = SqliteDatabase(self.root / STATE, SCHEMA)
        parts, lock = ParquetPartitions(self.root), WriterLock(self.root / ".lock")
        super().__init__(State(self.database), parts, lock, families)
        self._use(found)
        if (self.root / JOURNAL).exists():
            from bqx.store.restore import finish_restore

            finish_restore(self)
        if (self.root / CHANGE).exists():
            from bqx.store.change import finish_change

            finish_change(self)
        self._recover_bars()

    @property
    def address(self) -> str:
        """The folder, as a text."""
        return str(self.root)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.root.name

    def read_settings(self) -> StoreSettings:
        """The settings in ``bqx.toml``.

        Raises:
            ConfigError: If they cannot be read.
        """
        return read_store_settings(self.root / FILE)

    def write_settings(self, settings: StoreSettings) -> None:
        """Write ``bqx.toml``."""
        put_bytes(settings.to_toml().encode(), self.root / FILE)

    def sql(self, query: str) -> pl.DataFrame:
        """Run a query with DuckDB over the store's tables.

        Raises:
            UnknownNameError: If a table or column does not exist.
            BqxError: If the query fails, or does more than read.
        """
        from bqx.store.sql import run_sql

        return run_sql(self, query)

    def path(self, table: str, pair: str, month: str) -> Path:
        """File of a partition."""
        return self.root / table / pair / f"{month}.parquet"

    def _tidy(self) -> None:
        remove_leftovers(self.root)


def in_folder(store: BaseStore, what: str) -> EmbeddedStore:
    """The store, where it is one in a folder.

    Raises:
        BqxError: If it is not; ``what`` is not to be had then.
    """
    if isinstance(store, EmbeddedStore):
        return store
    raise BqxError(
        f"{what} of {store.name}, which is no folder",
        expected="a store in a folder",
        hint="`pg_dump` keeps a database; `bqx copy` makes a folder of it",
    )


def _settings(root: Path, settings: StoreSettings | None, *, create: bool) -> StoreSettings:
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
    if not create:
        raise StoreError(
            f"no store at {root}",
            expected="a folder made by `bqx ingest`",
            hint="name it with --store or BQX_STORE",
        )
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


__all__ = ["JOURNAL", "M1", "SNAPSHOTS", "STATE", "EmbeddedStore", "in_folder"]

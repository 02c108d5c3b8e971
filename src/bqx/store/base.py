"""What every store is, wherever its partitions are: settings, bars, record, one writer."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Self

import polars as pl

from bqx.config import StoreSettings, changed
from bqx.domains.around import Memo
from bqx.errors import StoreError, UnknownNameError
from bqx.features.registry import Registry, registry
from bqx.features.table import TableSpec
from bqx.market import Calendar, parse_pairs
from bqx.store.barstore import BarStore
from bqx.store.lock import Lock
from bqx.store.partitions import Partitions
from bqx.store.state import State

PATIENCE = 10.0
"""Seconds that opening a store waits for the record of a partition being ingested."""


class BaseStore(ABC):
    """A store: partitions, their record, and the settings that determine the values.

    Args:
        state: The record.
        parts: The partitions.
        lock: Held by the one who writes.
        families: Feature families; those of the settings when None.

    Attributes:
        settings: What determines the values.
        calendar: Trading-minute grid.
        registry: Feature families.
        bars: The bars of all pairs.
        shared: What is made once for as long as the store is open.
    """

    settings: StoreSettings
    calendar: Calendar
    registry: Registry
    bars: BarStore
    shared: Memo

    def __init__(
        self, state: State, parts: Partitions, lock: Lock, families: Registry | None
    ) -> None:
        self.state = state
        self.parts = parts
        self._writer = lock
        self._families = families

    @property
    @abstractmethod
    def address(self) -> str:
        """By which another process opens the same store."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What reports call it; without passwords."""

    @abstractmethod
    def read_settings(self) -> StoreSettings:
        """The settings as they are stored.

        Raises:
            ConfigError: If they cannot be read.
        """

    @abstractmethod
    def write_settings(self, settings: StoreSettings) -> None:
        """Store settings in place of the present ones."""

    @abstractmethod
    def sql(self, query: str) -> pl.DataFrame:
        """Run a query over the store's tables; it can only read.

        Raises:
            UnknownNameError: If a table or column does not exist.
            BqxError: If the query fails.
        """

    def reload(self) -> None:
        """Take over the stored settings after they were replaced.

        Raises:
            ConfigError: If they cannot be read.
        """
        self._use(self.read_settings())

    def set(self, name: str, value: str) -> None:
        """Change a setting; `plan` then lists what must be made again.

        Args:
            name: Name of the setting.
            value: New value; lists are separated by commas, an empty text is no value.

        Raises:
            ConfigError: If there is no such setting, or the value cannot be read.
            StoreError: If another process is writing.
        """
        with self.writing():
            self.write_settings(changed(self.settings, name, value))
        self.reload()

    def _use(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.calendar = settings.calendar()
        self.registry = self._families or registry(settings.families)
        self.bars = BarStore(self.parts, self.state, self.calendar, settings.baseline_minute)
        self.shared = Memo()
        self.__dict__.pop("tables", None)

    def close(self) -> None:
        """Let go of the record and the partitions."""
        self.parts.close()
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
                f"no bars of {', '.join(absent)} in {self.name}",
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
                self._tidy()
            yield

    def _tidy(self) -> None:  # noqa: B027 - not every store has something to tidy
        """Remove what a killed writer left behind."""

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

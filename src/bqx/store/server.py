"""A store in a PostgreSQL database: tables in schema ``bqx``, the record in ``bqx_meta``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from bqx.config import FILE, StoreSettings, parse_settings
from bqx.errors import ConfigError, StoreError
from bqx.features.registry import Registry
from bqx.store.base import BaseStore
from bqx.store.state import SCHEMA as RECORD
from bqx.store.state import State

if TYPE_CHECKING:
    from bqx.postgres.database import PostgresDatabase


class PostgresStore(BaseStore):
    """A store in a database.

    Args:
        address: ``postgresql://user@host:port/database``, libpq's ``key=value`` text, or a secret
            reference to one of them.
        settings: Settings of a new store. An existing store keeps its own.
        families: Feature families; those of the settings when None.
        create: Whether a store is made where there is none.

    Raises:
        StoreError: If the server cannot be reached, there is no store, or its settings contradict
            ``settings``.
        ConfigError: If the address or the settings cannot be read, or the extra is not installed.
    """

    def __init__(
        self,
        address: str,
        *,
        settings: StoreSettings | None = None,
        families: Registry | None = None,
        create: bool = True,
    ) -> None:
        self._address = address
        self.database = _database(address, create=create)
        from bqx.store.relations import PostgresPartitions
        from bqx.store.serverlock import ServerLock

        parts = PostgresPartitions(address)
        state, lock = State(self.database), ServerLock(self.database, self.name)
        super().__init__(state, parts, lock, families)
        self._use(self._settings(settings, create=create))
        self._recover_bars()

    @property
    def address(self) -> str:
        """As it was given: a secret reference stays one."""
        return self._address

    @property
    def name(self) -> str:
        """Host and database."""
        return self.database.name

    def _settings(self, settings: StoreSettings | None, *, create: bool) -> StoreSettings:
        found = self._stored_settings()
        if found is None:
            if not create:
                raise _no_store(self.name)
            found = settings or StoreSettings()
            found.calendar()
            self.write_settings(found)
        if settings is not None and settings != found:
            raise StoreError(
                f"{self.name} has other settings: {found.to_toml()}",
                expected=settings.to_toml(),
                hint="`bqx config set` changes them; `bqx plan` then lists what must be rebuilt",
            )
        return found

    def _stored_settings(self) -> StoreSettings | None:
        rows = self.state.query("SELECT content FROM settings WHERE name = ?", (FILE,))
        return parse_settings(str(rows[0][0]).encode(), f"{FILE} in {self.name}") if rows else None

    def read_settings(self) -> StoreSettings:
        """The settings as they are stored."""
        found = self._stored_settings()
        if found is None:
            raise ConfigError(f"{self.name} has lost its settings", expected="those of the store")
        return found

    def write_settings(self, settings: StoreSettings) -> None:
        """Store settings in place of the present ones."""
        with self.state.transaction() as transaction:
            transaction.execute(
                "INSERT INTO settings (name, content) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET content = excluded.content",
                (FILE, settings.to_toml()),
            )

    def sql(self, query: str) -> pl.DataFrame:
        """Run a query on the server, which can only read.

        Raises:
            UnknownNameError: If a table or column does not exist.
            BqxError: If the query fails, or does more than read.
        """
        from bqx.store.serversql import run_sql

        return run_sql(self, query)


def _database(address: str, *, create: bool) -> PostgresDatabase:
    try:
        from bqx.postgres.database import PostgresDatabase
        from bqx.store.relations import META, SCHEMA, TABLES
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"a store in PostgreSQL without {error.name}",
            expected="the extra `postgres`",
            hint="pip install bqx-ml[postgres]",
        ) from error
    database = PostgresDatabase(address, META, RECORD + TABLES, others=(SCHEMA,), create=create)
    if not database.made:
        name = database.name
        database.close()
        raise _no_store(name)
    return database


def _no_store(name: str) -> StoreError:
    return StoreError(
        f"no store in {name}",
        expected="a database with a store made by `bqx ingest` or `bqx copy`",
        hint="name it with --store or BQX_STORE",
    )

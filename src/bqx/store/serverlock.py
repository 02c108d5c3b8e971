"""One writer to a database at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bqx.postgres.database import PostgresDatabase
from bqx.store.lock import Lock

_NUMBER = 0x6271785F77726974  # "bqx_writ"


class ServerLock(Lock):
    """An advisory lock of the connection of the record; the server frees it when that is lost.

    While it is held, a lost connection is not replaced: another one would write without the lock.

    Args:
        database: The record.
        place: What is written to, for messages.
    """

    def __init__(self, database: PostgresDatabase, place: str) -> None:
        super().__init__(place)
        self._database = database

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        if not self._database.query("SELECT pg_try_advisory_lock(?)", (_NUMBER,))[0][0]:
            raise self._busy("process")
        with self._database.one_connection():
            try:
                yield
            finally:
                if self._database.connected:
                    self._database.query("SELECT pg_advisory_unlock(?)", (_NUMBER,))

"""Rows of a query as an Arrow table, over ADBC, which copies them in binary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from bqx.errors import StoreError
from bqx.postgres.connect import conninfo
from bqx.postgres.pool import Pool
from bqx.redaction import redacted


class Reader:
    """Runs queries; any thread may use it.

    Args:
        address: Of the server, as `bqx.postgres.connect.connect` reads it.
        options: Settings of the session, such as ``search_path``.
    """

    def __init__(self, address: str, **options: str) -> None:
        self._address = address
        self._options = {"timezone": "UTC"} | options
        self._pool: Pool[Any] = Pool(self._connect)

    def _connect(self) -> Any:
        connection = dbapi.connect(conninfo(self._address).reveal(), autocommit=True)
        with connection.cursor() as cursor:
            for name, value in self._options.items():
                cursor.execute(f"SET {name} = {value}")
        return connection

    def fetch(self, query: str) -> pa.Table:
        """The rows of one query.

        Raises:
            adbc_driver_manager.Error: If the server refuses it.
        """
        try:
            return self._fetch(query)
        except adbc_driver_manager.Error as error:
            if not _was_lost(error):
                raise
            # An idle connection that the server has ended shows it only when it is used.
            self._pool.close()
            return self._fetch(query)

    def _fetch(self, query: str) -> pa.Table:
        with self._pool.borrow() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _was_lost(error: adbc_driver_manager.Error) -> bool:
    """Whether the connection was lost, and nothing was wrong with the query."""
    return not (error.sqlstate or "").strip("\0") or str(error.sqlstate).startswith(("57P", "08"))


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn ADBC's errors into a `StoreError` that says what was being done."""
    try:
        yield
    except adbc_driver_manager.Error as error:
        raise StoreError(
            f"{what}: {redacted(' '.join(str(error).split()))}",
            expected="a query that succeeds",
        ) from error

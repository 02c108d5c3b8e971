"""SQL on a store in PostgreSQL: the server runs it, in a session that can only read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import adbc_driver_manager
import polars as pl
import pyarrow as pa

from bqx.errors import BqxError, UnknownNameError
from bqx.features.arrow import to_polars
from bqx.postgres.reading import Reader
from bqx.redaction import redacted
from bqx.store.relations import META, SCHEMA

if TYPE_CHECKING:
    from bqx.store.server import PostgresStore

_COMMENTS = re.compile(r"^(?:\s|--[^\n]*\n?|/\*.*?\*/)+", re.DOTALL)
_READING = ("select", "with", "values", "table", "(")
_UNKNOWN = ("42P01", "42703", "3F000")
"""A table, a column or a schema that is not there."""
_ANY_NUMBER = "numeric"


def run_sql(store: PostgresStore, query: str) -> pl.DataFrame:
    """Run a query; tables are those of the schema `SCHEMA`, then of the record.

    Numbers of any precision (``numeric``) come as float64.

    Raises:
        UnknownNameError: If a table or column does not exist.
        BqxError: If the query fails, or is no query.
    """
    text = _COMMENTS.sub("", query).strip().rstrip(";")
    if not text:
        raise BqxError("the query is empty", expected="SQL", hint="SELECT * FROM sources")
    if not text.lower().startswith(_READING):
        raise BqxError(
            f"a {text.split(maxsplit=1)[0].upper()} statement: {query.strip()}",
            expected="SELECT, WITH, VALUES or TABLE",
            hint="SQL only reads; `bqx ingest` and `bqx build` write",
        )
    path = f"{SCHEMA}, {META}"
    reader = Reader(store.address, search_path=path, default_transaction_read_only="on")
    try:
        return _frame(reader.fetch(text))
    except adbc_driver_manager.Error as error:
        raise _error(error, query) from error
    finally:
        reader.close()


def _error(error: adbc_driver_manager.Error, query: str) -> BqxError:
    message = redacted(" ".join(str(error).split()))
    if error.sqlstate in _UNKNOWN:
        return UnknownNameError(
            message,
            expected=f"{SCHEMA}.{{table}}_{{pair}} or {SCHEMA}.{{table}}_{{pair}}_{{yyyy_mm}}",
            hint="tables are there once `bqx build` or `bqx copy` has made them",
        )
    return BqxError(f"{message}\nin the query: {query.strip()}")


def _frame(table: pa.Table) -> pl.DataFrame:
    for number, field in enumerate(table.schema):
        if (field.metadata or {}).get(b"ADBC:postgresql:typname", b"").decode() == _ANY_NUMBER:
            numbers = table.column(number).cast(pa.string()).cast(pa.float64())
            table = table.set_column(number, field.name, numbers)
    return to_polars(table)

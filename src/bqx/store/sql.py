"""SQL over a store with DuckDB, which reads tables that it is given and has no way to a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

import duckdb
import polars as pl
import pyarrow as pa

from bqx.errors import BqxError, UnknownNameError
from bqx.features.arrow import to_polars
from bqx.store.embedded import EmbeddedStore
from bqx.store.statetables import state_tables
from bqx.store.views import OLD_NAMES, Views

SCHEMA = "bqx"
# DuckDB never opens a file itself: a path that it may read it may also write (COPY, ATTACH).
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "temp_directory": "",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
_READING = ("SELECT", "EXPLAIN", "MULTI", "PRAGMA", "CALL", "SET", "PREPARE", "EXECUTE")
_NO_TABLE = re.compile(r"(?:Table|View) with name (\S+) does not exist")


def connect(store: EmbeddedStore, query: str) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB connection with the views that a query names.

    The views stand in the schema ``bqx``, which is also the default one: ``{table}_{pair}``,
    ``{table}_{pair}_{yyyy_mm}``, ``m1_{pair}``, and the store's record (``partitions``,
    ``sources``, ``provenance``, ``baselines``, ``runs``, ``quarantine``). Months that are stored
    and current are read, the others computed. Times are UTC. The connection can read nothing
    else and can write no file; its configuration is locked. Fetch results as Arrow or
    polars: DuckDB needs pytz to make Python objects of times.

    Args:
        store: The store; it must stay open as long as the connection is used.
        query: The query that will be run; the caller closes the connection.

    Raises:
        UnknownNameError: If the query names a table for a pair or month without bars.
        IntegrityError: If a partition is not the one that was recorded.
        BqxError: If the query cannot be parsed, or does more than read.
    """
    return _prepared(store, query).connection


def run_sql(store: EmbeddedStore, query: str) -> pl.DataFrame:
    """Run a query over a store's tables; of several statements the last one's rows are returned.

    Times come back in UTC, intervals as durations.

    Raises:
        UnknownNameError: If a table or column does not exist.
        IntegrityError: If a partition is not the one that was recorded.
        BqxError: If the query fails, or does more than read.
    """
    views = _prepared(store, query)
    with views.connection as connection, _translated(store, query, views):
        relation = connection.sql(query)
        if relation is None:
            raise BqxError("the query is empty", expected="SQL", hint="SELECT * FROM bqx.sources")
        return _frame(relation.to_arrow_table())


def _prepared(store: EmbeddedStore, query: str) -> Views:
    connection = duckdb.connect(":memory:", config=_CONFIG)
    views = Views(store, connection)
    try:
        with _translated(store, query, views):
            _refuse_writing(connection, query)
            connection.execute(f"CREATE SCHEMA {SCHEMA}; USE {SCHEMA}; SET TimeZone = 'UTC'")
            views.add_for(query)
            connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return views


def _refuse_writing(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Say what SQL is for; that nothing can be written is DuckDB's configuration."""
    for statement in connection.extract_statements(query):
        if statement.type.name not in _READING:
            raise BqxError(
                f"a {statement.type.name} statement: {statement.query.strip()}",
                expected="SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN",
                hint="SQL only reads; `bqx ingest` and `bqx build` write",
            )


@contextmanager
def _translated(store: EmbeddedStore, query: str, views: Views) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        failures = [d.failure for d in views.datasets if d.failure is not None]
        raise (failures[0] if failures else _error(store, query, error)) from error


def _error(store: EmbeddedStore, query: str, error: duckdb.Error) -> BqxError:
    message = str(error)
    missing = _NO_TABLE.search(message)
    if missing is not None:
        return _no_table(store, missing[1].strip('"'))
    if isinstance(error, duckdb.BinderException) and "not found in FROM clause" in message:
        return UnknownNameError(message, hint="`DESCRIBE bqx.{table}_{pair}` lists the columns")
    if isinstance(error, duckdb.PermissionException):
        return BqxError(
            message,
            expected="tables of the schema bqx",
            hint="SQL reads no files and writes none; `bqx sql --out FILE` writes a result",
        )
    return BqxError(f"{message}\nin the query: {query.strip()}")


def _no_table(store: EmbeddedStore, name: str) -> UnknownNameError:
    pairs = store.state.pairs()
    tables = ["m1", *store.tables, *OLD_NAMES]
    whole = [f"{table}_{pair}" for table in tables for pair in pairs]
    close = get_close_matches(name.lower(), [*whole, *state_tables(store)], n=1, cutoff=0.6)
    return UnknownNameError(
        f"no table {name}",
        expected=f"bqx.{{table}}_{{pair}} or bqx.{{table}}_{{pair}}_{{yyyy_mm}} with a table of "
        f"{', '.join(tables)} and a pair of {', '.join(pairs) or 'none: the store is empty'}; "
        f"or bqx.{', bqx.'.join(state_tables(store))}",
        hint=f"did you mean bqx.{close[0]}?" if close else "",
    )


def _frame(table: pa.Table) -> pl.DataFrame:
    for number, column in enumerate(table.schema):
        if pa.types.is_interval(column.type):
            durations = _durations(table.column(number))
            table = table.set_column(number, column.name, durations)
    return to_polars(table)


def _durations(column: pa.ChunkedArray) -> pa.Array:
    """Intervals of days and times as durations in microseconds.

    Raises:
        BqxError: If one has months, whose length is not fixed.
    """
    values = column.to_pylist()
    if any(v is not None and v.months for v in values):
        raise BqxError(
            "an interval with months has no fixed length",
            expected="days, hours, minutes",
            hint="CAST it AS VARCHAR",
        )
    lengths = [
        None if v is None else v.days * 86_400_000_000 + v.nanoseconds // 1000 for v in values
    ]
    return pa.array(lengths, pa.duration("us"))

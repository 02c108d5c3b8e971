"""Damage to the first version's tables, one kind at a time: for drills and for tests of stages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bqx.errors import UnknownNameError
from bqx.legacy.room import check_made
from bqx.legacy.schema import KINDS, SCHEMA
from bqx.market import PAIRS, parse_month
from bqx.postgres.connect import Connection, connect, reported, run

_TABLE = re.compile(rf"({'|'.join(KINDS)})_({'|'.join(PAIRS)})")
EXTRA = "note"
"""Name of the column that `extra_column` adds."""


def drop_partition(address: str, table: str, month: str) -> str:
    """Drop a month of a table, with its rows.

    Args:
        address: Of the server and database.
        table: Table of a pair, for example ``reg_eurusd``.
        month: The month.

    Returns:
        What was done.

    Raises:
        UnknownNameError: If there is no such table or month.
        StoreError: If the database was not made by `bqx.legacy.create`, or the server refuses.
    """
    with _open(address, table, month) as (connection, parent, partition):
        run(connection, f"DROP TABLE {partition}")
    return f"{partition} is gone; {parent} has one month less"


def duplicate_timestamp(address: str, table: str, month: str) -> str:
    """Give a month two rows of its first minute, which takes the key away from the whole table.

    See `drop_partition` for arguments, result and errors.
    """
    with _open(address, table, month) as (connection, parent, partition):
        run(connection, f"ALTER TABLE {parent} DROP CONSTRAINT {table}_pkey")
        run(
            connection,
            f"INSERT INTO {partition} SELECT * FROM {partition} ORDER BY ts_utc LIMIT 1",
        )
    return f"{partition} has its first minute twice; {parent} has no key any more"


def extra_column(address: str, table: str, month: str) -> str:
    """Add a column that the first version did not have to all months of a table.

    See `drop_partition` for arguments, result and errors.
    """
    with _open(address, table, month) as (connection, parent, _):
        run(connection, f"ALTER TABLE {parent} ADD COLUMN {EXTRA} text")
    return f"{parent} has a column {EXTRA} more"


def wrong_values(address: str, table: str, month: str) -> str:
    """Add 1 to one value of the last row that has it.

    In ``reg_`` tables it is the prediction of the shortest window, which then is not the sum of its
    terms; elsewhere it is the last column that was ever filled.

    See `drop_partition` for arguments, result and errors.
    """
    name = _column(table)
    with _open(address, table, month) as (connection, _, partition):
        last = f"SELECT max(ts_utc) FROM {partition} WHERE {name} IS NOT NULL"
        run(connection, f"UPDATE {partition} SET {name} = {name} + 1 WHERE ts_utc = ({last})")
    return f"{name} of one row of {partition} is greater by 1"


def _column(table: str) -> str:
    if table.startswith("reg_") and not table.startswith("reg_bqx_"):
        return "w60_yhat_end"
    found = _TABLE.fullmatch(table)
    filled = KINDS[found[1]].filled if found else ()
    if not filled:
        raise UnknownNameError(
            f"{table} is no table with values", expected="KIND_PAIR, for example reg_eurusd"
        )
    return filled[-1]


@contextmanager
def _open(address: str, table: str, month: str) -> Iterator[tuple[Connection, str, str]]:
    """A transaction, and the names of the table and of its month."""
    partition = f"{table}_{parse_month(month)}"
    with (
        connect(address, autocommit=True) as connection,
        reported(f"damaging {SCHEMA}.{partition}"),
        connection.transaction(),
    ):
        check_made(connection)
        known = (
            _TABLE.fullmatch(table)
            and run(connection, "SELECT to_regclass(%s)", (f"{SCHEMA}.{partition}",)).fetchone()
        )
        if not known or known[0] is None:
            raise UnknownNameError(
                f"no table {SCHEMA}.{partition}",
                expected="KIND_PAIR and a month of it, for example reg_eurusd 2024_07",
                hint=f"kinds: {', '.join(KINDS)}",
            )
        yield connection, f"{SCHEMA}.{table}", f"{SCHEMA}.{partition}"

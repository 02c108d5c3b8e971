"""The schema that the first version's tables stand in: made, or emptied if that is safe."""

from __future__ import annotations

from bqx.errors import StoreError
from bqx.legacy.schema import SCHEMA
from bqx.postgres.connect import Connection, reported, run

MARK = "Tables of the first version, made by bqx legacy create"
"""Comment of the schema; without it nothing is ever deleted."""
_RECORD = "bqx_meta"
_NEW_DATABASE = "make a new database: createdb NAME"


def make_room(connection: Connection, *, replace: bool) -> None:
    """Make the schema; delete an earlier one if that is wanted.

    Raises:
        StoreError: If there is something that must not be deleted.
    """
    comment = _comment(connection)
    if comment is not None:
        _check(connection, comment, replace=replace)
        _drop(connection)
    with reported(f"making schema {SCHEMA}"), connection.transaction():
        run(connection, f"CREATE SCHEMA {SCHEMA}")
        run(connection, f"COMMENT ON SCHEMA {SCHEMA} IS '{MARK} (unfinished)'")


def check_made(connection: Connection) -> None:
    """Check that the schema is one of ours.

    Raises:
        StoreError: If it is not, or there is none.
    """
    if not (_comment(connection) or "").startswith(MARK):
        raise StoreError(
            f"schema {SCHEMA} of this database was not made by bqx legacy create",
            expected="a database that nobody else needs",
        )


def _comment(connection: Connection) -> str | None:
    """The schema's comment; None where there is no schema."""
    found = run(
        connection,
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace"
        " WHERE nspname = %s",
        (SCHEMA,),
    ).fetchone()
    return None if found is None else str(found[0])


def _check(connection: Connection, comment: str, *, replace: bool) -> None:
    if not comment.startswith(MARK):
        raise StoreError(
            f"the database has a schema {SCHEMA} already, made by something else",
            expected="a database without it",
            hint=_NEW_DATABASE,
        )
    if not replace:
        raise StoreError(
            "the database holds the first version's tables already",
            expected="a database without them",
            hint="--replace deletes them and makes them again",
        )
    if run(connection, "SELECT to_regnamespace(%s)", (_RECORD,)).fetchone()[0] is not None:
        raise StoreError(
            f"stages have run on this database: it has a schema {_RECORD}",
            expected="the first version's tables alone",
            hint=_NEW_DATABASE,
        )


def _drop(connection: Connection) -> None:
    """Drop the tables one by one: a server has too few locks for thousands at a time."""
    parents = run(
        connection,
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND NOT relispartition AND relnamespace = %s::regnamespace",
        (SCHEMA,),
    ).fetchall()
    with reported(f"deleting schema {SCHEMA}"):
        for (parent,) in parents:
            run(connection, f"DROP TABLE {parent} CASCADE")
        run(connection, f"DROP SCHEMA {SCHEMA} CASCADE")

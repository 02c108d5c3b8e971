"""Transactions that do not wait for ever, and say whom they waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bqx.errors import StoreError
from bqx.stages.target import SCHEMA, PostgresTarget

SECONDS = 10.0
"""How long a stage waits for a lock: readers queue up behind it meanwhile."""
# A change that was reported as committed must not be lost with the server.
_DURABLE = """
SELECT set_config('synchronous_commit', 'on', true)
WHERE current_setting('synchronous_commit') = 'off'
"""
_HOLDERS = """
SELECT DISTINCT a.pid, coalesce(a.usename::text, ''), coalesce(a.state, ''),
       extract(epoch FROM now() - coalesce(a.query_start, a.backend_start))::float8
FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND l.pid <> pg_backend_pid() AND c.relnamespace = to_regnamespace(%s)
      AND c.relname = ANY(%s) ORDER BY 4 DESC
"""


@contextmanager
def patient(
    target: PostgresTarget,
    names: Sequence[str],
    seconds: float | None = None,
    schema: str = SCHEMA,
) -> Iterator[None]:
    """A transaction that gives up when it waits for a lock for too long.

    Args:
        target: The database.
        names: Relations that the transaction locks.
        seconds: How long it waits for each lock; `SECONDS` when None.
        schema: Schema of the relations.

    Raises:
        StoreError: If another session holds a lock for longer; it names that session.
    """
    from psycopg.errors import DeadlockDetected, LockNotAvailable

    patience = SECONDS if seconds is None else seconds
    try:
        with target.transaction():
            target.execute(f"SET LOCAL lock_timeout = {int(patience * 1000)}")
            target.query(_DURABLE)
            yield
    except StoreError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise _blocked(target, names, patience, schema) from error
        raise


def lock(target: PostgresTarget, names: Sequence[str], mode: str, schema: str = SCHEMA) -> None:
    """Lock tables, with their partitions, within the transaction."""
    if names:
        tables = ", ".join(f"{schema}.{name}" for name in names)
        target.execute(f"LOCK TABLE {tables} IN {mode} MODE")


def _blocked(
    target: PostgresTarget, names: Sequence[str], seconds: float, schema: str
) -> StoreError:
    rows = target.query(_HOLDERS, (schema, list(names)))
    told = [f"session {pid} of {user}, {state} for {age:,.0f} s" for pid, user, state, age in rows]
    return StoreError(
        "another session holds a lock on the tables:"
        f" {'; '.join(told) or 'it has ended in the meantime'}",
        expected=f"a lock within {seconds:g} s; nothing was changed",
        hint="wait for it, or end it with SELECT pg_terminate_backend(session)",
    )

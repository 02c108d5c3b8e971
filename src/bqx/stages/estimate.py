"""The cost of a plan before the fact, limits on it, and what the server must have free."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bqx.errors import BudgetError
from bqx.stages.rates import Rates
from bqx.stages.stage import Condition, Estimate, Operation
from bqx.stages.target import PostgresTarget

MEMORY = 150 * 2**20
"""Of a process that sends statements and computes nothing."""
REWRITES = frozenset({"fill", "update", "rewrite"})
"""Kinds of operations whose bytes the server writes by itself; other bytes arrive by COPY."""


@dataclass(frozen=True)
class Limits:
    """The greatest cost that is allowed; what is None is not limited.

    Attributes:
        seconds: Wall time.
        bytes: New bytes in tables and indexes.
        wal: Bytes of write-ahead log.
        memory: Memory of this process.
    """

    seconds: float | None = None
    bytes: int | None = None
    wal: int | None = None
    memory: int | None = None

    def check(self, code: str, cost: Estimate) -> None:
        """Refuse a plan that costs more.

        Raises:
            BudgetError: If a limit is passed.
        """
        for name in ("seconds", "bytes", "wal", "memory"):
            limit, found = getattr(self, name), getattr(cost, name)
            if limit is not None and found > limit:
                raise BudgetError(
                    f"{code} would take about {found:,.0f} {_WORDS[name]}",
                    expected=f"at most {limit:,.0f} (--max-{name})",
                    hint="raise the limit, or choose fewer pairs",
                )


_WORDS = {
    "seconds": "seconds",
    "bytes": "bytes of tables and indexes",
    "wal": "bytes of write-ahead log",
    "memory": "bytes of memory",
}


def estimate(
    rates: Rates,
    operations: Sequence[Operation],
    *,
    values: int = 0,
    read: int = 0,
    opened: int = 0,
    memory: int = MEMORY,
) -> Estimate:
    """The cost of operations.

    Args:
        rates: Of this machine.
        operations: The work. Their `count` is charged as changed definitions or, for `REWRITES`,
            as remade relations; their `bytes` as written by the server (`REWRITES`) or sent by
            COPY.
        values: Feature values that are computed.
        read: Bytes of tables that are read to count, to hash or to check.
        opened: Relations that are read for it, each as often as it is read.
        memory: Greatest memory of this process.
    """
    rewrites = [op for op in operations if op.kind in REWRITES]
    others = [op for op in operations if op.kind not in REWRITES]
    changed, remade = (sum(op.count for op in some) for some in (others, rewrites))
    sent, rewritten = (sum(op.bytes for op in some) for some in (others, rewrites))
    seconds = changed / rates.definitions + sent / rates.copy
    seconds += max(remade / rates.remade, rewritten / rates.rewrite)
    seconds += opened / rates.opened + read / rates.read + values / rates.values
    wal = int((changed + remade) * rates.wal_each + (rewritten + sent) * rates.wal)
    return Estimate(round(seconds, 3), rewritten + sent, wal, memory)


def lock_condition(target: PostgresTarget, needed: int) -> Condition:
    """Whether one transaction can lock that many relations beside what is locked now."""
    rows = target.query(
        "SELECT current_setting('max_locks_per_transaction')::int"
        " * (current_setting('max_connections')::int"
        " + current_setting('max_prepared_transactions')::int),"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'relation')"
    )
    room = int(rows[0][0]) - int(rows[0][1])
    return Condition(
        "room in the server's table of locks",
        f"{room:,} free",
        f"{needed:,} for one transaction",
        int(needed <= room),
        1,
        "raise max_locks_per_transaction in postgresql.conf, or choose fewer pairs",
    )


def disk_condition(target: PostgresTarget, needed: int) -> Condition:
    """Whether the server's disk has that many bytes free, where this can be known from here."""
    free = _free(target)
    return Condition(
        "room on the server's disk",
        "not visible from here" if free is None else f"{free:,} bytes free",
        f"{needed:,} bytes",
        int(free is None or needed <= free),
        1,
        "make room, or choose fewer pairs",
    )


def _free(target: PostgresTarget) -> int | None:
    """Free bytes at the data folder of a server on this machine that shows where it is."""
    host = target.connection.info.host
    if not host.startswith("/") and host not in {"localhost", "127.0.0.1", "::1", ""}:
        return None
    rows = target.query(
        "SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'MEMBER')"
        " THEN current_setting('data_directory') END"
    )
    folder = rows[0][0]
    return shutil.disk_usage(folder).free if folder and Path(folder).is_dir() else None

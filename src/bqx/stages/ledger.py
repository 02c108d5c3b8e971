"""The ledger: what was run, by whom, with which outcome. Only the runner writes it."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from bqx.stages.target import LEDGER, PostgresTarget

Action = Literal["apply", "rollback"]
RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"
_COLUMNS = (
    "id, code, action, who, started, finished, plan_hash, coalesce(plan, '{}'),"
    " coalesce(outcome, '{}'), status, coalesce(message, '')"
)


@dataclass(frozen=True)
class Run:
    """One line of the ledger.

    Attributes:
        number: Its number.
        code: Code of the stage.
        action: ``apply`` or ``rollback``.
        who: User, host and process.
        started: When it started.
        finished: When it ended; None for one that runs or was killed.
        plan_hash: Hash of the plan; None for a rollback.
        plan: The plan as plain values.
        outcome: Counts, durations and post-conditions.
        status: ``running``, ``done``, ``failed``, or ``interrupted`` for one that was killed.
        message: Of the error, without secrets.
    """

    number: int
    code: str
    action: str
    who: str
    started: datetime
    finished: datetime | None
    plan_hash: str | None
    plan: Mapping[str, Any]
    outcome: Mapping[str, Any]
    status: str
    message: str

    @property
    def seconds(self) -> float | None:
        """How long it took; None for one that runs or was killed."""
        return (self.finished - self.started).total_seconds() if self.finished else None

    def to_json(self) -> dict[str, Any]:
        """The line as plain values."""
        times = {"started": self.started.isoformat(), "seconds": self.seconds}
        finished = self.finished.isoformat() if self.finished else None
        return {**asdict(self), **times, "finished": finished}


class Ledger(Protocol):
    """Where the lines are kept. A line is written at once, outside of any transaction."""

    def begin(self, code: str, action: Action, plan_hash: str | None, plan: object) -> int:
        """Write the first half of a line; its number."""

    def finish(self, number: int, status: str, outcome: object, message: str) -> None:
        """Write the second half."""

    def runs(self, code: str | None = None) -> list[Run]:
        """The lines of one stage or of all, the newest first; killed runs are told as such."""


class Target(Protocol):
    """What the runner needs of a store, whatever it is made of."""

    @property
    def name(self) -> str:
        """Its address without passwords."""

    def prepare(self) -> None:
        """Make the ledger where it is missing."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock of stages."""

    def remembered(self, code: str) -> tuple[int, Mapping[str, Any]] | None:
        """Number and manifest of the newest application that can be undone."""


def ledger_of(target: Any) -> Ledger:
    """The ledger of a target: a PostgreSQL database has a table, others bring theirs."""
    if isinstance(target, PostgresTarget):
        return PostgresLedger(target)
    found: Ledger = target.ledger
    return found


def whoami() -> str:
    """User, host and process, for a line of the ledger."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} process {os.getpid()}"


class PostgresLedger:
    """The ledger in a table beside the data.

    Args:
        target: The database.
    """

    def __init__(self, target: PostgresTarget) -> None:
        self._target = target

    def begin(self, code: str, action: Action, plan_hash: str | None, plan: object) -> int:
        """Write the first half of a line; its number."""
        rows = self._target.query(
            f"INSERT INTO {LEDGER} (code, action, who, started, plan_hash, plan, outcome, status)"
            " VALUES (%s, %s, %s, %s, %s, %s, jsonb_build_object('session', pg_backend_pid()), %s)"
            " RETURNING id",
            (code, action, whoami(), datetime.now(UTC), plan_hash, _json(plan), RUNNING),
        )
        return int(rows[0][0])

    def finish(self, number: int, status: str, outcome: object, message: str) -> None:
        """Write the second half."""
        self._target.execute(
            f"UPDATE {LEDGER} SET finished = %s, status = %s, outcome = %s, message = %s"
            " WHERE id = %s",
            (datetime.now(UTC), status, _json(outcome), message, number),
        )

    def runs(self, code: str | None = None) -> list[Run]:
        """The lines of one stage or of all, the newest first; killed runs are told as such."""
        if self._target.query("SELECT to_regclass(%s)", (LEDGER,))[0][0] is None:
            return []
        rows = self._target.query(
            f"SELECT {_COLUMNS} FROM {LEDGER} WHERE %s::text IN (code, '') ORDER BY id DESC",
            (code or "",),
        )
        alive = self._sessions()
        return [_judged(Run(*row), alive) for row in rows]

    def _sessions(self) -> set[int]:
        """Sessions of this database that hold the lock of stages, or another of its kind."""
        rows = self._target.query(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return {int(row[0]) for row in rows}


def _judged(run: Run, alive: set[int]) -> Run:
    if run.status != RUNNING or run.outcome.get("session") in alive:
        return run
    values = {name: getattr(run, name) for name in Run.__dataclass_fields__}
    return Run(**{**values, "status": INTERRUPTED})


def _json(value: object) -> str:
    return json.dumps(value, default=str)

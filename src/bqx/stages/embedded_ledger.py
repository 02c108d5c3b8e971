"""The ledger of a store in a folder: a table of its state file."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bqx.stages.ledger import INTERRUPTED, RUNNING, Action, Run, whoami
from bqx.store.database import Database

RUNS = "stage_runs"
TABLE = f"""CREATE TABLE IF NOT EXISTS {RUNS} (
  id INTEGER PRIMARY KEY, code TEXT, action TEXT, who TEXT, started TEXT, finished TEXT,
  plan_hash TEXT, plan TEXT, outcome TEXT, status TEXT, message TEXT)"""
_COLUMNS = (
    "id, code, action, who, started, finished, plan_hash, plan, outcome, status,"
    " coalesce(message, '')"
)


class EmbeddedLedger:
    """The lines of a store's stages.

    Args:
        database: The store's record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, code: str, action: Action, plan_hash: str | None, plan: object) -> int:
        """Write the first half of a line; its number."""
        process = {"host": socket.gethostname(), "process": os.getpid()}
        values = (code, action, whoami(), _now(), plan_hash, _json(plan), _json(process), RUNNING)
        with self._database.transaction() as connection:
            cursor = connection.execute(
                f"INSERT INTO {RUNS} (code, action, who, started, plan_hash, plan, outcome, status)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return int(cursor.lastrowid)

    def finish(self, number: int, status: str, outcome: object, message: str) -> None:
        """Write the second half."""
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE {RUNS} SET finished = ?, status = ?, outcome = ?, message = ?"
                " WHERE id = ?",
                (_now(), status, _json(outcome), message, number),
            )

    def runs(self, code: str | None = None) -> list[Run]:
        """The lines of one stage or of all, the newest first; killed runs are told as such."""
        if RUNS not in self._database.tables():
            return []
        rows = self._database.query(
            f"SELECT {_COLUMNS} FROM {RUNS} WHERE ? IN (code, '') ORDER BY id DESC", (code or "",)
        )
        return [_judged(_run(row)) for row in rows]


def _run(row: tuple[Any, ...]) -> Run:
    number, code, action, who, started, finished, plan_hash, plan, outcome, status, message = row
    return Run(
        number=number,
        code=code,
        action=action,
        who=who,
        started=datetime.fromisoformat(started),
        finished=datetime.fromisoformat(finished) if finished else None,
        plan_hash=plan_hash,
        plan=json.loads(plan),
        outcome=json.loads(outcome),
        status=status,
        message=message,
    )


def _judged(run: Run) -> Run:
    """A run whose process is gone was interrupted; one of another machine is believed."""
    here = run.outcome.get("host") == socket.gethostname()
    if run.status == RUNNING and here and not _alive(int(run.outcome["process"])):
        return replace(run, status=INTERRUPTED)
    return run


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and belongs to another user
        return True
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _json(value: object) -> str:
    return json.dumps(value, default=str)

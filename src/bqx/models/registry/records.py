"""What is known of registered models: their records, and the history of what was done with them.

Both are tables of the store's state. A record is written once and never changed; a line of the
history is only ever appended. Which model is the champion follows from the history alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bqx.errors import IntegrityError
from bqx.stages.ledger import whoami
from bqx.store.database import Database, Transaction
from bqx.store.state import now

MODELS, HISTORY = "models", "model_history"
_MODELS_TABLE = f"""CREATE TABLE IF NOT EXISTS {MODELS} (
  name TEXT, version INTEGER, created TEXT, card TEXT, hash TEXT, PRIMARY KEY (name, version))"""
_HISTORY_TABLE = f"""CREATE TABLE IF NOT EXISTS {HISTORY} (
  id INTEGER PRIMARY KEY, name TEXT, version INTEGER, action TEXT, who TEXT, at TEXT,
  reason TEXT, gates TEXT)"""

Action = Literal["register", "promote", "refuse", "rollback"]
Stage = Literal["candidate", "champion", "retired"]


@dataclass(frozen=True)
class Event:
    """One line of the history.

    Attributes:
        name: Name of the model.
        version: The version that it is about; after a rollback the one that is champion again, 0
            where there is none any more.
        action: ``register``, ``promote``, ``refuse`` (a promotion that the gates stopped) or
            ``rollback``.
        who: User, host and process.
        at: When, ISO 8601 in UTC.
        reason: What the user said.
        gates: The gates with their figures, at a promotion or refusal.
    """

    name: str
    version: int
    action: Action
    who: str
    at: str
    reason: str
    gates: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The line as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class ModelRecord:
    """A registered model.

    Attributes:
        name: Name.
        version: 1, 2, …
        created: When it was registered, ISO 8601 in UTC.
        card: All that is known of it, as plain values; see `bqx.models.registry.evidence`.
        stage: ``candidate`` until it is promoted, ``champion`` as long as it serves, then
            ``retired``.
    """

    name: str
    version: int
    created: str
    card: Mapping[str, Any]
    stage: Stage = "candidate"

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def synthetic(self) -> bool:
        """Whether any bars that it learned from are generated."""
        return bool(self.card["synthetic"])

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs that it forecasts."""
        return tuple(self.card["pairs"])

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that it forecasts, as ``60:15:level``."""
        return tuple(self.card["targets"])

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        head = {"name": self.name, "version": self.version, "stage": self.stage}
        return {**head, "created": self.created, **self.card}


class Records:
    """The two tables.

    Args:
        database: The store's record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, transaction: Transaction, record: ModelRecord) -> None:
        """Write a record and the line that says so."""
        text = json.dumps(record.card, sort_keys=True, allow_nan=False)
        row = (record.name, record.version, record.created, text, _hash(text))
        transaction.execute(
            f"INSERT INTO {MODELS} (name, version, created, card, hash) VALUES (?, ?, ?, ?, ?)", row
        )
        self.append(transaction, record.name, record.version, "register")

    def append(
        self,
        transaction: Transaction,
        name: str,
        version: int,
        action: Action,
        *,
        reason: str = "",
        gates: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Append a line to the history."""
        transaction.execute(
            f"INSERT INTO {HISTORY} (name, version, action, who, at, reason, gates)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, version, action, whoami(), now(), reason, json.dumps(list(gates))),
        )

    def make_tables(self) -> None:
        """Make the tables where they are missing."""
        with self._database.transaction() as transaction:
            transaction.execute(_MODELS_TABLE)
            transaction.execute(_HISTORY_TABLE)

    def history(self, name: str | None = None) -> list[Event]:
        """The lines of one name, or of all, the oldest first."""
        if HISTORY not in self._database.tables():
            return []
        rows = self._database.query(
            f"SELECT name, version, action, who, at, reason, gates FROM {HISTORY} ORDER BY id"
        )
        events = [Event(*row[:6], json.loads(str(row[6]))) for row in rows]  # type: ignore[arg-type,call-arg]
        return [e for e in events if name in (None, e.name)]

    def models(self, name: str | None = None) -> list[ModelRecord]:
        """The records of one name, or of all, by name and version.

        Raises:
            IntegrityError: If a record is not the one that was written.
        """
        if MODELS not in self._database.tables():
            return []
        rows = self._database.query(
            f"SELECT name, version, created, card, hash FROM {MODELS} ORDER BY name, version"
        )
        events = self.history()
        return [
            ModelRecord(
                str(n), int(str(v)), str(at), _card(n, v, str(card), digest), _stage(n, v, events)
            )
            for n, v, at, card, digest in rows
            if name in (None, n)
        ]


def champions(events: Sequence[Event]) -> list[int]:
    """Versions of one name that were promoted and not rolled back; the last one serves."""
    stack: list[int] = []
    for event in events:
        if event.action == "promote":
            stack.append(event.version)
        elif event.action == "rollback":
            stack.pop()
    return stack


def _stage(name: object, version: object, events: Sequence[Event]) -> Stage:
    mine = [e for e in events if e.name == name]
    if champions(mine)[-1:] == [version]:
        return "champion"
    promoted = any(e.action == "promote" and e.version == version for e in mine)
    return "retired" if promoted else "candidate"


def _card(name: object, version: object, text: str, digest: object) -> dict[str, Any]:
    if _hash(text) != digest:
        raise IntegrityError(
            f"the record of {name}@{version} is not the one that was written",
            expected=f"the hash {digest}",
            hint="register the run again",
        )
    return dict(json.loads(text))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

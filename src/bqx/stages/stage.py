"""What a stage is: a change that can be planned, applied, verified by query, and undone."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

Kind = Literal["postgresql", "embedded"]
"""Kinds of stores that a stage can change."""
Target_contra = TypeVar("Target_contra", contravariant=True)


@dataclass(frozen=True)
class Selection:
    """Pairs and months that a stage is limited to.

    Attributes:
        pairs: Pairs in small letters; all that the store has when None.
        months: Months as ``yyyy_mm``; all that the store has when None.
    """

    pairs: tuple[str, ...] | None = None
    months: tuple[str, ...] | None = None

    def has(self, pair: str, month: str | None = None) -> bool:
        """Whether a pair, and a month of it, is selected."""
        return (self.pairs is None or pair in self.pairs) and (
            month is None or self.months is None or month in self.months
        )


@dataclass(frozen=True)
class Condition:
    """One thing that was looked at, before a stage or after it.

    Attributes:
        name: What is required, in a few words: ``rows before = after``.
        found: What was found.
        expected: What was expected.
        done: Parts (relations, columns, rows) for which it holds.
        total: Parts looked at. A condition over nothing has not passed.
        hint: What to do about it.
        seconds: How long it took to find out.
    """

    name: str
    found: str
    expected: str
    done: int
    total: int
    hint: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it holds for every part, and there was one."""
        return 0 < self.total == self.done


@dataclass(frozen=True)
class Operation:
    """One kind of work in a plan.

    Attributes:
        kind: ``rename``, ``add columns``, ``fill``, ``build``, ``swap``, ``create view``, …
        target: What it acts on, in words: ``28 tables, 336 partitions of bqx.reg_bqx_*``.
        count: Relations that it changes or makes.
        rows: Rows that it writes.
        bytes: Bytes that it writes to tables and indexes.
        lock: The strongest lock that it takes, in PostgreSQL's words; empty where none matters.
        statement: One of its statements, as an example.
    """

    kind: str
    target: str
    count: int
    rows: int = 0
    bytes: int = 0
    lock: str = ""
    statement: str = ""


@dataclass(frozen=True)
class Estimate:
    """Cost before the fact, from rates measured on this machine.

    Attributes:
        seconds: Wall time.
        bytes: New bytes in tables and indexes at the peak, the old ones still there.
        wal: Bytes of write-ahead log.
        memory: Greatest memory of this process.
    """

    seconds: float
    bytes: int
    wal: int
    memory: int


@dataclass(frozen=True)
class Plan:
    """What `Stage.apply` would do.

    Attributes:
        code: Code of the stage.
        selection: Pairs and months.
        operations: The work; nothing to do when empty.
        estimate: Its cost.
        preconditions: What must hold before it may start.
    """

    code: str
    selection: Selection
    operations: tuple[Operation, ...]
    estimate: Estimate
    preconditions: tuple[Condition, ...]

    @property
    def hash(self) -> str:
        """Changes when the work does; timings and estimates do not count."""
        work = [asdict(operation) for operation in self.operations]
        text = json.dumps([self.code, asdict(self.selection), work], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def ready(self) -> bool:
        """Whether all preconditions hold."""
        return all(condition.passed for condition in self.preconditions)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {"hash": self.hash, "ready": self.ready, **asdict(self)}


class Monitor(Protocol):
    """What is told of the progress of a stage."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """``done`` of ``total`` units are done; ``what`` was the last one."""


@dataclass(frozen=True)
class Facts:
    """What the tracker shows of a stage beside its code and status.

    Attributes:
        features: Features that it adds per pair.
        backup: Whether the old state is kept by a copy or by moved relations.
        planned: Duration that the original programme planned, in words.
        cost: Cost in dollars that the original programme planned.
    """

    features: int = 0
    backup: bool = False
    planned: str = ""
    cost: float = 0.0


class Stage(ABC, Generic[Target_contra]):
    """A change of a store of one kind; one object serves all stores.

    A subclass holds no state: everything that undoing needs is written beside the ledger in the
    transaction of the change, so that a killed process leaves the old state or the new.

    Attributes:
        code: ``BQX-2.12``.
        title: A few words.
        summary: A sentence for the tracker.
        kind: Kind of store that it changes.
        supersedes: Codes of stages whose post-conditions it makes moot.
        facts: For the tracker.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    kind: ClassVar[Kind] = "postgresql"
    supersedes: ClassVar[tuple[str, ...]] = ()
    facts: ClassVar[Facts] = Facts()

    @abstractmethod
    def plan(self, target: Target_contra, selection: Selection) -> Plan:
        """What `apply` would do now, with preconditions and estimate; changes nothing."""

    @abstractmethod
    def apply(self, target: Target_contra, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Do it: all of it or nothing, checked by `verify` before it becomes visible.

        Returns:
            Counts for the ledger: relations, rows, bytes, and seconds of each part.

        Raises:
            BqxError: If anything fails; the store is as it was.
        """

    @abstractmethod
    def verify(self, target: Target_contra, selection: Selection) -> Sequence[Condition]:
        """The post-conditions, looked up now; changes nothing."""

    @abstractmethod
    def rollback(self, target: Target_contra, monitor: Monitor) -> Mapping[str, Any]:
        """Undo the newest application: the catalogue and the rows are as they were.

        Raises:
            BqxError: If there is nothing to undo, or a later stage depends on it.
        """

    def describe(self) -> dict[str, Any]:
        """The declaration as plain values."""
        return {
            "code": self.code,
            "title": self.title,
            "summary": self.summary,
            "kind": self.kind,
            "supersedes": list(self.supersedes),
            **asdict(self.facts),
        }

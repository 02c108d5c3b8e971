"""The status of a stage: what its post-conditions say now. Nobody can type it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bqx.errors import BqxError
from bqx.stages.ledger import FAILED, INTERRUPTED, Run
from bqx.stages.registry import AnyStage, stages
from bqx.stages.runner import ALL, Runner, condition_json
from bqx.stages.stage import Condition, Kind, Plan, Selection
from bqx.stages.target import PostgresTarget

State = Literal["done", "superseded", "failed last", "blocked", "partial", "todo"]


@dataclass(frozen=True)
class Status:
    """What is true of a stage.

    Attributes:
        stage: The stage.
        state: One word of `State`.
        detail: The first thing that does not hold, or the stage that took its place.
        conditions: The post-conditions, looked up.
        plan: What is left to do; None where nothing is, or where it cannot be planned.
        last: Its newest line in the ledger.
    """

    stage: AnyStage
    state: State
    detail: str
    conditions: tuple[Condition, ...]
    plan: Plan | None
    last: Run | None

    @property
    def text(self) -> str:
        """The state with its numbers, for a table."""
        if self.state == "partial":
            done, total = _progress(self.conditions)
            return f"partial ({done:,} of {total:,})"
        return f"superseded by {self.detail}" if self.state == "superseded" else self.state

    def to_json(self) -> dict[str, Any]:
        """The status as plain values."""
        return {
            **self.stage.describe(),
            "status": self.text,
            "state": self.state,
            "detail": self.detail,
            "conditions": [condition_json(c) for c in self.conditions],
            "plan": asdict(self.plan) if self.plan else None,
            "last": self.last.to_json() if self.last else None,
        }


def kind_of(target: object) -> Kind:
    """Kind of store that a target is."""
    return "postgresql" if isinstance(target, PostgresTarget) else "embedded"


def statuses(runner: Runner, wanted: Iterable[AnyStage] | None = None) -> list[Status]:
    """The status of stages, of all of the store's kind by default."""
    known = stages(kind_of(runner.target))
    looker = _Looker(runner, known)
    return [looker.status(stage) for stage in (known if wanted is None else wanted)]


class _Looker:
    """Looks up the post-conditions of a stage once, also where another stage asks for them."""

    def __init__(self, runner: Runner, known: tuple[AnyStage, ...]) -> None:
        self._runner = runner
        self._known = known
        self._found: dict[str, tuple[Condition, ...]] = {}
        self._last: dict[str, Run] = {}
        for run in reversed(runner.history()):
            self._last[run.code] = run

    def status(self, stage: AnyStage) -> Status:
        last = self._last.get(stage.code)
        conditions = self._conditions(stage)
        if _hold(conditions):
            return Status(stage, "done", "", conditions, None, last)
        later = [s for s in self._known if stage.code in s.supersedes]
        newer = next((s.code for s in later if _hold(self._conditions(s))), None)
        if newer is not None:
            return Status(stage, "superseded", newer, conditions, None, last)
        plan, obstacle = self._plan(stage)
        state, detail = _judge(conditions, last, obstacle)
        return Status(stage, state, detail, conditions, plan, last)

    def _conditions(self, stage: AnyStage) -> tuple[Condition, ...]:
        if stage.code not in self._found:
            self._found[stage.code] = self._look(stage)
        return self._found[stage.code]

    def _look(self, stage: AnyStage) -> tuple[Condition, ...]:
        try:
            return self._runner.verify(stage, ALL)
        except BqxError as error:
            return (Condition("can be verified", error.found, error.expected, 0, 1, error.hint),)

    def _plan(self, stage: AnyStage) -> tuple[Plan | None, str]:
        """What is left to do, and what stands in the way."""
        try:
            plan = self._runner.plan(stage, Selection())
        except BqxError as error:
            return None, error.found
        return plan, next((_told(c) for c in plan.preconditions if not c.passed), "")


def _hold(conditions: tuple[Condition, ...]) -> bool:
    return bool(conditions) and all(c.passed for c in conditions)


def _told(condition: Condition) -> str:
    return f"{condition.name}: {condition.found}, expected {condition.expected}"


def _progress(conditions: tuple[Condition, ...]) -> tuple[int, int]:
    """Parts of the work: those of the first condition, or else the conditions themselves."""
    work = conditions[0]
    if not work.passed:
        return work.done, work.total
    return sum(c.passed for c in conditions), len(conditions)


def _judge(conditions: tuple[Condition, ...], last: Run | None, obstacle: str) -> tuple[State, str]:
    """State and detail of a stage that is not done. Its first condition measures the work."""
    if last is not None and last.status in {FAILED, INTERRUPTED}:
        return "failed last", last.message or "the process or the server ended"
    if obstacle:
        return "blocked", obstacle
    broken = next((_told(c) for c in conditions if not c.passed), "nothing was looked at")
    started = bool(conditions) and conditions[0].done > 0
    return ("partial" if started else "todo"), broken

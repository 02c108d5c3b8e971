"""Running a stage: plan, confirm, lock, apply, verify, and write the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bqx.errors import BqxError, PostConditionError, StoreError
from bqx.stages.estimate import Limits
from bqx.stages.ledger import DONE, FAILED, INTERRUPTED, RUNNING, Action, Run, Target, ledger_of
from bqx.stages.stage import Condition, Monitor, Plan, Selection, Stage

ALL = Selection()


class BlockedError(BqxError):
    """A stage whose preconditions do not hold; nothing was started."""

    exit_code = 1
    http_status = 409


@dataclass(frozen=True)
class Result:
    """What an application or a rollback did.

    Attributes:
        code: Code of the stage.
        action: ``apply`` or ``rollback``.
        plan: What was applied; None for a rollback.
        outcome: What the stage says: counts, seconds of its parts.
        conditions: The post-conditions, looked up.
        seconds: Wall time, checks included.
    """

    code: str
    action: Action
    plan: Plan | None
    outcome: Mapping[str, Any]
    conditions: tuple[Condition, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        plan = self.plan.to_json() if self.plan else None
        conditions = [condition_json(c) for c in self.conditions]
        return {**asdict(self), "plan": plan, "conditions": conditions}


def condition_json(condition: Condition) -> dict[str, Any]:
    """A condition as plain values, its verdict included."""
    return {**asdict(condition), "passed": condition.passed}


class Clock:
    """Seconds of the parts of some work.

    Attributes:
        seconds: By part, in the order in which they ended.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, part: str) -> None:
        """A part ends now, the next one starts."""
        now = time.perf_counter()
        self.seconds[part] = round(self.seconds.get(part, 0.0) + now - self._since, 4)
        self._since = now


def quiet(done: int, total: int, what: str) -> None:
    """A monitor that says nothing."""


def require(conditions: Sequence[Condition], what: str = "the post-conditions do not hold") -> None:
    """Let nothing pass that does not hold: for a stage, before it commits.

    Raises:
        PostConditionError: If a condition does not hold; it names the first and its hint.
    """
    failed = [c for c in conditions if not c.passed]
    if failed:
        raise PostConditionError(
            f"{what}: {_told(failed)}",
            expected=failed[0].expected,
            hint=failed[0].hint or "nothing was changed; look at what was found",
        )


def _told(failed: Sequence[Condition]) -> str:
    first = f"{failed[0].name}: {failed[0].found} ({failed[0].done} of {failed[0].total})"
    others = ", ".join(c.name for c in failed[1:])
    return f"{first}; also {others}" if others else first


class Runner:
    """Runs stages on one target.

    Args:
        target: The store.

    Attributes:
        ledger: Where the runs are written.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        target.prepare()
        self.ledger = ledger_of(target)

    def plan(self, stage: Stage[Any], selection: Selection = ALL) -> Plan:
        """What `apply` would do now; changes nothing."""
        return stage.plan(self.target, selection)

    def verify(self, stage: Stage[Any], selection: Selection = ALL) -> tuple[Condition, ...]:
        """The post-conditions of a stage, looked up now."""
        return tuple(stage.verify(self.target, selection))

    def history(self, code: str | None = None) -> list[Run]:
        """The lines of the ledger, the newest first."""
        return self.ledger.runs(code)

    def apply(
        self,
        stage: Stage[Any],
        selection: Selection = ALL,
        *,
        confirmed: str | None = None,
        limits: Limits | None = None,
        monitor: Monitor = quiet,
    ) -> Result:
        """Apply a stage under the lock.

        Args:
            stage: The stage.
            selection: Pairs and months.
            confirmed: Hash of the plan that the user saw and agreed to.
            limits: Greatest cost that is allowed.
            monitor: Told of the progress.

        Raises:
            BlockedError: If a precondition does not hold, or the plan is not the confirmed one.
            BudgetError: If the estimate is above a limit.
            PostConditionError: If the result is wrong; the stage undid it, or says so.
            BqxError: Whatever else the stage raises.
        """
        started = time.perf_counter()
        with self.target.exclusive():
            self._close_interrupted()
            plan = stage.plan(self.target, selection)
            _admit(plan, confirmed, limits or Limits())
            if not plan.operations:
                conditions = self.verify(stage, selection)
                require(conditions, f"{stage.code} has nothing to do, and yet")
                seconds = time.perf_counter() - started
                return Result(stage.code, "apply", plan, {}, conditions, seconds)

            def work() -> tuple[Mapping[str, Any], tuple[Condition, ...]]:
                outcome = stage.apply(self.target, plan, monitor)
                return outcome, self._checked(stage, selection, outcome)

            outcome, conditions = self._logged(stage, "apply", plan, work)
            seconds = time.perf_counter() - started
            return Result(stage.code, "apply", plan, outcome, conditions, seconds)

    def rollback(self, stage: Stage[Any], *, monitor: Monitor = quiet) -> Result:
        """Undo the newest application of a stage under the lock.

        Raises:
            BqxError: If there is nothing to undo, or a later stage depends on it.
        """
        started = time.perf_counter()
        with self.target.exclusive():
            self._close_interrupted()
            self.undoable(stage)

            def work() -> tuple[Mapping[str, Any], tuple[Condition, ...]]:
                return stage.rollback(self.target, monitor), ()

            outcome, _ = self._logged(stage, "rollback", None, work)
            seconds = time.perf_counter() - started
            return Result(stage.code, "rollback", None, outcome, (), seconds)

    def undoable(self, stage: Stage[Any]) -> int:
        """Number of the newest application that can be undone.

        Raises:
            StoreError: If there is none.
        """
        found = self.target.remembered(stage.code)
        if found is None:
            raise StoreError(
                f"{stage.code} was not applied to {self.target.name}, or was undone",
                expected="an application to undo",
                hint="`bqx stage history` lists what was applied",
            )
        return found[0]

    def _checked(
        self, stage: Stage[Any], selection: Selection, outcome: Mapping[str, Any]
    ) -> tuple[Condition, ...]:
        """The post-conditions: those that the stage looked up before it committed, or looked up."""
        found = outcome.get("conditions")
        conditions = self.verify(stage, selection) if found is None else tuple(found)
        require(conditions, f"{stage.code} was applied, but its post-conditions do not hold")
        return conditions

    def _logged(
        self,
        stage: Stage[Any],
        action: Action,
        plan: Plan | None,
        work: Callable[[], tuple[Mapping[str, Any], tuple[Condition, ...]]],
    ) -> tuple[Mapping[str, Any], tuple[Condition, ...]]:
        planned = plan.to_json() if plan else {}
        number = self.ledger.begin(stage.code, action, plan.hash if plan else None, planned)
        try:
            outcome, conditions = work()
        except BqxError as error:
            self._log_failure(number, FAILED, error)
            raise
        except BaseException as error:
            self._log_failure(number, INTERRUPTED, error)
            raise
        told = {k: v for k, v in outcome.items() if k != "conditions"}
        looked_up = [condition_json(c) for c in conditions]
        self.ledger.finish(number, DONE, {**told, "conditions": looked_up}, "")
        return told, conditions

    def _log_failure(self, number: int, status: str, error: BaseException) -> None:
        """Write how it ended. Where that cannot be written, the run reads as interrupted."""
        message = error.message if isinstance(error, BqxError) else type(error).__name__
        try:
            self.ledger.finish(number, status, {}, message)
        except BqxError as unwritten:
            error.add_note(f"the ledger could not be written: {unwritten.found}")

    def _close_interrupted(self) -> None:
        """Under the lock nothing else runs: what the ledger still calls running was killed."""
        for run in self.ledger.runs():
            if run.finished is None and run.status in {RUNNING, INTERRUPTED}:
                self.ledger.finish(run.number, INTERRUPTED, {}, "the process or the server ended")


def _admit(plan: Plan, confirmed: str | None, limits: Limits) -> None:
    """Refuse a plan that is not the confirmed one, is not ready, or costs too much."""
    if confirmed is not None and plan.hash != confirmed:
        raise BlockedError(
            f"the plan of {plan.code} is now {plan.hash}",
            expected=f"the plan that was confirmed, {confirmed}",
            hint=f"something changed in between; look at `bqx stage plan {plan.code}` again",
        )
    failed = [c for c in plan.preconditions if not c.passed]
    if failed:
        raise BlockedError(
            f"{plan.code} cannot start: {_told(failed)}",
            expected=failed[0].expected,
            hint=failed[0].hint,
        )
    limits.check(plan.code, plan.estimate)

"""Stages as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from bqx.stages.ledger import Run
    from bqx.stages.registry import AnyStage
    from bqx.stages.runner import Result
    from bqx.stages.stage import Condition, Estimate, Plan
    from bqx.stages.status import Status

_BOARD = {
    "stage_code": "code",
    "status": "status",
    "duration": "duration",
    "estimated_cost": "cost",
    "features_added": "features",
    "partitions_affected": "relations",
    "validation_queries": "checks",
}


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def show_statuses(out: Console, found: Sequence[Status]) -> None:
    """All stages, what is true of them, and the first thing that does not hold."""
    table = _table("code", "stage", "features", "status", "what is missing", right=["features"])
    for status in found:
        stage = status.stage
        features = f"{stage.facts.features}"
        detail = "" if status.state == "superseded" else status.detail
        table.add_row(stage.code, stage.title, features, status.text, detail)
    out.print(table, markup=False)


def show_plan(out: Console, stage: AnyStage, plan: Plan, *, explain: bool) -> None:
    """The operations, what they cost, and what must hold before."""
    out.print(f"{plan.code}  {stage.title}  plan {plan.hash}", markup=False)
    if not plan.operations:
        out.print("nothing to do")
    numbers = ["count", "rows", "bytes"]
    table = _table("operation", "on", *numbers, "lock", right=numbers)
    for op in plan.operations:
        counts = (f"{n:,}" for n in (op.count, op.rows, op.bytes))
        table.add_row(op.kind, op.target, *counts, op.lock)
    out.print(table, markup=False)
    if explain:
        for op in plan.operations:
            if op.statement:
                out.print(f"{op.kind}: {op.statement}", markup=False)
    out.print(f"about {_cost(plan.estimate)}")
    show_conditions(out, plan.preconditions)
    out.print("ready" if plan.ready else "not ready: a precondition does not hold")


def _cost(cost: Estimate) -> str:
    sizes = (cost.bytes, cost.wal, cost.memory)
    new, wal, memory = (f"{size / 1e6:,.1f} MB" for size in sizes)
    return f"{cost.seconds:,.1f} s, {new} new, {wal} of write-ahead log, {memory} of memory"


def show_conditions(out: Console, conditions: Sequence[Condition]) -> None:
    """What was looked at, and what was found."""
    if not conditions:
        return
    table = _table("", "condition", "found", "expected", "parts", right=["parts"])
    for c in conditions:
        verdict = "ok" if c.passed else "NO"
        table.add_row(verdict, c.name, c.found, c.expected, f"{c.done:,}/{c.total:,}")
    out.print(table, markup=False)
    for c in conditions:
        if not c.passed and c.hint:
            out.print(f"hint: {c.name}: {c.hint}", markup=False)


def show_result(out: Console, result: Result) -> None:
    """What was done, part by part."""
    show_conditions(out, result.conditions)
    for name, value in result.outcome.items():
        if isinstance(value, int | float):
            out.print(f"{name}: {value:,}")
    seconds = result.outcome.get("seconds", {})
    if isinstance(seconds, dict):
        out.print(", ".join(f"{part} {used:,.2f} s" for part, used in seconds.items()))
    done = "applied" if result.action == "apply" else "rolled back"
    if result.plan is not None and not result.plan.operations:
        done = "nothing to do"
    out.print(f"{result.code}: {done} in {result.seconds:,.1f} s")


def show_history(out: Console, runs: Sequence[Run]) -> None:
    """The lines of the ledger, the newest first."""
    table = _table("", "code", "action", "started", "s", "status", "plan", "who", "message")
    for run in runs:
        seconds = "" if run.seconds is None else f"{run.seconds:,.1f}"
        started = f"{run.started:%Y-%m-%d %H:%M:%S}"
        row = (str(run.number), run.code, run.action, started, seconds, run.status)
        table.add_row(*row, run.plan_hash or "", run.who, run.message)
    out.print(table, markup=False)


def show_board(out: Console, rows: Sequence[dict[str, Any]]) -> None:
    """The board's most important columns."""
    table = _table("stage", *_BOARD.values())
    for row in rows:
        number, _, title = str(row["stage_id"]).partition(" - ")
        table.add_row(title or number, *(str(row[field]) for field in _BOARD))
    out.print(table, markup=False)

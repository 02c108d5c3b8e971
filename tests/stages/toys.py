"""A stage that makes one table, and does what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bqx.errors import StoreError
from bqx.stages import catalog
from bqx.stages.stage import (
    Condition,
    Estimate,
    Facts,
    Monitor,
    Operation,
    Plan,
    Selection,
    Stage,
)
from bqx.stages.target import PostgresTarget


def nothing(_: PostgresTarget) -> None:
    """Do nothing."""


class Toy(Stage[PostgresTarget]):
    """Make a table with two rows.

    Args:
        during: Done in the transaction, behind the table.
        after: Done behind the commit.
        checks: Whether the stage hands its post-conditions to the runner.
    """

    code = "BQX-9.1"
    title = "A toy"
    summary = "Makes a table."
    facts = Facts(features=1, planned="a minute", cost=0.5)

    def __init__(
        self,
        during: Callable[[PostgresTarget], object] = nothing,
        after: Callable[[PostgresTarget], object] = nothing,
        *,
        checks: bool = False,
        cost: Estimate | None = None,
    ) -> None:
        self.during = during
        self.after = after
        self.checks = checks
        self.cost = cost or Estimate(1.0, 1000, 2000, 3000)

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        made = catalog.relations(target, "toy")
        work = () if made else (Operation("build", "bqx.toy", 1, 2),)
        there = target.query("SELECT to_regnamespace('bqx') IS NOT NULL")[0][0]
        ready = Condition("a schema", str(there), "True", int(there), 1, "make it")
        return Plan(self.code, selection, work, self.cost, (ready,))

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        with target.transaction():
            target.execute("CREATE TABLE bqx.toy AS SELECT generate_series(1, 2) AS x")
            target.remember(self.code, {})
            self.during(target)
        self.after(target)
        monitor(1, 1, "toy")
        found = {"conditions": self.verify(target, plan.selection)} if self.checks else {}
        return {"relations": 1, **found}

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:  # noqa: ARG002
        made = catalog.relations(target, "toy")
        rows = catalog.count(target, "toy") if made else 0
        return [
            Condition("rows of the toy", f"{rows}", "2", min(rows, 2), 2, "apply it"),
            Condition("no row too many", f"{rows}", "2", int(rows <= 2), 1),
        ]

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        number, _ = target.remembered(self.code) or (0, {})
        with target.transaction():
            self.during(target)
            target.execute("DROP TABLE bqx.toy")
            target.forget(number)
        monitor(1, 1, "gone")
        return {"relations": 1}


class Successor(Toy):
    """Takes the place of `Toy`: a table of another name."""

    code = "BQX-9.2"
    supersedes = ("BQX-9.1",)

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:  # noqa: ARG002
        made = len(catalog.relations(target, "newer"))
        return [Condition("the newer one", f"{made}", "1", made, 1)]


def failing(_: PostgresTarget) -> None:
    """Fail as a stage fails."""
    raise StoreError("it broke", expected="that it does not")

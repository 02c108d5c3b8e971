"""The alignment report of a store in a folder, as a stage that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from bqx.checks.alignment import alignment
from bqx.errors import StoreError
from bqx.stages.building_checks import conditions_of, has_bars
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.stage import (
    Condition,
    Estimate,
    Facts,
    Kind,
    Monitor,
    Plan,
    Selection,
    Stage,
)


class FolderValidation(Stage[EmbeddedTarget]):
    """Both domains have the same windows, columns and rows, and their identities hold."""

    code = "BQX-2.15"
    title = "Alignment of both domains"
    summary = "Check what is stored against the bars and the declared contract; nothing is changed."
    kind: ClassVar[Kind] = "embedded"
    facts = Facts(planned="1 hour", cost=0.33)

    def plan(self, target: EmbeddedTarget, selection: Selection) -> Plan:
        """Nothing to do: comments and columns stand in the files as they were built."""
        bars = has_bars(target.store, selection)
        return Plan(self.code, selection, (), Estimate(0.0, 0, 0, 0), (bars,))

    def apply(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Change nothing: look up the post-conditions."""
        conditions = tuple(self.verify(target, plan.selection))
        monitor(1, 1, "checked")
        return {"conditions": conditions}

    def verify(self, target: EmbeddedTarget, selection: Selection) -> Sequence[Condition]:
        """The checks of the alignment report."""
        began = time.perf_counter()
        store = target.store
        pairs = [pair for pair in store.state.pairs() if selection.has(pair)]
        report = alignment(store, pairs=pairs, months=selection.months)
        return conditions_of(report, time.perf_counter() - began)

    def rollback(self, target: EmbeddedTarget, monitor: Monitor) -> Mapping[str, Any]:
        """There is nothing to undo.

        Raises:
            StoreError: Always.
        """
        monitor(0, 0, "nothing to undo")
        raise StoreError(
            f"{self.code} changes nothing in {target.name}",
            expected="a stage that was applied",
            hint="roll back what it looked at: `bqx stage history`",
        )

"""The building stages of a PostgreSQL store: partition by partition, and undone in one step."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from bqx.build.plan import Plan as BuildPlan
from bqx.build.plan import make_plan
from bqx.build.run import run
from bqx.errors import BqxError, StoreError
from bqx.features.arrow import TYPES
from bqx.features.table import TableSpec
from bqx.stages.building import WORKERS, declared_as, plan_build
from bqx.stages.building_checks import complete
from bqx.stages.building_kept import Manifest, put_back, set_aside
from bqx.stages.building_run import Told, require_whole
from bqx.stages.estimate import estimate
from bqx.stages.programme import PROGRAMME
from bqx.stages.rates import rates
from bqx.stages.stage import Condition, Monitor, Plan, Selection, Stage
from bqx.stages.target import PostgresTarget
from bqx.store.base import BaseStore
from bqx.store.opening import open_base

ROW = 24 + 8 + 20
"""Bytes of a row beside its values: header, time, and its entry in the key."""


class ServerBuilding(Stage[PostgresTarget]):
    """Build the tables of one row of the programme in a database.

    Every partition is replaced in a transaction of its own. What undoing needs is written before
    the first one, so that a build that was killed can be gone on with, or undone.

    Attributes:
        tables: The tables.
    """

    tables: ClassVar[tuple[str, ...]]

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The partitions that are missing or outdated."""
        with _store(target) as store:
            plan = plan_build(self.code, store, self.tables, selection, _width)
            build = _build(store, self.tables, selection)
        cost = estimate(
            rates(target),
            plan.operations,
            values=build.values // WORKERS,
            memory=plan.estimate.memory,
        )
        return Plan(self.code, selection, plan.operations, cost, plan.preconditions)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Set outdated partitions aside, build, check; undo all of it where that fails."""
        from bqx.stages.runner import require

        began = time.perf_counter()
        with _store(target) as store:
            build = _build(store, self.tables, plan.selection)
            manifest = set_aside(target, self.code, store, build)
            try:
                report = run(store, build, progress=Told(monitor, len(build.units)))
                require_whole(report, "nothing was changed")
                conditions = complete(store, self.tables, plan.selection)
                require(conditions)
            except BqxError as error:
                _undo(target, self.code, error)
                raise
            _finish(target, self.code, store, manifest)
        return {
            "partitions": report.built,
            "rows": report.rows,
            "bytes": report.bytes,
            "kept": len(manifest.kept),
            "seconds": {"build": report.seconds, "all": time.perf_counter() - began},
            "conditions": conditions,
        }

    def verify(self, target: PostgresTarget, selection: Selection) -> Sequence[Condition]:
        """Every partition is current, has all rows, and is NULL just where it must be."""
        with _store(target) as store:
            return complete(store, self.tables, selection)

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Drop what was made and put back what was set aside, in one transaction."""
        number, found = target.undoable(self.code)
        manifest = Manifest.from_json(found)
        _check_order(target, self.code, number, manifest)
        with _store(target) as store:
            _check_unchanged(store, self.code, manifest)
        monitor(0, len(manifest.made), "checked")
        dropped = put_back(target, number, manifest)
        monitor(len(manifest.made), len(manifest.made), "undone")
        return {"restored": len(manifest.kept), "dropped": dropped}


def _store(target: PostgresTarget) -> BaseStore:
    return open_base(target.address, create=False)


def _width(spec: TableSpec) -> float:
    return ROW + sum(int(TYPES[column.dtype].bit_width) // 8 for column in spec.columns)


def _build(store: BaseStore, tables: Sequence[str], selection: Selection) -> BuildPlan:
    known = [table for table in tables if table in store.tables]
    pairs = [pair for pair in store.state.pairs() if selection.has(pair)]
    return make_plan(store, known, pairs, selection.months)


def _undo(target: PostgresTarget, code: str, error: BqxError) -> None:
    """Take back a build that failed; where that fails too, say so beside the first error."""
    try:
        number, found = target.undoable(code)
        put_back(target, number, Manifest.from_json(found))
    except BqxError as second:
        error.add_note(f"what was built is still there ({second.found}); roll {code} back")


def _finish(target: PostgresTarget, code: str, store: BaseStore, manifest: Manifest) -> None:
    """Write the hashes of what was made, in place of the bare names."""
    recorded = store.state.partitions()
    number, _ = target.undoable(code)
    with target.transaction():
        target.forget(number)
        target.remember(code, manifest.finished(recorded).to_json())


def _check_order(target: PostgresTarget, code: str, number: int, manifest: Manifest) -> None:
    """Refuse to go back under a later stage that set the same partitions aside."""
    for later in target.undone_before(number):
        found = target.remembered(later)
        theirs = Manifest.from_json(found[1]).kept_keys if found and "kept" in found[1] else set()
        if theirs & manifest.made_keys:
            raise StoreError(
                f"{later} replaced partitions that {code} made",
                expected="stages undone in the reverse order of their application",
                hint=f"`bqx stage rollback {later}` first",
            )


def _check_unchanged(store: BaseStore, code: str, manifest: Manifest) -> None:
    """Refuse to lose what came after and cannot be made again."""
    from bqx.stages.embedded_checks import lasting, named

    lost = lasting(store, manifest.hashes)
    if lost:
        raise StoreError(
            f"{len(lost)} partitions are not those that {code} made: {named(lost)}",
            expected="what the stage made, or what `bqx build` makes again",
            hint="rebuild them first, or copy the store",
        )


@cache
def server_stages() -> tuple[ServerBuilding, ...]:
    """The building stages of a PostgreSQL store, in the order of the programme."""
    return tuple(declared_as(planned, ServerBuilding) for planned in PROGRAMME)

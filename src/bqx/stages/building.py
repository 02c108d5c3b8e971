"""The building stages: tables that the families make, complete or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

from bqx.build.memory import BASE, unit_bytes
from bqx.build.plan import BYTES_A_VALUE, make_plan
from bqx.build.plan import Plan as BuildPlan
from bqx.features.table import TableSpec
from bqx.stages.building_checks import complete, declared, has_bars
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_stage import EmbeddedStage, Laid
from bqx.stages.programme import PROGRAMME, Planned, columns_of, features_of, tables_of
from bqx.stages.stage import Condition, Estimate, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.store.base import BaseStore
from bqx.store.partitions import Key
from bqx.store.state import Partition

WORKERS = 2
S = TypeVar("S", bound=Stage[Any])


class FolderBuilding(EmbeddedStage):
    """Build the tables of one row of the programme in a folder.

    Attributes:
        tables: The tables.
    """

    tables: ClassVar[tuple[str, ...]]

    def plan(self, target: EmbeddedTarget, selection: Selection) -> Plan:
        """The partitions that are missing or outdated."""
        return plan_build(self.code, target.store, self.tables, selection)

    def lay(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Laid:
        """Build them beside the store, and check them there."""
        from bqx.stages.embedded_beside import build_beside

        return build_beside(target.store, self.code, self.tables, plan.selection, monitor)

    def verify(self, target: EmbeddedTarget, selection: Selection) -> Sequence[Condition]:
        """Every partition is current, has all rows, and is NULL just where it must be."""
        return complete(target.store, self.tables, selection)


def compressed(spec: TableSpec) -> float:
    """Bytes of a row in a file, by experience."""
    return len(spec.columns) * BYTES_A_VALUE


def plan_build(
    code: str,
    store: BaseStore,
    tables: Sequence[str],
    selection: Selection,
    width: Callable[[TableSpec], float] = compressed,
) -> Plan:
    """What has to be built, and its cost.

    Args:
        code: Code of the stage.
        store: The store.
        tables: Names of tables; those that no family makes are left to the preconditions.
        selection: Pairs and months.
        width: Bytes of a row of a table.
    """
    known = [table for table in tables if table in store.tables]
    pairs = [pair for pair in store.state.pairs() if selection.has(pair)]
    build = make_plan(store, known, pairs, selection.months)
    operations = _operations(store, build, width)
    memory = BASE + WORKERS * max(map(unit_bytes, build.units), default=0)
    size = sum(operation.bytes for operation in operations)
    cost = Estimate(round(build.seconds, 3), size, 0, memory)
    conditions = (declared(store, tables), has_bars(store, selection))
    return Plan(code, selection, operations, cost, conditions)


def _operations(
    store: BaseStore, build: BuildPlan, width: Callable[[TableSpec], float]
) -> tuple[Operation, ...]:
    """One operation for each table, for its missing and for its outdated partitions."""
    recorded = store.state.partitions()
    count: Counter[tuple[str, str]] = Counter()
    rows: Counter[tuple[str, str]] = Counter()
    for unit in build.units:
        for key in unit.keys:
            what = _kind(recorded, key), key[0]
            count[what] += 1
            rows[what] += unit.rows[1] - unit.rows[0]
    return tuple(
        Operation(
            kind=kind,
            target=f"{count[kind, table]} partitions of {table}",
            count=count[kind, table],
            rows=rows[kind, table],
            bytes=int(rows[kind, table] * width(store.tables[table])),
        )
        for kind, table in sorted(count)
    )


def _kind(recorded: dict[Key, Partition], key: Key) -> str:
    return "rebuild" if key in recorded else "build"


@cache
def folder_stages() -> tuple[FolderBuilding, ...]:
    """The building stages of a store in a folder, in the order of the programme."""
    return tuple(declared_as(planned, FolderBuilding) for planned in PROGRAMME)


def declared_as(planned: Planned, base: type[S]) -> S:
    """A stage whose declaration is a row of the programme.

    Args:
        planned: The row.
        base: Class of the stage, with a field for its tables.
    """
    tables = tables_of(planned)
    columns, features = columns_of(planned), features_of(planned)
    declaration = {
        "__doc__": planned.title,
        "code": planned.code,
        "title": planned.title,
        "summary": f"Build {' and '.join(tables)}: {columns} columns per pair, of which the "
        f"programme counts {features}.",
        "facts": Facts(features=features, planned=planned.duration),
        "tables": tables,
    }
    name = "Build" + "".join(part.title() for part in planned.row.split("-"))
    return cast("S", type(name, (base,), declaration)())

"""What a build would do: the missing intervals and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bqx.errors import ConfigError
from bqx.features.registry import group_of
from bqx.features.table import ALL, TableSpec
from bqx.market import select_months
from bqx.store.base import BaseStore
from bqx.store.slices import Extent, Inputs, extent, month_rows

DEFAULT_VALUES_A_SECOND = 40_000_000
BYTES_A_VALUE = 6.9
"""Measured on real bars with byte-split lz4; only for the estimate."""
BYTES_A_COMPUTED_VALUE = 16
"""Value, intermediate results and encoded file: 12 measured, and a margin."""
SERIES_A_PAIR = 40
"""Arrays of another pair's slice: the grid, its series, what families keep of them."""


@dataclass(frozen=True)
class TableTask:
    """One table of a unit: its columns, and what its partition is made from."""

    table: str
    windows: tuple[int, ...] | None
    fingerprint: str
    inputs: str


@dataclass(frozen=True)
class Unit:
    """One pair and month; its tables are computed together.

    Attributes:
        pair: Pair.
        month: ``yyyy_mm``.
        rows: Absolute grid rows, half open.
        tasks: Tables that are missing or outdated.
        values: Feature values to compute.
        peak: Estimated memory in bytes, the greatest group's.
    """

    pair: str
    month: str
    rows: tuple[int, int]
    tasks: tuple[TableTask, ...]
    values: int
    peak: int

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        """Partitions that the unit writes: table, pair, month."""
        return [(task.table, self.pair, self.month) for task in self.tasks]


def groups(tasks: Iterable[TableTask]) -> tuple[tuple[TableTask, ...], ...]:
    """Tasks that are computed together; one group is in memory at a time."""
    found: dict[str, list[TableTask]] = {}
    for task in tasks:
        found.setdefault(group_of(task.table), []).append(task)
    return tuple(tuple(group) for group in found.values())


@dataclass(frozen=True)
class Plan:
    """The units of a build.

    Attributes:
        units: What must be made.
        current: Partitions that are up to date.
        values_a_second: Throughput that the estimate assumes: the last build's, or a default.
    """

    units: tuple[Unit, ...]
    current: int
    values_a_second: float = DEFAULT_VALUES_A_SECOND

    @property
    def partitions(self) -> int:
        """Partitions to write."""
        return sum(len(u.tasks) for u in self.units)

    @property
    def rows(self) -> int:
        """Rows to write, over all partitions."""
        return sum((u.rows[1] - u.rows[0]) * len(u.tasks) for u in self.units)

    @property
    def values(self) -> int:
        """Feature values to compute."""
        return sum(u.values for u in self.units)

    @property
    def bytes(self) -> int:
        """Estimated size on disk."""
        return int(self.values * BYTES_A_VALUE)

    @property
    def seconds(self) -> float:
        """Estimated wall time."""
        return self.values / self.values_a_second

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        names = ("partitions", "current", "rows", "values", "bytes", "seconds")
        totals = {name: getattr(self, name) for name in names}
        return {**totals, "units": [asdict(u) for u in self.units]}


def narrowed(spec: TableSpec, windows: Sequence[int] | None) -> TableSpec:
    """The table with the columns of some windows only; columns without a window stay.

    Raises:
        ConfigError: If the table has no such window.
    """
    if windows is None:
        return spec
    unknown = sorted(set(windows) - set(spec.windows))
    if unknown and set(spec.windows).isdisjoint(windows):
        raise ConfigError(
            f"{spec.name} has no windows {unknown}", expected=f"some of {list(spec.windows)}"
        )
    chosen = [c.name for c in spec.columns if c.window is None or c.window in windows]
    return spec.select(tuple(chosen))


def stored_fingerprint(store: BaseStore, table: str, windows: Sequence[int] | None) -> str:
    """Fingerprint of a partition with all windows, or with some."""
    whole = store.fingerprint(table)
    spec = store.tables[table]
    if windows is None or set(spec.windows) <= set(windows):
        return whole
    return hashlib.sha256(f"{whole}|{sorted(windows)}".encode()).hexdigest()[:16]


def make_plan(
    store: BaseStore,
    tables: Iterable[str],
    pairs: Iterable[str],
    months: str | Sequence[str] | None = None,
    windows: Sequence[int] | None = None,
    *,
    force: bool = False,
) -> Plan:
    """List what is missing or outdated.

    Args:
        store: The store.
        tables: Table names.
        pairs: Pairs.
        months: Selection as `select_months` reads it; all months with bars when None.
        windows: Only the columns of these windows; all when None.
        force: Whether current partitions are made again.

    Raises:
        ConfigError: If months or windows cannot be read.
        StoreError: If a pair has no baseline.
    """
    names = tuple(tables)
    recorded = {key: (p.fingerprint, p.inputs) for key, p in store.state.partitions().items()}
    fingerprints = {t: stored_fingerprint(store, t, windows) for t in names}
    units: list[Unit] = []
    inputs = Inputs(store)
    current = 0
    for pair in _with_all(store, names, pairs):
        span = extent(store, pair)
        if span is None:
            continue
        for month in select_months(months, store.bars.months(pair)):
            rows = month_rows(store, span, month)
            tasks = _tasks(store, (pair, span, rows), inputs, fingerprints, windows)
            todo = [
                t
                for t in tasks
                if force or recorded.get((t.table, pair, month)) != (t.fingerprint, t.inputs)
            ]
            current += len(tasks) - len(todo)
            if todo:
                units.append(_unit(store, pair, month, rows, todo))
    # Month after month: tables that compare pairs share what they read of the others.
    units.sort(key=lambda unit: unit.month)
    return Plan(tuple(units), current, _last_throughput(store))


def _with_all(store: BaseStore, tables: Sequence[str], pairs: Iterable[str]) -> tuple[str, ...]:
    """The pairs, and what stands for all of them where a table is one for the store."""
    single = any(store.tables[t].single for t in tables)
    return (*(p for p in pairs if p != ALL), *([ALL] if single else []))


def plan_update(store: BaseStore) -> Plan:
    """What is missing or outdated in the tables that each pair already has."""
    present: dict[str, set[str]] = {}
    for table, pair, _ in store.state.partitions():
        if table in store.tables:
            present.setdefault(pair, set()).add(table)
    plans = [make_plan(store, sorted(tables), [pair]) for pair, tables in present.items()]
    units = tuple(unit for plan in plans for unit in plan.units)
    return Plan(units, sum(plan.current for plan in plans))


def _tasks(
    store: BaseStore,
    place: tuple[str, Extent, tuple[int, int]],
    inputs: Inputs,
    fingerprints: dict[str, str],
    windows: Sequence[int] | None,
) -> list[TableTask]:
    pair, span, rows = place
    if rows[0] >= rows[1]:
        return []
    chosen = None if windows is None else tuple(sorted(windows))
    return [
        TableTask(t, chosen, f, inputs.hash(pair, span, rows, store.tables[t]))
        for t, f in fingerprints.items()
        if store.tables[t].single == (pair == ALL)
    ]


def _unit(
    store: BaseStore, pair: str, month: str, rows: tuple[int, int], tasks: list[TableTask]
) -> Unit:
    count = rows[1] - rows[0]
    specs = {t.table: narrowed(store.tables[t.table], t.windows) for t in tasks}
    columns = sum(len(spec.columns) for spec in specs.values())
    pairs = len(store.state.pairs())
    peak = max(_peak([specs[t.table] for t in group], count, pairs) for group in groups(tasks))
    return Unit(pair, month, rows, tuple(tasks), count * columns, peak)


def _peak(specs: Sequence[TableSpec], rows: int, pairs: int) -> int:
    """Bytes that a group needs: its columns with their look-back, and the other pairs' series."""
    reach = rows + max(spec.memory for spec in specs)
    columns = sum(len(spec.columns) for spec in specs)
    others = pairs * SERIES_A_PAIR if any(spec.peers for spec in specs) else 0
    return reach * (columns * BYTES_A_COMPUTED_VALUE + others * 8)


def _last_throughput(store: BaseStore) -> float:
    outcome = store.state.last_run("build")
    return float(outcome.get("values_a_second") or DEFAULT_VALUES_A_SECOND)

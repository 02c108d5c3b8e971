"""Rebuilding a regression table on aligned windows, with its terms, from the bars."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

from bqx.checks.contract import WINDOWS
from bqx.features.table import TableSpec
from bqx.legacy.schema import KINDS
from bqx.market import Calendar
from bqx.stages import catalog
from bqx.stages.build_beside import (
    BUILD,
    PREFIX,
    Layout,
    Unit,
    build,
    built,
    create_parents,
    missing,
    prepare,
    prune,
    require_unchanged,
    shifted,
)
from bqx.stages.catalog import checked
from bqx.stages.dependents import dependents_condition, views
from bqx.stages.estimate import disk_condition, estimate, lock_condition
from bqx.stages.legacy_bars import read_bars
from bqx.stages.legacy_tables import MonthlyTable, bar_months, key_micros, monthly_tables
from bqx.stages.locks import lock, patient
from bqx.stages.old_rows import OldRows
from bqx.stages.pair_features import SOURCES, PairFeatures, selected, source_column
from bqx.stages.partition_scan import Scan
from bqx.stages.rates import rates
from bqx.stages.rebuild_checks import Expected, Tallies, check_table, in_months, off_grid
from bqx.stages.rebuild_conditions import (
    all_partitions,
    bars_there,
    index_agrees,
    known_columns,
    tables_there,
    unique_times,
    whole_tables,
)
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.stages.swap import KEPT, family, forget_built, newest, swap_in, swap_out
from bqx.stages.target import SCHEMA, PostgresTarget
from bqx.stages.window_offset import window_offset

WORKERS = 2
"""Partitions that are built at the same time."""
_MEMORY = 600 * 2**20
_CELL = 8
_ROW_OVERHEAD = 24 + 8 + 8 + 20  # header, line pointer and NULLs, key, entry of the index
ALL = Selection()


class _Rebuild(Stage[PostgresTarget]):
    """What the rebuilds of both domains have in common.

    Attributes:
        table: What stands before the pair in the tables' names.
        domain: The domain.
        further: Columns that a table of the first version may have beside its own.
    """

    table: ClassVar[str]
    domain: ClassVar[str]
    further: ClassVar[tuple[str, ...]] = ()

    @property
    def spec(self) -> TableSpec:
        """The contract of the new table."""
        return selected(f"reg_{self.domain}")

    @property
    def source(self) -> str:
        """The column of the series."""
        return SOURCES[self.domain]

    @property
    def scan(self) -> Scan:
        """What is looked at in each partition."""
        return Scan((self.source, *self.spec.column_names), self.source, WINDOWS)

    def layout(self, pair: str) -> Layout:
        """Declaration of a pair's new table."""
        columns = {self.source: source_column(self.domain).comment}
        columns |= {c.name: c.comment for c in self.spec.columns}
        return Layout(f"{self.table}_{pair}", columns, self.spec.comment)

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The tables that are not aligned yet, and what must hold before they are replaced."""
        every = monthly_tables(target, self.table)
        tables = [t for t in every if selection.has(t.pair)]
        old = [t for t in tables if not self._aligned(target, t)]
        if tables and not old:
            return Plan(self.code, selection, (), estimate(rates(target), ()), ())
        months = bar_months(target, [t.pair for t in old])
        names = [n for t in old for n in (t.name, *t.partitions)]
        wanted = {(t.pair, m) for t in old for m in t.months}
        calendar = Calendar()
        rows = sum(m.rows(calendar) for key, m in months.items() if key in wanted)
        operations = self._operations(target, names, len(old), rows)
        size = catalog.size(target, names)
        cost = estimate(
            rates(target),
            operations,
            values=rows * len(self.spec.columns),
            read=size + 2 * sum(op.bytes for op in operations),
            memory=_MEMORY,
        )
        columns = dict.fromkeys(names, ("ts_utc", *self.scan.columns))
        known = (*KINDS[self.table].columns, *self.further, *self.scan.columns)
        conditions = (
            tables_there(self.table, old),
            whole_tables(old, selection),
            all_partitions(every, old),
            bars_there(old, months),
            index_agrees(old, months),
            known_columns(old, known),
            unique_times(target, old),
            dependents_condition(target, names, columns),
            lock_condition(target, 6 * len(names)),
            disk_condition(target, cost.bytes),
        )
        return Plan(self.code, selection, operations, cost, conditions)

    def _operations(
        self, target: PostgresTarget, names: Sequence[str], parents: int, rows: int
    ) -> tuple[Operation, ...]:
        size = rows * (_ROW_OVERHEAD + _CELL * len(self.scan.columns))
        where = f"{parents} tables, {len(names) - parents} partitions"
        strict = "ACCESS EXCLUSIVE"
        copy = (
            f"COPY {BUILD}.{PREFIX}{names[0] if names else self.table} FROM STDIN (FORMAT BINARY)"
        )
        move = f"ALTER TABLE {SCHEMA}.{names[0] if names else self.table} SET SCHEMA bqx_backup_…"
        found = [
            Operation("build", f"{where} beside {SCHEMA}", len(names), rows, size, "", copy),
            Operation("back up", f"{where} move as they are", len(names), 0, 0, strict, move),
            Operation("swap", f"{where} take their names", len(names), 0, 0, strict),
        ]
        read_by = views(target, names)
        if read_by:
            text = ", ".join(view.place for view in read_by)
            found.append(Operation("make again", f"views {text}", len(read_by), 0, 0, strict))
        return tuple(found)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Build all partitions beside the tables, then put them in their place at once."""
        began = time.perf_counter()
        tables = [
            t
            for t in monthly_tables(target, self.table, plan.selection)
            if not self._aligned(target, t)
        ]
        total = sum(len(t.months) for t in tables) + 1
        prepare(target)
        create_parents(target, [self.layout(t.pair) for t in tables])
        with ExitStack() as readers:
            old, done = [], 0
            for table in tables:
                old.append(readers.enter_context(OldRows(target, table.name)))
                part = partial(shifted, monitor, done, total)
                self._build(target, table, old[-1], part)
                done += len(table.months)
            building = time.perf_counter() - began
            manifest = self._swap(target, tables, old, partial(monitor, total, total))
        seconds = {"build": building, "swap": time.perf_counter() - began - building}
        rows = sum(rows for rows, _ in manifest["built"].values())
        counts = {"relations": len(manifest["new"]), "rows": rows, "backup": manifest["backup"]}
        return {**counts, "seconds": seconds}

    def _build(
        self, target: PostgresTarget, table: MonthlyTable, old: OldRows, monitor: Monitor
    ) -> None:
        features = PairFeatures(read_bars(target.connection, table.pair, Calendar()))
        layout, units = self.layout(table.pair), []
        for month in table.months:
            others = off_grid(features, old.times, month).tolist()
            make = partial(features.content, self.spec, month, source=True, others=others)
            inputs = features.inputs(self.spec, month, others)
            units.append(Unit(layout, month, inputs, make, self.scan))
        prune(target, layout, units)
        build(target, missing(target, units), monitor, workers=WORKERS)

    def _swap(
        self,
        target: PostgresTarget,
        tables: Sequence[MonthlyTable],
        old: Sequence[OldRows],
        monitor: Any,
    ) -> dict[str, Any]:
        names = [t.name for t in tables]
        partitions = [n for t in tables for n in t.partitions]
        with patient(target, family(target, names)):
            lock(target, names, "SHARE")
            require_unchanged(target, partitions)
            before = {name: found for rows in old for name, found in rows.kept(target).items()}
            noted = built(target)
            manifest = swap_in(target, names, before)
            manifest["built"] = {n: [noted[n].rows, noted[n].hash] for n in partitions}
            target.remember(self.code, manifest)
            forget_built(target, partitions)
            monitor("swapped")
        return manifest

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:
        """Columns, rows, NULLs, identities and old times of all pairs, windows and partitions."""
        every = monthly_tables(target, self.table)
        months = sorted({month for table in every for month in table.months})
        tallies, hint = Tallies(), f"`bqx stage apply {self.code}`"
        for table in every:
            if selection.has(table.pair):
                self._verify(target, table, months, tallies)
        if not tallies.found:
            return [tables_there(self.table, [])]
        return tallies.conditions(hint)

    def _verify(
        self,
        target: PostgresTarget,
        table: MonthlyTable,
        months: Sequence[str],
        tallies: Tallies,
    ) -> None:
        wanted = set(self.scan.columns)
        good = len(wanted & set(table.columns)) if set(table.columns) <= wanted else 0
        told = (
            f"{table.name} has {len(table.columns)} columns, {len(wanted & {*table.columns})} right"
        )
        expected = f"{len(wanted) - 1} features and their source"
        tallies.add("columns of each table", expected, int(good == len(wanted)), 1, told)
        if good != len(wanted):
            return
        features = PairFeatures(read_bars(target.connection, table.pair, Calendar()))
        manifest = self._manifest(target, table.name)
        old = in_months(key_micros(target.connection, _old_place(table, manifest)), months)
        noted = manifest["built"] if manifest else {}
        found = Expected(table, months, self.spec, self.scan, features, old, noted)
        check_table(target, found, tallies)
        offset = window_offset(target, table.pair, self.table, self.source)
        told = f"{table.name}: the window ends {offset or 'an unknown number of'} rows early"
        empty = all(features.rows(month) is None for month in months)
        good = int(offset == 0 or empty or self._valueless(features, months))
        tallies.add("windows end at their row", "offset 0", good, 1, told)

    def _valueless(self, features: PairFeatures, months: Sequence[str]) -> bool:
        """Whether there are too few bars for any value, so that no offset can be told."""
        column = self.spec.columns[0].name
        return all(
            features.nulls(self.spec, month)[column] == len(features.minutes(month))
            for month in months
        )

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Put the tables of the backup back, and drop those that took their place."""
        number, manifest = newest(target, self.code)
        with patient(target, manifest["new"]):
            swap_out(target, manifest)
            target.forget(number)
            monitor(1, 1, "restored")
        return {"relations": len(manifest["old"]), "backup": manifest["backup"]}

    def _aligned(self, target: PostgresTarget, table: MonthlyTable) -> bool:
        if set(table.columns) != set(self.scan.columns):
            return False
        return window_offset(target, table.pair, self.table, self.source) != 1

    def _manifest(self, target: PostgresTarget, name: str) -> Mapping[str, Any] | None:
        """What the newest application remembers of a table, if it replaced that."""
        found = target.remembered(self.code)
        return found[1] if found and name in found[1]["tables"] else None


class RebuildBqx(_Rebuild):
    """The BQX side: other windows, coefficients instead of terms, no residual."""

    code = "BQX-2.12"
    title = "Rebuild reg_bqx on the aligned windows"
    summary = "reg_bqx_* gets the windows of the rate side, with terms and residual, from the bars."
    facts = Facts(features=42, backup=True, planned="3-4 hours", cost=1.20)
    table = "reg_bqx"
    domain = "bqx"


class RebuildRate(_Rebuild):
    """The rate side: the same windows and terms, and a window that ends one bar too early."""

    code = "BQX-2.12-rate"
    title = "Rebuild reg on windows that end at their row"
    summary = "reg_* is fitted to windows that hold the row's own bar, and takes the aligned names."
    supersedes = ("BQX-2.11",)
    facts = Facts(features=42, backup=True)
    table = "reg"
    domain = "rate"
    further = tuple(f"w{w}_constant_term" for w in WINDOWS)


def _old_place(table: MonthlyTable, manifest: Mapping[str, Any] | None) -> str:
    """Where the times that were there before can be read: the backup, or else the bars."""
    if manifest is None:
        return f"{SCHEMA}.m1_{checked(table.pair)}"
    return f"{manifest['backup']}.{KEPT}{table.name}"

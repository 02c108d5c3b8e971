"""Covariances of the regression's terms: columns on the correlations, and tables of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bqx.market import Calendar
from bqx.stages import catalog
from bqx.stages.build_beside import (
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
from bqx.stages.covariance_checks import check_coverage, check_extension
from bqx.stages.covariance_tables import (
    EXTENSIONS,
    FILL,
    FILL_SCAN,
    additions,
    built_names,
    extension_names,
    fill_month,
    fill_spec,
    lacking,
    layouts,
    require_unread,
)
from bqx.stages.estimate import disk_condition, estimate, lock_condition
from bqx.stages.legacy_bars import read_bars
from bqx.stages.legacy_tables import MonthlyTable, bar_months, monthly_tables
from bqx.stages.locks import lock, patient
from bqx.stages.mapping import CORRELATION, COVARIANCES
from bqx.stages.pair_features import PairFeatures, selected
from bqx.stages.partition_scan import Scan
from bqx.stages.rates import rates
from bqx.stages.rebuild_checks import Tallies
from bqx.stages.rebuild_conditions import (
    all_partitions,
    bars_there,
    index_agrees,
    no_column_yet,
    no_table_yet,
    tables_there,
    unique_times,
    whole_tables,
)
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.stages.swap import family, forget_built, move_in, newest
from bqx.stages.target import SCHEMA, PostgresTarget

WORKERS = 2
"""Partitions that are built at the same time."""
_MEMORY = 600 * 2**20
_ROW_OVERHEAD = 60
_VALUES = 84 + 42 + 36 + 36 + 6  # computed for each row: fits of both domains and covariances


class Covariances(Stage[PostgresTarget]):
    """Six columns per row of ``correlation_bqx_*``, and 36 in tables of their own per domain."""

    code = "BQX-2.14"
    title = "Add the covariances of the terms"
    summary = (
        "correlation_bqx_* gets six covariances and correlations of the terms; covariance_rate_*"
        " and covariance_bqx_* hold those of all windows."
    )
    facts = Facts(features=6, planned="2-3 hours", cost=0.80)

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The pairs that lack a column or a table, and what must hold before they get them."""
        every = monthly_tables(target, CORRELATION)
        chosen = [t for t in every if selection.has(t.pair)]
        tables = lacking(target, chosen)
        if chosen and not tables:
            return Plan(self.code, selection, (), estimate(rates(target), ()), ())
        months = bar_months(target, [t.pair for t in tables])
        wanted = {(t.pair, m) for t in tables for m in t.months}
        calendar = Calendar()
        rows = sum(m.rows(calendar) for key, m in months.items() if key in wanted)
        names = [n for t in tables for n in (t.name, *t.partitions)]
        operations = _operations(target, names, len(tables), rows)
        size = sum(op.bytes for op in operations)
        cost = estimate(
            rates(target), operations, values=_VALUES * rows, read=2 * size, memory=_MEMORY
        )
        new = [n for t in tables for n in extension_names(t)]
        conditions = (
            tables_there(CORRELATION, tables),
            whole_tables(tables, selection),
            all_partitions(every, tables),
            bars_there(tables, months),
            index_agrees(tables, months),
            no_column_yet(tables, COVARIANCES),
            no_table_yet(target, new),
            unique_times(target, tables),
            lock_condition(target, 12 * len(names)),
            disk_condition(target, cost.bytes),
        )
        return Plan(self.code, selection, operations, cost, conditions)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Build everything beside, then add, fill and move in within one transaction."""
        began = time.perf_counter()
        tables = lacking(target, monthly_tables(target, CORRELATION, plan.selection))
        total = sum(3 * len(t.months) for t in tables) + 1
        prepare(target)
        create_parents(target, [layout for t in tables for layout in layouts(t.pair)])
        done = 0
        for table in tables:
            _build(target, table, partial(shifted, monitor, done, total))
            done += 3 * len(table.months)
        building = time.perf_counter() - began
        manifest = self._fill(target, tables, partial(monitor, total, total))
        seconds = {"build": building, "fill": time.perf_counter() - began - building}
        counts = {"relations": len(manifest["new"]), "rows": manifest["rows"]}
        return {**counts, "columns": len(COVARIANCES), "seconds": seconds}

    def _fill(
        self, target: PostgresTarget, tables: Sequence[MonthlyTable], monitor: Any
    ) -> dict[str, Any]:
        names = [t.name for t in tables]
        extensions = [n for t in tables for n in extension_names(t)]
        units = [f"{n}_{m}" for t in tables for n in built_names(t) for m in t.months]
        rows = 0
        with patient(target, family(target, names)):
            lock(target, names, "ACCESS EXCLUSIVE")
            require_unchanged(target, units)
            noted = built(target)
            for table in tables:
                target.execute(";".join(additions(table)))
                rows += sum(fill_month(target, table, month) for month in table.months)
            monitor("filled")
            new = move_in(target, extensions)
            kept = {n: [noted[n].rows, noted[n].hash] for n in units if not n.startswith(FILL)}
            manifest = {"tables": names, "extensions": extensions, "built": kept}
            target.remember(self.code, manifest)
            forget_built(target, units)
        return {"new": new, "rows": rows}

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:
        """Coverage against what the bars allow, ranges, and the tables of the extension."""
        every = monthly_tables(target, CORRELATION)
        months = sorted({month for table in every for month in table.months})
        tables = [t for t in every if selection.has(t.pair)]
        more = {t.name: t for name in EXTENSIONS for t in monthly_tables(target, name, selection)}
        tallies, extension = Tallies(), Tallies("36 covariances: ")
        found = target.remembered(self.code)
        noted = found[1]["built"] if found else {}
        for table in tables:
            here = len(set(COVARIANCES) & set(table.columns))
            told = f"{table.name} has {here} of them"
            tallies.add("six columns", "cov and corr of three pairs", here, len(COVARIANCES), told)
            features = PairFeatures(read_bars(target.connection, table.pair, Calendar()))
            if here == len(COVARIANCES):
                check_coverage(target, table, features, tallies)
            check_extension(target, (table.pair, months), features, more, (noted, extension))
        hint = f"`bqx stage apply {self.code}`"
        found_conditions = [*tallies.conditions(hint), *extension.conditions(hint)]
        return found_conditions or [tables_there(CORRELATION, [])]

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Drop the six columns and the tables, and nothing else."""
        number, manifest = newest(target, self.code)
        tables, extensions = list(manifest["tables"]), list(manifest["extensions"])
        with patient(target, family(target, [*tables, *extensions])):
            require_unread(target, tables, extensions)
            drops = ", ".join(f"DROP COLUMN {name}" for name in COVARIANCES)
            for name in tables:
                target.execute(f"ALTER TABLE {SCHEMA}.{checked(name)} {drops}")
            dropped = ", ".join(f"{SCHEMA}.{checked(name)}" for name in extensions)
            target.execute(f"DROP TABLE {dropped}")
            target.forget(number)
            monitor(1, 1, "dropped")
        return {"tables": len(extensions), "columns": len(COVARIANCES) * len(tables)}


def _operations(
    target: PostgresTarget, names: Sequence[str], pairs: int, rows: int
) -> tuple[Operation, ...]:
    wide = len(EXTENSIONS) * rows * (_ROW_OVERHEAD + 8 * len(selected(EXTENSIONS[0]).columns))
    narrow = rows * (_ROW_OVERHEAD + 8 * len(COVARIANCES))
    size = catalog.size(target, names) + 8 * len(COVARIANCES) * rows
    partitions = len(names) - pairs
    strict = "ACCESS EXCLUSIVE"
    where = f"{pairs} tables, {partitions} partitions of {SCHEMA}.{CORRELATION}_*"
    first = f"ALTER TABLE {SCHEMA}.{names[0] if names else CORRELATION} ADD COLUMN {COVARIANCES[0]}"
    built_tables = (
        f"{len(EXTENSIONS) * pairs} tables with {len(EXTENSIONS) * partitions} partitions"
    )
    return (
        Operation(
            "build",
            f"{built_tables}, and six columns for {partitions} partitions, beside {SCHEMA}",
            3 * len(names),
            3 * rows,
            wide + narrow,
        ),
        Operation("add columns", where, len(names), 0, 0, strict, first),
        Operation("fill", where, partitions, rows, size, strict),
        Operation("move", f"{built_tables} take their names", len(EXTENSIONS) * len(names)),
    )


def _build(target: PostgresTarget, table: MonthlyTable, monitor: Monitor) -> None:
    features = PairFeatures(read_bars(target.connection, table.pair, Calendar()))
    every: list[Unit] = []
    for layout in layouts(table.pair):
        spec = selected(layout.parent.removesuffix(f"_{table.pair}")) if layout.lasting else None
        wanted = spec or fill_spec()
        scan = Scan(wanted.column_names) if layout.lasting else FILL_SCAN
        units = [
            Unit(
                layout,
                month,
                features.inputs(wanted, month),
                partial(features.content, wanted, month),
                scan,
            )
            for month in table.months
        ]
        prune(target, layout, units)
        every += units
    build(target, missing(target, every), monitor, workers=WORKERS)

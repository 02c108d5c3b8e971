"""Post-conditions of tables that were built: everything that makes them complete, looked up now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from bqx.build.plan import make_plan
from bqx.checks.coverage import coverage
from bqx.checks.report import CheckResult, Report
from bqx.stages.stage import Condition, Selection
from bqx.store.base import BaseStore

ALWAYS = ("partitions", "coverage", "rows")
"""Checks that must have had something to look at."""


def declared(store: BaseStore, tables: Sequence[str]) -> Condition:
    """The families of the store make the tables."""
    known = [table for table in tables if table in store.tables]
    missing = [table for table in tables if table not in store.tables]
    return Condition(
        name="the families make the tables",
        found=f"no family makes {', '.join(missing)}" if missing else ", ".join(known),
        expected=", ".join(tables),
        done=len(known),
        total=len(tables),
        hint="use a registry with the families of bqx" if missing else "",
    )


def has_bars(store: BaseStore, selection: Selection) -> Condition:
    """Every pair and month that is selected has bars."""
    present = set(store.state.pairs())
    pairs = sorted(present) if selection.pairs is None else selection.pairs
    found, lacking = 0, [pair for pair in pairs if pair not in present]
    for pair in (pair for pair in pairs if pair in present):
        months = store.bars.months(pair)
        wanted = months if selection.months is None else selection.months
        found += sum(month in months for month in wanted)
        lacking += [f"{pair} {month}" for month in wanted if month not in months]
    return Condition(
        name="bars",
        found=f"none of {', '.join(lacking[:5])}" if lacking else f"{found} months",
        expected="bars of every selected pair and month",
        done=found,
        total=found + len(lacking),
        hint="`bqx ingest FILES` stores bars",
    )


def stored(store: BaseStore, tables: Sequence[str], selection: Selection) -> Condition:
    """Every partition is recorded, of today's code and from today's bars."""
    began = time.perf_counter()
    known = [table for table in tables if table in store.tables]
    pairs = [pair for pair in store.state.pairs() if selection.has(pair)]
    plan = make_plan(store, known, pairs, selection.months)
    recorded = store.state.partitions()
    keys = [key for unit in plan.units for key in unit.keys]
    outdated = sum(key in recorded for key in keys)
    total = plan.current + plan.partitions
    found = f"{len(keys) - outdated} missing, {outdated} outdated of {total}"
    if keys:
        found += f", the first {' '.join(keys[0])}"
    return Condition(
        name="current partitions",
        found=found if keys or not total else f"{total} current",
        expected="a current one for every table, pair and month with bars",
        done=plan.current,
        total=total,
        hint="apply the stage, or `bqx build`",
        seconds=time.perf_counter() - began,
    )


def covered(store: BaseStore, tables: Sequence[str], selection: Selection) -> tuple[Condition, ...]:
    """What the coverage check finds: exact rows, NULLs where expected, no empty column, ranges."""
    began = time.perf_counter()
    pairs = [pair for pair in store.state.pairs() if selection.has(pair)]
    report = coverage(store, tables=tables, pairs=pairs, months=selection.months)
    return conditions_of(report, time.perf_counter() - began)


def conditions_of(report: Report, seconds: float) -> tuple[Condition, ...]:
    """The checks of a report as conditions; those without anything to look at are left out."""
    chosen = [c for c in report.checks if c.units or c.name in ALWAYS]
    return tuple(map(partial(_condition, seconds=seconds / max(len(chosen), 1)), chosen))


def _condition(check: CheckResult, seconds: float) -> Condition:
    worst = check.findings[0] if check.findings else None
    return Condition(
        name=check.title,
        found=f"{worst.place}: {worst.found}" if worst else f"{check.units:,} {check.unit}",
        expected=worst.expected if worst else "no deviation",
        done=check.units - check.failures,
        total=check.units,
        hint="`bqx check coverage` lists everything" if worst else "",
        seconds=seconds,
    )


def complete(
    store: BaseStore, tables: Sequence[str], selection: Selection
) -> tuple[Condition, ...]:
    """All of the above; values are only read where every partition is there."""
    first = (stored(store, tables, selection), declared(store, tables))
    if not all(condition.passed for condition in first):
        return first
    return (*first, *covered(store, tables, selection))

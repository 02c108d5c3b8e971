"""Run checks over the partitions of a store: month by month, on a few threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bqx import __version__
from bqx.checks.example import Example
from bqx.checks.expected import Truth
from bqx.checks.report import Report
from bqx.checks.tally import PartitionCheck, Tally, summarise
from bqx.checks.unit import Unit, load_truth, load_unit
from bqx.features.registry import group_of
from bqx.features.table import ALL
from bqx.market import parse_month, select_months
from bqx.store.base import BaseStore
from bqx.store.state import now

Names = str | Sequence[str] | None
T = TypeVar("T")
THREADS = min(os.cpu_count() or 1, 8)


@dataclass(frozen=True)
class Selection:
    """What is looked at.

    Attributes:
        pairs: Pairs with bars.
        months: Months by pair, as asked for.
        absent: Pairs and months that were asked for by name and have no bars.
        tables: Tables that each pair and month must have.
    """

    pairs: tuple[str, ...]
    months: dict[str, tuple[str, ...]]
    absent: tuple[tuple[str, str], ...]
    tables: tuple[str, ...]


def select(store: BaseStore, pairs: Names, months: Names, tables: Sequence[str]) -> Selection:
    """Resolve a selection.

    Raises:
        UnknownNameError: If a pair is unknown or has no bars.
        ConfigError: If a month cannot be read.
    """
    chosen = store.select_pairs(pairs)
    if any(store.tables[t].single for t in tables if t in store.tables):
        chosen = (*chosen, ALL)
    present = {pair: store.bars.months(pair) for pair in chosen}
    absent = [(p, m) for p in chosen for m in _named(months) if m not in present[p]]
    found = {pair: select_months(months, present[pair]) for pair in chosen}
    return Selection(chosen, found, tuple(absent), tuple(tables))


def stored_tables(store: BaseStore) -> tuple[str, ...]:
    """Tables that are stored for some pair and month."""
    stored = {table for table, _, _ in store.state.partitions()}
    return tuple(t for t in store.tables if t in stored)


def _named(months: Names) -> list[str]:
    """Months that a selection names one by one; a range takes what there is."""
    parts = months.split(",") if isinstance(months, str) else list(months or ())
    return [parse_month(part) for part in parts if ":" not in part]


@dataclass(frozen=True)
class _Counted:
    """What the checks have counted on one pair and month."""

    tallies: tuple[Tally, ...]
    rows: int
    values: int


def scan(
    store: BaseStore,
    title: str,
    checks: Sequence[PartitionCheck],
    selection: Selection,
    *,
    example: Callable[[BaseStore, Selection], Example | None] | None = None,
) -> Report:
    """Run checks over a selection; every partition file is read once.

    Args:
        store: The store.
        title: Title of the report.
        checks: What to check; the first one also takes the months without bars.
        selection: Where.
        example: Makes the week that the page shows.
    """
    counted = list(bounded(_jobs(store, checks, selection)))
    tallies = [t for one in counted for t in one.tallies] + _absent(checks[0], selection)
    results = tuple(summarise(c, [t for t in tallies if t.check == c.name]) for c in checks)
    return Report(
        title=title,
        checks=results,
        cells=tuple(t.cell() for t in tallies if t.units),
        facts=_facts(store, selection, counted),
        example=None if example is None else example(store, selection),
    )


def _jobs(
    store: BaseStore, checks: Sequence[PartitionCheck], selection: Selection
) -> Iterator[Callable[[], _Counted]]:
    for pair in selection.pairs:
        known = load_truth(store, pair)
        if known is None:
            continue
        for month in selection.months[pair]:
            for tables in _groups(store, selection.tables, single=pair == ALL):
                yield _job(store, checks, tables, known, month)


def _groups(store: BaseStore, tables: Sequence[str], *, single: bool) -> Iterator[tuple[str, ...]]:
    """Tables that are looked at together, so that not all of a month is in memory at once."""
    groups: dict[str, list[str]] = {}
    for table in tables:
        spec = store.tables.get(table)
        if (spec is not None and spec.single) == single:
            groups.setdefault(group_of(table), []).append(table)
    yield from map(tuple, groups.values())


def _job(
    store: BaseStore,
    checks: Sequence[PartitionCheck],
    tables: Sequence[str],
    known: Truth,
    month: str,
) -> Callable[[], _Counted]:
    return lambda: _count(load_unit(store, known, month, tables), checks)


def bounded(jobs: Iterator[Callable[[], T]]) -> Iterator[T]:
    """Results of jobs on threads, in order; at most two jobs a thread are in memory."""
    running: deque[Future[T]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for job in jobs:
            running.append(pool.submit(job))
            if len(running) >= 2 * THREADS:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _count(unit: Unit, checks: Sequence[PartitionCheck]) -> _Counted:
    tallies = tuple(_run(check, unit) for check in checks)
    rows = sum(s.table.num_rows for s in unit.tables.values())
    columns = [c for s in unit.tables.values() for c in s.table.columns[1:]]
    return _Counted(tallies, rows, sum(len(c) - c.null_count for c in columns))


def _run(check: PartitionCheck, unit: Unit) -> Tally:
    tally = Tally(check.name, unit.pair, unit.month)
    if unit.rows:
        check.run(unit, tally)
        missing = [t for t in check.tables if t in unit.problems]
        if missing:
            tally.block(len(missing))
    return tally


def _absent(check: PartitionCheck, selection: Selection) -> list[Tally]:
    tallies = []
    for pair, month in selection.absent:
        tally = Tally(check.name, pair, month)
        tally.count(1)
        tally.fail(None, None, "no bars in this month", "bars; `bqx ingest` stores them")
        tallies.append(tally)
    return tallies


def _facts(
    store: BaseStore, selection: Selection, counted: Sequence[_Counted]
) -> dict[str, object]:
    months = sorted({m for found in selection.months.values() for m in found})
    return {
        "store": store.name,
        "pairs": len(selection.pairs),
        "first month": months[0].replace("_", "-") if months else "none",
        "last month": months[-1].replace("_", "-") if months else "none",
        "tables": len(selection.tables),
        "rows": sum(c.rows for c in counted),
        "values": sum(c.values for c in counted),
        "synthetic pairs": synthetic_pairs(store, selection.pairs),
        "generated": now(),
        "bqx version": __version__,
    }


def synthetic_pairs(store: BaseStore, pairs: Sequence[str]) -> list[str]:
    """Those of the pairs that have generated bars."""
    marked = store.state.query("SELECT DISTINCT pair FROM sources WHERE synthetic = 1")
    return sorted({str(pair) for (pair,) in marked} & set(pairs))

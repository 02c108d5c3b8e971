"""Tables of a folder that were made with wrong windows or other code, built anew in one step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from bqx.features.arrow import minutes_of
from bqx.features.table import KEY
from bqx.market import moment_of
from bqx.stages.building import plan_build
from bqx.stages.building_checks import complete
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_beside import build_beside
from bqx.stages.embedded_checks import place
from bqx.stages.embedded_stage import EmbeddedStage, Laid
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection
from bqx.store.change import OLD, beside, key_of
from bqx.store.embedded import EmbeddedStore
from bqx.store.parquet import read_file
from bqx.store.partitions import Key
from bqx.store.state import Partition

Find = Callable[[Key], Path]
"""Where the file of a partition is."""


class FolderRebuild(EmbeddedStage):
    """Build tables beside, look for every old row in them, and swap.

    Attributes:
        tables: Tables that the families make; outdated and missing partitions are built.
        replaced: Tables of the first version that go, and what takes their place.
    """

    tables: ClassVar[tuple[str, ...]]
    replaced: ClassVar[dict[str, str]] = {}

    def plan(self, target: EmbeddedTarget, selection: Selection) -> Plan:
        """What has to be built, and what goes."""
        store = target.store
        plan = plan_build(self.code, store, self.tables, selection)
        gone = _of(store, self.replaced, selection)
        what = f"{len(gone)} partitions of {', '.join(self.replaced)}"
        drop = Operation("drop", what, len(gone), sum(p.rows for p in gone))
        bars = _bars_for(store, _of(store, (*self.tables, *self.replaced), selection))
        return replace(
            plan,
            operations=(*plan.operations, *([drop] if gone else [])),
            preconditions=(*plan.preconditions, *bars),
        )

    def lay(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Laid:
        """Build everything beside, and compare."""
        store = target.store
        laid = build_beside(store, self.code, self.tables, plan.selection, monitor)
        recorded = store.state.partitions()
        gone = _of(store, self.replaced, plan.selection)
        old = [recorded[key] for key in map(key_of, laid.put) if key in recorded]
        new = partial(beside, store, laid.source)
        rows = _old_rows(store, [*old, *gone], lambda key: store.path(*key), self._next(new))
        return replace(laid, drop=tuple(map(key_of, gone)), conditions=(*laid.conditions, *rows))

    def verify(self, target: EmbeddedTarget, selection: Selection) -> Sequence[Condition]:
        """Every partition is complete, the old tables are gone, and no row of theirs is lost."""
        store = target.store
        conditions = [*complete(store, self.tables, selection)]
        left = _of(store, self.replaced, selection)
        if self.replaced:
            conditions.append(_none_left(left, _of(store, self.tables, selection)))
        found = target.remembered(self.code)
        if found is not None and all(c.passed for c in conditions):
            kept = [Partition(**p) for p in found[1]["kept"]]
            mine = [p for p in kept if selection.has(p.pair, p.month)]
            old = partial(beside, store, f"{found[1]['name']}/{OLD}")
            conditions += _old_rows(store, mine, old, self._next(lambda key: store.path(*key)))
        return conditions

    def _next(self, find: Find) -> Find:
        """Where the successor of an old partition is."""
        return lambda key: find((self.replaced.get(key[0], key[0]), *key[1:]))


class FolderRebuildBqx(FolderRebuild):
    """The regression of the BQX side, with the windows of the rate side."""

    code = "BQX-2.12"
    title = "Rebuild the regression of the BQX side"
    summary = "Build reg_bqx with the windows 60 to 630 and their terms, and the BQX series itself."
    facts = Facts(features=42, backup=True, planned="3-4 hours", cost=1.20)
    tables = ("bqx", "reg_bqx")


class FolderRebuildRate(FolderRebuild):
    """The regression of the rate side: windows that end with their own row."""

    code = "BQX-2.12-rate"
    title = "Rebuild the regression of the rate side"
    summary = "Build reg_rate in place of the first version's reg, whose windows end a bar early."
    supersedes = ("BQX-2.11",)
    facts = Facts(features=42, backup=True)
    tables = ("reg_rate",)
    replaced = {"reg": "reg_rate"}  # noqa: RUF012 - declared once, never changed


class FolderCovariances(FolderRebuild):
    """The covariances of the terms, and the correlations that share their table."""

    code = "BQX-2.14"
    title = "Covariances of the terms"
    summary = "Build the six term covariances of both domains, and the 36 of all windows."
    facts = Facts(features=6, backup=True, planned="2-3 hours", cost=0.80)
    tables = ("correlation_rate", "correlation_bqx", "covariance_rate", "covariance_bqx")


def _of(store: EmbeddedStore, tables: Iterable[str], selection: Selection) -> list[Partition]:
    wanted = set(tables)
    found = store.state.partitions().values()
    return [p for p in found if p.tbl in wanted and selection.has(p.pair, p.month)]


def _bars_for(store: EmbeddedStore, old: Sequence[Partition]) -> tuple[Condition, ...]:
    """Every old partition can be made again: its month has bars."""
    if not old:
        return ()
    without = [p for p in old if p.month not in store.bars.months(p.pair)]
    condition = Condition(
        name="bars for every old partition",
        found=f"none for {place(key_of(without[0]))}" if without else f"for {len(old)} partitions",
        expected="a month of bars beside every stored month",
        done=len(old) - len(without),
        total=len(old),
        hint="`bqx ingest` the months' bars first; nothing can be made without them",
    )
    return (condition,)


def _none_left(left: Sequence[Partition], new: Sequence[Partition]) -> Condition:
    return Condition(
        name="the first version's table is gone",
        found=f"{len(left)} partitions, the first {place(key_of(left[0]))}" if left else "none",
        expected="0 partitions",
        done=len(new),
        total=len(new) + len(left),
        hint="apply the stage",
    )


def _old_rows(
    store: EmbeddedStore, old: Sequence[Partition], before: Find, after: Find
) -> tuple[Condition, ...]:
    """Every old row is there, but for those outside of trading minutes."""
    began = time.perf_counter()
    lost = outside = 0
    first = ""
    for key in map(key_of, old):
        minutes, there = (minutes_of(read_file(find(key), [KEY])) for find in (before, after))
        missing = np.setdiff1d(minutes, there)
        trading = missing[store.calendar.is_open(missing)]
        outside += len(missing) - len(trading)
        lost += len(trading)
        if len(trading) and not first:
            first = f", the first {place(key)} {moment_of(int(trading[0])):%Y-%m-%d %H:%M}"
    rows = sum(p.rows for p in old) - outside
    if not rows:
        return ()
    told = f" ({outside:,} rows outside of trading minutes are kept with the old files)"
    condition = Condition(
        name="no old row is lost",
        found=f"{rows - lost:,} of {rows:,} rows{first}{told if outside else ''}",
        expected="every old row in a trading minute",
        done=rows - lost,
        total=rows,
        hint="are the bars those that the old table was made from?" if lost else "",
        seconds=time.perf_counter() - began,
    )
    return (condition,)

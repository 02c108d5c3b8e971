"""Views of the regression tables under the canonical names of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqx.errors import ConfigError, StoreError
from bqx.stages import catalog
from bqx.stages.catalog import Column
from bqx.stages.constant_checks import tables
from bqx.stages.dependents import views as views_of
from bqx.stages.estimate import estimate
from bqx.stages.locks import patient
from bqx.stages.mapping import CELLS, RATE, column
from bqx.stages.rates import rates
from bqx.stages.runner import Clock, require
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.stages.target import SCHEMA, PostgresTarget

COLUMNS = ("ts_utc", RATE.source, *(column(*cell) for cell in CELLS))
"""Columns of a view, whatever the names in the table."""
_READY = "`bqx stage apply BQX-2.11` adds the constant terms; BQX-2.12-rate rebuilds the table"


def view_of(parent: str) -> str:
    """Name of a table's view."""
    return f"{parent}_semantic"


class SemanticViews(Stage[PostgresTarget]):
    """One view for a pair, over all months, with the canonical names.

    It reads the columns of the first version or the rebuilt ones, whichever the table has.
    """

    code = "BQX-2.13"
    title = "Views reg_*_semantic"
    summary = "A view for each pair names the columns by what they mean, over all months."
    facts = Facts(planned="1 hour", cost=0.33)

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The views that are missing."""
        if selection.months is not None:
            raise ConfigError(
                f"{self.code} for the months {', '.join(selection.months)}",
                expected="a view over all months of a pair",
                hint="leave out --months; --pairs is possible",
            )
        found = list(tables(target, selection))
        there = _relations(target, found)
        todo = [parent for parent in found if there.get(view_of(parent)) != "view"]
        operations = _operations(target, todo)
        months = _partitions(target, selection) if todo else []
        read = 2 * catalog.size(target, months)
        cost = estimate(rates(target), operations, read=read, opened=2 * len(months))
        conditions = _preconditions(target, found, todo, there)
        return Plan(self.code, selection, operations, cost, conditions)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Make the views and compare their rows with the tables, in one transaction."""
        found, clock = list(tables(target, plan.selection)), Clock()
        there = _relations(target, found)
        todo = [parent for parent in found if view_of(parent) not in there]
        columns = catalog.columns_of(target, "|".join(todo))
        with patient(target, todo):
            for number, parent in enumerate(todo, 1):
                view = view_of(parent)
                target.execute(_statement(parent, columns[parent]))
                target.execute(f"COMMENT ON VIEW {SCHEMA}.{view} IS '{_comment(parent)}'")
                monitor(number, len(todo) + 1, view)
            clock.lap("views")
            target.remember(self.code, {"views": [view_of(parent) for parent in todo]})
            conditions = self.verify(target, plan.selection)
            require(conditions)
            clock.lap("checks")
        monitor(len(todo) + 1, len(todo) + 1, f"{len(todo)} views")
        return {"relations": len(todo), "seconds": clock.seconds, "conditions": conditions}

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:
        """The views are there, have the canonical columns, and all rows of their tables."""
        found = list(tables(target, selection))
        kinds = _relations(target, found)
        views = [view_of(parent) for parent in found if kinds.get(view_of(parent)) == "view"]
        columns = catalog.columns_of(target, "|".join(views)) if views else {}
        named = [name for name in views if tuple(c.name for c in columns[name]) == COLUMNS]
        parents = [name.removesuffix("_semantic") for name in views]
        rows = catalog.counts(target, [*views, *parents])
        whole = [name for name in parents if rows[view_of(name)] == rows[name]]
        shown = sum(rows[name] for name in views)
        return [
            _share("views of the tables reg_*", len(views), len(found)),
            _share("views with the canonical columns", len(named), len(found)),
            Condition(
                "rows of the views = rows of the tables",
                f"{shown:,}",
                f"{sum(rows[name] for name in parents):,}",
                len(whole),
                len(found),
                "a view over some months only is dropped and made again",
            ),
        ]

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Drop the views that were made."""
        number, manifest = target.remembered(self.code) or (0, {"views": []})
        views, clock = list(manifest["views"]), Clock()
        above = views_of(target, views)
        if above:
            raise StoreError(
                f"the view {above[0].place} reads {above[0].reads[0]}",
                expected="no view on the views",
                hint="drop it, and make it again afterwards",
            )
        with patient(target, views):
            for name in views:
                target.execute(f"DROP VIEW {SCHEMA}.{name}")
            target.forget(number)
        clock.lap("views")
        monitor(1, 1, f"{len(views)} views dropped")
        return {"relations": len(views), "seconds": clock.seconds}


def _relations(target: PostgresTarget, parents: list[str]) -> dict[str, str]:
    """Kinds of the relations that have the name of a view."""
    pattern = "|".join(view_of(parent) for parent in parents)
    return {r.name: r.kind for r in catalog.relations(target, pattern)} if parents else {}


def _partitions(target: PostgresTarget, selection: Selection) -> list[str]:
    return [name for months in tables(target, selection).values() for name in months]


def _operations(target: PostgresTarget, todo: list[str]) -> tuple[Operation, ...]:
    if not todo:
        return ()
    words = f"{len(todo)} views over all months of {SCHEMA}.reg_*"
    columns = catalog.columns_of(target, "|".join(todo))
    statement = _statement(todo[0], columns[todo[0]])
    return (Operation("create view", words, len(todo), lock="ACCESS SHARE", statement=statement),)


def _preconditions(
    target: PostgresTarget, found: list[str], todo: list[str], there: Mapping[str, str]
) -> tuple[Condition, ...]:
    columns = catalog.columns_of(target, "|".join(found)) if found else {}
    names = {parent: [c.name for c in columns[parent]] for parent in found}
    complete = [p for p in found if len(RATE.stored(names[p])) == len(CELLS)]
    lacking = sorted(set(found) - set(complete))
    taken = [name for name in map(view_of, todo) if name in there]
    return (
        Condition(
            "tables with all canonical columns",
            f"missing in {', '.join(lacking[:3])}" if lacking else f"{len(complete)}",
            f"{len(found) or 'some'}",
            len(complete),
            max(1, len(found)),
            _READY,
        ),
        Condition(
            "the names of the views are free",
            ", ".join(taken[:3]) or "all free",
            "no table has one",
            max(1, len(todo)) - len(taken),
            max(1, len(todo)),
            "rename or drop these tables",
        ),
    )


def _statement(parent: str, columns: tuple[Column, ...]) -> str:
    stored = RATE.stored([c.name for c in columns])
    terms = ", ".join(
        name if name == column(*cell) else f"{name} AS {column(*cell)}"
        for cell, name in sorted(stored.items(), key=lambda item: CELLS.index(item[0]))
    )
    return (
        f"CREATE VIEW {SCHEMA}.{view_of(parent)} AS"
        f" SELECT ts_utc, {RATE.source}, {terms} FROM {SCHEMA}.{parent}"
    )


def _comment(parent: str) -> str:
    return f"{parent} over all months, under the canonical names of its columns."


def _share(name: str, done: int, total: int) -> Condition:
    hint = "`bqx stage apply BQX-2.13` makes the views"
    return Condition(name, f"{done}", f"{total}", done, total, hint)

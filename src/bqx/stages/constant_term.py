"""Adding the constant terms to the regression tables of the rate domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bqx.errors import ConfigError, StoreError
from bqx.families.regression import WINDOWS
from bqx.stages import catalog
from bqx.stages.constant_checks import (
    COLUMNS,
    SOURCES,
    comment_for,
    postconditions,
    preconditions,
    tables,
)
from bqx.stages.dependents import views
from bqx.stages.estimate import estimate
from bqx.stages.locks import lock, patient
from bqx.stages.rates import rates
from bqx.stages.runner import Clock, require
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.stages.target import SCHEMA, PostgresTarget

NEEDED_BY = ("BQX-2.12-rate", "BQX-2.13", "BQX-2.15")
"""Stages that change what this one made; they are undone first."""
_ADD = "ADD COLUMN {name} double precision GENERATED ALWAYS AS ({source}) STORED"


class ConstantTerm(Stage[PostgresTarget]):
    """Add six columns to every ``reg_`` table, filled from the third coefficient."""

    code = "BQX-2.11"
    title = "Add constant terms to reg_*"
    summary = "Six columns hold the constant term of each window; with them the terms add up."
    facts = Facts(features=len(WINDOWS), planned="30 minutes", cost=0.16)

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The columns that are missing, and the tables that are rewritten."""
        if selection.months is not None:
            raise ConfigError(
                f"{self.code} for the months {', '.join(selection.months)}",
                expected="whole tables: the partitions of a table have the same columns",
                hint="leave out --months; --pairs is possible",
            )
        found = tables(target, selection)
        todo = _todo(target, found)
        operations = _operations(target, found, todo)
        read = sum(op.bytes for op in operations)
        months = sum(len(found[parent]) for parent in todo)
        cost = estimate(rates(target), operations, read=3 * read, opened=3 * months)
        conditions = preconditions(target, found, todo)
        return Plan(self.code, selection, operations, cost, conditions)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Add, fill and check; one transaction for all tables."""
        found = tables(target, plan.selection)
        todo, clock = _todo(target, found), Clock()
        months = [name for parent in todo for name in found[parent]]
        with patient(target, [*todo, *months]):
            lock(target, todo, "ACCESS EXCLUSIVE")
            clock.lap("locks")
            before = catalog.counts(target, todo)
            comments = catalog.comments(target, todo)
            clock.lap("counts")
            for number, parent in enumerate(todo, 1):
                _add(target, parent)
                monitor(number, len(todo) + 1, parent)
            clock.lap("fill")
            manifest = {"comments": {name: comments.get(name) for name in todo}}
            target.remember(self.code, manifest)
            conditions = postconditions(target, {name: found[name] for name in todo})
            after = catalog.counts(target, todo)
            require([*conditions, _same_rows(before, after)])
            clock.lap("checks")
        clock.lap("commit")
        monitor(len(todo) + 1, len(todo) + 1, "committed")
        counts = {"tables": len(todo), "partitions": len(months), "rows": sum(after.values())}
        return {**counts, "seconds": clock.seconds, "conditions": conditions}

    def verify(self, target: PostgresTarget, selection: Selection) -> list[Condition]:
        """The columns, their values and the sums of terms, over all windows and partitions."""
        return postconditions(target, tables(target, selection))

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Drop just these columns, and give the tables their comments back."""
        number, manifest = target.remembered(self.code) or (0, {"comments": {}})
        parents, clock = list(manifest["comments"]), Clock()
        _independent(target, number, parents)
        with patient(target, parents):
            lock(target, parents, "ACCESS EXCLUSIVE")
            drops = ", ".join(f"DROP COLUMN {name}" for name in COLUMNS)
            for parent, comment in manifest["comments"].items():
                target.execute(f"ALTER TABLE {SCHEMA}.{parent} {drops}")
                _comment(target, parent, comment)
            target.forget(number)
        clock.lap("drop")
        monitor(1, 1, f"{len(parents)} tables as they were")
        return {"relations": len(parents), "seconds": clock.seconds}


def _todo(target: PostgresTarget, found: Iterable[str]) -> list[str]:
    """Parents that lack one of the columns and have the coefficients to fill them."""
    columns = catalog.columns_of(target, "|".join(found))
    names = {parent: {c.name for c in columns[parent]} for parent in found}
    return [p for p in found if not names[p] >= set(COLUMNS) and names[p] >= set(SOURCES)]


def _operations(
    target: PostgresTarget, found: Mapping[str, Sequence[str]], todo: Sequence[str]
) -> tuple[Operation, ...]:
    if not todo:
        return ()
    months = [name for parent in todo for name in found[parent]]
    rows = sum(catalog.counts(target, todo).values())
    written = catalog.size(target, months)
    words = f"{len(todo)} tables, {len(months)} partitions of {SCHEMA}.reg_*"
    lock_taken = "ACCESS EXCLUSIVE"
    example = f"ALTER TABLE {SCHEMA}.{todo[0]} {_addition(WINDOWS[0])}"
    remark = f"COMMENT ON TABLE {SCHEMA}.{todo[0]} IS '{comment_for(todo[0])}'"
    return (
        Operation("add columns", f"{len(todo)} tables", len(todo), 0, 0, lock_taken, example),
        Operation("fill", words, len(months), rows, written, lock_taken),
        Operation("comment", f"{len(todo)} tables", len(todo), statement=remark),
    )


def _addition(w: int) -> str:
    return _ADD.format(name=f"w{w}_constant_term", source=f"w{w}_c_coef")


def _add(target: PostgresTarget, parent: str) -> None:
    """Add and fill the columns of a table.

    A generated column is computed while the table is rewritten once; an UPDATE would leave a dead
    row for every row. Afterwards it becomes a column like any other.
    """
    table = f"ALTER TABLE {SCHEMA}.{parent}"
    target.execute(f"{table} {', '.join(_addition(w) for w in WINDOWS)}")
    plain = ", ".join(f"ALTER COLUMN {name} DROP EXPRESSION" for name in COLUMNS)
    target.execute(f"{table} {plain}")
    _comment(target, parent, comment_for(parent))


def _comment(target: PostgresTarget, parent: str, text: str | None) -> None:
    from psycopg import sql

    literal = sql.Literal(text).as_string(target.connection)
    target.execute(f"COMMENT ON TABLE {SCHEMA}.{parent} IS {literal}")


def _same_rows(before: Mapping[str, int], after: Mapping[str, int]) -> Condition:
    same = [name for name in before if after[name] == before[name]]
    return Condition(
        "rows before = after",
        f"{sum(after.values()):,}",
        f"{sum(before.values()):,}",
        len(same),
        len(before),
    )


def _independent(target: PostgresTarget, number: int, parents: Sequence[str]) -> None:
    """Refuse where something that came later stands on the columns.

    Raises:
        StoreError: If a later stage, or a view, needs them.
    """
    later = [code for code in target.undone_before(number) if code in NEEDED_BY]
    if later:
        raise StoreError(
            f"{', '.join(later)} came after {ConstantTerm.code}",
            expected="the newest change of these tables",
            hint=f"`bqx stage rollback {later[0]}` first",
        )
    above = views(target, parents)
    if above:
        raise StoreError(
            f"the view {above[0].place} reads {above[0].reads[0]}",
            expected="no view on the tables",
            hint="drop the view, and make it again afterwards",
        )

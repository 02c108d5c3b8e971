"""What must hold before and after the constant terms are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bqx.families.regression import WINDOWS
from bqx.stages import catalog
from bqx.stages.estimate import disk_condition, lock_condition
from bqx.stages.rebuild_conditions import none_missing
from bqx.stages.stage import Condition, Selection
from bqx.stages.target import SCHEMA, PostgresTarget

COLUMNS = tuple(f"w{w}_constant_term" for w in WINDOWS)
SOURCES = tuple(f"w{w}_c_coef" for w in WINDOWS)
OWN = 1e-6
"""The constant term may differ from the coefficient by so much."""
SUM = 1e-3
"""The prediction may differ from the sum of its terms by so much."""
LOCKS_EACH = 4
"""A partition, its key, its table of long values and that one's key, at the most."""
_INPUTS = ("a_term", "b_term", "c_coef", "yhat_end")


def comment_for(parent: str) -> str:
    """The comment on a pair's table."""
    pair = parent.removeprefix("reg_")
    return (
        f"Quadratic fits of the rate index of {pair}, six windows. Source: rate_index of m1_{pair},"
        " 100 at the first bar of the baseline; not the price itself. In terms: quadratic + linear"
        " + constant = prediction, residual = value - prediction."
    )


def tables(target: PostgresTarget, selection: Selection) -> dict[str, list[str]]:
    """The ``reg_`` tables of the selected pairs, and the partitions of each."""
    found: dict[str, list[str]] = {}
    for relation in catalog.relations(target, "reg_[a-z]{6}(_[0-9]{4}_[0-9]{2})?"):
        named = catalog.parts(relation.name)
        if named is None or relation.kind == "view" or not selection.has(named.pair):
            continue
        if relation.kind == "partition":
            found.setdefault(str(relation.parent), []).append(relation.name)
        else:
            found.setdefault(relation.name, [])
    return found


# Before


def preconditions(
    target: PostgresTarget, found: Mapping[str, Sequence[str]], todo: Sequence[str]
) -> tuple[Condition, ...]:
    """What must hold before the columns are added."""
    if not todo:
        return (_present(found),)
    months = [name for parent in todo for name in found[parent]]
    return (
        _present(found),
        _months(found),
        *_shapes(target, found, todo),
        lock_condition(target, LOCKS_EACH * len(months)),
        disk_condition(target, 2 * catalog.size(target, months)),
    )


def _present(found: Mapping[str, Sequence[str]]) -> Condition:
    hint = "`bqx legacy create` makes a database like that of the first version"
    total = max(1, len(found))
    return Condition("tables reg_*", f"{len(found)}", "some", len(found), total, hint)


def _months(found: Mapping[str, Sequence[str]]) -> Condition:
    """The pairs have the same months: a missing partition is missing data."""
    there = {name for months in found.values() for name in months}
    known = {name[len(parent) :] for parent, months in found.items() for name in months}
    wanted = {parent + month for parent in found for month in known}
    return none_missing("every pair has the same months", there, wanted)


def _shapes(
    target: PostgresTarget, found: Mapping[str, Sequence[str]], todo: Sequence[str]
) -> list[Condition]:
    """The tables have what is read, lack what is added, and are like each other."""
    names = {
        parent: {c.name for c in columns}
        for parent, columns in catalog.columns_of(target, "|".join(found)).items()
    }
    needed = {f"w{w}_{name}" for w in WINDOWS for name in _INPUTS}
    lacking = {p: sorted(needed - names[p]) for p in todo if needed - names[p]}
    taken = {p: sorted(names[p] & set(COLUMNS)) for p in todo if names[p] & set(COLUMNS)}
    common = set.intersection(*names.values()) | set(COLUMNS)
    more = {p: sorted(names[p] - common) for p in todo if names[p] - common}
    leave_out = "look at the column, or leave the pair out with --pairs"
    return [
        _of_tables("columns that are read", lacking, "all there", len(todo), leave_out),
        _of_tables("names of the new columns are free", taken, "all free", len(todo), leave_out),
        _of_tables("no table has more columns than others", more, "none", len(todo), leave_out),
    ]


def _of_tables(
    name: str, wrong: Mapping[str, Sequence[str]], expected: str, total: int, hint: str
) -> Condition:
    told = "; ".join(f"{table}: {', '.join(some[:3])}" for table, some in list(wrong.items())[:3])
    return Condition(name, told or expected, expected, total - len(wrong), total, hint)


# After


@dataclass(frozen=True)
class _Wrong:
    """Rows of one partition and window that break a rule."""

    partition: str
    window: int
    own: int
    sum: int


def postconditions(target: PostgresTarget, found: Mapping[str, Sequence[str]]) -> list[Condition]:
    """The columns are there, equal the coefficients, and complete the sums of terms."""
    columns = catalog.columns_of(target, "|".join(found)) if found else {}
    names = {parent: {c.name for c in columns[parent]} for parent in found}
    added = sum(len(names[parent] & set(COLUMNS)) for parent in found)
    needed = {*COLUMNS, *(f"w{w}_{name}" for w in WINDOWS for name in _INPUTS)}
    checkable = [parent for parent in found if names[parent] >= needed]
    wrong = [row for parent in checkable for row in _scan(target, parent)]
    parts = len(WINDOWS) * sum(len(months) for months in found.values())
    seen = len(WINDOWS) * sum(len(found[parent]) for parent in checkable)
    hint = "`bqx stage apply BQX-2.11` adds and fills the columns"
    comments = catalog.comments(target, found)
    told = [parent for parent in found if comments.get(parent)]
    return [
        _counted("columns of constant terms", added, len(COLUMNS) * len(found), hint),
        _over_windows("constant term = coefficient", OWN, [(r, r.own) for r in wrong], parts, seen),
        _over_windows("prediction = sum of terms", SUM, [(r, r.sum) for r in wrong], parts, seen),
        _counted("tables with a comment", len(told), len(found), hint),
    ]


def _scan(target: PostgresTarget, parent: str) -> list[_Wrong]:
    """Windows and partitions of a table with wrong rows; the table is read once."""
    counts = ", ".join(f"count(*) FILTER (WHERE {rule})" for w in WINDOWS for rule in _rules(w))
    query = f"SELECT tableoid::regclass::text, {counts} FROM {SCHEMA}.{parent} GROUP BY tableoid"
    return [
        _Wrong(str(partition), w, int(numbers[2 * i]), int(numbers[2 * i + 1]))
        for partition, *numbers in target.query(query)
        for i, w in enumerate(WINDOWS)
        if numbers[2 * i] or numbers[2 * i + 1]
    ]


def _rules(w: int) -> tuple[str, str]:
    """When a row is wrong: NULL on one side only counts, and so does NaN."""
    own, coefficient, value = f"w{w}_constant_term", f"w{w}_c_coef", f"w{w}_yhat_end"
    terms = f"(w{w}_a_term + w{w}_b_term + {own})"
    return (
        f"abs({own} - {coefficient}) > {OWN} OR ({own} IS NULL) <> ({coefficient} IS NULL)",
        f"abs({value} - {terms}) > {SUM} OR ({value} IS NULL) <> ({terms} IS NULL)",
    )


def _counted(name: str, done: int, total: int, hint: str) -> Condition:
    return Condition(name, f"{done:,}", f"{total:,}", done, total, hint)


def _over_windows(
    name: str, tolerance: float, wrong: Sequence[tuple[_Wrong, int]], total: int, seen: int
) -> Condition:
    """A rule over all partitions and windows; those that lack a column do not keep it."""
    broken = [(row, rows) for row, rows in wrong if rows]
    told = [f"{rows:,} rows of {r.partition}, window {r.window}" for r, rows in broken[:3]]
    found = "; ".join(told) or f"kept in {seen:,} partitions x windows"
    return Condition(
        name,
        found,
        f"within {tolerance:g} in {total:,}",
        seen - len(broken),
        total,
        "correct these rows, or leave the pair out with --pairs",
    )

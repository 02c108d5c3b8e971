"""What must hold before and after the four families are renamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from bqx.stages import catalog
from bqx.stages.catalog import Relation
from bqx.stages.estimate import lock_condition
from bqx.stages.rebuild_conditions import none_missing
from bqx.stages.stage import Condition, Selection
from bqx.stages.target import PostgresTarget

FAMILIES = ("statistics", "bollinger", "fibonacci", "correlation")
OLD, NEW = "_features_", "_rate_"
LOCKS_EACH = 3
"""A relation, its key, and a view of it."""


@dataclass(frozen=True)
class Applied:
    """What undoing needs.

    Attributes:
        names: Old names of all relations.
        rows: Rows of the parents, by new name.
        views: Whether the old names are views.
    """

    names: tuple[str, ...]
    rows: Mapping[str, int]
    views: bool

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From plain values."""
        return cls(tuple(values["names"]), dict(values["rows"]), bool(values["views"]))


def renamed(name: str) -> str:
    """The new name of a relation."""
    return name.replace(OLD, NEW, 1)


def tables(target: PostgresTarget, middle: str, selection: Selection) -> list[Relation]:
    """Parents and partitions of the families under the old or the new names."""
    pattern = f"({'|'.join(FAMILIES)}){middle}[a-z]{{6}}(_[0-9]{{4}}_[0-9]{{2}})?"
    found = catalog.relations(target, pattern)
    return [r for r in found if r.kind != "view" and _selected(r.name, selection)]


def parents(found: Sequence[Relation]) -> list[str]:
    """Names of the relations that are no partitions."""
    return [r.name for r in found if r.kind != "partition"]


def _selected(name: str, selection: Selection) -> bool:
    named = catalog.parts(name)
    return named is not None and selection.has(named.pair)


# Before


def preconditions(
    target: PostgresTarget, old: Sequence[Relation], new: Sequence[Relation]
) -> tuple[Condition, ...]:
    """What must hold before the old relations are renamed."""
    if not old:
        hint = "`bqx legacy create` makes a database like that of the first version"
        name = "tables of the four families"
        found = f"{len(new):,} under the new names"
        return (Condition(name, found, "some", len(new), max(len(new), 1), hint),)
    taken = {renamed(r.name) for r in old} & {r.name for r in new}
    return (
        Condition(
            "the new names are free",
            f"{len(taken)} are taken: {', '.join(sorted(taken)[:3])}" if taken else "all free",
            "no relation has one yet",
            len(old) - len(taken),
            len(old),
            "rename or drop these relations",
        ),
        _months(old),
        _columns(target, old),
        lock_condition(target, LOCKS_EACH * len(old)),
    )


def _months(old: Sequence[Relation]) -> Condition:
    """The pairs of a family have the same months: a missing partition is missing data."""
    there = {r.name for r in old}
    named = [p for p in map(catalog.parts, there) if p is not None]
    months = {(p.table, p.month) for p in named}
    pairs = {(p.table, p.pair) for p in named}
    wanted = {
        f"{table}_{pair}_{month}" if month else f"{table}_{pair}"
        for table, pair in pairs
        for other, month in months
        if other == table
    }
    return none_missing("every pair has the months of its family", there, wanted)


def _columns(target: PostgresTarget, old: Sequence[Relation]) -> Condition:
    """The tables of a family have the same columns: one that differs is not what it seems."""
    found = catalog.columns_of(target, "|".join(parents(old)))
    shapes: dict[str, dict[tuple[tuple[str, str], ...], list[str]]] = {}
    for name, columns in found.items():
        shape = tuple((c.name, c.type) for c in columns)
        shapes.setdefault(name.split("_", 1)[0], {}).setdefault(shape, []).append(name)
    odd = [told for family in shapes.values() for told in _odd(family)]
    return Condition(
        "the tables of a family have the same columns",
        "; ".join(odd[:3]) or "they do",
        "no missing and no additional column",
        len(found) - len(odd),
        len(found),
        "look at the column, or leave the pair out with --pairs",
    )


def _odd(family: Mapping[tuple[tuple[str, str], ...], list[str]]) -> list[str]:
    """Tables unlike most of their family, and the columns that differ."""
    usual = max(family, key=lambda shape: len(family[shape]))
    told = []
    for shape, names in family.items():
        differing = sorted({name for name, _ in set(shape) ^ set(usual)})
        words = ", ".join(differing[:3]) or "order"
        told += [f"{name} ({words})" for name in names if shape != usual]
    return told


# After


def postconditions(
    target: PostgresTarget, selection: Selection, applied: Applied, *, exact: bool
) -> list[Condition]:
    """New names, no old names, and the rows that were there; later rows unless exact."""
    old, new = tables(target, OLD, selection), tables(target, NEW, selection)
    known = [renamed(name) for name in applied.names if _selected(name, selection)]
    expected = {*known, *(renamed(r.name) for r in old), *(r.name for r in new)}
    counts = catalog.counts(target, parents(new))
    rows = {name: applied.rows.get(name) for name in expected if name.count("_") == 2}
    conditions = [
        _share("relations under the new names", len(new), len(expected)),
        *(_family(family, rows, counts, exact=exact) for family in _families(rows)),
        _share("old names that are gone", len(expected) - len(old), len(expected)),
    ]
    return [*conditions, _readable(target, applied)] if applied.views else conditions


def _share(name: str, done: int, total: int) -> Condition:
    hint = "`bqx stage apply BQX-1.6.9` renames them"
    return Condition(name, f"{done:,}", f"{total:,}", done, total, hint)


def _families(rows: Iterable[str]) -> list[str]:
    there = {name.split("_", 1)[0] for name in rows}
    return [family for family in FAMILIES if family in there]


def _family(
    family: str, rows: Mapping[str, int | None], counts: Mapping[str, int], *, exact: bool
) -> Condition:
    """The tables of a family are there, with the rows that they had where that is known."""
    mine = {name: number for name, number in rows.items() if name.startswith(f"{family}_")}
    here = {name: counts[name] for name in mine if name in counts}
    kept = [name for name in here if _kept(here[name], mine[name], exact=exact)]
    known = sum(number or 0 for number in mine.values())
    return Condition(
        f"rows of {family}",
        f"{sum(here.values()):,} rows in {len(here)} tables",
        f"{known:,} rows{'' if exact else ' or more'} in {len(mine)} tables",
        len(kept),
        len(mine),
        "a table has fewer rows than when it was renamed",
    )


def _kept(found: int, known: int | None, *, exact: bool) -> bool:
    return known is None or (found == known if exact else found >= known)


def _readable(target: PostgresTarget, applied: Applied) -> Condition:
    views = catalog.relations(target, f"({'|'.join(FAMILIES)}){OLD}.*")
    there = {r.name for r in views if r.kind == "view"} & set(applied.names)
    total = len(applied.names)
    return Condition("old names that read", f"{len(there):,}", f"{total:,}", len(there), total)

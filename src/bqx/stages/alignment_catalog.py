"""What the catalogue says of the tables that must be aligned: partitions, bounds, keys, columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bqx.features.table import KEY
from bqx.market import PAIRS, as_utc, epoch_minute, month_bounds
from bqx.stages.mapping import BARS, CORRELATION, SIDES
from bqx.stages.stage import Selection
from bqx.stages.target import SCHEMA, PostgresTarget

KINDS = (*(side.kind for side in SIDES), CORRELATION, BARS)
_PAIR = "|".join(PAIRS)
_PARENT = re.compile(rf"^({'|'.join(KINDS)})_({_PAIR})$")
_PARTITION = re.compile(rf"^({'|'.join(KINDS)})_({_PAIR})_(\d{{4}}_(?:0[1-9]|1[0-2]))$")
_BOUND = re.compile(r"FROM \('([^']+)'\) TO \('([^']+)'\)")
_RELATIONS = f"""
SELECT c.relname::text, c.oid::bigint, c.relkind::text, p.relname::text,
       pg_get_expr(c.relpartbound, c.oid),
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
         WHERE i.indrelid = c.oid AND i.indisprimary),
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
          FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM pg_class c
  LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
  LEFT JOIN pg_class p ON p.oid = h.inhparent AND p.relnamespace = c.relnamespace
 WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relkind IN ('r', 'p')
   AND c.relname ~ '^({"|".join(KINDS)})_[a-z]{{6}}(_[0-9]{{4}}_[0-9]{{2}})?$'
"""  # the names are constants


@dataclass(frozen=True)
class Table:
    """One relation.

    Attributes:
        name: Its name.
        oid: Its number.
        parent: Name of the table that it is a partition of; None where it is not one.
        bound: The values that it takes, in PostgreSQL's words; None where it is no partition.
        key: Columns of its primary key.
        columns: Types by name.
    """

    name: str
    oid: int
    parent: str | None
    bound: str | None
    key: tuple[str, ...]
    columns: Mapping[str, str]

    def defects(self, parent: str, month: str) -> list[str]:
        """What keeps it from being the parent's partition of a month."""
        found = []
        if self.parent != parent:
            found.append(f"it is a partition of {self.parent or 'nothing'}")
        elif not _covers(self.bound or "", month):
            found.append(f"its bounds are {self.bound}")
        if self.key != (KEY,):
            found.append(f"its primary key is {list(self.key) or 'missing'}")
        return found


@dataclass(frozen=True)
class Catalogue:
    """The tables that must be aligned.

    Attributes:
        pairs: The selected pairs.
        months: The selected months.
        parents: Parent tables by kind and pair.
        partitions: Partitions, and tables of their names, by kind, pair and month.
        months_of: Object numbers of partitions, and their months.
    """

    pairs: tuple[str, ...]
    months: tuple[str, ...]
    parents: Mapping[tuple[str, str], Table]
    partitions: Mapping[tuple[str, str, str], Table]
    months_of: Mapping[int, str]

    def columns(self, kind: str, pair: str) -> Mapping[str, str]:
        """Columns of a parent; none where it is missing."""
        table = self.parents.get((kind, pair))
        return {} if table is None else table.columns

    def attached(self, kind: str, pair: str, month: str) -> bool:
        """Whether a parent has its partition of a month."""
        table = self.partitions.get((kind, pair, month))
        return table is not None and table.parent == f"{kind}_{pair}"


def catalogue(target: PostgresTarget, selection: Selection) -> Catalogue:
    """Read the catalogue: one query for all tables.

    A pair or month counts where any of its tables exists, so that one without the others is found.
    """
    parents, partitions = {}, {}
    for table in _tables(target):
        if match := _PARENT.match(table.name):
            parents[match[1], match[2]] = table
        elif match := _PARTITION.match(table.name):
            partitions[match[1], match[2], match[3]] = table
    aligned = (*(side.kind for side in SIDES), CORRELATION)
    months = {month for kind, _, month in partitions if kind in aligned}
    return Catalogue(
        pairs=_sorted(p for _, p in parents if selection.has(p)),
        months=_sorted(m for m in months if selection.months is None or m in selection.months),
        parents=parents,
        partitions=partitions,
        months_of={table.oid: month for (_, _, month), table in partitions.items()},
    )


def _tables(target: PostgresTarget) -> list[Table]:
    if not target.query("SELECT to_regnamespace(%s) IS NOT NULL", (SCHEMA,))[0][0]:
        return []
    return [
        Table(
            name=name,
            oid=oid,
            parent=parent,
            bound=bound,
            key=tuple(key or ()),
            columns=dict(zip(columns or (), types or (), strict=True)),
        )
        for name, oid, _, parent, bound, key, columns, types in target.query(_RELATIONS)
    ]


def _covers(bound: str, month: str) -> bool:
    """Whether a bound is exactly a month in UTC, which connections are set to."""
    match = _BOUND.search(bound)
    if match is None:
        return False
    return tuple(epoch_minute(as_utc(end)) for end in match.groups()) == month_bounds(month)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))

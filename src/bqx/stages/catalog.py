"""What is in a PostgreSQL database: relations, exact counts, contents, columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from bqx.errors import StoreError, UnknownNameError
from bqx.market import PAIRS
from bqx.stages.target import SCHEMA, PostgresTarget

RelationKind = Literal["table", "parent", "partition", "view"]
BATCH = 300
"""Relations that one query reads: few round trips, and no giant plan."""
_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")
_MONTHLY = re.compile(r"^(?P<table>[a-z0-9_]+?)_(?P<pair>[a-z]{6})(?:_(?P<month>\d{4}_\d{2}))?$")
_RELATIONS = """
SELECT c.relname::text, CASE WHEN c.relkind IN ('v', 'm') THEN 'view'
         WHEN c.relkind = 'p' THEN 'parent' WHEN c.relispartition THEN 'partition' ELSE 'table' END,
       p.relname::text, coalesce(pg_get_expr(c.relpartbound, c.oid), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
     LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE n.nspname = %s AND c.relname ~ %s AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1
"""
_COLUMNS = """
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       coalesce(pg_get_expr(d.adbin, d.adrelid), ''), coalesce(col_description(c.oid, a.attnum), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname ~ %s AND c.relkind IN ('r', 'p', 'v', 'm')
      AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum
"""
_KEYS = """
SELECT i.relname::text, pg_get_indexdef(x.indexrelid)
       || coalesce(' CONSTRAINT ' || k.conname || ' ' || pg_get_constraintdef(k.oid), '')
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.conrelid = x.indrelid
WHERE x.indrelid = to_regclass(%s) ORDER BY 1
"""


@dataclass(frozen=True)
class Relation:
    """A table, a partitioned table, one of its partitions, or a view.

    Attributes:
        name: Its name.
        kind: Which of them it is.
        parent: The partitioned table that a partition belongs to.
        bounds: PostgreSQL's words for a partition's bounds.
    """

    name: str
    kind: RelationKind
    parent: str | None = None
    bounds: str = ""


@dataclass(frozen=True)
class Column:
    """A column: name, PostgreSQL's type, and what is declared of it."""

    name: str
    type: str
    required: bool
    default: str
    comment: str


@dataclass(frozen=True)
class Parts:
    """A relation's name taken apart; the month is None for a parent."""

    table: str
    pair: str
    month: str | None


def parts(name: str) -> Parts | None:
    """Table, pair and month of a name like ``reg_bqx_eurusd_2024_07``; None if it has none."""
    match = _MONTHLY.match(name)
    return Parts(**match.groupdict()) if match and match["pair"] in PAIRS else None


def checked(name: str) -> str:
    """The name, if it can stand in a statement as it is.

    Raises:
        UnknownNameError: If it cannot.
    """
    if not _NAME.match(name):
        raise UnknownNameError(f"relation {name!r}", expected="small letters, digits and _")
    return name


def relations(target: PostgresTarget, pattern: str, schema: str = SCHEMA) -> list[Relation]:
    """Relations whose whole name matches a regular expression, in the order of their names."""
    rows = target.query(_RELATIONS, (schema, f"^({pattern})$"))
    return [Relation(*row) for row in rows]


def count(target: PostgresTarget, name: str, schema: str = SCHEMA) -> int:
    """Rows of a relation, counted."""
    return counts(target, [name], schema)[name]


def counts(target: PostgresTarget, names: Iterable[str], schema: str = SCHEMA) -> dict[str, int]:
    """Rows of relations, counted; a few hundred relations a query."""
    rows = _each(target, names, schema, "count(*)")
    return {name: int(found) for name, found in rows.items()}


def content_hash(target: PostgresTarget, name: str, schema: str = SCHEMA) -> str:
    """Hash of the rows of a relation, over all columns, in whatever order the rows are.

    Every row is sent in PostgreSQL's binary form (exact to the bit, the names of the columns left
    out) through MD5; the sum of the first 64 bits over all rows, and their number, are the hash.
    """
    return content_hashes(target, [name], schema)[name]


def content_hashes(
    target: PostgresTarget, names: Iterable[str], schema: str = SCHEMA
) -> dict[str, str]:
    """`content_hash` of relations; a few hundred relations a query."""
    # The bits of MD5 are a text of hexadecimal digits in SQL.
    row = "('x' || left(md5(record_send(t)), 16))::bit(64)::bigint"
    rows = _each(target, names, schema, f"count(*) || ':' || coalesce(sum({row}), 0)")
    return {name: str(found) for name, found in rows.items()}


def _each(
    target: PostgresTarget, names: Iterable[str], schema: str, expression: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for some in _batches(names):
        query = " UNION ALL ".join(
            f"SELECT '{checked(name)}', {expression} FROM {checked(schema)}.{name} t"
            for name in some
        )
        found.update(target.query(query))
    return found


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while some := list(islice(left, BATCH)):
        yield some


def columns(target: PostgresTarget, name: str, schema: str = SCHEMA) -> tuple[Column, ...]:
    """The columns of a relation, in order; none where it does not exist."""
    return columns_of(target, re.escape(name), schema).get(name, ())


def columns_of(
    target: PostgresTarget, pattern: str, schema: str = SCHEMA
) -> dict[str, tuple[Column, ...]]:
    """The columns of all relations whose whole name matches a regular expression."""
    found: dict[str, list[Column]] = {}
    for name, *column in target.query(_COLUMNS, (schema, f"^({pattern})$")):
        found.setdefault(str(name), []).append(Column(*column))
    return {name: tuple(some) for name, some in found.items()}


def keys(target: PostgresTarget, name: str, schema: str = SCHEMA) -> tuple[tuple[str, str], ...]:
    """Name and definition of the indexes and keys of a relation."""
    rows = target.query(_KEYS, (f"{checked(schema)}.{checked(name)}",))
    return tuple((str(index), str(text)) for index, text in rows)


def comment(target: PostgresTarget, name: str, schema: str = SCHEMA) -> str | None:
    """The comment on a relation; None where it has none."""
    return comments(target, [name], schema).get(name)


def comments(
    target: PostgresTarget, names: Iterable[str], schema: str = SCHEMA
) -> Mapping[str, str]:
    """The comments on relations that have one."""
    rows = target.query(
        "SELECT c.relname::text, obj_description(c.oid, 'pg_class') FROM pg_class c"
        " WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = ANY(%s)",
        (schema, list(names)),
    )
    return {str(name): str(text) for name, text in rows if text is not None}


def size(target: PostgresTarget, names: Sequence[str], schema: str = SCHEMA) -> int:
    """Bytes of relations with their indexes; a partitioned table itself has none."""
    rows = target.query(
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c"
        " WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = ANY(%s)",
        (schema, list(names)),
    )
    return int(rows[0][0])


def schema_text(target: PostgresTarget, name: str, schema: str = SCHEMA) -> str:
    """What is declared of a relation, as text to compare: columns, keys, bounds, comments.

    Raises:
        StoreError: If there is no such relation.
    """
    found = relations(target, re.escape(name), schema)
    if not found:
        raise StoreError(f"{schema}.{name} does not exist", expected="a relation")
    lines = [f"{found[0].kind} of {found[0].parent} {found[0].bounds}"]
    lines += [str(column) for column in columns(target, name, schema)]
    lines += [f"{index}: {text}" for index, text in keys(target, name, schema)]
    return "\n".join([*lines, comment(target, name, schema) or ""])

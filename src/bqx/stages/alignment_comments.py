"""Comments on the aligned tables and their columns, generated from the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from bqx.checks.contract import PER_WINDOW, WINDOWS
from bqx.features.registry import Registry
from bqx.features.table import KEY
from bqx.stages.alignment_catalog import Catalogue
from bqx.stages.mapping import CORRELATION, COVARIANCES, SIDES, Side
from bqx.stages.pair_features import source_column
from bqx.stages.target import SCHEMA, PostgresTarget

_KEY = "Open minute, UTC."
_FOUND = f"""
SELECT c.relname::text, a.attname::text, d.description
  FROM pg_description d
  JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
 WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relname = ANY(%s)
"""


@dataclass(frozen=True)
class Comment:
    """A comment that a table or a column must carry.

    Attributes:
        kind: Kind of the parent table.
        pair: Its pair.
        column: The column; None for the table's own comment.
        text: The comment; None for no comment.
    """

    kind: str
    pair: str
    column: str | None
    text: str | None

    @property
    def table(self) -> str:
        """Name of the parent table."""
        return f"{self.kind}_{self.pair}"


def generated(registry: Registry, found: Catalogue) -> tuple[Comment, ...]:
    """The comments of the tables that are there."""
    comments: list[Comment] = []
    for pair in found.pairs:
        for side in SIDES:
            if columns := found.columns(side.kind, pair):
                comments += _of_side(registry, side, pair, columns)
        if columns := found.columns(CORRELATION, pair):
            comments += _of_covariances(registry, pair, columns)
    return tuple(comments)


def _of_side(
    registry: Registry, side: Side, pair: str, columns: Mapping[str, str]
) -> Iterable[Comment]:
    spec = registry.table(side.table)
    text = (
        f"{spec.comment} Pair: {pair.upper()}. Fitted to: {side.source}. "
        f"Windows: {', '.join(map(str, WINDOWS))} minutes. "
        f"Features of each window: {', '.join(PER_WINDOW)}."
    )
    yield Comment(side.kind, pair, None, text)
    yield Comment(side.kind, pair, KEY, _KEY)
    if side.source in columns:
        text = source_column(spec.domain).comment
        yield Comment(side.kind, pair, side.source, text)
    for cell, name in side.stored(columns).items():
        yield Comment(side.kind, pair, name, spec.column(side.registered(cell)).comment)


def _of_covariances(registry: Registry, pair: str, columns: Mapping[str, str]) -> Iterable[Comment]:
    spec = registry.table(CORRELATION)
    there = [name for name in COVARIANCES if name in columns]
    others = len(columns) - len(there) - 1
    text = (
        f"Correlations of {pair.upper()} with other pairs ({others} columns), and covariances and "
        f"correlations of the terms of its regression ({len(there)} columns). Domain: BQX."
    )
    yield Comment(CORRELATION, pair, None, text)
    for name in there:
        yield Comment(CORRELATION, pair, name, spec.column(name).comment)


def present(target: PostgresTarget, wanted: Sequence[Comment]) -> tuple[Comment, ...]:
    """What those tables and columns carry now."""
    tables = sorted({comment.table for comment in wanted})
    if not tables:
        return ()
    found = {(table, name): text for table, name, text in target.query(_FOUND, (tables,))}
    return tuple(Comment(c.kind, c.pair, c.column, found.get((c.table, c.column))) for c in wanted)


def write(target: PostgresTarget, comments: Iterable[Comment]) -> int:
    """Write comments, or remove those whose text is None; the number of them."""
    statements = [_statement(comment) for comment in comments]
    if statements:
        target.execute(sql.SQL("; ").join(statements).as_string(target.connection))
    return len(statements)


def _statement(comment: Comment) -> sql.Composed:
    parts = [SCHEMA, comment.table, *([] if comment.column is None else [comment.column])]
    what = "TABLE" if comment.column is None else "COLUMN"
    return sql.SQL("COMMENT ON {} {} IS {}").format(
        sql.SQL(what), sql.Identifier(*parts), sql.Literal(comment.text)
    )

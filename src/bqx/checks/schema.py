"""Schemas: columns, windows, twins and comments as the files have them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from bqx.checks.contract import (
    COVARIANCE,
    PER_WINDOW,
    REGRESSION,
    TAGS,
    TWINS,
    WINDOWS,
    untagged,
)
from bqx.checks.tally import Tally
from bqx.checks.unit import Unit
from bqx.features.arrow import schema_of
from bqx.features.table import KEY

_WINDOWED = re.compile(r"^w(\d+)_(\w+)$")
_MANY = 6


def schema(unit: Unit, tally: Tally) -> None:
    """Compare each file with its contract, each twin with its twin, each window with the seven."""
    for table, stored in unit.tables.items():
        _compare(tally, table, stored.schema, schema_of(unit.spec(table)))
    for rate, bqx in TWINS:
        if rate in unit.tables and bqx in unit.tables:
            _twins(tally, (rate, bqx), [unit.tables[t].schema for t in (rate, bqx)])
    for table in REGRESSION:
        if table in unit.tables:
            _sevens(tally, table, unit.tables[table].schema.names)


def _compare(tally: Tally, table: str, found: pa.Schema, expected: pa.Schema) -> None:
    kinds = {f.name: f.type for f in found}
    tally.count(len(expected))
    for field in expected:
        kind = kinds.get(field.name)
        if kind is None:
            tally.fail(table, field.name, "no such column", f"a column of type {field.type}")
        elif kind != field.type:
            tally.fail(table, field.name, f"type {kind}", f"type {field.type}")
    for name in found.names:
        if name not in expected.names:
            tally.count(1)
            tally.fail(table, name, "a column that the table does not declare", "no such column")
    shared = [n for n in found.names if n in expected.names]
    _order(tally, table, shared, [n for n in expected.names if n in kinds])


def _order(tally: Tally, table: str, found: Sequence[str], expected: Sequence[str]) -> None:
    tally.count(1)
    moved = next((k for k, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), None)
    if moved is not None or len(found) != len(expected):
        at = moved or 0
        tally.fail(table, None, f"column {at + 1} is {found[at]}", f"{expected[at]} in that place")


def _twins(tally: Tally, tables: tuple[str, str], schemas: Sequence[pa.Schema]) -> None:
    """Names and types must agree once the domain's tag is taken out of the names."""
    rate, bqx = (
        {untagged(f.name, tag): str(f.type) for f in schema}
        for schema, tag in zip(schemas, TAGS.values(), strict=True)
    )
    tally.count(len(rate))
    for table, missing in zip(tables[::-1], (rate.keys() - bqx, bqx.keys() - rate), strict=True):
        for name in sorted(missing):
            other = tables[0] if table == tables[1] else tables[1]
            tally.fail(table, name, f"no twin of the column in {other}", "equal columns")
    for name in [n for n in rate if n in bqx and rate[n] != bqx[n]]:
        tally.fail(tables[1], name, f"type {bqx[name]}", f"type {rate[name]}, as in {tables[0]}")


def _sevens(tally: Tally, table: str, names: Sequence[str]) -> None:
    """Each window has the seven declared columns, in order, and nothing stands beside them."""
    found = _by_window(names)
    for window in found:
        tally.count(1)
        if tuple(found[window]) != PER_WINDOW:
            tally.fail(
                table,
                f"w{window}_*",
                f"{len(found[window])} columns: {_list(found[window])}",
                f"{len(PER_WINDOW)} columns: {_list(PER_WINDOW)}",
            )
    for name in names:
        if name != KEY and not _WINDOWED.match(name):
            tally.count(1)
            tally.fail(table, name, "a column that belongs to no window", "w{window}_{name}")


def _by_window(names: Sequence[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for match in filter(None, map(_WINDOWED.match, names)):
        found.setdefault(int(match[1]), []).append(match[2])
    return found


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[: _MANY + 1])
    return f"{shown}, …" if len(names) > _MANY + 1 else shown


def windows(unit: Unit, tally: Tally) -> None:
    """The windows in the column names are the six, in both domains."""
    for table in (*REGRESSION, *COVARIANCE):
        if table not in unit.tables:
            continue
        found = set(_by_window(unit.tables[table].schema.names))
        tally.count(len(found | set(WINDOWS)))
        for window in sorted(set(WINDOWS) - found):
            tally.fail(table, f"w{window}_*", "no column of this window", f"{list(WINDOWS)}")
        for window in sorted(found - set(WINDOWS)):
            tally.fail(table, f"w{window}_*", "a window that is not declared", f"{list(WINDOWS)}")


def comments(unit: Unit, tally: Tally) -> None:
    """Each table and each column carries the comment of its contract."""
    for table, stored in unit.tables.items():
        expected = schema_of(unit.spec(table))
        _comment(tally, table, None, stored.schema.metadata, expected.metadata)
        for field in expected:
            at = stored.schema.get_field_index(field.name)
            metadata = stored.schema.field(at).metadata if at >= 0 else None
            _comment(tally, table, field.name, metadata, field.metadata)


def _comment(
    tally: Tally,
    table: str,
    column: str | None,
    found: dict[bytes, bytes] | None,
    expected: dict[bytes, bytes],
) -> None:
    tally.count(1)
    texts = [(metadata or {}).get(b"comment") for metadata in (found, expected)]
    if texts[0] != texts[1]:
        shown = ["no comment" if t is None else t.decode("utf-8", "replace") for t in texts]
        tally.fail(table, column, shown[0], shown[1])

"""Columns' own NULL rules, found a second time: flat windows and constant terms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bqx.checks.contract import SEED_WINDOW
from bqx.checks.expected import constant
from bqx.checks.unit import Stored, Unit
from bqx.domains.grid import BoolArray, FloatArray
from bqx.features.feature import Column
from bqx.features.table import KEY
from bqx.market import month_of
from bqx.store.parquet import read_file

TERMS = {"quad": "quadratic_term", "lin": "linear_term", "resid": "residual"}

Rule = Callable[[Unit, str, Column], BoolArray | None]


def expected_valid(unit: Unit, table: str, column: Column) -> tuple[BoolArray, bool]:
    """Where a column must have a value, and whether that is known exactly.

    When its own rule has no second implementation, the mask says where it may have one.
    """
    valid = unit.valid(column.history)
    if not column.nullable:
        return valid, True
    rule = _RULES.get((column.family, column.key))
    null = rule(unit, table, column) if rule else None
    return (valid, False) if null is None else (valid & ~null, True)


def _flat(unit: Unit, table: str, column: Column) -> BoolArray | None:
    domain, window = unit.spec(table).domain, column.window or 0
    return unit.memo(
        ("flat", domain, window), lambda: unit.truth.flat(domain, window, unit.low, unit.high)
    )


def _constant(unit: Unit, table: str, column: Column) -> BoolArray | None:
    """NULL where one of the two terms is one and the same number over the window."""
    domain, window = unit.spec(table).domain, column.window or 0
    if _file(unit, f"reg_{domain}", unit.month) is None:
        return None
    first, second = (TERMS[part] for part in column.key.split("_")[1:])
    return _still(unit, domain, first, window) | _still(unit, domain, second, window)


def _still(unit: Unit, domain: str, term: str, window: int) -> BoolArray:
    def make() -> BoolArray:
        before = min(window - 1, unit.low)
        return constant(_terms(unit, domain, term, before), window)[before:]

    return unit.memo(("constant", domain, term, window), make)


def _terms(unit: Unit, domain: str, term: str, before: int) -> FloatArray:
    """Stored terms of the month and of some rows before it.

    Where a term is NULL for want of bars, the series behind it may still be flat, and then it is
    zero; otherwise it is not known and equals nothing.
    """
    table, name = f"reg_{domain}", f"w{SEED_WINDOW}_{term}"
    low = unit.low - before
    values = np.where(unit.truth.flat(domain, SEED_WINDOW, low, unit.high), 0.0, np.nan)
    earlier = month_of(int(unit.truth.minutes[low]))
    pieces = ((unit.month, unit.low, unit.high), (earlier, low, unit.low))
    for month, first, last in pieces:
        path = _file(unit, table, month)
        if path is not None and first < last:
            stored = _stored(unit, path, name, first, last)
            known, valid = stored.column(name)
            values[first - low : last - low][valid] = known[valid]
    return values


def _file(unit: Unit, table: str, month: str) -> Path | None:
    path = unit.store.path(table, unit.pair, month)
    return path if path.exists() else None


def _stored(unit: Unit, path: Path, name: str, first: int, last: int) -> Stored:
    table = path.parent.parent.name
    if last == unit.high and table in unit.tables:
        return unit.tables[table]
    return Stored(read_file(path, [KEY, name]), unit.truth.minutes[first:last])


_RULES: dict[tuple[str, str], Rule] = {
    ("regression", "r2"): _flat,
    ("term_covariance", "corr_quad_lin"): _constant,
    ("term_covariance", "corr_resid_quad"): _constant,
    ("term_covariance", "corr_resid_lin"): _constant,
}

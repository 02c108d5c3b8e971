"""Columns' own NULL rules, found a second time: flat windows and constant terms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bqx.checks.contract import SEED_WINDOW
from bqx.checks.expected import constant
from bqx.checks.unit import Stored, Unit, minutes_of
from bqx.domains.grid import BoolArray, FloatArray
from bqx.features.feature import Column
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
    first, second = (TERMS[part] for part in column.key.split("_")[1:])
    sides = [_term_constant(unit, domain, term, window) for term in (first, second)]
    return None if sides[0] is None or sides[1] is None else sides[0] | sides[1]


def _term_constant(unit: Unit, domain: str, term: str, window: int) -> BoolArray | None:
    before = min(window - 1, unit.low)
    values = _terms(unit, domain, term, before)
    if values is None:
        return None
    return unit.memo(
        ("constant", domain, term, window), lambda: constant(values, window)[before:]
    )


def _terms(unit: Unit, domain: str, term: str, before: int) -> FloatArray | None:
    """Stored terms of the month and of some rows before it; None when the month has none.

    Where a term is NULL for want of bars, the series behind it may still be flat, and then it is
    zero; otherwise it is not known and equals nothing.
    """
    table, name = f"reg_{domain}", f"w{SEED_WINDOW}_{term}"
    stored = unit.tables.get(table) or _read(unit, table, unit.month, unit.low, unit.high)
    if stored is None:
        return None
    low = unit.low - before
    flat = unit.truth.flat(domain, SEED_WINDOW, low, unit.high)
    values = np.where(flat, 0.0, np.nan)
    now, valid = stored.column(name)
    values[before:][valid] = now[valid]
    earlier = _read(unit, table, _month_before(unit), low, unit.low)
    if earlier is not None:
        then, valid = earlier.column(name)
        values[:before][valid] = then[valid]
    return values


def _month_before(unit: Unit) -> str:
    from bqx.market import month_of

    return month_of(int(unit.truth.minutes[max(unit.low - 1, 0)]))


def _read(unit: Unit, table: str, month: str, low: int, high: int) -> Stored | None:
    path = unit.store.path(table, unit.pair, month)
    if low >= high or not path.exists():
        return None
    names = [KEY, *(f"w{SEED_WINDOW}_{term}" for term in TERMS.values())]
    return Stored(read_file(path, names), unit.truth.minutes[low:high])

"""Columns' own NULL rules, found a second time: flat windows and constant terms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bqx.checks.contract import SEED_WINDOW
from bqx.checks.expected import constant
from bqx.checks.unit import Stored, Unit, read_stored
from bqx.domains.grid import BoolArray, FloatArray
from bqx.features.feature import Column
from bqx.market import month_of

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
    if _stored(unit, domain, first, (unit.low, unit.high)) is None:
        return None
    return _still(unit, domain, first, window) | _still(unit, domain, second, window)


def _still(unit: Unit, domain: str, term: str, window: int) -> BoolArray:
    def make() -> BoolArray:
        before = min(window - 1, unit.low)
        return constant(_terms(unit, domain, term, unit.low - before), window)[before:]

    return unit.memo(("constant", domain, term, window), make)


def _terms(unit: Unit, domain: str, term: str, low: int) -> FloatArray:
    """Stored terms from position ``low``, which is before the month, to the month's end.

    Where a term is NULL for want of bars, the series behind it may still be flat, and then it is
    zero; otherwise it is not known and equals nothing.
    """
    values = np.where(unit.truth.flat(domain, SEED_WINDOW, low, unit.high), 0.0, np.nan)
    for first, last in ((low, unit.low), (unit.low, unit.high)):
        stored = _stored(unit, domain, term, (first, last))
        if stored is not None:
            known, valid = stored.column(f"w{SEED_WINDOW}_{term}")
            values[first - low : last - low][valid] = known[valid]
    return values


def _stored(unit: Unit, domain: str, term: str, span: tuple[int, int]) -> Stored | None:
    """The regression's partition of the month in which the positions stand."""
    table, (first, last) = f"reg_{domain}", span
    if first >= last:
        return None
    if first == unit.low and table in unit.tables:
        return unit.tables[table]
    minutes = unit.truth.minutes[first:last]
    key = (table, unit.pair, month_of(int(minutes[0])))
    found = read_stored(unit.store, key, minutes, [f"w{SEED_WINDOW}_{term}"])
    return found if isinstance(found, Stored) else None


_RULES: dict[tuple[str, str], Rule] = {
    ("regression", "r2"): _flat,
    ("term_covariance", "corr_quad_lin"): _constant,
    ("term_covariance", "corr_resid_quad"): _constant,
    ("term_covariance", "corr_resid_lin"): _constant,
}

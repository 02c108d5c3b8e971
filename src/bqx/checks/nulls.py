"""NULLs and ranges: each value that must be there is there, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bqx.checks.contract import CORRELATION, COVARIANCE
from bqx.checks.nullrules import expected_valid
from bqx.checks.tally import Tally
from bqx.checks.unit import Unit
from bqx.domains.grid import BoolArray, FloatArray
from bqx.features.feature import Column

SURELY_MANY = 5_000
"""Rows in which a number that is no flag or count cannot well be the same by chance."""


@dataclass(frozen=True)
class _Compared:
    """A column's NULLs against the expected ones."""

    table: str
    column: Column
    values: FloatArray
    found: BoolArray
    expected: BoolArray
    exact: bool

    @property
    def wrong(self) -> BoolArray:
        """Rows where a value is missing, or stands where none may be."""
        return self.found != self.expected if self.exact else self.found & ~self.expected


def _compared(unit: Unit, tables: Iterator[str] | tuple[str, ...]) -> Iterator[_Compared]:
    for table in tables:
        if table not in unit.tables:
            continue
        for column, values, found in unit.columns(table):
            expected, exact = expected_valid(unit, table, column)
            yield _Compared(table, column, values, found, expected, exact)


def _fail(unit: Unit, tally: Tally, c: _Compared, wrong: BoolArray) -> None:
    at = int(np.argmax(wrong))
    kind = "NULL instead of a value" if c.expected[at] else "a value instead of NULL"
    nulls = [len(mask) - int(mask.sum()) for mask in (c.found, c.expected)]
    number = int(wrong.sum())
    text = "wholly NULL" if not c.found.any() else f"NULL in {nulls[0]:,} of {len(wrong):,} rows"
    found = f"{text}; {number:,} rows differ, the first at {unit.time(at)}: {kind}"
    tally.fail(c.table, c.column.name, found, f"NULL in {nulls[1]:,} rows", number)


def coverage(unit: Unit, tally: Tally) -> None:
    """Each column is NULL exactly where its history, the gaps or its own rule ask for it."""
    for c in _compared(unit, tuple(unit.tables)):
        tally.count(len(c.found))
        here, due = int(c.found.sum()), int(c.expected.sum())
        tally.cover(here, due if c.exact else here, len(c.found))
        if c.wrong.any():
            _fail(unit, tally, c, c.wrong)
        if not c.exact:
            tally.note(due - here, "NULLs by rules of columns that have no second implementation")
        _name_dull(unit, tally, c, here)


def _name_dull(unit: Unit, tally: Tally, c: _Compared, here: int) -> None:
    """Name columns that say nothing; one that has no excuse for it is a finding."""
    name = c.column.name
    absent = unit.lacking.intersection(c.column.requires)
    if here == 0 and not c.expected.any():
        tally.name_dull(c.table, name, "wholly NULL, as they must be")
    elif here == 0 and absent:
        tally.name_dull(c.table, name, f"wholly NULL for want of {', '.join(sorted(absent))}")
    elif here == 0 and unit.spec(c.table).fits and unit.low < c.column.history:
        tally.name_dull(c.table, name, "wholly NULL: the past is too short to fit on")
    elif here == 0 and not c.exact:
        tally.fail(c.table, name, "wholly NULL", "values", len(c.found))
    elif here > 1 and (c.values[c.found] == c.values[c.found][0]).all():
        if c.column.kind == "float" and not c.column.steady and here >= SURELY_MANY:
            text = f"one value, {float(c.values[c.found][0])!r}, in {here:,} rows"
            tally.fail(c.table, name, text, "values that differ", here)
        else:
            tally.name_dull(c.table, name, "of one value only")


def covariance(unit: Unit, tally: Tally) -> None:
    """Covariances are there wherever they must be, and correlations lie in [-1, 1]."""
    for c in _compared(unit, (*CORRELATION, *COVARIANCE)):
        if c.column.requires:
            continue  # correlations with peers, which the coverage check looks at
        tally.count(len(c.found))
        here, due = int(c.found.sum()), int(c.expected.sum())
        tally.cover(here, due, len(c.found))
        if c.wrong.any():
            has, should = (f"{100 * n / len(c.found):.4f} % of the rows" for n in (here, due))
            tally.fail(c.table, c.column.name, has, should, int(c.wrong.sum()))
        if c.table in CORRELATION and c.column.key.startswith("corr_"):
            outside = np.abs(c.values[c.found]) > 1.0
            if outside.any():
                text = f"{outside.sum():,} correlations outside [-1, 1]"
                tally.fail(c.table, c.column.name, text, "[-1, 1]", int(outside.sum()))


def continuity(unit: Unit, tally: Tally) -> None:
    """No month but a pair's first starts cold: its first rows have the values they must have."""
    if unit.low == 0:
        return
    for c in _compared(unit, tuple(unit.tables)):
        head = slice(0, min(c.column.history, unit.rows))
        tally.count(len(c.found[head]))
        wrong = c.wrong.copy()
        wrong[head.stop :] = False
        if wrong.any():
            number = int(wrong.sum())
            text = f"{number:,} of the month's first {head.stop:,} rows have other NULLs"
            tally.fail(c.table, c.column.name, text, "values as in any other row", number)


def ranges(unit: Unit, tally: Tally) -> None:
    """Values are finite and lie in their column's range."""
    for table in unit.tables:
        for column, values, found in unit.columns(table):
            known = values[found]
            tally.count(len(known))
            wrong = ~np.isfinite(known)
            for bound, outside in ((column.low, np.less), (column.high, np.greater)):
                if bound is not None:
                    # In the precision of the column: 0.1 in float32 is not 0.1 in float64.
                    wrong |= outside(known, float(np.dtype(column.dtype).type(bound)))
            if wrong.any():
                first = float(known[np.argmax(wrong)])
                text = f"{wrong.sum():,} values out of range, the first {first!r}"
                bounds = f"from {column.low} to {column.high}, finite"
                tally.fail(table, column.name, text, bounds, int(wrong.sum()))

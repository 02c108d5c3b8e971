"""Relations between the columns of a table that hold whatever the bars are.

Written down from the definitions, not taken from the families. Most of these columns are kept in
float32, so a relation is met when it holds to a few of its roundings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bqx.checks.contract import TAGS
from bqx.checks.tally import Tally
from bqx.checks.unit import Unit
from bqx.domains.grid import BoolArray, FloatArray

ROUNDINGS = 16
"""Roundings of the greatest term that a sum may be off by."""

BANDS = (20, 30, 50, 60, 90, 120, 240)
SWINGS = (2, 10, 30)
SCALES = ("1m", "5m", "15m")
REGIMES = (60, 120, 240, 480)
PERCENTILES = ("p5", "p10", "p25", "p50", "p75", "p90", "p95")
SPANS = ((2, 1), (3, 2), (15, 10), (30, 15), (45, 30), (120, 75))
"""Horizons whose difference is a horizon too."""


@dataclass(frozen=True)
class Term:
    """A column times a number, as it stood some rows earlier."""

    column: str
    weight: float
    earlier: int = 0


@dataclass(frozen=True)
class Sum:
    """Terms of one table that add up to a constant."""

    table: str
    terms: tuple[Term, ...]
    total: float = 0.0


@dataclass(frozen=True)
class Order:
    """Columns of one table that never decrease from left to right."""

    table: str
    columns: tuple[str, ...]


def _sum(table: str, total: float = 0.0, **weights: float) -> Sum:
    return Sum(table, tuple(Term(name, weight) for name, weight in weights.items()), total)


def sums() -> Iterator[Sum]:
    """All sums, over both domains."""
    for domain, tag in TAGS.items():
        yield from _indicators(f"technical_{domain}", f"bollinger_{domain}")
        yield from _levels(f"fibonacci_{domain}")
        yield from _states(f"hmm_regime_{domain}", f"regime_{domain}", tag)
        table = f"statistics_{domain}"
        yield _sum(table, iqr_15min=1, p75_15min=-1, p25_15min=1)
        for long, short in SPANS:
            rest = f"ret_{tag}_{long - short}"
            parts = (Term(f"ret_{tag}_{long}", 1), Term(f"ret_{tag}_{short}", -1))
            yield Sum(f"returns_{domain}", (*parts, Term(rest, -1, earlier=short)))


def _indicators(technical: str, bollinger: str) -> Iterator[Sum]:
    yield _sum(technical, -100.0, williams_r_14=1, stoch_k=-1)
    yield _sum(technical, macd_histogram=1, macd_line=-1, macd_signal=1)
    yield _sum(technical, macd_histogram_slow=1, macd_line_slow=-1, macd_signal_slow=1)
    for w in BANDS:
        upper, lower = Term(f"bb_upper_{w}", 1), f"bb_lower_{w}"
        yield Sum(bollinger, (upper, Term(lower, -1), Term(f"bb_width_{w}", -1)))
        yield Sum(bollinger, (upper, Term(lower, 1), Term(f"bb_middle_{w}", -2)))


def _levels(table: str) -> Iterator[Sum]:
    """Three levels of one grid lie on a line in their ratios."""
    names = ["fib_retracement_{}", *(f"fib_dist_{{}}_f{k}" for k in SWINGS)]
    for name in names:
        weights = (("236", 0.786 - 0.5), ("500", 0.236 - 0.786), ("786", 0.5 - 0.236))
        yield Sum(table, tuple(Term(name.format(level), weight) for level, weight in weights))


def _states(hmm: str, regime: str, tag: str) -> Iterator[Sum]:
    for scale in SCALES:
        names = (f"hmm_state_prob_{state}_{tag}_{scale}" for state in ("calm", "trend", "shock"))
        yield Sum(hmm, tuple(Term(name, 1) for name in names), 1.0)
    for w in REGIMES:
        parts = {"trend": -2.5, "volatility": -1.5, "momentum": -1.0, "mean_reversion": -0.5}
        terms = (Term(f"{part}_regime_{tag}_w{w}", weight) for part, weight in parts.items())
        yield Sum(regime, (Term(f"composite_regime_{tag}_w{w}", 1), *terms))


def orders() -> Iterator[Order]:
    """All orders, over both domains."""
    for domain in TAGS:
        table = f"statistics_{domain}"
        yield Order(table, tuple(f"{p}_15min" for p in PERCENTILES))
        yield Order(table, ("p50_60min", "p75_60min", "p90_60min"))
        for span in ("15min", "30min", "60min"):
            yield Order(table, (f"iqr_{span}", f"range_{span}"))
        for w in BANDS:
            names = (f"bb_lower_{w}", f"bb_middle_{w}", f"bb_upper_{w}")
            yield Order(f"bollinger_{domain}", names)
    yield Order("ohlc_rate", ("low_index", "open_index", "high_index"))


SUMS, ORDERS = tuple(sums()), tuple(orders())
TABLES = tuple(dict.fromkeys([*(s.table for s in SUMS), *(o.table for o in ORDERS)]))


def relations(unit: Unit, tally: Tally) -> None:
    """Check every relation between columns of the tables that are there."""
    for total in SUMS:
        if total.table in unit.tables:
            _check_sum(unit, tally, total)
    for order in ORDERS:
        if order.table in unit.tables:
            _check_order(unit, tally, order)


def _check_sum(unit: Unit, tally: Tally, relation: Sum) -> None:
    parts = [_earlier(*unit.tables[relation.table].column(t.column), t) for t in relation.terms]
    rows = np.flatnonzero(np.logical_and.reduce([valid for _, valid in parts]))
    tally.count(len(rows))
    if not len(rows):
        return
    values = [part[rows] for part, _ in parts]
    size = np.maximum.reduce([np.abs(v) for v in (*values, np.full(len(rows), relation.total))])
    off = np.abs(np.sum(values, axis=0) - relation.total)
    wrong = ~(off <= ROUNDINGS * np.finfo(np.float32).eps * size)
    if wrong.any():
        at = int(np.argmax(wrong))
        names = " + ".join(f"{t.weight:g} {t.column}" for t in relation.terms)
        text = f"{names} is off by {off[at]:.3g} at {unit.time(int(rows[at]))}"
        column = relation.terms[0].column
        tally.fail(relation.table, column, text, f"{relation.total:g}", int(wrong.sum()))


def _earlier(values: FloatArray, valid: BoolArray, term: Term) -> tuple[FloatArray, BoolArray]:
    k, weighted = term.earlier, term.weight * values
    if k == 0:
        return weighted, valid
    known = np.concatenate([np.zeros(k, np.bool_), valid[:-k]])
    return np.concatenate([np.zeros(k), weighted[:-k]]), known


def _check_order(unit: Unit, tally: Tally, order: Order) -> None:
    stored = unit.tables[order.table]
    for low, high in pairwise(order.columns):
        (lows, known), (highs, valid) = stored.column(low), stored.column(high)
        rows = np.flatnonzero(known & valid)
        tally.count(len(rows))
        wrong = lows[rows] > highs[rows]
        if wrong.any():
            at = unit.time(int(rows[np.argmax(wrong)]))
            text = f"{int(wrong.sum()):,} rows below {low}, the first at {at}"
            tally.fail(order.table, high, text, f"at least {low}", int(wrong.sum()))

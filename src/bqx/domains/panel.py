"""What the families of the cross-sectional panel share: all pairs of the store side by side.

Everything here depends on all pairs alike and is made once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.domains.rate import BASE
from bqx.domains.validity import MAX_AGE
from bqx.kernels.crosssection import fresh_mean
from bqx.kernels.elementwise import change
from bqx.kernels.median_side import above_median
from bqx.kernels.panel import (
    ATTRIBUTES,
    HISTORIES,
    MEDIANS,
    RANKED,
    RELATIONS,
    SCRATCH,
    SPREADS,
    VOLATILITY_60,
    CrossSection,
    Inputs,
    attributes,
    cross_section,
    relative_log,
)
from bqx.market import parse_pair

MEDIAN_ROWS = 1440
"""Rows of the median with which a pair's volatility is compared."""
CALM_HISTORY = 61 + MEDIAN_ROWS - 1
"""Rows of closes behind that comparison."""
LEAST_DOLLAR_PAIRS = 3

Sides = NDArray[np.int8]


@dataclass(frozen=True)
class Panel:
    """All pairs of the store on the same rows, in alphabetical order.

    Attributes:
        names: The pairs.
        logs: Shape (pairs, n), logarithms of their rate indices over 100.
    """

    names: tuple[str, ...]
    logs: FloatArray

    @property
    def least(self) -> int:
        """Pairs that must count: 5 in 7 of the store's, and at least 5."""
        return max(5, -(-5 * len(self.names) // 7))


def panel(d: Domain) -> Panel:
    """All pairs of the store."""

    def make() -> Panel:
        names = tuple(sorted(d.everyone))
        logs = d.block(len(names))
        for name, out in zip(names, logs, strict=True):
            relative_log(d.everyone[name].series, BASE, out)
        return Panel(names, logs)

    return d.common("panel", make)


def counting(d: Domain, history: int) -> BoolArray:
    """Where each pair counts with that history, shape (pairs, n)."""

    def make() -> BoolArray:
        return np.array([d.everyone[name].valid(history) for name in panel(d).names])

    return d.common(("panel_counting", history), make)


def enough(d: Domain, history: int) -> BoolArray:
    """Where enough pairs count with that history."""

    def make() -> BoolArray:
        found: BoolArray = counting(d, history).sum(axis=0, dtype=np.int8) >= panel(d).least
        return found

    return d.common(("panel_enough", history), make)


def own_attributes(d: Domain) -> FloatArray:
    """The pair's own attributes, see the kernel ``attributes``."""

    def make() -> FloatArray:
        out, scratch = d.block(ATTRIBUTES), d.block(SCRATCH)
        attributes(own_logs(d), scratch, out)
        return out

    return d.memo("panel_attributes", make)


def place(d: Domain) -> int:
    """Place of the pair among all."""
    return panel(d).names.index(d.pair)


def own_logs(d: Domain) -> FloatArray:
    """Logarithms of the pair's own rate index over 100."""
    logs: FloatArray = panel(d).logs[place(d)]
    return logs


def across(d: Domain) -> CrossSection:
    """What the pairs' attributes are across the pairs."""
    return d.common("panel_cross_section", lambda: _cross_section(d))


def _fresh(d: Domain) -> BoolArray:
    def make() -> BoolArray:
        return np.array([d.everyone[name].grid.age <= MAX_AGE for name in panel(d).names])

    return d.common("panel_fresh", make)


def _spreads(d: Domain) -> FloatArray:
    """Spreads relative to the close; of no pair when none has quotes."""
    names = panel(d).names
    quotes = [d.everyone[name].quotes for name in names]
    if not any(quotes):
        return np.empty((0, len(d)))
    out = d.block(len(names))
    for to, name, its in zip(out, names, quotes, strict=True):
        to[:] = np.nan if its is None else (its.ask - its.bid) / d.everyone[name].grid.close
    return out


def _cross_section(d: Domain) -> CrossSection:
    pairs, n = len(panel(d).names), len(d)
    inputs = Inputs(
        logs=panel(d).logs,
        spread=_spreads(d),
        valid=np.array([counting(d, h) for h in HISTORIES]),
        observed=np.array([d.everyone[name].grid.observed for name in panel(d).names]),
        fresh=_fresh(d),
    )
    out = CrossSection(
        score=np.empty((RANKED, pairs, n), np.int8),
        count=np.empty((RANKED, n), np.int8),
        dispersion=d.block(SPREADS),
        median=d.block(MEDIANS),
        correlation=d.block(RELATIONS),
        mean_change=d.block(1)[0],
    )
    cross_section(inputs, panel(d).least, out)
    return out


def dollar(d: Domain) -> FloatArray:
    """Mean one-row log return of the store's dollar pairs, positive when the dollar rises."""

    def make() -> FloatArray:
        usd = _dollar_pairs(d)
        moves, out = np.empty((len(usd), len(d))), d.block(1)[0]
        for to, k in zip(moves, usd, strict=True):
            change(panel(d).logs[k], 1, to)
            to *= parse_pair(panel(d).names[k]).sign("usd")
        fresh_mean(moves, _fresh(d)[usd], out)
        return out

    return d.common("dollar", make)


def dollar_known(d: Domain, history: int) -> BoolArray:
    """Where at least three dollar pairs count with that history."""

    def make() -> BoolArray:
        counts = counting(d, history)[_dollar_pairs(d)].sum(axis=0, dtype=np.int8)
        return np.asarray(counts >= LEAST_DOLLAR_PAIRS)

    return d.common(("dollar_known", history), make)


def _dollar_pairs(d: Domain) -> Int64Array:
    return np.flatnonzero(["usd" in name for name in panel(d).names])


def sides(d: Domain) -> Sides:
    """Whether each pair's 60-row volatility is above its 1440-row median, shape (pairs, n).

    1 above, 0 at or below, -1 where the pair does not count.
    """
    return d.common("panel_sides", lambda: _sides(d))


def _sides(d: Domain) -> Sides:
    found = np.full((len(panel(d).names), len(d)), -1, np.int8)
    made, scratch = d.block(ATTRIBUTES), d.block(SCRATCH)
    above: FloatArray = d.block(1)[0]
    for to, logs, name in zip(found, panel(d).logs, panel(d).names, strict=True):
        attributes(logs, scratch, made)
        above_median(made[VOLATILITY_60], MEDIAN_ROWS, above)
        np.copyto(to, above, where=d.everyone[name].valid(CALM_HISTORY), casting="unsafe")
    return found

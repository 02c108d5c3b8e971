"""What the families of the cross-sectional panel share: all pairs of the store side by side.

Everything here depends on all pairs alike and is made once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.domains.rate import BASE
from bqx.domains.validity import MAX_AGE
from bqx.kernels.crosssection import fresh_mean
from bqx.kernels.elementwise import change
from bqx.kernels.median_side import above_median
from bqx.kernels.panel_attributes import (
    ATTRIBUTES,
    HISTORIES,
    MEDIANS,
    RANKED,
    RELATIONS,
    SCRATCH,
    SPREADS,
    CrossSection,
    Inputs,
    attributes,
    cross_section,
    relative_log,
    volatility,
)
from bqx.market import parse_pair

MEDIAN_ROWS = 1440
"""Rows of the median with which a pair's volatility is compared."""
CALM_HISTORY = 61 + MEDIAN_ROWS - 1
"""Rows of closes behind that comparison."""
LEAST_DOLLAR_PAIRS = 3

Sides = NDArray[np.int8]
Byte = TypeVar("Byte", np.bool_, np.int8)


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
    return d.common(("panel_counting", history), lambda: _valid(d, (history,)))


def _valid(d: Domain, histories: tuple[int, ...]) -> BoolArray:
    """Flags by history and pair, one after the other."""
    names = panel(d).names
    found: BoolArray = _bytes(d, len(histories) * len(names), np.bool_)
    for k, history in enumerate(histories):
        for i, name in enumerate(names):
            found[k * len(names) + i] = d.everyone[name].valid(history)
    return found


def _bytes(d: Domain, rows: int, kind: type[Byte]) -> NDArray[Byte]:
    """An array of one byte a value, from the pool of blocks."""
    flat = d.block(-(-rows // 8)).reshape(-1).view(kind)
    return flat[: rows * len(d)].reshape(rows, len(d))


def enough(d: Domain, history: int) -> BoolArray:
    """Where enough pairs count with that history."""

    def make() -> BoolArray:
        count = np.zeros(len(d), np.int8)
        for name in panel(d).names:
            count += d.everyone[name].valid(history)
        return np.asarray(count >= panel(d).least)

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
        found: BoolArray = _bytes(d, len(panel(d).names), np.bool_)
        for to, name in zip(found, panel(d).names, strict=True):
            np.less_equal(d.everyone[name].grid.age, MAX_AGE, out=to)
        return found

    return d.common("panel_fresh", make)


def relative_spread(d: Domain) -> FloatArray:
    """The pair's spread relative to the close; a missing minute repeats it, NaN without quotes."""
    bars = d.grid.bars
    if bars.quotes is None:
        return np.full(len(d), np.nan)
    # By bar, and not by row as in `quotes`: that lays four prices on the grid.
    found: FloatArray = ((bars.quotes[1] - bars.quotes[0]) / bars.close)[d.grid.newest]
    found[: d.grid.empty] = np.nan
    return found


def _spreads(d: Domain) -> FloatArray:
    """Spreads relative to the close in minutes with a bar; of no pair when none has quotes."""
    pairs = [d.everyone[name] for name in panel(d).names]
    if all(pair.grid.bars.quotes is None for pair in pairs):
        return np.empty((0, len(d)))
    out = d.block(len(pairs))
    for to, pair in zip(out, pairs, strict=True):
        to[:] = relative_spread(pair)
        to[~pair.grid.observed] = np.nan
    return out


def _cross_section(d: Domain) -> CrossSection:
    pairs, n = len(panel(d).names), len(d)
    inputs = Inputs(
        logs=panel(d).logs,
        spread=_spreads(d),
        valid=_valid(d, HISTORIES).reshape(len(HISTORIES), pairs, n),
        fresh=_fresh(d),
    )
    out = CrossSection(
        score=_bytes(d, RANKED * pairs, np.int8).reshape(RANKED, pairs, n),
        counting=_bytes(d, RANKED, np.int8),
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
        out: FloatArray = d.block(1)[0]
        moves, signs = np.empty((len(usd), len(d))), [_dollar_sign(panel(d).names[k]) for k in usd]
        for to, k in zip(moves, usd, strict=True):
            change(panel(d).logs[k], 1, to)
        fresh_mean(moves * np.array(signs).reshape(-1, 1), _fresh(d)[usd], out)
        return out

    return d.common("dollar", make)


def dollar_known(d: Domain, history: int) -> BoolArray:
    """Where at least three dollar pairs count with that history."""

    def make() -> BoolArray:
        counts = counting(d, history)[_dollar_pairs(d)].sum(axis=0, dtype=np.int8)
        return np.asarray(counts >= LEAST_DOLLAR_PAIRS)

    return d.common(("dollar_known", history), make)


def _dollar_sign(pair: str) -> float:
    return float(parse_pair(pair).sign("usd"))


def _dollar_pairs(d: Domain) -> Int64Array:
    return np.flatnonzero(["usd" in name for name in panel(d).names])


def sides(d: Domain) -> Sides:
    """Whether each pair's 60-row volatility is above its 1440-row median, shape (pairs, n).

    1 above, 0 at or below, -1 where the pair does not count.
    """
    return d.common("panel_sides", lambda: _sides(d))


def _sides(d: Domain) -> Sides:
    found: Sides = _bytes(d, len(panel(d).names), np.int8)
    found[:] = -1
    moved, above = d.block(2)
    for to, logs, name in zip(found, panel(d).logs, panel(d).names, strict=True):
        volatility(logs, moved)
        above_median(moved, MEDIAN_ROWS, above)
        np.copyto(to, above, where=d.everyone[name].valid(CALM_HISTORY), casting="unsafe")
    return found

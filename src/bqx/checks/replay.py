"""Compute columns again on other bars: cut, shocked, or with a longer past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bqx.checks.unit import Values
from bqx.domains.grid import BarArrays, BoolArray, FloatArray, Int64Array
from bqx.domains.together import PairBars, Together
from bqx.errors import BqxError
from bqx.features.compute import Slice, compute_tables
from bqx.features.registry import Registry
from bqx.features.table import ALL, TableSpec
from bqx.store.around import surroundings
from bqx.store.base import BaseStore
from bqx.store.slices import Extent, extent

Results = dict[tuple[str, str], "Values | str"]
"""By table and column: values with their validity, or why there are none."""

# What array code raises on a slice that it did not reckon with.
_FAULTS = (BqxError, ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Group:
    """Columns that are computed from the same look-back: those of one table and window.

    Attributes:
        spec: The table with these columns only.
        memory: Rows that can influence one of their values.
    """

    spec: TableSpec
    memory: int


def groups_of(specs: Iterable[TableSpec]) -> tuple[Group, ...]:
    """Split tables by window: each column gets no more look-back than its window asks for."""
    found: dict[tuple[str, int | None], list[str]] = {}
    tables = {spec.name: spec for spec in specs}
    for spec in tables.values():
        for column in spec.columns:
            found.setdefault((spec.name, column.window), []).append(column.name)
    parts = [tables[table].select(tuple(names)) for (table, _), names in found.items()]
    return tuple(Group(part, part.memory) for part in parts)


class Replay:
    """The bars of a pair and, where tables need them, of its peers around some rows.

    Args:
        store: Where the bars are.
        pair: Pair, or `ALL`.
        span: Its extent.
        rows: Absolute rows that may be asked for, half open.
        peers: Whether other pairs count.
    """

    def __init__(
        self,
        store: BaseStore,
        pair: str,
        span: Extent,
        rows: tuple[int, int],
        *,
        peers: bool = False,
    ) -> None:
        self.pair = pair
        self.span = span
        self._calendar = store.calendar
        self._registry = store.registry
        self._fitter = surroundings(store).of(pair, span).fitter()
        first, last = max(rows[0], span.first), min(rows[1], span.last)
        ends = store.calendar.minutes(first, last)[[0, -1]]
        names = store.state.pairs() if peers else (pair,) if pair != ALL else ()
        self._pairs = {name: _bars(store, name, ends) for name in names}
        own = self._pairs.get(pair)
        self.rows: Int64Array = np.arange(first, last) if own is None else self._rows(own.bars)

    def _rows(self, bars: BarArrays) -> Int64Array:
        return np.asarray(self._calendar.row_at_or_after(bars.minutes))

    def piece(
        self, first: int, low: int, high: int, *, noise: np.random.Generator | None = None
    ) -> Slice:
        """The domains over the rows ``[first, high)``; those from ``low`` on are asked for.

        Bars from ``high`` on are left out. With ``noise``, the prices and volumes of all bars after
        ``low`` are multiplied by random factors, other ones in every pair.
        """
        pairs = {
            name: replace(known, bars=self._changed(known.bars, (first, low, high), noise))
            for name, known in self._pairs.items()
        }
        together = Together(self.pair, pairs, self._calendar, self._fitter)
        return Slice(together.slice(first, high, single=self.pair == ALL), low - first)

    def _changed(
        self, bars: BarArrays, rows: tuple[int, int, int], noise: np.random.Generator | None
    ) -> BarArrays:
        first, low, high = rows
        places = self._rows(bars)
        begin = max(int(np.searchsorted(places, first, side="right")) - 1, 0)
        end = int(np.searchsorted(places, high))
        part = bars.take(slice(begin, end))
        return part if noise is None else _shock(part, places[begin:end] > low, noise)

    def start(self, row: int, memory: int) -> int:
        """First row of a slice with that look-back."""
        return max(row - memory + 1, self.span.first)

    def compute(self, spec: TableSpec, piece: Slice) -> Results:
        """The columns over a slice; one that breaks its contract does not hide the others."""
        return evaluate(self._registry, {spec.name: spec}, piece)


def _bars(store: BaseStore, pair: str, ends: Int64Array) -> PairBars:
    bars = store.bars.load(pair, int(ends[0]), int(ends[1]))
    span = extent(store, pair)
    return PairBars(bars, span.rate if span else 1.0, span.start if span else 0)


def evaluate(registry: Registry, specs: Mapping[str, TableSpec], piece: Slice) -> Results:
    """Columns over a slice, with the reason in place of those that cannot be computed."""
    try:
        tables = compute_tables(registry, specs, piece)
    except _FAULTS as error:
        names = [(spec, c.name) for spec in specs.values() for c in spec.columns]
        if len(names) == 1:
            return {(names[0][0].name, names[0][1]): _reason(error)}
        parts = [evaluate(registry, {s.name: s.select((n,))}, piece) for s, n in names]
        return {key: value for part in parts for key, value in part.items()}
    return {
        (name, c.column.name): (c.values.astype(np.float64, copy=False), c.valid)
        for name, table in tables.items()
        for c in table.columns
    }


def _reason(error: Exception) -> str:
    return error.found if isinstance(error, BqxError) else f"{type(error).__name__}: {error}"


def _shock(bars: BarArrays, later: BoolArray, noise: np.random.Generator) -> BarArrays:
    """One factor for all prices of a bar, so that high and low stay in order."""
    factor = np.where(later, np.exp(noise.normal(0.0, 0.1, len(later))), 1.0)
    return bars.times(factor, factor)


def differing(a: Values, b: Values) -> BoolArray:
    """Rows where two columns differ: in their NULLs, or in a single bit of a value."""
    both = a[1] & b[1]
    return np.asarray((a[1] != b[1]) | (both & (_bits(a[0]) != _bits(b[0]))))


def _bits(values: FloatArray) -> Int64Array:
    return np.ascontiguousarray(values).view(np.int64)

"""The surroundings of a pair's slices, from the bars and fitted parameters of a store."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import xxhash

from bqx.domains.around import Fit, Fitter, Market, Memo
from bqx.domains.domain import Domains
from bqx.domains.grid import FloatArray, bare_grid, fill
from bqx.features.compute import Slice
from bqx.features.fingerprint import code_hash
from bqx.features.table import ALL
from bqx.market import month_bounds
from bqx.store.barstore import MINUTES_A_DAY
from bqx.store.base import BaseStore
from bqx.store.slices import Extent, extent
from bqx.store.state import Parameters

MARKETS = 3
"""Ranges of rows for which all pairs are kept in memory: the months that are worked on."""
FITTERS = 64

T = TypeVar("T")


class _Newest(Generic[T]):
    """The newest values, each made once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: OrderedDict[object, T] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: object, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._found:
                self._found[key] = make()
            self._found.move_to_end(key)
            while len(self._found) > self._size:
                self._found.popitem(last=False)
            return self._found[key]


class Surroundings:
    """What the slices of a store share: other pairs on the same rows, and fitted parameters."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store
        self._markets: _Newest[Market] = _Newest(MARKETS)
        self._fitters: _Newest[Fitter] = _Newest(FITTERS)
        self._new: list[Parameters] = []

    def of(self, pair: str, span: Extent) -> StoreAround:
        """The surroundings of a pair's slices."""
        return StoreAround(self, self._store, pair, span)

    def market(self, first: int, last: int) -> Market:
        """All pairs of the store on the rows ``[first, last)``."""
        key = (first, last, self._store.bars.version())
        return self._markets.get(key, partial(self._market, first, last))

    def _market(self, first: int, last: int) -> Market:
        spans = {pair: extent(self._store, pair) for pair in self._store.state.pairs()}
        return Market(
            {
                pair: self.of(pair, span).domains(first, last)
                for pair, span in spans.items()
                if span is not None
            }
        )

    def fitter(self, pair: str, make: Callable[[], Fitter]) -> Fitter:
        """The fitter of a pair, as long as its bars stay the same."""
        digest = xxhash.xxh3_128(repr(self._store.state.days(pair)).encode()).hexdigest()
        return self._fitters.get((pair, digest), make)

    def keep(self, parameters: Parameters) -> None:
        """Take newly fitted parameters; `drain` hands them out to be recorded."""
        self._new.append(parameters)

    def drain(self) -> tuple[Parameters, ...]:
        """Parameters that were fitted since the last call."""
        found = []
        while self._new:
            found.append(self._new.pop())
        return tuple(found)


class StoreAround:
    """The surroundings of one pair's slices.

    Args:
        shared: What all slices of the store share.
        store: The store.
        pair: The pair.
        span: Its extent.
    """

    def __init__(self, shared: Surroundings, store: BaseStore, pair: str, span: Extent) -> None:
        self.pair = pair
        self._shared = shared
        self._store = store
        self._span = span
        self._memo = Memo()

    def domains(self, first: int, last: int) -> Domains:
        """The pair's domains on the rows ``[first, last)``, which may begin before its first."""
        calendar, span = self._store.calendar, self._span
        if self.pair == ALL:
            return Domains(bare_grid(calendar, first, last), span.rate, self)
        minutes = calendar.minutes(first, last)
        bars = self._store.bars.load(self.pair, int(minutes[0]), int(minutes[-1]))
        grid = fill(bars, calendar, first, last, span.start, may_begin_later=first < span.first)
        return Domains(grid, span.rate, self)

    def market(self, first: int, last: int) -> Market:
        """All pairs of the store on the rows ``[first, last)``."""
        return self._shared.market(first, last)

    def month_starts(self) -> Sequence[int]:
        """Absolute rows at which months begin, from that of the pair's first bar on."""
        return self.fitter().starts

    def fitted(self, domain: str, name: str, row: int, fit: Fit) -> FloatArray | None:
        """Parameters for the month that begins at ``row``: stored ones, or fitted now."""
        return self.fitter().fitted(domain, name, row, fit)

    def fitter(self) -> Fitter:
        """What fits parameters on the pair's past, and knows the stored ones."""
        # The bars stay the same while a slice of them is in use.
        return self._memo.get("fitter", lambda: self._shared.fitter(self.pair, self._make_fitter))

    def _make_fitter(self) -> Fitter:
        months = self._store.bars.months(self.pair)
        rows = [self._store.calendar.row_range(*month_bounds(m))[0] for m in months]
        return Fitter(rows, self._past, self._load, self._keep)

    def _past(self, row: int) -> Domains:
        if row <= self._span.first:
            return Domains(bare_grid(self._store.calendar, row, row), self._span.rate, self)
        return self.domains(self._span.first, row)

    def _load(self, domain: str, name: str, row: int, fit: Fit) -> tuple[bool, FloatArray | None]:
        version, inputs = _fit_version(fit), self._inputs(row)
        return self._store.state.parameters(self.pair, domain, name, row, (version, inputs))

    def _keep(self, domain: str, name: str, row: int, fit: Fit, values: FloatArray | None) -> None:
        kept = None if values is None else np.ascontiguousarray(values).tobytes()
        found = Parameters(self.pair, domain, name, row, _fit_version(fit), self._inputs(row), kept)
        self._shared.keep(found)

    def _inputs(self, row: int) -> str:
        """Hash of the pair's bars before a row, which is the first of a day."""
        minute = int(self._store.calendar.minutes(row, row + 1)[0])
        days = [d for d in self._store.state.days(self.pair) if d[0] < minute // MINUTES_A_DAY]
        text = f"{self._store.calendar.identity}|{self._span.start}|{self._span.rate!r}|{days}"
        return xxhash.xxh3_128(text.encode()).hexdigest()


def _fit_version(fit: Fit) -> str:
    """Hash of the code that fits."""
    return code_hash(fit.__module__)[:16]


def load_slice(
    store: BaseStore, pair: str, span: Extent, rows: tuple[int, int], memory: int
) -> Slice:
    """The domains over ``rows`` and the look-back before them.

    Args:
        store: Where the bars are.
        pair: The pair, or `ALL`.
        span: Its extent.
        rows: Absolute rows that are asked for, half open.
        memory: Rows that can influence a value, its own included.
    """
    first = max(rows[0] - memory + 1, span.first)
    return Slice(surroundings(store).of(pair, span).domains(first, rows[1]), rows[0] - first)


def surroundings(store: BaseStore) -> Surroundings:
    """What the slices of a store share, made when it is first asked for."""
    return store.shared.get("surroundings", lambda: Surroundings(store))

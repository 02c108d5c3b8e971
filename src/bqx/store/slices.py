"""Which grid rows a partition has, which bars it is made from, and the slice to compute it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import xxhash

from bqx.features.table import ALL, TableSpec
from bqx.market import month_bounds
from bqx.store.barstore import MINUTES_A_DAY
from bqx.store.base import BaseStore


@dataclass(frozen=True)
class Extent:
    """Where a pair's values begin and end, in absolute grid rows, and what its index is based on.

    Attributes:
        first: Row of the first bar.
        last: One after the row of the last bar.
        start: Row from which the history counts: the baseline's, or the first bar's if later.
        rate: Close that stands for a rate index of 100.
    """

    first: int
    last: int
    start: int
    rate: float


def extent(store: BaseStore, pair: str) -> Extent | None:
    """Rows of a pair, or of `ALL`; None when there is no bar inside trading minutes.

    Raises:
        StoreError: If the pair has no baseline.
    """
    if pair == ALL:
        return _widest([extent(store, name) for name in store.state.pairs()])
    minutes = store.bars.extent(pair)
    if minutes is None:
        return None
    first, last = (store.calendar.row_range(m, m + 1)[0] for m in minutes)
    baseline = store.bars.baseline(pair)
    start = store.calendar.row_range(baseline.minute, 0)[0]
    return Extent(first, last + 1, max(first, start), baseline.rate)


def _widest(extents: Iterable[Extent | None]) -> Extent | None:
    known = [span for span in extents if span is not None]
    if not known:
        return None
    first = min(span.first for span in known)
    return Extent(first, max(span.last for span in known), first, 1.0)


def month_rows(store: BaseStore, span: Extent, month: str) -> tuple[int, int]:
    """Rows of a month's partition: its trading minutes, from the first to the last bar."""
    low, high = store.calendar.row_range(*month_bounds(month))
    return max(low, span.first), min(high, span.last)


def row_runs(store: BaseStore, pair: str, span: Extent) -> list[tuple[int, int]]:
    """Rows of all months with bars; adjoining months make one run."""
    runs: list[tuple[int, int]] = []
    for month in store.bars.months(pair):
        low, high = month_rows(store, span, month)
        if low >= high:
            continue
        if runs and runs[-1][1] == low:
            runs[-1] = (runs[-1][0], high)
        else:
            runs.append((low, high))
    return runs


class Inputs:
    """Hashes of everything that partitions' values depend on beside their tables' fingerprints.

    Args:
        store: The store; what it knows of its bars is read once.
    """

    def __init__(self, store: BaseStore) -> None:
        self._store = store
        self._pairs = store.state.pairs()
        self._days: dict[str, Sequence[tuple[int, str]]] = {}
        self._extents: dict[str, Extent | None] = {}
        self._found: dict[tuple[str, int, int, bool], str] = {}

    def hash(self, pair: str, span: Extent, rows: tuple[int, int], spec: TableSpec) -> str:
        """The hash for one partition.

        Args:
            pair: The pair, or `ALL`.
            span: Its extent.
            rows: Absolute rows of the partition.
            spec: The table.
        """
        first = span.first if spec.fits else max(rows[0] - spec.memory + 1, span.first)
        names = [] if pair == ALL else [pair]
        if spec.peers:
            names += [name for name in self._pairs if name != pair]
        digest = xxhash.xxh3_128(f"{pair}|{rows}".encode())
        for name in names:
            digest.update(self._bars(name, first, rows[1], whole=spec.fits).encode())
        return digest.hexdigest()

    def _bars(self, pair: str, first: int, last: int, *, whole: bool) -> str:
        key = (pair, first, last, whole)
        if key not in self._found:
            self._found[key] = self._reached(pair, first, last)
        return self._found[key]

    def _reached(self, pair: str, first: int, last: int) -> str:
        """The days that the rows reach, and the newest day before, whose close may fill the start.

        A day without bars has none, so that a pair that begins later counts from then on.
        """
        if pair not in self._days:
            self._days[pair] = self._store.state.days(pair)
            self._extents[pair] = extent(self._store, pair)
        days, span = self._days[pair], self._extents[pair]
        if span is None:
            return f"{pair}|nothing;"
        minutes = self._store.calendar.minutes
        low, high = int(minutes(first, first + 1)[0]), int(minutes(last - 1, last)[0])
        begin = bisect_left(days, (low // MINUTES_A_DAY, ""))
        end = bisect_left(days, (high // MINUTES_A_DAY + 1, ""))
        text = ";".join(f"{day}:{content}" for day, content in days[max(begin - 1, 0) : end])
        start = max(span.start, first)
        return f"{pair}|{start}|{span.rate!r}|{text};" if text else f"{pair}|nothing;"

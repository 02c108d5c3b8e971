"""Which grid rows a partition has, which bars it is made from, and the slice to compute it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import xxhash

from bqx.domains.domain import Domains
from bqx.domains.grid import fill
from bqx.features.compute import Slice
from bqx.features.table import TableSpec
from bqx.market import month_bounds
from bqx.store.barstore import MINUTES_A_DAY
from bqx.store.embedded import EmbeddedStore


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


def extent(store: EmbeddedStore, pair: str) -> Extent | None:
    """Rows of a pair; None when it has no bar inside trading minutes.

    Raises:
        StoreError: If the pair has no baseline.
    """
    minutes = store.bars.extent(pair)
    if minutes is None:
        return None
    first, last = (store.calendar.row_range(m, m + 1)[0] for m in minutes)
    baseline = store.bars.baseline(pair)
    start = store.calendar.row_range(baseline.minute, 0)[0]
    return Extent(first, last + 1, max(first, start), baseline.rate)


def month_rows(store: EmbeddedStore, span: Extent, month: str) -> tuple[int, int]:
    """Rows of a month's partition: its trading minutes, from the first to the last bar."""
    low, high = store.calendar.row_range(*month_bounds(month))
    return max(low, span.first), min(high, span.last)


def row_runs(store: EmbeddedStore, pair: str, span: Extent) -> list[tuple[int, int]]:
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


def load_slice(
    store: EmbeddedStore, pair: str, span: Extent, rows: tuple[int, int], memory: int
) -> Slice:
    """The domains over ``rows`` and the look-back before them.

    Args:
        store: Where the bars are.
        pair: The pair.
        span: Its extent.
        rows: Absolute rows that are asked for, half open.
        memory: Rows that can influence a value, its own included.
    """
    first = max(rows[0] - memory + 1, span.first)
    minutes = store.calendar.minutes(first, rows[1])
    bars = store.bars.load(pair, int(minutes[0]), int(minutes[-1]))
    grid = fill(bars, store.calendar, first, rows[1], span.start)
    return Slice(Domains(grid, span.rate), rows[0] - first)


def inputs_hash(
    store: EmbeddedStore,
    pair: str,
    span: Extent,
    rows: tuple[int, int],
    *,
    spec: TableSpec,
    days: Sequence[tuple[int, str]],
) -> str:
    """Hash of everything that a partition's values depend on beside the table's fingerprint.

    Days that the look-back reaches count, and the newest day before them, whose last close may
    fill the first row.
    """
    first = max(rows[0] - spec.memory + 1, span.first)
    ends = store.calendar.minutes(first, first + 1)[0], store.calendar.minutes(rows[1] - 1, rows[1])
    low, high = int(ends[0]) // MINUTES_A_DAY, int(ends[1][0]) // MINUTES_A_DAY
    begin, end = bisect_left(days, (low, "")), bisect_left(days, (high + 1, ""))
    reached = days[max(begin - 1, 0) : end]
    start = max(span.start, first)
    digest = xxhash.xxh3_128()
    digest.update(f"{pair}|{rows}|{start}|{span.rate!r}".encode())
    for day, content in reached:
        digest.update(f"{day}:{content};".encode())
    return digest.hexdigest()

"""What every feature family must keep, whatever it computes. Each function fails by asserting."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.domains.domain import Domains
from bqx.domains.grid import BarArrays, fill
from bqx.features.compute import Slice, TableData, compute_tables
from bqx.features.registry import Registry
from bqx.features.stateless import compute_data
from bqx.market import Calendar


@dataclass(frozen=True)
class Subject:
    """A table under test, with the bars to try it on."""

    registry: Registry
    table: str
    bars: BarArrays
    calendar: Calendar

    @property
    def rows(self) -> tuple[int, int]:
        """Absolute rows from the first to the last bar, half open."""
        ends = self.calendar.row_at_or_after(self.bars.minutes[[0, -1]])
        return int(ends[0]), int(ends[1]) + 1

    def whole(self, bars: BarArrays | None = None) -> TableData:
        """The table over all rows; the baseline is always the first bar of the subject."""
        base = float(self.bars.close[0])
        specs = {self.table: self.registry.table(self.table)}
        used = self.bars if bars is None else bars
        return compute_data(self.registry, specs, used, self.calendar, base)[self.table]

    def piece(self, low: int, high: int, memory: int | None = None) -> TableData:
        """The table over absolute rows [low, high), from no more than its declared memory."""
        spec = self.registry.table(self.table)
        first = max(low - (memory or spec.memory) + 1, self.rows[0])
        grid = fill(self._behind(first), self.calendar, first, high, self.rows[0])
        domains = Domains(grid, float(self.bars.close[0]))
        piece = Slice(domains, low - first)
        return compute_tables(self.registry, {self.table: spec}, piece)[self.table]

    def _behind(self, first: int) -> BarArrays:
        """Bars from the newest one at or before a row."""
        rows = self.calendar.row_at_or_after(self.bars.minutes)
        start = int(np.searchsorted(rows, first, side="right")) - 1
        return self.bars.take(np.arange(len(rows)) >= start)


def shown(data: TableData, low: int = 0, high: int | None = None) -> dict[str, NDArray[np.int64]]:
    """Bits of the shown values by column; equal NULLs have equal bits."""
    picked = {}
    for c in data.columns:
        values = np.where(c.valid, c.values, np.nan)[low:high]
        picked[c.column.name] = values.view(np.int64)
    return picked


def assert_equal(a: dict[str, NDArray[np.int64]], b: dict[str, NDArray[np.int64]]) -> None:
    """Fail at the first column whose bits differ."""
    assert a.keys() == b.keys()
    for name, bits in a.items():
        differing = np.flatnonzero(bits != b[name])
        assert differing.size == 0, f"{name} differs in {differing.size} rows from {differing[0]}"


def cuts(subject: Subject, count: int, seed: int = 5) -> NDArray[np.int64]:
    """Random rows of the subject, in order, each of an observed minute."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(np.arange(1, len(subject.bars.minutes)), count, replace=False))
    return np.asarray(subject.calendar.row_at_or_after(subject.bars.minutes[chosen]))


def truncation(subject: Subject) -> None:
    """Values at t do not change when the bars after t are removed."""
    whole, first = subject.whole(), subject.rows[0]
    rows = subject.calendar.row_at_or_after(subject.bars.minutes)
    for cut in cuts(subject, 6):
        past = subject.whole(subject.bars.take(rows <= cut))
        assert_equal(shown(past), shown(whole, 0, int(cut) - first + 1))


def shock(subject: Subject) -> None:
    """Values up to t do not change when the prices after t do."""
    whole, first = subject.whole(), subject.rows[0]
    rows = subject.calendar.row_at_or_after(subject.bars.minutes)
    for cut in cuts(subject, 3):
        factor = np.where(rows > cut, 1.7, 1.0)
        b = subject.bars
        prices = (b.open * factor, b.high * factor, b.low * factor, b.close * factor)
        shocked = subject.whole(BarArrays(b.minutes, *prices, volume=b.volume * factor))
        end = int(cut) - first + 1
        assert_equal(shown(shocked, 0, end), shown(whole, 0, end))


def look_back(subject: Subject) -> None:
    """The declared memory suffices: pieces computed from it equal the whole, cut anywhere."""
    whole, (first, last) = subject.whole(), subject.rows
    borders = [first, *(int(c) for c in cuts(subject, 7)), last]
    for low, high in itertools.pairwise(borders):
        assert_equal(shown(subject.piece(low, high)), shown(whole, low - first, high - first))


def incremental(subject: Subject) -> None:
    """The newest row alone equals the batch."""
    whole, first = subject.whole(), subject.rows[0]
    for row in cuts(subject, 6, seed=11):
        alone = subject.piece(int(row), int(row) + 1)
        at = int(row) - first
        assert_equal(shown(alone), shown(whole, at, at + 1))


def columns(subject: Subject) -> None:
    """The columns are the declared ones, one value per grid minute, in their declared range."""
    whole, spec = subject.whole(), subject.registry.table(subject.table)
    assert tuple(c.column.name for c in whole.columns) == spec.column_names
    assert np.array_equal(whole.minutes, subject.calendar.minutes(*subject.rows))
    for c in whole.columns:
        found = c.values[c.valid]
        assert found.size, f"{c.column.name} is wholly NULL"
        assert np.isfinite(found).all()
        assert c.column.low is None or found.min() >= c.column.low
        assert c.column.high is None or found.max() <= c.column.high
        assert c.column.nullable or c.nulls == c.expected_nulls


def nulls(subject: Subject) -> None:
    """History and gaps alone decide where values are NULL, but for a column's own rule."""
    whole, (first, last) = subject.whole(), subject.rows
    observed = np.zeros(last - first, np.bool_)
    observed[subject.calendar.row_at_or_after(subject.bars.minutes) - first] = True
    for c in whole.columns:
        expected = _valid(observed, c.column.history)
        if c.column.nullable:
            assert not (c.valid & ~expected).any()
        else:
            assert np.array_equal(c.valid, expected), c.column.name


def _valid(observed: NDArray[np.bool_], history: int) -> NDArray[np.bool_]:
    """The rule of validity, written row by row."""
    valid = np.zeros(len(observed), np.bool_)
    for t in range(history - 1, len(observed)):
        window = observed[t - history + 1 : t + 1]
        fresh = observed[max(t - 5, 0) : t + 1].any()
        valid[t] = fresh and 10 * int(np.count_nonzero(window)) >= 9 * history
    return valid


def scale(subject: Subject) -> None:
    """Prices times a constant give the same values: the index is relative to its baseline."""
    b = subject.bars
    prices = (4.0 * b.open, 4.0 * b.high, 4.0 * b.low, 4.0 * b.close)
    scaled = BarArrays(b.minutes, *prices, volume=b.volume)
    twin = Subject(subject.registry, subject.table, scaled, subject.calendar)
    # A power of two changes no mantissa, so the bits must agree.
    assert_equal(shown(twin.whole()), shown(subject.whole()))


def gaps(subject: Subject) -> None:
    """Removing minutes changes only the rows that can remember them."""
    spec, (first, last) = subject.registry.table(subject.table), subject.rows
    rows = subject.calendar.row_at_or_after(subject.bars.minutes)
    low = first + (last - first) // 4
    removed = (rows >= low) & (rows < low + 30)
    assert removed.any()
    damaged, whole = subject.whole(subject.bars.take(~removed)), subject.whole()
    assert_equal(shown(damaged, 0, low - first), shown(whole, 0, low - first))
    # A gap ends with the next bar; from there the memory counts.
    after = int(rows[rows >= low + 30][0]) + spec.memory - first
    assert after < last - first
    assert_equal(shown(damaged, after), shown(whole, after))


CONTRACT: dict[str, Callable[[Subject], None]] = {
    f.__name__: f for f in (truncation, shock, look_back, incremental, columns, nulls, scale, gaps)
}

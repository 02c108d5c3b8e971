"""What every feature family must keep, whatever it computes. Each function fails by asserting."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bqx.domains.grid import BarArrays
from bqx.domains.together import PairBars, Together
from bqx.features.compute import Slice, TableData, compute_tables
from bqx.features.registry import Registry
from bqx.features.stateless import compute_data
from bqx.features.table import TableSpec
from bqx.market import Calendar


@dataclass(frozen=True)
class Subject:
    """A table under test, with the bars of a pair and of others to try it on."""

    registry: Registry
    table: str
    pair: str
    market: Mapping[str, BarArrays]
    calendar: Calendar

    @property
    def bars(self) -> BarArrays:
        """The bars of the pair."""
        return self.market[self.pair]

    @property
    def rows(self) -> tuple[int, int]:
        """Absolute rows from the first to the last bar, half open."""
        ends = self.calendar.row_at_or_after(self.bars.minutes[[0, -1]])
        return int(ends[0]), int(ends[1]) + 1

    @property
    def spec(self) -> TableSpec:
        """The table."""
        return self.registry.table(self.table)

    def changed(self, change: Callable[[BarArrays], BarArrays]) -> Subject:
        """The same with other bars, of all pairs."""
        return replace(self, market={p: change(b) for p, b in self.market.items()})

    def row_of(self, bars: BarArrays) -> NDArray[np.int64]:
        """Absolute row of each bar."""
        return np.asarray(self.calendar.row_at_or_after(bars.minutes))

    def whole(self, other: Subject | None = None) -> TableData:
        """The table over all rows, on the subject's bars or another's.

        The baseline is always the first bar of the subject.
        """
        used = (other or self)._around(self)
        return compute_data(self.registry, {self.table: self.spec}, used, exact=True)[self.table]

    def piece(self, low: int, high: int, memory: int | None = None) -> TableData:
        """The table over absolute rows [low, high), from no more than its declared memory."""
        first = max(low - (memory or self.spec.memory) + 1, self.rows[0])
        domains = self._around(self).slice(first, high, single=self.spec.single)
        piece = Slice(domains, low - first)
        found = compute_tables(self.registry, {self.table: self.spec}, piece, exact=True)
        return found[self.table]

    def _around(self, base: Subject) -> Together:
        pairs = {p: PairBars(b, float(base.market[p].close[0])) for p, b in self.market.items()}
        return Together(self.pair, pairs, self.calendar)


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
    for cut in cuts(subject, 6):
        past = subject.whole(subject.changed(partial(_until, subject, int(cut))))
        assert_equal(shown(past), shown(whole, 0, int(cut) - first + 1))


def shock(subject: Subject) -> None:
    """Values up to t do not change when the prices after t do."""
    whole, first = subject.whole(), subject.rows[0]
    for cut in cuts(subject, 3):
        shocked = subject.whole(subject.changed(partial(_shocked, subject, int(cut))))
        end = int(cut) - first + 1
        assert_equal(shown(shocked, 0, end), shown(whole, 0, end))


def _until(subject: Subject, cut: int, bars: BarArrays) -> BarArrays:
    return bars.take(subject.row_of(bars) <= cut)


def _shocked(subject: Subject, cut: int, bars: BarArrays) -> BarArrays:
    # Each pair gets a factor of its own: equal ones would cancel between pairs.
    factor = 1.5 + bars.close[0] % 0.5
    factors = np.where(subject.row_of(bars) > cut, factor, 1.0)
    return bars.times(factors, factors)


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
    whole, spec = subject.whole(), subject.spec
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
    observed = np.full(last - first, subject.spec.single)
    observed[subject.row_of(subject.bars) - first] = True
    expected = {h: _valid(observed, h) for h in {c.column.history for c in whole.columns}}
    for c in whole.columns:
        if c.column.nullable:
            assert not (c.valid & ~expected[c.column.history]).any()
        else:
            assert np.array_equal(c.valid, expected[c.column.history]), c.column.name


def _valid(observed: NDArray[np.bool_], history: int) -> NDArray[np.bool_]:
    """The rule of validity, written row by row."""
    valid = np.zeros(len(observed), np.bool_)
    seen, age = 0, 6
    for t, here in enumerate(observed.tolist()):
        seen += here
        age = 0 if here else age + 1
        if t >= history:
            seen -= bool(observed[t - history])
        valid[t] = t >= history - 1 and age <= 5 and 10 * seen >= 9 * history
    return valid


def scale(subject: Subject) -> None:
    """Prices times a constant give the same values: the index is relative to its baseline."""
    twin = subject.changed(lambda bars: bars.times(4.0))
    # A power of two changes no mantissa, so the bits must agree.
    raw = {
        column.name
        for column in subject.spec.columns
        if subject.registry.family(column.family).raw_prices
    }
    scaled, whole = (
        {name: bits for name, bits in shown(data).items() if name not in raw}
        for data in (twin.whole(), subject.whole())
    )
    assert_equal(scaled, whole)


def gaps(subject: Subject) -> None:
    """Removing minutes changes only the rows that can remember them."""
    spec, (first, last) = subject.spec, subject.rows
    low = first + (last - first) // 4
    damaged = subject.changed(partial(_without, subject, low))
    assert len(damaged.bars.minutes) < len(subject.bars.minutes)
    found, whole = subject.whole(damaged), subject.whole()
    assert_equal(shown(found, 0, low - first), shown(whole, 0, low - first))
    if spec.fits:
        return  # parameters remember everything
    # A gap ends with the next bar; from there the memory counts.
    ends = [rows[rows >= low + 30][0] for rows in map(subject.row_of, subject.market.values())]
    after = int(max(ends)) + spec.memory - first
    assert after < last - first
    assert_equal(shown(found, after), shown(whole, after))


def _without(subject: Subject, low: int, bars: BarArrays) -> BarArrays:
    rows = subject.row_of(bars)
    return bars.take((rows < low) | (rows >= low + 30))


CONTRACT: dict[str, Callable[[Subject], None]] = {
    f.__name__: f for f in (truncation, shock, look_back, incremental, columns, nulls, scale, gaps)
}

"""Trials of one pair and month: rows without their future, a beginning with more past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bqx.checks.replay import Replay, Results, differing, evaluate, groups_of
from bqx.checks.rows import outdated
from bqx.checks.tally import Check, Tally
from bqx.checks.unit import Stored, Values, read_stored
from bqx.market import moment_of
from bqx.store.around import load_slice
from bqx.store.base import BaseStore
from bqx.store.slices import Extent, Inputs

TRUNCATION = Check(name="truncation", title="The value is the same when all later bars are removed")
SHOCKS = Check(name="shocks", title="The value is the same when all later bars are other ones")
COLD_START = Check(
    name="cold_start",
    title="A month's first rows are the same whether the slice begins there or far earlier",
)
CHECKS = (TRUNCATION, SHOCKS, COLD_START)

FUTURE = 256
"""Rows after the tried one that are shocked."""
LONG_PAST = 50_000
"""Rows before a month from which its beginning is computed again."""


@dataclass(frozen=True)
class Month:
    """One pair and month to look at.

    Attributes:
        pair: Pair.
        month: ``yyyy_mm``.
        span: Extent of the pair.
        low: First absolute row of the month.
        high: One after its last.
    """

    pair: str
    month: str
    span: Extent
    low: int
    high: int


@dataclass
class _Comparison:
    """Counts differences by column, and keeps the first of each."""

    tally: Tally
    _wrong: dict[tuple[str, str], tuple[int, str, str]] = field(default_factory=dict)

    def add(self, found: Results, expected: Results, minute: int) -> None:
        """Compare the columns of ``found`` with those expected, on rows from ``minute`` on."""
        for key, values in found.items():
            self._add(key, values, expected[key], minute)

    def _add(
        self, key: tuple[str, str], found: Values | str, expected: Values | str, minute: int
    ) -> None:
        if isinstance(found, str) or isinstance(expected, str):
            self.tally.count(1)
            self._fail(key, 1, *(x if isinstance(x, str) else "values" for x in (found, expected)))
            return
        wrong = differing(found, expected)
        self.tally.count(len(wrong))
        if wrong.any():
            at = int(np.argmax(wrong))
            time = f"{moment_of(minute):%Y-%m-%d %H:%M}" + (f" + {at} rows" if at else "")
            texts = (_text(found, at), _text(expected, at))
            self._fail(key, int(wrong.sum()), f"{texts[0]} at {time}", texts[1])

    def _fail(self, key: tuple[str, str], number: int, found: str, expected: str) -> None:
        before = self._wrong.get(key, (0, found, expected))
        self._wrong[key] = (before[0] + number, *before[1:])

    def close(self) -> Tally:
        """The tally with one finding per column."""
        for (table, column), (number, found, expected) in self._wrong.items():
            self.tally.fail(table, column, f"{number:,} rows differ; {found}", expected, number)
        return self.tally


def _text(column: Values, row: int) -> str:
    return repr(float(column[0][row])) if column[1][row] else "NULL"


class Trial:
    """Trials of one pair and month.

    Args:
        store: The store.
        names: Tables to try.
        month: Where.
    """

    def __init__(self, store: BaseStore, names: Sequence[str], month: Month) -> None:
        self._store = store
        self._month = month
        self._specs = {name: store.tables[name] for name in names}
        self._groups = groups_of(self._specs.values())
        self._reach = max(group.memory for group in self._groups)

    def rows(self, count: int, seed: int) -> list[Tally]:
        """Compute random rows from the bars up to each of them, and with shocks after it.

        The cut slice is compared with the reference; the shocked one with the cut one, which begins
        at the same row, so that it differs by nothing but the future.
        """
        month = self._month
        truncation, shocks = self._comparison(TRUNCATION), self._comparison(SHOCKS)
        reference = self._reference(truncation.tally)
        replay = self._replay(month.low - self._reach, month.high + FUTURE)
        rng = np.random.default_rng(seed)
        inside = replay.rows[(replay.rows >= month.low) & (replay.rows < month.high)]
        for row in np.sort(rng.choice(inside, min(count, len(inside)), replace=False)).tolist():
            minute = self._minute(row)
            expected = _at(reference, row - month.low, 1)
            for group in self._groups:
                first = replay.start(row, group.memory)
                cut = replay.compute(group.spec, replay.piece(first, row, row + 1))
                after = min(row + 1 + FUTURE, month.span.last)
                shocked = replay.piece(first, row, after, noise=rng)
                truncation.add(cut, expected, minute)
                shocks.add(_at(replay.compute(group.spec, shocked), 0, 1), cut, minute)
        return [truncation.close(), shocks.close()]

    def beginning(self) -> list[Tally]:
        """Compute a month's first rows from far more past, and from no more than is declared."""
        month = self._month
        cold = self._comparison(COLD_START)
        end = min(month.low + self._reach, month.high)
        reference = _at(self._reference(cold.tally), 0, end - month.low)
        # All slices go on beyond the rows that are compared: this check is about their beginning.
        after = min(end + FUTURE, month.high)
        begin = max(month.low - LONG_PAST, month.span.first)
        replay = self._replay(begin, after)
        piece = replay.piece(begin, month.low, after)
        long = _at(evaluate(self._store.registry, self._specs, piece), 0, end - month.low)
        minute = self._minute(month.low)
        cold.add(reference, long, minute)
        for group in self._groups:
            first = replay.start(month.low, group.memory)
            alone = replay.compute(group.spec, replay.piece(first, month.low, after))
            cold.add(_at(alone, 0, end - month.low), long, minute)
        return [cold.close()]

    def _comparison(self, check: Check) -> _Comparison:
        return _Comparison(Tally(check.name, self._month.pair, self._month.month))

    def _replay(self, low: int, high: int) -> Replay:
        peers = any(spec.peers for spec in self._specs.values())
        place = self._month.pair, self._month.span
        return Replay(self._store, *place, (low, high), peers=peers)

    def _minute(self, row: int) -> int:
        return int(self._store.calendar.minutes(row, row + 1)[0])

    def _reference(self, tally: Tally) -> Results:
        """The month's columns as stored, or where none are current, as a build makes them."""
        month, store = self._month, self._store
        rows = month.low, month.high
        minutes = store.calendar.minutes(*rows)
        results: Results = {}
        missing = {}
        inputs = Inputs(store)
        for name, spec in self._specs.items():
            key = (name, month.pair, month.month)
            record = store.state.partitions(name, month.pair).get(key)
            current = record is not None and outdated(store, record, inputs) is None
            stored = read_stored(store, key, minutes) if current else "outdated"
            if isinstance(stored, Stored):
                results |= {(name, c.name): stored.column(c.name) for c in spec.columns}
            else:
                missing[name] = spec
        if missing:
            tally.note(len(missing), "partitions not stored or outdated; computed instead")
            memory = max(spec.memory for spec in missing.values())
            piece = load_slice(store, month.pair, month.span, rows, memory)
            results |= evaluate(store.registry, missing, piece)
        return results


def _at(results: Results, row: int, count: int) -> Results:
    """Some rows of columns."""
    part = slice(row, row + count)
    return {
        key: column if isinstance(column, str) else (column[0][part], column[1][part])
        for key, column in results.items()
    }

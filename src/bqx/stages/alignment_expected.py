"""What a pair's tables must hold, worked out from the bars of the same database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from bqx.checks.expected import Truth
from bqx.domains.grid import BoolArray, Int64Array
from bqx.features.table import KEY
from bqx.market import month_bounds
from bqx.postgres.connect import reported
from bqx.stages.legacy_bars import LegacyBars
from bqx.stages.target import SCHEMA, PostgresTarget

K = TypeVar("K")
_MINUTE = 60_000_000
_EPOCH_MINUTES = 946_684_800 // 60  # from 1970, ours, to 2000, PostgreSQL's


def key_minutes(target: PostgresTarget, table: str, schema: str = SCHEMA) -> Int64Array:
    """Epoch minutes of all rows of a table, ascending; times within a minute are rounded down."""
    # One long value per partition: a row each would cost more to fetch than all else.
    query = (
        f"SELECT string_agg(timestamptz_send({KEY}), ''::bytea)"
        f" FROM {schema}.{table} GROUP BY tableoid"
    )
    with reported(f"reading the times of {table}"):
        rows = target.connection.cursor(binary=True).execute(query).fetchall()
    micros = np.frombuffer(b"".join(row[0] for row in rows), ">i8").astype(np.int64)
    return np.sort(micros // _MINUTE + _EPOCH_MINUTES)


def among(minutes: Int64Array, others: Int64Array) -> BoolArray:
    """Whether each minute is one of some others, which ascend."""
    if not len(others):
        return np.zeros(len(minutes), np.bool_)
    at = np.minimum(np.searchsorted(others, minutes), len(others) - 1)
    return np.asarray(others[at] == minutes)


@dataclass(frozen=True)
class Rows:
    """Rows of one partition against those that it must have.

    Attributes:
        found: Rows that are there.
        expected: Trading minutes from the month's first bar to its last.
        missing: Expected rows that are not there.
        lost: Bars among them.
    """

    found: int
    expected: int
    missing: int
    lost: int


class Expected:
    """Rows and values of a pair, as its bars ask for them.

    Args:
        bars: The bars.
    """

    def __init__(self, bars: LegacyBars) -> None:
        self.truth: Truth = bars.truth
        self._valid: dict[int, BoolArray] = {}

    @cached_property
    def _length(self) -> int:
        return len(self.truth.minutes)

    def valid(self, history: int) -> BoolArray:
        """Where a value with that history must be shown, one flag per trading minute."""
        if history not in self._valid:
            self._valid[history] = self.truth.valid(history, 0, self._length)
        return self._valid[history]

    def rows(self, minutes: Int64Array, months: Iterable[str]) -> dict[str, Rows]:
        """Rows of a table against the trading minutes, by month."""
        there = np.zeros(self._length, np.bool_)
        at, on_grid = self._places(minutes)
        there[at[on_grid]] = True
        bars = self.truth.bars
        found = {}
        for month in months:
            low, high = self.truth.span(month)
            own = bars[np.searchsorted(bars, low) : np.searchsorted(bars, high)]
            first, end = (int(own[0]), int(own[-1]) + 1) if len(own) else (low, low)
            inside = np.searchsorted(minutes, month_bounds(month))
            found[month] = Rows(
                found=int(inside[1] - inside[0]),
                expected=end - first,
                missing=int(np.count_nonzero(~there[first:end])),
                lost=int(np.count_nonzero(~there[own])),
            )
        return found

    def values(
        self, minutes: Int64Array, months: Iterable[str], needs: Mapping[K, Iterable[int]]
    ) -> dict[str, dict[K, int]]:
        """Rows of a table that must show something, by month and by what it is.

        Args:
            minutes: The rows.
            months: The months.
            needs: Histories that must all be complete, by what needs them.
        """
        at, on_grid = self._places(minutes)
        shown = {
            key: np.logical_and.reduce([on_grid, *(self.valid(h)[at] for h in histories)])
            for key, histories in needs.items()
        }
        found = {}
        for month in months:
            low, high = np.searchsorted(minutes, month_bounds(month))
            found[month] = {key: int(np.count_nonzero(s[low:high])) for key, s in shown.items()}
        return found

    def _places(self, minutes: Int64Array) -> tuple[Int64Array, BoolArray]:
        """Position of each minute among the trading minutes, and whether it is one."""
        at = np.minimum(np.searchsorted(self.truth.minutes, minutes), self._length - 1)
        return at, self.truth.minutes[at] == minutes

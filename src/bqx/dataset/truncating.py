"""Features computed again around one row, on bars that end there or go on otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bqx.checks.replay import Replay, evaluate
from bqx.checks.unit import Values
from bqx.dataset.columns import Choice
from bqx.dataset.dataset import Matrix
from bqx.dataset.frames import Specs, grouped, look_back, read_columns, tables_by_owner
from bqx.dataset.naming import Feature, Place, owner
from bqx.dataset.narrow import raw
from bqx.domains.grid import BoolArray
from bqx.features.compute import Slice
from bqx.features.table import ALL
from bqx.store.base import BaseStore
from bqx.store.slices import Extent, extent, row_runs

Float32Array = NDArray[np.float32]

FUTURE = 256
"""Rows after the tried one that are shocked."""
A_DAY = 1440
"""Rows after the tried one that can be asked for."""


@dataclass(frozen=True)
class Computed:
    """Features on some rows.

    Attributes:
        values: Shape (rows, features), float32, NaN where there is no value.
        failed: Reasons by number of feature, of those that could not be computed.
    """

    values: Matrix
    failed: dict[int, str]


class Around:
    """The bars around one row of a pair, and features computed on them.

    Args:
        store: Where the bars are.
        features: The features.
        pair: The pair.
        row: The absolute row.
        block: Rows that are asked for; the last of them is ``row``.
    """

    def __init__(
        self, store: BaseStore, features: Sequence[Feature], pair: str, row: int, block: int = 1
    ) -> None:
        self.row = row
        self._store = store
        self._features = tuple(features)
        self._pair = pair
        self._block = block
        choice = Choice(self._features)
        self._low = row - block + 1 - choice.lead
        self._lead = choice.lead
        tables = tables_by_owner(store.registry, choice, pair)
        self._owners = [
            _Owner(store, name, specs, row, self._low) for name, specs in tables.items()
        ]

    def values(self, *, later: int = 0, noise: np.random.Generator | None = None) -> Computed:
        """The features on the last rows of bars up to ``later`` rows after the row.

        Args:
            later: Rows after the row that are known, at most `A_DAY`.
            noise: Where shocks come from, for the prices after the row; they are not known when
                None and ``later`` is 0.
        """
        found: dict[tuple[str, Place], Float32Array | str] = {}
        for each in self._owners:
            found |= each.columns(later, noise)
        out = np.full((self._block, len(self._features)), np.nan, np.float32)
        failed = {}
        for k, feature in enumerate(self._features):
            column = found[owner(feature, self._pair, self._store.registry), feature.place]
            if isinstance(column, str):
                failed[k] = column
            else:
                begin = self._lead - feature.lag
                out[:, k] = column[begin : begin + self._block]
        return Computed(out, failed)


class _Owner:
    """The tables of one pair, or of the store, that features are of."""

    def __init__(self, store: BaseStore, name: str, specs: Specs, row: int, low: int) -> None:
        self._store, self._name, self._specs = store, name, specs
        self._row, self._low = row, low
        known = name in {ALL, *store.state.pairs()}
        self._span: Extent | None = extent(store, name) if known else None

    def columns(
        self, later: int, noise: np.random.Generator | None
    ) -> dict[tuple[str, Place], Float32Array | str]:
        """Columns from the lowest row to the row, NaN where the pair has no row."""
        places = [(t, c) for t, spec in self._specs.items() for c in spec.column_names]
        begin, end = self._inside
        found: dict[Place, Values | str] = {}
        if begin < end:
            for group in grouped(self._specs):
                piece = self._piece(look_back(group), begin, later, noise)
                found |= evaluate(self._store.registry, group, piece)
        return {(self._name, place): self._laid(found.get(place)) for place in places}

    @property
    def _inside(self) -> tuple[int, int]:
        """The rows that are asked for and lie between the first and the last bar."""
        if self._span is None:
            return 0, 0
        return max(self._low, self._span.first), min(self._row + 1, self._span.last)

    @cached_property
    def _replay(self) -> Replay:
        assert self._span is not None  # noqa: S101
        reach = max(look_back(group) for group in grouped(self._specs))
        rows = self._low - reach, self._row + 1 + max(A_DAY, FUTURE)
        peers = any(spec.peers for spec in self._specs.values())
        return Replay(self._store, self._name, self._span, rows, peers=peers)

    def _piece(
        self, memory: int, begin: int, later: int, noise: np.random.Generator | None
    ) -> Slice:
        first = self._replay.start(begin, memory)
        if noise is None:
            return self._replay.piece(first, begin, self._end(later))
        shocked = self._replay.piece(first, self._row, self._end(FUTURE), noise=noise)
        return Slice(shocked.domains, begin - first)

    def _end(self, later: int) -> int:
        last = self._row + 1 if self._span is None else self._span.last
        return min(self._row + 1 + later, last)

    @cached_property
    def _present(self) -> BoolArray:
        """On which of the rows the pair has any."""
        rows = np.arange(self._low, self._row + 1)
        found = np.zeros(len(rows), np.bool_)
        if self._span is not None:
            for low, high in row_runs(self._store, self._name, self._span):
                found |= (rows >= low) & (rows < high)
        return found

    def _laid(self, column: Values | str | None) -> Float32Array | str:
        if isinstance(column, str):
            return column
        out = np.full(self._row + 1 - self._low, np.nan, np.float32)
        if column is not None:
            begin, end = self._inside
            values, valid = (part[: end - begin] for part in column)
            out[begin - self._low : end - self._low] = np.where(valid, values, np.nan)
        out[~self._present] = np.nan
        return out


def truthful(store: BaseStore, feature: Feature, pair: str, rows: tuple[int, int]) -> Float32Array:
    """A feature on many rows, as a build makes it from the bars.

    Args:
        store: Where the bars are.
        feature: The feature.
        pair: The pair of the rows.
        rows: Absolute rows, half open.
    """
    choice = Choice((feature,))
    ((name, specs),) = tables_by_owner(store.registry, choice, pair).items()
    reached = rows[0] - feature.lag, rows[1]
    column = read_columns(store, name, specs, reached, "computed")[feature.place]
    return raw(column)[: rows[1] - rows[0]].astype(np.float32, copy=False)


def differing(found: Matrix, expected: Matrix) -> BoolArray:
    """Where two arrays of float32 differ: in a value, or in being there."""
    there, wanted = ~np.isnan(found), ~np.isnan(expected)
    return np.asarray((there != wanted) | (there & wanted & (found != expected)))

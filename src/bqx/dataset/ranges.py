"""Sets of grid rows as sorted, disjoint, half-open ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_SPARSE = 16
"""Rows of a span for each given row, above which sorting is cheaper than marking the span."""


def distinct(rows: Int64Array) -> Int64Array:
    """The given rows in ascending order, each once.

    Rows of several pairs lie dense on the grid, where marking them is far quicker than sorting.
    """
    if not len(rows):
        return rows
    first, span = int(rows.min()), int(np.ptp(rows)) + 1
    if span > _SPARSE * len(rows):
        return np.unique(rows)
    present = np.zeros(span, np.bool_)
    present[rows - first] = True
    return np.flatnonzero(present) + first


@dataclass(frozen=True)
class Ranges:
    """A set of absolute grid rows, kept as ranges ``[start, stop)``.

    However the spans are given, they are kept sorted, merged where they touch, and without empty
    ones; so two objects are equal exactly if they hold the same rows.

    Args:
        spans: Starts and exclusive stops, in any order, overlapping or not.

    Raises:
        ConfigError: If a span stops before it starts.
    """

    spans: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "spans", _merged(self.spans))

    @classmethod
    def of(cls, *spans: tuple[int, int]) -> Ranges:
        """The rows of some spans: ``Ranges.of((0, 10), (20, 30))``."""
        return cls(spans)

    @classmethod
    def from_rows(cls, rows: Int64Array) -> Ranges:
        """The set of the given rows, in any order and with repeats."""
        unique = distinct(np.asarray(rows, np.int64))
        if not len(unique):
            return cls()
        breaks = np.flatnonzero(np.diff(unique) > 1)
        starts = unique[np.concatenate(([0], breaks + 1))]
        stops = unique[np.concatenate((breaks, [len(unique) - 1]))] + 1
        return cls(tuple(zip(starts.tolist(), stops.tolist(), strict=True)))

    @classmethod
    def from_json(cls, value: object) -> Ranges:
        """Read what `to_json` made.

        Raises:
            ConfigError: If the value is no list of pairs of whole numbers.
        """
        if not isinstance(value, list) or not all(_is_span(span) for span in value):
            raise ConfigError(f"unreadable row ranges {value!r}", expected="[[start, stop], …]")
        return cls(tuple((span[0], span[1]) for span in value))

    def to_json(self) -> list[list[int]]:
        """The ranges as lists of start and stop."""
        return [[start, stop] for start, stop in self.spans]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges in order."""
        return iter(self.spans)

    def __bool__(self) -> bool:
        """Whether there is a row at all."""
        return bool(self.spans)

    def __str__(self) -> str:
        """The first ranges, and how many there are in all."""
        shown = ", ".join(f"[{start}, {stop})" for start, stop in self.spans[:3])
        more = f", … {len(self.spans)} ranges" if len(self.spans) > 3 else ""
        return f"{shown}{more}" if shown else "no rows"

    @property
    def first(self) -> int:
        """The least row.

        Raises:
            ConfigError: If there is none.
        """
        return self._border()[0]

    @property
    def stop(self) -> int:
        """One after the greatest row.

        Raises:
            ConfigError: If there is none.
        """
        return self._border()[1]

    def _border(self) -> tuple[int, int]:
        if not self.spans:
            raise ConfigError("a set of rows is empty", expected="at least one row")
        return self.spans[0][0], self.spans[-1][1]

    @cached_property
    def _edges(self) -> tuple[Int64Array, Int64Array]:
        pairs = np.array(self.spans, np.int64).reshape(-1, 2)
        return pairs[:, 0].copy(), pairs[:, 1].copy()

    @cached_property
    def count(self) -> int:
        """Number of rows."""
        return sum(stop - start for start, stop in self.spans)

    def rows(self) -> Int64Array:
        """All rows, ascending."""
        starts, stops = self._edges
        lengths = stops - starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(starts - before, lengths) + np.arange(self.count, dtype=np.int64)

    def row_at(self, position: int) -> int:
        """The row with that many rows of the set before it.

        Raises:
            ConfigError: If the set has fewer rows.
        """
        for start, stop in self.spans:
            if position < stop - start:
                return start + position
            position -= stop - start
        raise ConfigError(f"a set of {self.count} rows has no row that far", expected="fewer")

    def mask(self, rows: Int64Array) -> BoolArray:
        """Whether each of the given rows is in the set; rows may stand in any order."""
        rows = np.asarray(rows, np.int64)
        starts, stops = self._edges
        if not len(starts):
            return np.zeros(rows.shape, np.bool_)
        place = np.searchsorted(starts, rows, side="right") - 1
        inside = (place >= 0) & (rows < stops[np.maximum(place, 0)])
        return np.asarray(inside, np.bool_)

    def union(self, other: Ranges) -> Ranges:
        """Rows of either."""
        return Ranges(self.spans + other.spans)

    def intersect(self, other: Ranges) -> Ranges:
        """Rows of both."""
        return self._combined(other, np.logical_and)

    def minus(self, other: Ranges) -> Ranges:
        """Rows that the other has not."""
        return self._combined(other, np.greater)

    def widen(self, before: int, after: int) -> Ranges:
        """Every range with further rows before and after it; what then touches is merged.

        Raises:
            ConfigError: If a number is negative.
        """
        if min(before, after) < 0:
            raise ConfigError(f"widening by {before} and {after} rows", expected="at least 0")
        return Ranges(tuple((start - before, stop + after) for start, stop in self.spans))

    def _combined(self, other: Ranges, rule: Callable[[BoolArray, BoolArray], BoolArray]) -> Ranges:
        """Between two neighbouring edges of both sets, membership in each does not change."""
        edges = np.unique(np.concatenate([*self._edges, *other._edges]))
        lows = edges[:-1]
        keep = rule(self.mask(lows), other.mask(lows))
        pairs = zip(lows[keep].tolist(), edges[1:][keep].tolist(), strict=True)
        return Ranges(tuple(pairs))


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, stop in sorted((int(a), int(b)) for a, b in spans):
        if stop < start:
            raise ConfigError(f"rows [{start}, {stop})", expected="a stop not before the start")
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        elif start < stop:
            found.append((start, stop))
    return tuple(found)


def _is_span(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return all(isinstance(v, int) and not isinstance(v, bool) for v in value)

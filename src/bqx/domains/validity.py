"""Validity: the one place that decides where a value may be shown.

A value is NULL at row t unless its whole history lies after the first bar, at least 90 % of the
history's minutes are observed, and the newest observation is at most 5 rows old.
"""

from __future__ import annotations

import numpy as np

from bqx.domains.grid import BoolArray, Grid

COVERAGE_PERCENT = 90
MAX_AGE = 5


class Validity:
    """Validity masks over a slice, one per history.

    Args:
        grid: The slice. It must reach back far enough: to the first bar, or by the longest
            history before the rows that are asked for.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._observed = np.concatenate(
            ([0], np.cumsum(grid.observed, dtype=np.int32)), dtype=np.int32
        )
        self._masks: dict[int, BoolArray] = {}

    def mask(self, history: int) -> BoolArray:
        """Whether a value with that history is valid, one flag per row of the slice."""
        if history not in self._masks:
            self._masks[history] = self._make(history)
        return self._masks[history]

    def _make(self, history: int) -> BoolArray:
        grid = self._grid
        n = len(grid)
        # The earliest row whose history fits both the slice and the pair's own past.
        first = max(grid.start - grid.first, 0) + history - 1
        mask = np.zeros(n, np.bool_)
        if first >= n:
            return mask
        # Counts are integers: 10 * observed >= 9 * history has no rounding.
        counts = self._observed[first + 1 :] - self._observed[first + 1 - history : n + 1 - history]
        mask[first:] = (100 * counts >= COVERAGE_PERCENT * history) & (grid.age[first:] <= MAX_AGE)
        return mask

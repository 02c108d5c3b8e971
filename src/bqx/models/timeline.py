"""Per-row quantities brought onto one axis of time, on which dependence is measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import distinct

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Timeline:
    """The distinct rows behind a sample of one or several pairs.

    What happens in one minute to several pairs is not independent. So their quantities are added
    up by row before anything is resampled or correlated.

    Args:
        rows: Absolute grid row of each value, in any order, with repeats for several pairs.
    """

    def __init__(self, rows: Ints) -> None:
        self._plain = bool(np.all(rows[1:] > rows[:-1]))
        self.times: Ints = rows if self._plain else distinct(rows)
        self._place = None if self._plain else np.searchsorted(self.times, rows)

    def __len__(self) -> int:
        """Number of distinct rows."""
        return len(self.times)

    @property
    def span(self) -> int:
        """Rows from the first to the last, present or not."""
        return int(self.times[-1] - self.times[0]) + 1

    def sums(self, values: Floats) -> Floats:
        """The sum of the values of each distinct row, in the order of time."""
        if self._place is None:
            return values
        found = np.bincount(self._place, weights=values, minlength=len(self))
        return np.asarray(found, np.float64)

    def dense(self, sums: Floats) -> Floats:
        """Sums by distinct row on an axis without holes: 0 where no row stands.

        Sums of centred quantities lose nothing by it (amplitude modulation, Parzen 1963): a product
        of two rows k apart is counted exactly if both are there.
        """
        if self.span == len(self):
            return sums
        filled = np.zeros(self.span)
        filled[self.times - self.times[0]] = sums
        return filled

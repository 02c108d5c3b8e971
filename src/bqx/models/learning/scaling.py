"""Features as linear learners need them: centred, on one scale, without outliers or gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqx.models.learning.samples import Features, Floats

_MOST = 10_000
"""Rows from which quartiles are taken; more add nothing to them."""

_COLUMNS = 64
"""Columns that are sorted at a time."""

_NORMAL = 1.3489795003921634
"""Distance of the quartiles of a normal distribution with standard deviation 1."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """Median and spread of each column, from the rows that are fitted on.

    Attributes:
        centre: Median, shape (columns,).
        spread: Distance of the quartiles in normal standard deviations; the standard deviation of
            columns that rarely change, such as flags; 0 for those that never do.
        clip: Greatest distance from the centre, in spreads.
    """

    centre: Floats
    spread: Floats
    clip: float

    @classmethod
    def measured(cls, matrix: Features, clip: float) -> Scaling:
        """Measure on some rows, evenly taken if there are many."""
        sample = matrix[:: -(-len(matrix) // _MOST)]
        starts = range(0, matrix.shape[1], _COLUMNS)
        parts = [_centre_and_spread(sample[:, at : at + _COLUMNS]) for at in starts]
        centre, spread = np.hstack(parts) if parts else np.empty((2, 0))
        return cls(centre, spread, clip)

    def scaled(self, matrix: Features) -> Floats:
        """Scaled and winsorised values; 0, the median, where there is none."""
        moved = self.spread > 0.0
        with np.errstate(invalid="ignore"):
            found = (matrix - self.centre) / np.where(moved, self.spread, np.inf)
        np.clip(found, -self.clip, self.clip, out=found)
        return np.nan_to_num(found, copy=False, nan=0.0)


def _centre_and_spread(columns: Features) -> Floats:
    """Median and spread of some columns, shape (2, columns); 0 and 0 where nothing is known."""
    values = np.sort(np.where(np.isfinite(columns), columns, np.nan).astype(np.float64), axis=0)
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    low, centre, high = (_ranked(values, counts, level) for level in (0.25, 0.5, 0.75))
    spread = (high - low) / _NORMAL
    rare = (spread == 0.0) & (counts > 0)
    if rare.any():
        spread[rare] = np.nanstd(values[:, rare], axis=0)
    return np.array([centre, spread])


def _ranked(
    values: Floats, counts: np.ndarray[tuple[int, ...], np.dtype[np.intp]], level: float
) -> Floats:
    """The value of a rank among the known ones of each column, all of which stand first."""
    place = (level * np.maximum(counts - 1, 0)).round().astype(np.intp)
    found = values[place, np.arange(values.shape[1])]
    return np.where(counts > 0, found, 0.0)

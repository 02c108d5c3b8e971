"""Products of lagged series, added up in blocks of rows and shared by all pairs of series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = 4096
"""Rows whose lags are laid out at a time."""


def lags_of(series: Floats, lags: int) -> Floats:
    """A view of a series at lag 0, 1, … ``lags``, shape (n - lags, lags + 1), from row ``lags``."""
    return np.asarray(sliding_window_view(series, lags + 1)[:, ::-1])


@dataclass(frozen=True)
class PairMoments:
    """Products of 1 and the lags of two series, over the rows where both are complete.

    Attributes:
        lags: Greatest lag p.
        counts: Rows of each two series, shape (m, m).
        own: ``own[i, j]``: products of 1 and the lags 0 … p of series i on the rows of i and j,
            shape (m, m, p + 2, p + 2).
        cross: ``cross[i, j]``: of those of i with those of j.
    """

    lags: int
    counts: NDArray[np.int64]
    own: Floats
    cross: Floats

    def joint(self, target: int, source: int) -> Floats:
        """Products of 1, the target at lag 0 … p, the source at lag 0 … p."""
        size = self.lags + 2
        out = np.empty((2 * size - 1, 2 * size - 1))
        out[:size, :size] = self.own[target, source]
        out[size:, size:] = self.own[source, target][1:, 1:]
        out[:size, size:] = self.cross[target, source][:, 1:]
        out[size:, :size] = out[:size, size:].T
        return out


def pair_moments(standard: Floats, usable: Flags, lags: int) -> PairMoments:
    """The products of every two of several series, in one pass over the rows.

    Two series use the rows in which both are complete, so nothing is shared as it stands. But with
    V the 0/1 flags, the products across are those of the series set to 0 where not complete, and
    the products of a series with itself on the rows of another are a product of two matrices: all
    products of its lags, and the flags of all others.

    Args:
        standard: Shape (m, n), 0 in holes.
        usable: Where a series and its lags are valid, shape (m, n).
        lags: Greatest lag p.
    """
    m, size = len(standard), lags + 2
    rows, columns = np.triu_indices(size)
    crossed = np.zeros((m * size, m * size))
    owned = np.zeros((m, len(rows), m))
    for flags, blocks in _blocks(standard, usable, lags):
        joined = blocks.reshape(len(blocks), m * size)
        crossed += joined.T @ joined
        for i in range(m):
            owned[i] += (blocks[:, i, rows] * blocks[:, i, columns]).T @ flags
    own = np.empty((m, m, size, size))
    own[:, :, rows, columns] = own[:, :, columns, rows] = owned.transpose(0, 2, 1)
    cross = crossed.reshape(m, size, m, size).transpose(0, 2, 1, 3)
    return PairMoments(lags, np.rint(own[:, :, 0, 0]).astype(np.int64), own, cross)


def _blocks(standard: Floats, usable: Flags, lags: int) -> Iterator[tuple[Floats, Floats]]:
    """Flags (rows, m), and 1 and the lags of each series (rows, m, p + 2), 0 where not usable."""
    m, n = standard.shape
    views = [lags_of(series, lags) for series in standard]
    for begin in range(0, n - lags, BLOCK):
        end = min(begin + BLOCK, n - lags)
        flags = usable[:, begin + lags : end + lags].T.astype(np.float64)
        out = np.empty((end - begin, m, lags + 2))
        out[:, :, 0] = flags
        for i, view in enumerate(views):
            np.multiply(view[begin:end], flags[:, i, None], out=out[:, i, 1:])
        yield flags, out

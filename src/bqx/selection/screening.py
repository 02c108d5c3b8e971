"""Filters: features with too many NULLs, constant, duplicate, drifting and correlated ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from bqx.selection.ordering import Floats, Ints, Ordered, Singles, each

Bools = NDArray[np.bool_]

NULLS, CONSTANT, DUPLICATE = "nulls", "constant", "duplicate"
DRIFTING, CORRELATED = "drifting", "correlated"
"""The filters in their order."""

STRETCHES = 8
"""Parts of the time between which a feature drifts."""

TILE = 256
"""Columns of a block of the correlation matrix."""


def screen(
    found: Ordered,
    names: tuple[str, ...],
    *,
    max_nulls: float,
    max_share: float,
    max_drift: float,
) -> dict[int, str]:
    """The features that are left out because of their own values, with the filter that did it.

    Args:
        found: The columns.
        names: Their names; of equal columns the first by name stays.
        max_nulls: Greatest share of NULLs.
        max_share: Greatest share of the values that may be equal.
        max_drift: Greatest `drift`.

    Returns:
        The filter by the position of the feature.
    """
    n = found.ranks.shape[1]
    drifts = drift(found.ranks) > max_drift
    out: dict[int, str] = {}
    first: dict[str, int] = {}
    for j in np.argsort(np.array(names), kind="stable").tolist():
        if found.valid[j] < (1.0 - max_nulls) * n or found.valid[j] == 0:
            out[j] = NULLS
        elif found.longest[j] > max_share * found.valid[j]:
            out[j] = CONSTANT
        elif first.setdefault(found.hashes[j], j) != j:
            out[j] = DUPLICATE
        elif drifts[j]:
            out[j] = DRIFTING
    return out


def drift(ranks: Singles, stretches: int = STRETCHES) -> Floats:
    """The share of a column's variance that lies between stretches of time.

    It is the correlation ratio (Pearson 1905) of the ranks on the number of the stretch: 0 if the
    mean is the same in each, 1 if only the mean of the stretch varies. Of eight stretches of a
    random walk it is 0.8 in the median, and below 0.4 in one of fifty; of a stationary column it is
    about the time over which the column remembers, as a share of a stretch.

    Args:
        ranks: Standardised ranks, shape (f, n), in the order of time, NaN where no value is.
        stretches: Equal parts of the samples.

    Returns:
        Shape (f,); 0 for a column that does not vary.
    """
    between = np.zeros(len(ranks))
    for part in np.array_split(ranks, stretches, axis=1):
        counts = np.count_nonzero(~np.isnan(part), axis=1)
        between += np.nansum(part, axis=1, dtype=np.float64) ** 2 / np.maximum(counts, 1)
    valid = np.count_nonzero(~np.isnan(ranks), axis=1)
    return np.asarray(between / np.maximum(valid, 1), np.float64)


def uncorrelated(ranks: Singles, order: Ints, limit: float, threads: int = 1) -> Bools:
    """Whether each feature stays: the better one of two that are too highly correlated.

    Features are gone through from the best to the worst; one stays if its correlation with none
    of those that stayed is beyond the limit.

    Args:
        ranks: Standardised ranks, shape (f, n), NaN where no value is.
        order: Positions of the features, the best first.
        limit: Greatest absolute correlation.
        threads: Blocks of the correlation matrix at a time.

    Returns:
        Shape (f,).
    """
    alike = beyond(ranks, limit, threads)
    stays = np.zeros(len(ranks), np.bool_)
    for j in order.tolist():
        stays[j] = not (alike[j] & stays).any()
    return stays


def beyond(ranks: Singles, limit: float, threads: int = 1) -> Bools:
    """Which pairs of columns have an absolute correlation beyond a limit, shape (f, f).

    Of each pair the samples count where both have a value. One thread multiplies a block of the
    matrix, several multiply different ones, so that the result does not depend on their number.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    tiles = [slice(low, low + TILE) for low in range(0, len(ranks), TILE)]
    out = np.zeros((len(ranks), len(ranks)), np.bool_)
    with threadpool_limits(limits=1, user_api="blas"):
        pairs = Pairwise.of(ranks)

        def one(tile: tuple[slice, slice]) -> None:
            left, right = tile
            found = np.abs(pairs.correlations(left, right)) > limit
            out[left, right], out[right, left] = found, found.T

        each(one, combinations_with_replacement(tiles, 2), threads)
    return out


@dataclass(frozen=True)
class Pairwise:
    """Correlations of columns where both have a value.

    Many columns miss the same samples. So sums over what two columns share are made once for each
    column and each distinct pattern of holes, and only the products for each pair.

    Attributes:
        values: Shape (f, n), 0 where no value is.
        pattern: Number of the pattern of each column.
        counts: Samples that two patterns share, shape (p, p).
        sums: Of each column where a pattern has values, shape (f, p).
        squares: The same of its squares.
    """

    values: Singles
    pattern: Ints
    counts: Singles
    sums: Singles
    squares: Singles

    @classmethod
    def of(cls, columns: Singles) -> Pairwise:
        """Those of columns of shape (f, n), NaN where no value is."""
        there = ~np.isnan(columns)
        numbers: dict[bytes, int] = {}
        keys = [np.packbits(line).tobytes() for line in there]
        pattern = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
        first = np.unique(pattern, return_index=True)[1]
        ones = there[first].astype(np.float32)
        values = np.where(there, columns, np.float32(0.0))
        return cls(values, pattern, ones @ ones.T, values @ ones.T, (values * values) @ ones.T)

    def correlations(self, left: slice, right: slice) -> Singles:
        """Of some columns with others; NaN where one does not vary."""
        a, b = self.pattern[left], self.pattern[right]
        n = self.counts[np.ix_(a, b)]
        x, y = self.sums[left][:, b], self.sums[right][:, a].T
        with np.errstate(invalid="ignore", divide="ignore"):
            across = self.values[left] @ self.values[right].T - x * y / n
            own = self.squares[left][:, b] - x * x / n
            others = self.squares[right][:, a].T - y * y / n
            # Below this a variance is rounding of single precision.
            vary = (own > 1e-4 * n) & (others > 1e-4 * n)
            found = np.where(vary, across / np.sqrt(own * others), np.nan)
        return np.asarray(found, np.float32)

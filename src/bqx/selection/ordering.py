"""Columns by the order of their values: ranks, quantile bins, and what the filters ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from bqx.errors import BqxError
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Codes = NDArray[np.uint8]
Ints = NDArray[np.int64]
A = TypeVar("A")
B = TypeVar("B")

MISSING = 255
"""Bin of what has no value."""


@dataclass(frozen=True)
class Ordered:
    """Columns by the order of their values, one line per column.

    Attributes:
        ranks: Average ranks with mean 0 and variance 1, shape (f, n); NaN where a value is.
        bins: Quantile bins, equal values in one bin, shape (f, n); `MISSING` where no value is.
        valid: Number of values, shape (f,).
        longest: How often the most frequent value occurs, shape (f,).
        hashes: Hash of the values, one per column.
    """

    ranks: Singles
    bins: Codes
    valid: Ints
    longest: Ints
    hashes: tuple[str, ...]

    def take(self, columns: Ints) -> Ordered:
        """Some of the columns."""
        return Ordered(
            self.ranks[columns],
            self.bins[columns],
            self.valid[columns],
            self.longest[columns],
            tuple(self.hashes[c] for c in columns),
        )


def order_columns(columns: Singles, bins: int, threads: int = 1) -> Ordered:
    """Ranks and bins of columns.

    Args:
        columns: Shape (f, n), each column contiguous; NaN for NULL.
        bins: Number of quantile bins, at most 64.
        threads: Columns at a time; the result does not depend on it.

    Raises:
        BqxError: If a value is infinite.
    """
    if np.isinf(columns).any():
        raise BqxError("features with infinite values", expected="numbers, and NaN for NULL")
    f, n = columns.shape
    ranks, codes = np.empty((f, n), np.float32), np.empty((f, n), np.uint8)
    counts = np.empty((2, f), np.int64)
    hashes = [""] * f

    def one(j: int) -> None:
        # Minus zero becomes zero, and NaN has one form, so that equal columns have equal bytes.
        values = np.where(np.isnan(columns[j]), np.float32(np.nan), columns[j] + np.float32(0.0))
        hashes[j] = xxhash.xxh3_128_hexdigest(values.tobytes())
        counts[:, j] = _order(values, np.argsort(values), bins, ranks[j], codes[j])

    each(one, range(f), threads)
    return Ordered(ranks, codes, counts[0], counts[1], tuple(hashes))


def each(work: Callable[[A], B], items: Iterable[A], threads: int) -> list[B]:
    """The results of independent pieces of work in their order, some at a time."""
    if threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


@jit
def _order(
    values: Singles, order: Ints, bins: int, ranks: Singles, codes: Codes
) -> tuple[int, int]:
    n = len(values)
    valid = n
    while valid > 0 and np.isnan(values[order[valid - 1]]):
        valid -= 1
        ranks[order[valid]] = np.nan
        codes[order[valid]] = 255
    middle, squares, longest, low = 0.5 * (valid - 1), 0.0, 0, 0
    while low < valid:
        high = low + 1
        while high < valid and values[order[high]] == values[order[low]]:
            high += 1
        rank = 0.5 * (low + high - 1)
        squares += (high - low) * (rank - middle) ** 2
        longest = max(longest, high - low)
        for p in range(low, high):
            ranks[order[p]] = rank - middle
            codes[order[p]] = int((rank + 0.5) * bins / valid)
        low = high
    if squares > 0.0:
        scale = np.sqrt(valid / squares)
        for p in range(valid):
            ranks[order[p]] *= scale
    return valid, longest

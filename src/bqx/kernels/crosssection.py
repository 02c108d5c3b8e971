"""Order, middle and spread across pairs, row by row, for blocks of a few rows.

A block has one row per pair and one column per minute; NaN marks a pair that does not count. The
inner loops run along the minutes, which the processor does several at a time.

A pair's *score* is the number of pairs below it less the number above it. It gives ranks with
averaged ties, rank = (N + 1 - score) / 2 in descending order, it is 0 for a pair that does not
count, and the products of two attributes' scores make Spearman's correlation. Scores are whole
numbers, so nothing depends on the order in which they are added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.correlation import pearson
from bqx.kernels.jit import jit

Flags = NDArray[np.bool_]
Singles = NDArray[np.float32]
Shorts = NDArray[np.int32]


@jit
def counted(x: Floats, count: Ints) -> None:
    """How many pairs count at each row.

    Args:
        x: Shape (pairs, rows).
        count: Shape (rows,), filled.
    """
    count[:] = 0
    for i in range(len(x)):
        values = x[i]
        for t in range(len(values)):
            count[t] += not np.isnan(values[t])


@jit
def _compare(a: Singles, b: Singles, of_a: Shorts, of_b: Shorts) -> None:
    for t in range(len(a)):
        sign = np.int32(a[t] > b[t]) - np.int32(a[t] < b[t])
        of_a[t] += sign
        of_b[t] -= sign


@jit
def _squares(score: Shorts, total: Shorts) -> None:
    for i in range(len(score)):
        values = score[i]
        for t in range(len(total)):
            total[t] += values[t] * values[t]


@jit
def _distinct(squares: int, n: int) -> bool:
    """Whether n scores with that sum of squares are those of n different values.

    They are -(n - 1), -(n - 3), ..., n - 1 then, and ties take something away.
    """
    return 3 * squares == n * (n * n - 1)


@jit
def _order_column(x: Floats, score: Ints, t: int) -> None:
    """Scores of one row."""
    for i in range(len(x)):
        score[i, t] = 0
        for j in range(i):
            sign = np.int64(x[i, t] > x[j, t]) - np.int64(x[i, t] < x[j, t])
            score[i, t] += sign
            score[j, t] -= sign


@jit
def order_scores(x: Floats, score: Ints) -> None:
    """Score of every pair: pairs below it less pairs above it.

    Values are compared in single precision, where twice as many fit a register: rounding keeps
    their order but for ties, and rows with ties are done again.

    Args:
        x: Shape (pairs, rows).
        score: Shape (pairs, rows), filled.
    """
    rows = x.shape[1]
    rounded, found = x.astype(np.float32), np.zeros(x.shape, np.int32)
    for i in range(1, len(x)):
        for j in range(i):
            _compare(rounded[i], rounded[j], found[i], found[j])
    squares, count = np.zeros(rows, np.int32), np.empty(rows, np.int64)
    _squares(found, squares)
    counted(x, count)
    score[:] = found
    for t in range(rows):
        if not _distinct(squares[t], count[t]):
            _order_column(x, score, t)


@jit
def score_correlation(a: Ints, b: Ints, out: Floats) -> None:
    """Spearman's rank correlation, ties averaged, from the scores of the same pairs.

    Args:
        a: Shape (pairs, rows), scores by one attribute.
        b: Shape (pairs, rows), scores by the other.
        out: Shape (rows,), filled, in [-1, 1]; NaN where all pairs are equal by one of them.
    """
    rows = len(out)
    xy, xx, yy = np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for i in range(len(a)):
        u, v = a[i], b[i]
        for t in range(rows):
            xy[t] += u[t] * v[t]
            xx[t] += u[t] * u[t]
            yy[t] += v[t] * v[t]
    for t in range(rows):
        out[t] = pearson(float(xy[t]), float(xx[t]), float(yy[t]))


@jit
def _sorted_column(x: Floats, t: int) -> Floats:
    values = x[:, t].copy()
    return np.sort(values[~np.isnan(values)])


@jit
def _inner(values: Floats, score: Ints, low: Floats, high: Floats, squares: Ints) -> None:
    """Follow the greatest value of the lower half, the least of the upper, and the scores."""
    for t in range(len(values)):
        value, place = values[t], score[t]
        low[t] = value if (place <= 0) & (value > low[t]) else low[t]
        high[t] = value if (place >= 0) & (value < high[t]) else high[t]
        squares[t] += place * place


@jit
def medians(x: Floats, score: Ints, count: Ints, out: Floats) -> None:
    """Median across the pairs that count.

    Without ties the scores say which values are in the middle. Rows with ties are sorted.

    Args:
        x: Shape (pairs, rows).
        score: Shape (pairs, rows), its scores.
        count: Shape (rows,), pairs that count.
        out: Shape (rows,), filled; NaN where no pair counts.
    """
    rows = len(out)
    low, high = np.full(rows, -np.inf), np.full(rows, np.inf)
    squares = np.zeros(rows, np.int64)
    for i in range(len(x)):
        _inner(x[i], score[i], low, high, squares)
    for t in range(rows):
        n = count[t]
        if n == 0:
            out[t] = np.nan
        elif _distinct(squares[t], n):
            out[t] = 0.5 * (low[t] + high[t])
        else:
            ascending = _sorted_column(x, t)
            out[t] = 0.5 * (ascending[(n - 1) // 2] + ascending[n // 2])


@jit
def deviations(x: Floats, count: Ints, out: Floats) -> None:
    """Standard deviation across the pairs that count, ddof 1.

    Args:
        x: Shape (pairs, rows).
        count: Shape (rows,), pairs that count.
        out: Shape (rows,), filled; NaN where fewer than two pairs count.
    """
    mean = np.zeros(len(out))
    for i in range(len(x)):
        values = x[i]
        for t in range(len(out)):
            mean[t] += 0.0 if np.isnan(values[t]) else values[t]
    for t in range(len(out)):
        mean[t] /= count[t]
        out[t] = 0.0
    for i in range(len(x)):
        values = x[i]
        for t in range(len(out)):
            distance = values[t] - mean[t]
            out[t] += 0.0 if np.isnan(distance) else distance * distance
    for t in range(len(out)):
        out[t] = np.sqrt(out[t] / (count[t] - 1)) if count[t] > 1 else np.nan


@jit
def _add_present(values: Floats, fresh: Flags, sums: Floats) -> None:
    """Add a pair to the totals and terms of the fresh pairs, and of all."""
    total, terms, all_total, all_terms = sums[0], sums[1], sums[2], sums[3]
    for t in range(len(values)):
        there = not np.isnan(values[t])
        value = values[t] if there else 0.0
        total[t] += value if fresh[t] else 0.0
        terms[t] += 1.0 if fresh[t] & there else 0.0
        all_total[t] += value
        all_terms[t] += 1.0 if there else 0.0


@jit
def fresh_mean(x: Floats, fresh: Flags, out: Floats) -> None:
    """Mean across the pairs with a recent bar; across all where none has one.

    Args:
        x: Shape (pairs, rows), NaN where a pair has no value.
        fresh: Shape (pairs, rows), whether its newest bar is recent enough.
        out: Shape (rows,), filled; NaN where no pair has a value.
    """
    sums = np.zeros((4, len(out)))
    for i in range(len(x)):
        _add_present(x[i], fresh[i], sums)
    for t in range(len(out)):
        if sums[1, t] > 0.0:
            out[t] = sums[0, t] / sums[1, t]
        else:
            out[t] = sums[2, t] / sums[3, t]

"""Rolling ranks in long windows: two sorted blocks and counts by rank.

The windows that end in one block of w rows lie in that block and the one before. The rows of both
are ranked together once, from the two sorted blocks. A window then is a count per rank, with a
second count per bucket of ranks above it; a row comes in and one goes out by two additions each. A
rank is the sum, and an order statistic the search, over at most 2w / 64 buckets and 64 ranks.

Sorting each block once and moving a window over two of them is the idea of Suomela (2014, *Median
filtering is equivalent to sorting*, arXiv:1406.1717); counts in place of his linked lists give
ranks as well as order statistics. All results are exact, so they do not depend on the blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

BUCKET = 64
"""Ranks in a bucket."""


class Ranks(NamedTuple):
    """The rows of two blocks by rank; equal values share one.

    Attributes:
        rank: Shape (2w,), rank of each row, counted from the first row of the earlier block.
        level: Shape (2w,), value of each rank.
        tally: Rows of the window by rank.
        bucket: Rows of the window by bucket of ranks.
    """

    rank: Ints
    level: Floats
    tally: Ints
    bucket: Ints


@jit
def empty_ranks(w: int) -> Ranks:
    """Room for two blocks of w rows."""
    buckets = 2 * w // BUCKET + 1
    rank, tally = np.empty(2 * w, np.int64), np.empty(buckets * BUCKET, np.int64)
    return Ranks(rank, np.empty(2 * w), tally, np.empty(buckets, np.int64))


@jit
def _rank_rows(y: Floats, earlier: Ints, later: Ints, start: int, ranks: Ranks) -> None:
    """Rank the rows of two sorted blocks together.

    Args:
        y: The series.
        earlier: Rows of the earlier block, sorted.
        later: Rows of the later block, sorted.
        start: First row of the earlier block; -1 where the slice begins one row late.
        ranks: ``rank`` and ``level`` are filled.
    """
    i = j = 0
    rank, newest = -1, np.nan
    for _ in range(len(earlier) + len(later)):
        left = j == len(later) or (i < len(earlier) and y[earlier[i]] <= y[later[j]])
        row = earlier[i] if left else later[j]
        i += left
        j += not left
        # Without its sign a zero is the same value wherever the blocks begin.
        value = y[row] + 0.0
        if value != newest:
            rank += 1
            newest = value
            ranks.level[rank] = value
        ranks.rank[row - start] = rank


@jit
def _add(ranks: Ranks, row: int, weight: int) -> None:
    """Let a row in (weight 1) or out (-1)."""
    rank = ranks.rank[row]
    ranks.tally[rank] += weight
    ranks.bucket[rank // BUCKET] += weight


@jit
def sorted_rows(y: Floats, start: int, stop: int) -> Ints:
    """The rows [start, stop) in ascending order of their values."""
    return np.argsort(y[start:stop]) + start


@jit
def open_block(y: Floats, earlier: Ints, begin: int, w: int, ranks: Ranks) -> Ints:
    """Rank a block with the one before, which becomes the window.

    Args:
        y: The series.
        earlier: Rows of the block before, sorted.
        begin: First row of the block; w - 1 in the first one, before which a row is missing.
        w: Rows in a block and in a window.
        ranks: Filled.

    Returns:
        The block's own rows, sorted.
    """
    start = begin - w
    later = sorted_rows(y, begin, min(begin + w, len(y)))
    _rank_rows(y, earlier, later, start, ranks)
    ranks.tally[:] = 0
    ranks.bucket[:] = 0
    for row in range(max(0, -start), w):
        _add(ranks, row, 1)
    return later


@jit
def advance(ranks: Ranks, j: int, w: int, begin: int) -> None:
    """Move the window to row ``j`` of the block that begins at ``begin``."""
    if begin - w + j >= 0:
        _add(ranks, j, -1)
    _add(ranks, w + j, 1)


@jit
def average_rank(ranks: Ranks, row: int) -> float:
    """Rows of the window below a row of it, and half of the others that equal it.

    Rows count from the start of the earlier block.
    """
    rank = ranks.rank[row]
    at = rank // BUCKET
    below = 0
    for b in range(at):
        below += ranks.bucket[b]
    for k in range(at * BUCKET, rank):
        below += ranks.tally[k]
    return float(below + 0.5 * (ranks.tally[rank] - 1))


@jit
def order_statistics(ranks: Ranks, k: int) -> tuple[float, float]:
    """Values number k and k + 1 of the sorted window, from 0; the last has no next but itself."""
    below = at = 0
    while below + ranks.bucket[at] <= k:
        below += ranks.bucket[at]
        at += 1
    rank = at * BUCKET
    while below + ranks.tally[rank] <= k:
        below += ranks.tally[rank]
        rank += 1
    value = ranks.level[rank]
    if below + ranks.tally[rank] > k + 1:
        return value, value
    return value, ranks.level[_next(ranks, rank)]


@jit
def _next(ranks: Ranks, rank: int) -> int:
    """The next rank that the window has; the same when it has none."""
    k = rank + 1
    while k % BUCKET and ranks.tally[k] == 0:
        k += 1
    if k % BUCKET:
        return k
    at = k // BUCKET
    while at < len(ranks.bucket) and ranks.bucket[at] == 0:
        at += 1
    if at == len(ranks.bucket):
        return rank
    k = at * BUCKET
    while ranks.tally[k] == 0:
        k += 1
    return k

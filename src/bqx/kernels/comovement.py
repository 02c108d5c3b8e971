"""How a pair moves with all of its peers: correlations without, with a lag, and in the tails.

Peers are taken one after the other over chunks of rows that fit the processor's cache. Where a
chunk begins changes no bit, because ``nested`` makes each value from its own window.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.crosssection import Flags
from bqx.kernels.elementwise import change
from bqx.kernels.jit import jit
from bqx.kernels.nested import (
    REACH,
    WINDOWS,
    doubled_products,
    nested_moments,
    products_of_fifteen,
    products_of_three,
)

LEVELS = len(WINDOWS) + 1
_CHUNK = 1024


class _Moves(NamedTuple):
    """One-row changes of a pair in a chunk.

    Attributes:
        values: Shape (rows,), the changes.
        mean: Shape (6, rows), means over 3 rows and the nested windows.
        scale: Shape (rows,), 1 over the root of the sum of squares over 240 rows; NaN where that
            is 0.
    """

    values: Floats
    mean: Floats
    scale: Floats


@jit
def _moves(logs: Floats) -> _Moves:
    rows = len(logs)
    values, scale = np.empty(rows), np.empty(rows)
    mean, squares = np.empty((LEVELS, rows)), np.empty((LEVELS, rows))
    change(logs, 1, values)
    nested_moments(values, mean, squares)
    last = squares[LEVELS - 1]
    for t in range(rows):
        scale[t] = 1.0 / np.sqrt(last[t]) if last[t] > 0.0 else np.nan
    return _Moves(values, mean, scale)


@jit
def _correlate(x: _Moves, y: _Moves, lag: int, scratch: Floats, out: Floats) -> None:
    """Correlations over 240 rows of x, ``lag`` rows before, with y; of y before where negative."""
    late, early = max(lag, 0), max(-lag, 0)
    rows = len(out) - late - early
    inner, outer = scratch[0][:rows], scratch[1][:rows]
    products_of_three(x.values[early : early + rows], y.values[late : late + rows], inner)
    mx, my = x.mean[0][early : early + rows], y.mean[0][late : late + rows]
    products_of_fifteen(mx, my, inner, outer)
    for k in range(len(WINDOWS) - 1):
        mx, my = x.mean[k + 1][early : early + rows], y.mean[k + 1][late : late + rows]
        doubled_products(mx, my, outer, WINDOWS[k], inner)
        inner, outer = outer, inner
    sx, sy, to = x.scale[early:], y.scale[late:], out[late + early :]
    for t in range(REACH - 1, rows):
        ratio = outer[t] * sx[t] * sy[t]
        to[t] = max(min(ratio, 1.0), -1.0)


@jit
def _add(values: Floats, other: Floats, counts: Flags, sums: Floats) -> None:
    """Add ``values - other`` of a peer where it counts."""
    total, terms = sums[0], sums[1]
    for t in range(len(values)):
        term = values[t] - other[t]
        there = counts[t] & (not np.isnan(term))
        total[t] += term if there else 0.0
        terms[t] += 1.0 if there else 0.0


@jit
def _size(values: Floats) -> None:
    for t in range(len(values)):
        values[t] = abs(values[t])


@jit
def _finish(sums: Floats, skip: int, least: int, out: Floats) -> None:
    total, terms = sums[0, skip:], sums[1, skip:]
    for t in range(len(out)):
        out[t] = total[t] / terms[t] if terms[t] >= least else np.nan


@jit
def co_movement(
    logs: Floats, own: int, valid: tuple[Flags, Flags], least: int, out: Floats
) -> None:
    """Mean correlations of a pair's one-row changes with those of its peers over 240 rows.

    Args:
        logs: Shape (pairs, n), logarithms of prices; NaN before a pair's first bar.
        own: The pair.
        valid: Shape (pairs, n) each, where a peer counts for the first and the second result.
        least: Peers that must count. A peer that does not vary does not.
        out: Shape (2, n), filled: mean size of the correlation; mean of corr(own one row before,
            peer) less corr(peer one row before, own). NaN where too few peers count.
    """
    pairs, n = logs.shape
    for start in range(0, n, _CHUNK):
        low, stop = max(start - REACH - 1, 0), min(start + _CHUNK, n)
        rows, skip = stop - low, start - low
        sums, scratch, found = np.zeros((2, 2, rows)), np.empty((2, rows)), np.empty((3, rows))
        found[:] = np.nan
        nothing = np.zeros(rows)
        mine = _moves(logs[own, low:stop])
        for peer in range(pairs):
            if peer == own:
                continue
            its = _moves(logs[peer, low:stop])
            for lag in range(-1, 2):
                _correlate(mine, its, lag, scratch, found[1 + lag])
            _size(found[1])
            _add(found[1], nothing, valid[0][peer, low:stop], sums[0])
            _add(found[2], found[0], valid[1][peer, low:stop], sums[1])
        for k in range(2):
            _finish(sums[k], skip, least, out[k, start:stop])


@jit
def _chosen(size: Floats, threshold: float, rows: Ints) -> int:
    """Rows of a window in which a size reaches a threshold; returns how many they are."""
    count = 0
    for s in range(len(size)):
        rows[count] = s
        count += size[s] >= threshold
    return count


@jit
def _tail_sums(moves: Floats, own: int, rows: Ints, sums: Floats) -> None:
    """Sums over the chosen rows, relative to the last one: of each pair, its squares and products.

    ``moves`` has one row per minute and one column per pair.
    """
    sums[:] = 0.0
    total, squares, products = sums[0], sums[1], sums[2]
    reference = moves[rows[-1]]
    for k in range(len(rows)):
        now = moves[rows[k]]
        mine = now[own] - reference[own]
        for i in range(len(reference)):
            d = now[i] - reference[i]
            total[i] += d
            squares[i] += d * d
            products[i] += d * mine


@jit
def _tail_sizes(sums: Floats, own: int, count: int, size: Floats) -> None:
    """Sizes of the correlations of a pair with all over ``count`` rows; NaN without variation."""
    total, squares, products = sums[0], sums[1], sums[2]
    per_row = 1.0 / count
    share = total[own] * per_row
    root = np.sqrt(squares[own] - total[own] * share)
    for i in range(len(size)):
        scatter = squares[i] - total[i] * total[i] * per_row
        found = abs(products[i] - total[i] * share) / (root * np.sqrt(scatter))
        size[i] = found if found < 1.0 else (1.0 if found >= 1.0 else np.nan)


@jit
def _tail_mean(size: Floats, own: int, valid: Flags, least: int) -> float:
    """Mean over the peers that count."""
    total, terms = 0.0, 0
    for i in range(len(size)):
        there = valid[i] & (i != own) & (not np.isnan(size[i]))
        total += size[i] if there else 0.0
        terms += there
    return total / terms if terms >= least else np.nan


class Tail(NamedTuple):
    """Which rows are in the tail.

    Attributes:
        window: Rows that are looked at.
        size: Shape (n,), what is compared.
        threshold: Shape (n,), the least size in the window of each row that is in the tail.
    """

    window: int
    size: Floats
    threshold: Floats


class Counting(NamedTuple):
    """Which peers count, and how many must.

    Attributes:
        valid: Shape (n, pairs), where each of the pairs counts.
        least: Peers that must count.
    """

    valid: Flags
    least: int


@jit
def tail_correlation(logs: Floats, own: int, tail: Tail, peers: Counting, out: Floats) -> None:
    """Mean size of the correlation with the peers, over the rows of a window in the tail.

    Args:
        logs: Shape (pairs, n), logarithms of prices; NaN before a pair's first bar.
        own: The pair.
        tail: Which rows are in the tail.
        peers: Which peers count. One that does not vary in these rows does not.
        out: Shape (n,), filled, in [0, 1]; NaN where too few peers count.
    """
    pairs, n = logs.shape
    w, sums, size = tail.window, np.empty((3, pairs)), np.empty(pairs)
    rows = np.empty(w + 1, np.int64)
    for start in range(0, n, _CHUNK):
        low, stop = max(start - w, 0), min(start + _CHUNK, n)
        moves, one = np.empty((stop - low, pairs)), np.empty(stop - low)
        for i in range(pairs):
            change(logs[i, low:stop], 1, one)
            moves[:, i] = one
        for t in range(start, stop):
            out[t] = np.nan
            if t < w or np.isnan(tail.threshold[t]):
                continue
            count = _chosen(tail.size[t - w + 1 : t + 1], tail.threshold[t], rows)
            window = moves[t - w + 1 - low : t + 1 - low]
            _tail_sums(window, own, rows[:count], sums)
            _tail_sizes(sums, own, count, size)
            out[t] = _tail_mean(size, own, peers.valid[t], peers.least)

"""One peer of a pair over one chunk of rows: its moments with the pair, added to its group's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.membership import Rows
from bqx.kernels.nested import (
    WINDOWS,
    doubled_means,
    doubled_products,
    means_of_fifteen,
    means_of_three,
    products_of_fifteen,
    products_of_three,
)

GROUPS, LEVELS = 3, len(WINDOWS)
CROSS = 2
"""The group without signs: its correlations count by their size."""
LEVEL_15, LEVEL_60 = 0, 2


class One(NamedTuple):
    """One peer in a chunk. Row 0 holds moments over 3 rows, rows 1 and 2 in turn a window's."""

    mean: Floats
    square: Floats
    product: Floats
    seen: Rows
    gate: Floats
    value: Floats


class Totals(NamedTuple):
    """Sums over the peers in a chunk; the last axis but one holds the sum and its terms."""

    correlation: Floats
    mean: Floats
    deviation: Floats
    spread: Floats


class Chunk(NamedTuple):
    """Scratch arrays of a chunk of rows.

    Attributes:
        low: Its first row.
        one: The peer at hand.
        totals: Sums over the peers.
        members: Shape (5, rows), the peers that count in each window, as bits.
    """

    low: int
    one: One
    totals: Totals
    members: Rows


@jit
def first_level(x: Floats, y: Floats, own: Floats, one: One) -> None:
    """Moments over 15 rows; ``own`` holds the own means over 3."""
    its = one.mean[0]
    means_of_three(y, its)
    products_of_three(y, y, one.square[0])
    products_of_three(x, y, one.product[0])
    means_of_fifteen(its, one.mean[1])
    products_of_fifteen(its, its, one.square[0], one.square[1])
    products_of_fifteen(own, its, one.product[0], one.product[1])


@jit
def next_level(own: Floats, w: int, now: int, one: One) -> None:
    """Moments over 2 w rows from those over w; ``own`` holds the own means over w."""
    its, before = one.mean[3 - now], 3 - now
    doubled_means(its, w, one.mean[now])
    doubled_products(its, its, one.square[before], w, one.square[now])
    doubled_products(own, its, one.product[before], w, one.product[now])


@jit
def _correlate(product: Floats, square: Floats, scale: Floats, out: Floats) -> None:
    """Correlations; NaN where the peer does not vary. ``scale`` is 1 over the own deviation."""
    for t in range(len(out)):
        ratio = product[t] * scale[t] / np.sqrt(square[t])
        out[t] = max(min(ratio, 1.0), -1.0)


@jit
def _deviate(square: Floats, w: int, out: Floats) -> None:
    for t in range(len(out)):
        out[t] = np.sqrt(square[t] * (1.0 / (w - 1)))


@jit
def _size(values: Floats) -> None:
    for t in range(len(values)):
        values[t] = abs(values[t])


@jit
def _add(values: Floats, gate: Floats, factor: float, sums: Floats) -> None:
    """Add a peer's values where it counts."""
    total, terms = sums[0], sums[1]
    for t in range(len(values)):
        term = values[t] * factor + gate[t]
        there = not np.isnan(term)
        total[t] += term if there else 0.0
        terms[t] += 1.0 if there else 0.0


@jit
def add_spread(values: Floats, gate: Floats, factor: float, sums: Floats) -> None:
    """Add a peer's values to the mean, the terms and the squares about the mean (Welford 1962)."""
    mean, terms, squares = sums[0], sums[1], sums[2]
    for t in range(len(values)):
        term = values[t] * factor + gate[t]
        if not np.isnan(term):
            terms[t] += 1.0
            distance = term - mean[t]
            mean[t] += distance / terms[t]
            squares[t] += distance * (term - mean[t])


@jit
def add_level(level: int, scale: Floats, group: int, sign: float, chunk: Chunk) -> None:
    """Add a peer's correlation, mean and deviation over one window."""
    one, totals = chunk.one, chunk.totals
    now = 1 + level % 2
    if group != CROSS or level < LEVELS - 1:
        _correlate(one.product[now], one.square[now], scale, one.value)
        if group == CROSS:
            _size(one.value)
        _add(one.value, one.gate, sign, totals.correlation[group, level])
    if group != CROSS and (level in {LEVEL_15, LEVEL_60}):
        _add(one.mean[now], one.gate, sign, totals.mean[group, level // 2])
    if level == LEVEL_60:
        _deviate(one.square[now], WINDOWS[level], one.value)
        _add(one.value, one.gate, 1.0, totals.deviation[group])

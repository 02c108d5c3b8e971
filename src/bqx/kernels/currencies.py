"""Levels and ranks of single currencies from the levels of their pairs, and triangles of pairs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

Bools = NDArray[np.bool_]

BASE = 100.0
"""Index of a pair, and of a currency, at its baseline."""

LOG_BASE = math.log(BASE)

LEAST = 5
"""Pairs that a currency's level needs, of 7, and currencies that a rank needs, of 8."""

MOVED = 7.0 / 8.0
"""A pair's log move over the difference of its currencies' log levels, with all 28 pairs.

With v_c the log value of currency c and S their sum, the level of c is (8 v_c - S)/7.
"""

POINTS = 1e4
"""Units of a log ratio: one ten-thousandth."""

TILE = 1024
"""Rows added at a time: the sums of a tile stay in the first-level cache."""


class Triangle(NamedTuple):
    """A pair's two other sides of a triangle; rate**exponent of all three have the product 1.

    Attributes:
        first: Row of the first other pair.
        first_sign: Its exponent, 1 or -1.
        second: Row of the second other pair.
        second_sign: Its exponent.
    """

    first: int
    first_sign: float
    second: int
    second_sign: float


@jit
def triangle_at(triangles: Ints, k: int) -> Triangle:
    """Triangle ``k`` of a table with four columns: row and exponent of both other pairs."""
    side = triangles[k]
    return Triangle(side[0], float(side[1]), side[2], float(side[3]))


class Panel(NamedTuple):
    """Values of pairs, and what they tell of currencies.

    Attributes:
        values: Shape (pairs, n), for example logarithms of indices, or changes of them.
        counts: Shape (pairs, n), whether a pair counts in a row; other values may be NaN.
        legs: Shape (pairs, 2), places of each pair's base and quote currency.
        zero: The value that tells nothing, for example the logarithm of 100.
    """

    values: Floats
    counts: Bools
    legs: Ints
    zero: float


@jit
def _moves(values: Floats, zero: float, sign: float, out: Floats) -> None:
    for j in range(len(values)):
        out[j] = sign * (values[j] - zero)


@jit
def _add(moves: Floats, counts: Bools, total: Floats, seen: Floats) -> None:
    for j in range(len(moves)):
        if counts[j]:
            total[j] += moves[j]
            seen[j] += 1.0


@jit
def _divide(total: Floats, seen: Floats) -> None:
    for j in range(len(total)):
        total[j] = total[j] / seen[j] if seen[j] >= LEAST else np.nan


@jit
def currency_means(panel: Panel, out: Floats) -> None:
    """Mean of s (value - zero) over each currency's pairs, s = 1 as base and -1 as quote.

    The means have the sum 0 where all 28 pairs count.

    Args:
        panel: The pairs.
        out: Shape (currencies, n), filled; NaN where fewer than ``LEAST`` pairs count.
    """
    rows = panel.values.shape[1]
    scratch = np.empty((len(out) + 1, TILE))
    for start in range(0, rows, TILE):
        end = min(start + TILE, rows)
        seen, moves = scratch[:-1, : end - start], scratch[-1, : end - start]
        seen[:] = 0.0
        out[:, start:end] = 0.0
        for k in range(len(panel.values)):
            values, counts = panel.values[k, start:end], panel.counts[k, start:end]
            base, quote = panel.legs[k]
            _moves(values, panel.zero, 1.0, moves)
            _add(moves, counts, out[base, start:end], seen[base])
            _moves(values, panel.zero, -1.0, moves)
            _add(moves, counts, out[quote, start:end], seen[quote])
        for c in range(len(out)):
            _divide(out[c, start:end], seen[c])


@jit
def currency_index(level: Floats, out: Floats) -> None:
    """Index of a currency, 100 where its pairs stand at their baselines on average.

    Args:
        level: Shape (n,), its log level.
        out: Shape (n,), filled.
    """
    for t in range(len(level)):
        out[t] = BASE * np.exp(level[t])


@jit
def strength_percentiles(levels: Floats, out: Floats) -> None:
    """Rank of each currency's level among those known in the row, from 0 (weakest) to 100.

    Args:
        levels: Shape (currencies, n), NaN where unknown.
        out: Shape (currencies, n), filled; ties share their mean rank. NaN where the level is, and
            where fewer than ``LEAST`` levels are known.
    """
    for t in range(levels.shape[1]):
        known = 0
        for c in range(len(levels)):
            known += not np.isnan(levels[c, t])
        for c in range(len(levels)):
            value = levels[c, t]
            below = -0.5  # the currency ties with itself
            for other in range(len(levels)):
                below += (levels[other, t] < value) + 0.5 * (levels[other, t] == value)
            shown = known >= LEAST and not np.isnan(value)
            out[c, t] = 100.0 * below / (known - 1) if shown else np.nan


@jit
def index_divergence(index: Floats, base: Floats, quote: Floats, out: Floats) -> None:
    """A pair's index less the one that the levels of its currencies imply.

    Args:
        index: Shape (n,), the pair's index.
        base: Shape (n,), log level of its base currency.
        quote: Shape (n,), log level of its quote currency.
        out: Shape (n,), filled, in index points.
    """
    for t in range(len(index)):
        out[t] = index[t] - BASE * np.exp(MOVED * (base[t] - quote[t]))


@jit
def triangle_gaps(logs: Floats, counts: Bools, own: int, triangles: Ints, out: Floats) -> None:
    """Mean distance of a pair from the rates that its triangles imply.

    Args:
        logs: Shape (pairs, n), logarithms of the pairs' prices.
        counts: Shape (pairs, n), whether a pair counts in a row.
        own: Row of the pair.
        triangles: Shape (k, 4), see ``triangle_at``.
        out: Shape (n,), filled, in ten-thousandths of a log ratio; NaN where no triangle counts.
    """
    for t in range(len(out)):
        total, seen = 0.0, 0
        for k in range(len(triangles)):
            side = triangle_at(triangles, k)
            if counts[own, t] and counts[side.first, t] and counts[side.second, t]:
                first = side.first_sign * logs[side.first, t]
                second = side.second_sign * logs[side.second, t]
                total += abs(logs[own, t] + first + second)
                seen += 1
        out[t] = POINTS * total / seen if seen else np.nan

"""Statistics of a pair against its groups of peers, all peers and windows in one pass.

Peers are taken one after the other over chunks of rows that fit the processor's cache. Where a
chunk begins changes no bit, because ``nested`` makes each value from its own window.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.membership import LEAST_PEERS, Flags, Rows, count_seen, mark, open_gate
from bqx.kernels.nested import REACH, WINDOWS
from bqx.kernels.peer import (
    CROSS,
    GROUPS,
    LEVEL_60,
    LEVELS,
    Chunk,
    One,
    Totals,
    add_level,
    add_spread,
    first_level,
    next_level,
)

_CHUNK = 2048


class Peers(NamedTuple):
    """The peers of one pair.

    Attributes:
        row: Shape (peers,), row of each in ``Market``.
        group: Shape (peers,), 0 for the base group, 1 for the quote group, ``CROSS`` for the cross.
        sign: Shape (peers,), factor that turns a change into the direction of the pair.
    """

    row: Rows
    group: Rows
    sign: Floats


class Market(NamedTuple):
    """All pairs on the same rows.

    Attributes:
        series: Shape (pairs, n), NaN before a pair's first value.
        observed: Shape (pairs, n), whether the minute has a bar.
        fresh: Shape (pairs, n), whether the newest bar is recent enough.
    """

    series: Floats
    observed: Flags
    fresh: Flags


class Own(NamedTuple):
    """The pair itself.

    Attributes:
        row: Its row in ``Market``.
        mean: Shape (6, n), its means over 3 rows and the nested windows.
        scale: Shape (5, n), 1 over the square root of its sums of squares; NaN where it is 0.
        by_value: Whether peers are compared by their values, and not by their sums over 60 rows.
    """

    row: int
    mean: Floats
    scale: Floats
    by_value: bool


class Statistics(NamedTuple):
    """Statistics of the groups at each row; NaN where fewer than ``LEAST_PEERS`` peers count.

    Attributes:
        correlation: Shape (3, 5, n), mean correlation by group and window, the cross group's of
            sizes; the longest window of the cross group is left NaN.
        mean: Shape (2, 2, n), mean over peers of the aligned means over 15 and 60 rows, by group.
        deviation: Shape (3, n), mean over peers of the deviations over 60 rows.
        centre: Shape (2, n), mean over peers of their aligned values or sums, see ``Own``.
        spread: Shape (2, n), the standard deviation of the same over the peers, ddof 1.
        members: Shape (5, n), the peers that count in each window, as bits.
    """

    correlation: Floats
    mean: Floats
    deviation: Floats
    centre: Floats
    spread: Floats
    members: Rows


@jit
def _visit(market: Market, own: Own, peers: Peers, k: int, chunk: Chunk) -> None:
    """Add one peer to the totals and members of a chunk."""
    one, low = chunk.one, chunk.low
    high = low + len(one.gate)
    row, group, sign = peers.row[k], peers.group[k], peers.sign[k]
    x, y = market.series[own.row, low:high], market.series[row, low:high]
    fresh = (market.fresh[own.row, low:high], market.fresh[row, low:high])
    count_seen(market.observed[own.row, low:high], market.observed[row, low:high], one.seen)
    for level in range(LEVELS):
        now = 1 + level % 2
        if level == 0:
            first_level(x, y, own.mean[0, low:high], one)
        else:
            next_level(own.mean[level, low:high], WINDOWS[level - 1], now, one)
        open_gate(one.seen, fresh, one.mean[now], WINDOWS[level], one.gate)
        mark(one.gate, k, chunk.members[level])
        add_level(level, own.scale[level, low:high], group, sign, chunk)
        if level == LEVEL_60 and group != CROSS:
            values = y if own.by_value else one.mean[now]
            factor = sign if own.by_value else sign * WINDOWS[level]
            add_spread(values, one.gate, factor, chunk.totals.spread[group])


@jit
def _share(sums: Floats, skip: int, out: Floats) -> None:
    """Means over the peers, without the rows of the chunk that are only there for others."""
    total, terms = sums[0, skip:], sums[1, skip:]
    for t in range(len(out)):
        out[t] = total[t] / terms[t] if terms[t] >= LEAST_PEERS else np.nan


@jit
def _finish_spread(sums: Floats, skip: int, centre: Floats, spread: Floats) -> None:
    mean, terms, squares = sums[0, skip:], sums[1, skip:], sums[2, skip:]
    for t in range(len(centre)):
        enough = terms[t] >= LEAST_PEERS
        centre[t] = mean[t] if enough else np.nan
        spread[t] = np.sqrt(squares[t] / (terms[t] - 1.0)) if enough else np.nan


@jit
def _finish(totals: Totals, skip: int, start: int, stop: int, out: Statistics) -> None:
    """Write a chunk's statistics to rows [start, stop)."""
    for group in range(GROUPS):
        for level in range(LEVELS):
            to = out.correlation[group, level, start:stop]
            _share(totals.correlation[group, level], skip, to)
        _share(totals.deviation[group], skip, out.deviation[group, start:stop])
    for group in range(CROSS):
        for k in range(2):
            _share(totals.mean[group, k], skip, out.mean[group, k, start:stop])
        centre, spread = out.centre[group, start:stop], out.spread[group, start:stop]
        _finish_spread(totals.spread[group], skip, centre, spread)


@jit
def _scratch(rows: int) -> Chunk:
    blocks = (np.empty((3, rows)), np.empty((3, rows)), np.empty((3, rows)))
    seen = np.empty(rows + 1, np.int64)
    one = One(blocks[0], blocks[1], blocks[2], seen, np.empty(rows), np.empty(rows))
    correlations, means = np.empty((GROUPS, LEVELS, 2, rows)), np.empty((CROSS, 2, 2, rows))
    deviations, spreads = np.empty((GROUPS, 2, rows)), np.empty((CROSS, 3, rows))
    totals = Totals(correlations, means, deviations, spreads)
    return Chunk(0, one, totals, np.empty((LEVELS, rows), np.int64))


@jit
def _begin(scratch: Chunk, low: int) -> Chunk:
    """An empty chunk that begins at row ``low``."""
    scratch.totals.correlation[:] = 0.0
    scratch.totals.mean[:] = 0.0
    scratch.totals.deviation[:] = 0.0
    scratch.totals.spread[:] = 0.0
    scratch.members[:] = 0
    return Chunk(low, scratch.one, scratch.totals, scratch.members)


@jit
def group_statistics(market: Market, own: Own, peers: Peers, out: Statistics) -> None:
    """Statistics of a pair against its groups of peers over all nested windows.

    Args:
        market: All pairs.
        own: The pair.
        peers: The others, at most 63.
        out: Filled.
    """
    n = market.series.shape[1]
    scratch = _scratch(0)
    for start in range(0, n, _CHUNK):
        low, stop = max(start - REACH + 1, 0), min(start + _CHUNK, n)
        if len(scratch.one.gate) != stop - low:
            scratch = _scratch(stop - low)
        chunk = _begin(scratch, low)
        for k in range(len(peers.row)):
            _visit(market, own, peers, k, chunk)
        _finish(chunk.totals, start - low, start, stop, out)
        out.members[:, start:stop] = chunk.members[:, start - low :]

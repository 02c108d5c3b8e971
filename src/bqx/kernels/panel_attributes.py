"""Attributes of all pairs, and what they are across the pairs, in one pass.

Rows are taken in chunks that fit the processor's cache, and the attributes of a chunk in blocks of
a few rows for the comparison of all pairs with all. Where a chunk or a block begins changes no bit:
each value is made from its own rows in one fixed order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.crosssection import (
    Flags,
    counted,
    deviations,
    fresh_mean,
    medians,
    order_scores,
    score_correlation,
)
from bqx.kernels.elementwise import change
from bqx.kernels.jit import jit
from bqx.kernels.nested import nested_moments

Bytes = NDArray[np.int8]

MOMENTUM_ROWS = (15, 30, 45, 60)
VOLATILITY_ROWS = (15, 30, 60)
ATTRIBUTES = 10
"""Rows of ``attributes``."""
SCRATCH = 9
"""Rows of its scratch array."""
LAG = 30
"""Rows over which accelerations are taken."""
STABILITY_LAG = 60
HISTORIES = (16, 31, 46, 61)
"""Rows of closes behind the momenta; ``cross_section`` takes the flags for each."""

RANKED, SPREADS, MEDIANS, RELATIONS = 8, 6, 8, 4
"""Rows of the scores, dispersions, medians and correlations of a ``CrossSection``."""
MOMENTUM_60, VOLATILITY_60, SPREAD = 3, 6, 7
CHANGE = 9
"""Row of ``attributes`` with the one-row change of the 15-row volatility."""
# By attribute: row of its flags, and its rows among dispersions and medians (-1: none).
_VALID = (0, 1, 2, 3, 0, 1, 3, 3, 3)
_COMPARED = (MOMENTUM_60, VOLATILITY_60)
_SPREAD_OF = (0, 1, -1, 2, 3, 4, 5, -1, -1)
_MEDIAN_OF = (0, 1, -1, 2, 3, 4, 5, 6, 7)

_REACH = 2 * STABILITY_LAG
_CHUNK, _BLOCK = 1024, 128


class Inputs(NamedTuple):
    """All pairs on the same rows.

    Attributes:
        logs: Shape (pairs, n), logarithms of the prices; NaN before a pair's first bar.
        spread: Shape (pairs, n), relative spreads, NaN where a pair has none in that very minute;
            of no pair without quotes.
        valid: Shape (4, pairs, n), where a pair counts, by ``HISTORIES``.
        fresh: Shape (pairs, n), whether the newest bar is recent enough.
    """

    logs: Floats
    spread: Floats
    valid: Flags
    fresh: Flags


class CrossSection(NamedTuple):
    """What the attributes are across the pairs; NaN where too few pairs count.

    Attributes:
        score: Shape (8, pairs, n), scores (see ``crosssection``) by momentum over 15, 30, 45 and 60
            rows, volatility over 15, 30 and 60 rows, and spread.
        counting: Shape (8, n), pairs that count for each of them.
        dispersion: Shape (6, n), standard deviation across pairs of momentum and of volatility over
            15, 30 and 60 rows.
        median: Shape (8, n), median of the same, then of the accelerations of momentum and of
            volatility over 30 rows.
        correlation: Shape (4, n), rank correlations across pairs: size of momentum with volatility,
            size of momentum with spread, volatility with spread (all over 60 rows), and momentum
            over 60 rows with itself 60 rows before.
        mean_change: Shape (n,), mean one-row change of the 15-row volatility, see ``fresh_mean``.
    """

    score: Bytes
    counting: Bytes
    dispersion: Floats
    median: Floats
    correlation: Floats
    mean_change: Floats


@jit
def relative_log(values: Floats, base: float, out: Floats) -> None:
    """Logarithm of values over a base that they are near.

    Differences of it are exactly 0 between equal values, and lose no digits to a great level.

    Args:
        values: Shape (n,), positive or NaN.
        base: Positive.
        out: Shape (n,), filled.
    """
    for t in range(len(values)):
        out[t] = np.log1p((values[t] - base) / base)


@jit
def _deviation(squares: Floats, w: int, out: Floats) -> None:
    for t in range(len(out)):
        out[t] = np.sqrt(squares[t] * (1.0 / (w - 1)))


@jit
def attributes(logs: Floats, scratch: Floats, out: Floats) -> None:
    """Momenta, volatilities and their changes of one pair.

    Args:
        logs: Shape (n,), logarithms of prices. NaN makes exactly the windows that contain it NaN.
        scratch: Shape (9, n), overwritten.
        out: Shape (10, n), filled: change over 15, 30, 45 and 60 rows; standard deviation, ddof 1,
            of the one-row changes over 15, 30 and 60 rows; change over 30 rows of the 30-row change
            and of the 30-row deviation; change over one row of the 15-row deviation. NaN where the
            slice does not reach back far enough.
    """
    moves = scratch[8]
    change(logs, 1, moves)
    nested_moments(moves, scratch[:4], scratch[4:8])
    for k in range(len(MOMENTUM_ROWS)):
        change(logs, MOMENTUM_ROWS[k], out[k])
    for k in range(len(VOLATILITY_ROWS)):
        _deviation(scratch[5 + k], VOLATILITY_ROWS[k], out[4 + k])
    change(out[1], LAG, out[7])
    change(out[5], LAG, out[8])
    change(out[4], 1, out[9])


@jit
def _round(values: Floats) -> None:
    for t in range(len(values)):
        values[t] = np.float32(values[t])


@jit
def volatility(logs: Floats, out: Floats) -> None:
    """Standard deviation of the last 60 one-row changes, ddof 1, in single precision.

    Where changes of 0 come in and go out, it stays as it is but for the rounding of its sums. In
    single precision equal values are equal, and can be compared.

    Args:
        logs: Shape (n,), logarithms of prices. NaN makes exactly the windows that contain it NaN.
        out: Shape (n,), filled; NaN where t < 60.
    """
    reach = VOLATILITY_ROWS[2]
    for start in range(0, len(logs), _CHUNK):
        low, stop = max(start - reach, 0), min(start + _CHUNK, len(logs))
        moves, scratch = np.empty(stop - low), np.empty((8, stop - low))
        change(logs[low:stop], 1, moves)
        nested_moments(moves, scratch[:4], scratch[4:])
        _deviation(scratch[7, start - low :], reach, out[start:stop])
    _round(out)


class _Block(NamedTuple):
    """A block of rows [start, stop) of the slice.

    ``values`` holds the attributes from row ``low`` on, of shape (10, pairs, rows).
    """

    values: Floats
    low: int
    start: int
    stop: int


@jit
def _take(block: _Block, attribute: int, valid: Flags) -> Floats:
    """An attribute, NaN where a pair does not count."""
    start, stop = block.start, block.stop
    x = np.empty((len(valid), stop - start))
    for i in range(len(valid)):
        values = block.values[attribute, i, start - block.low : stop - block.low]
        flags, to = valid[i, start:stop], x[i]
        for t in range(len(to)):
            to[t] = values[t] if flags[t] else np.nan
    return x


@jit
def _share(x: Floats, z: Floats) -> None:
    """Let only those pairs count that count in both."""
    for i in range(len(x)):
        a, b = x[i], z[i]
        for t in range(len(a)):
            missing = np.isnan(a[t]) | np.isnan(b[t])
            a[t] = np.nan if missing else a[t]
            b[t] = np.nan if missing else b[t]


@jit
def _scores(x: Floats) -> Ints:
    score = np.empty(x.shape, np.int64)
    order_scores(x, score)
    return score


@jit
def _counts(x: Floats) -> Ints:
    count = np.empty(x.shape[1], np.int64)
    counted(x, count)
    return count


@jit
def _require(count: Ints, least: int, out: Floats) -> None:
    for t in range(len(out)):
        out[t] = out[t] if count[t] >= least else np.nan


@jit
def _summarise(block: _Block, attribute: int, valid: Flags, least: int, out: CrossSection) -> Ints:
    """Scores, dispersion and median of one attribute; returns the scores."""
    start, stop = block.start, block.stop
    x = _take(block, attribute, valid)
    score, count = _scores(x), _counts(x)
    if attribute <= VOLATILITY_60:
        out.counting[attribute, start:stop] = count
        for i in range(len(score)):
            out.score[attribute, i, start:stop] = score[i]
    if _SPREAD_OF[attribute] >= 0:
        to = out.dispersion[_SPREAD_OF[attribute], start:stop]
        deviations(x, count, to)
        _require(count, least, to)
    if _MEDIAN_OF[attribute] >= 0:
        to = out.median[_MEDIAN_OF[attribute], start:stop]
        medians(x, score, count, to)
        _require(count, least, to)
    return score


@jit
def _rows(values: Floats, start: int, stop: int) -> Floats:
    """Some rows of all pairs, in one piece of memory."""
    x = np.empty((len(values), stop - start))
    for i in range(len(x)):
        x[i] = values[i, start:stop]
    return x


@jit
def _relate(x: Floats, score: Ints, least: int, out: Floats) -> None:
    """Rank correlation with the attribute of the same pairs that has these scores."""
    score_correlation(_scores(x), score, out)
    _require(_counts(x), least, out)


@jit
def _relate_spread(block: _Block, inputs: Inputs, least: int, out: CrossSection) -> None:
    """Scores by spread, and its correlations."""
    start, stop = block.start, block.stop
    spread = _rows(inputs.spread, start, stop)
    score = _scores(spread)
    for i in range(len(score)):
        out.score[SPREAD, i, start:stop] = score[i]
    out.counting[SPREAD, start:stop] = _counts(spread)
    for k in range(len(_COMPARED)):
        x = _take(block, _COMPARED[k], inputs.valid[3])
        _share(x, spread)
        if k == 0:
            x = np.abs(x)
            score = _scores(spread)
        _relate(x, score, least, out.correlation[1 + k, start:stop])


@jit
def _relate_size(block: _Block, inputs: Inputs, score: Ints, least: int, out: Floats) -> None:
    """Correlation of the size of momentum with what has these scores."""
    size = np.abs(_take(block, _COMPARED[0], inputs.valid[3]))
    _relate(size, score, least, out[block.start : block.stop])


@jit
def _relate_past(block: _Block, valid: Flags, least: int, out: Floats) -> None:
    """Correlation of momentum with its past."""
    begin = max(block.start, _REACH)
    if begin >= block.stop:
        return
    start, stop = begin - STABILITY_LAG, block.stop - STABILITY_LAG
    now = _take(_Block(block.values, block.low, begin, block.stop), _COMPARED[0], valid)
    before = _take(_Block(block.values, block.low, start, stop), _COMPARED[0], valid)
    _share(now, before)
    _relate(now, _scores(before), least, out[begin : block.stop])


@jit
def _mean_changes(block: _Block, fresh: Flags, out: Floats) -> None:
    start, stop = block.start, block.stop
    changes = np.empty((len(fresh), stop - start))
    recent = np.empty(changes.shape, np.bool_)
    for i in range(len(fresh)):
        changes[i] = block.values[CHANGE, i, start - block.low : stop - block.low]
        recent[i] = fresh[i, start:stop]
    fresh_mean(changes, recent, out[start:stop])


@jit
def _across(block: _Block, inputs: Inputs, least: int, out: CrossSection) -> None:
    """All results of a block."""
    for attribute in range(CHANGE):
        score = _summarise(block, attribute, inputs.valid[_VALID[attribute]], least, out)
        if attribute == VOLATILITY_60:
            _relate_size(block, inputs, score, least, out.correlation[0])
    _mean_changes(block, inputs.fresh, out.mean_change)
    if len(inputs.spread):
        _relate_spread(block, inputs, least, out)
    _relate_past(block, inputs.valid[3], least, out.correlation[3])


@jit
def _attributes_of_all(logs: Floats, low: int, stop: int) -> Floats:
    """Attributes of all pairs on some rows."""
    pairs, rows = len(logs), stop - low
    values, scratch = np.empty((ATTRIBUTES, pairs, rows)), np.empty((SCRATCH, rows))
    one = np.empty((ATTRIBUTES, rows))
    for i in range(pairs):
        attributes(logs[i, low:stop], scratch, one)
        values[:, i] = one
    return values


def cross_section(inputs: Inputs, least: int, out: CrossSection) -> None:
    """Order, spread and middle of all pairs' attributes at each row.

    Args:
        inputs: All pairs.
        least: Pairs that must count for a dispersion, median or correlation.
        out: Filled. Scores and counts of the spread are 0 and its correlations NaN without quotes.
    """
    n = inputs.logs.shape[1]
    out.correlation[:] = np.nan
    out.score[SPREAD] = 0
    out.counting[SPREAD] = 0
    # Not compiled: one more level over so much inlined code would take as long to compile again.
    for chunk in range(0, n, _CHUNK):
        low, end = max(chunk - _REACH, 0), min(chunk + _CHUNK, n)
        values = _attributes_of_all(inputs.logs, low, end)
        for start in range(chunk, end, _BLOCK):
            block = _Block(values, low, start, min(start + _BLOCK, end))
            _across(block, inputs, least, out)

"""Exponential averages that begin again on absolute rows.

A recursion that never forgot its start would give other bits for another slice. So the value at
absolute row R comes from a recursion begun on the anchor before last, ``(R // M - 1) M``, where M
(``memory``) is the number of rows after which a start is forgotten; or, if that is later, at the
first number of the series. A value depends on no more than the last 2 M rows, and a feature
declares 2 M (and what its input needs) as its memory.

Between two anchors the recursion that gives the values and the one that will give those after the
next anchor run side by side over the same rows: two chains take hardly longer than one, because
each waits for its own last result.
"""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

FORGOTTEN = 1e-12
"""Weight of a start below which it counts as forgotten."""

STILL = 240
"""Rows without a move that a ratio of averages bears, see ``wilder_ratio_rows``."""


def rows_to_forget(gain: float, stages: int = 1) -> int:
    """Rows after which the start of an average weighs less than ``FORGOTTEN``.

    Args:
        gain: Weight of the newest value.
        stages: 1 for an average, 2 for an average of an average whose gains are at least ``gain``.
    """
    rows = math.ceil(math.log(FORGOTTEN) / math.log1p(-gain))
    while stages > 1 and (1.0 + gain * rows) * (1.0 - gain) ** rows >= FORGOTTEN:
        rows += 1
    return rows


def ema_rows(n: int, stages: int = 1) -> int:
    """``memory`` of ``ema`` for a span of n rows, at least 2."""
    return rows_to_forget(2.0 / (n + 1), stages)


def wilder_rows(n: int, stages: int = 1) -> int:
    """``memory`` of ``wilder`` for n rows, at least 2."""
    return rows_to_forget(1.0 / n, stages)


def wilder_ratio_rows(n: int, stages: int = 1) -> int:
    """Rows between two restarts of a ratio of two averages.

    While nothing moves both averages fade alike and their ratio forgets nothing. So ``STILL`` more
    rows are added than each of them needs to forget its start.
    """
    return wilder_rows(n, stages) + STILL


@jit
def first_number(y: Floats) -> int:
    """Index of the first value that is not NaN; the length when there is none."""
    t = 0
    while t < len(y) and np.isnan(y[t]):
        t += 1
    return t


@jit
def next_anchor(start: int, origin: int, memory: int) -> int:
    """Index of the first anchor after ``start``; up to the one after it its recursion goes on."""
    return start + memory - (origin + start) % memory


@jit
def _average_two(
    y: Floats, gain: float, old: tuple[float, float], out: Floats
) -> tuple[float, float]:
    """Go on with the old recursion, whose values are kept, and begin a new one.

    A recursion is its reference and its average relative to it.
    """
    keep = 1.0 - gain
    (old_reference, a), (reference, b) = old, (y[0], 0.0)
    for t in range(len(y)):
        a = keep * a + gain * (y[t] - old_reference)
        b = keep * b + gain * (y[t] - reference)
        out[t] = old_reference + a
    return reference, b


@jit
def ema(y: Floats, n: int, origin: int, memory: int, out: Floats) -> None:
    """Exponential moving average with gain 2/(n + 1), seeded with the first value.

    Averages are taken relative to the value where the recursion began: a flat series gives exactly
    its value, and a level costs no digits.

    Args:
        y: Shape (n,), the series. NaN at its start is skipped; a later one makes every value NaN
            whose recursion contains it.
        n: Span in rows.
        origin: Absolute grid row of element 0.
        memory: Rows between two anchors, normally ``ema_rows(n)``; values depend on twice as many.
        out: Shape (n,), filled; NaN until n values were seen.
    """
    gain = 2.0 / (n + 1.0)
    start = begin = first_number(y)
    chain = (y[start], 0.0) if start < len(y) else (0.0, 0.0)
    while begin < len(y):
        end = min(next_anchor(begin, origin, memory), len(y))
        chain = _average_two(y[begin:end], gain, chain, out[begin:end])
        begin = end
    out[: start + n - 1] = np.nan


@jit
def mean_of(y: Floats) -> float:
    """Mean of a seed's values, summed in their order."""
    total = 0.0
    for t in range(len(y)):
        total += y[t]
    return total / len(y)


@jit
def _rest(y: Floats, gain: float, state: float, out: Floats) -> float:
    """Go on with one recursion over fewer than five rows, each from the state before all of them.

    Four rows are worth one step: their state waits for one result, not for four.
    """
    keep = 1.0 - gain
    power, part = 1.0, 0.0
    for t in range(len(y)):
        power *= keep
        part = keep * part + gain * y[t]
        out[t] = power * state + part
    return power * state + part


@jit
def _smooth(y: Floats, gain: float, states: tuple[float, float], out: Floats) -> float:
    """Go on with two recursions, four rows at a time; the values are the first one's.

    The arithmetic is that of ``_rest``, with what both recursions share computed once. Fours are
    counted from the start of ``y``, which has to be fixed on the grid.

    Returns:
        The state of the second one.
    """
    old, new = states
    k = 1.0 - gain
    k2, k3, k4 = k * k, k * k * k, k * k * k * k
    fours = len(y) // 4
    for q in range(fours):
        a = gain * y[4 * q]
        b = k * a + gain * y[4 * q + 1]
        c = k * b + gain * y[4 * q + 2]
        d = k * c + gain * y[4 * q + 3]
        out[4 * q] = k * old + a
        out[4 * q + 1] = k2 * old + b
        out[4 * q + 2] = k3 * old + c
        old = k4 * old + d
        new = k4 * new + d
        out[4 * q + 3] = old
    rest = y[4 * fours :]
    new = _rest(rest, gain, new, out[4 * fours :])
    _rest(rest, gain, old, out[4 * fours :])
    return new


@jit
def _begin(y: Floats, n: int, out: Floats) -> float:
    """A recursion from its seed on; ``out`` is NaN before it."""
    seed = mean_of(y[:n])
    out[: n - 1] = np.nan
    out[n - 1 : n] = seed
    return _smooth(y[n:], 1.0 / n, (seed, seed), out[n:])


@jit
def _block(y: Floats, n: int, old: float, out: Floats) -> float:
    """The values between two anchors, and the state at the second of a recursion begun there."""
    old = _smooth(y[:n], 1.0 / n, (old, old), out[:n])
    return _smooth(y[n:], 1.0 / n, (old, mean_of(y[:n])), out[n:])


@jit
def _from_first_number(y: Floats, n: int, ends: tuple[int, int], out: Floats) -> tuple[int, float]:
    """The recursion that begins at y[0], at least to the first anchor after it.

    Args:
        y: A series that begins with a number.
        n: Rows of the average.
        ends: Indices of the first and the second anchor after y[0].
        out: Filled as far as the recursion went.

    Returns:
        The anchor that it reached, and the state of the recursion that gives the values after it.
    """
    first, second = min(ends[0], len(y)), min(ends[1], len(y))
    if first >= n or first == len(y):
        return first, _begin(y[:first], n, out[:first])
    # Its seed is not complete at the first anchor: it goes on to the second one. What the recursion
    # begun between them writes is overwritten.
    state = _begin(y[first:second], n, out[first:second])
    _begin(y[:second], n, out[:second])
    return second, state


@jit
def wilder(y: Floats, n: int, origin: int, memory: int, out: Floats) -> None:
    """Wilder's smoothing: gain 1/n, seeded with the mean of the first n values (Wilder 1978).

    Args:
        y: Shape (n,), the series. NaN at its start is skipped; a later one makes every value NaN
            whose recursion contains it.
        n: Rows of the average.
        origin: Absolute grid row of element 0.
        memory: Rows between two anchors, at least n, normally ``wilder_rows(n)``; values depend on
            twice as many.
        out: Shape (n,), filled; NaN until n values were seen. Values that are not negative give
            none that is, and zeros exactly 0.
    """
    start = first_number(y)
    out[:start] = np.nan
    if start == len(y):
        return
    first = next_anchor(start, origin, memory) - start
    ends = (first, first + memory)
    reached, state = _from_first_number(y[start:], n, ends, out[start:])
    for begin in range(start + reached, len(y), memory):
        end = min(begin + memory, len(y))
        state = _block(y[begin:end], n, state, out[begin:end])

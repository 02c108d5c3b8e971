"""Wilder's directional indicators and the average directional index."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.recursive import first_number, mean_of, next_anchor


class Moves(NamedTuple):
    """Arrays of equal length: true range and both directional movements of each bar."""

    extent: Floats
    plus: Floats
    minus: Floats


class Trend(NamedTuple):
    """One recursion.

    Attributes:
        extent: Average true range.
        plus: Average positive movement.
        minus: Average negative movement.
        strength: Average directional index; the sum of the first indices until there are n of them.
        seen: How many of the first n indices were seen.
    """

    extent: float
    plus: float
    minus: float
    strength: float
    seen: int


@jit
def _cut(moves: Moves, start: int, stop: int) -> Moves:
    return Moves(moves.extent[start:stop], moves.plus[start:stop], moves.minus[start:stop])


@jit
def _with_index(state: Trend, n: int) -> Trend:
    """Take the row's index into the average; where nothing moves there is none."""
    total = state.plus + state.minus
    if not total > 0.0:
        return state
    index = 100.0 * (abs(state.plus - state.minus) / total)
    if state.seen >= n:
        mean = state.strength + (index - state.strength) * (1.0 / n)
        return Trend(state.extent, state.plus, state.minus, mean, n)
    seen = state.seen + 1
    mean = state.strength + index
    mean = mean / n if seen == n else mean
    return Trend(state.extent, state.plus, state.minus, mean, seen)


@jit
def _seed(moves: Moves, n: int) -> Trend:
    """The averages after the first n rows."""
    plus, minus = mean_of(moves.plus), mean_of(moves.minus)
    return _with_index(Trend(mean_of(moves.extent), plus, minus, 0.0, 0), n)


@jit
def _next(state: Trend, moves: Moves, t: int, n: int) -> Trend:
    """The recursion one row later."""
    gain = 1.0 / n
    keep = 1.0 - gain
    width = keep * state.extent + gain * moves.extent[t]
    plus = keep * state.plus + gain * moves.plus[t]
    minus = keep * state.minus + gain * moves.minus[t]
    return _with_index(Trend(width, plus, minus, state.strength, state.seen), n)


@jit
def _write(state: Trend, n: int, out: Floats, t: int) -> None:
    """The three values of a row; NaN where nothing has moved."""
    out[0, t] = 100.0 * (state.plus / state.extent)
    out[1, t] = 100.0 * (state.minus / state.extent)
    out[2, t] = state.strength if state.seen >= n else np.nan


@jit
def _run(moves: Moves, n: int, state: Trend, out: Floats) -> Trend:
    """Go on with one recursion."""
    for t in range(len(moves.extent)):
        state = _next(state, moves, t, n)
        _write(state, n, out, t)
    return state


@jit
def _run_two(moves: Moves, n: int, old: Trend, new: Trend, out: Floats) -> Trend:
    """Go on with two recursions; the values are the old one's. Returns the new one's state."""
    for t in range(len(moves.extent)):
        old = _next(old, moves, t, n)
        new = _next(new, moves, t, n)
        _write(old, n, out, t)
    return new


@jit
def _begin(moves: Moves, n: int, out: Floats) -> Trend:
    """A recursion from its seed on; ``out`` is NaN before it."""
    rows = len(moves.extent)
    out[:, : n - 1] = np.nan
    state = _seed(_cut(moves, 0, n), n)
    if rows >= n:
        _write(state, n, out, n - 1)
    return _run(_cut(moves, n, rows), n, state, out[:, n:])


@jit
def _block(moves: Moves, n: int, old: Trend, out: Floats) -> Trend:
    """The values between two anchors, and the state at the second of a recursion begun there."""
    head = _cut(moves, 0, n)
    old = _run(head, n, old, out[:, :n])
    return _run_two(_cut(moves, n, len(moves.extent)), n, old, _seed(head, n), out[:, n:])


@jit
def directional(moves: Moves, n: int, origin: int, memory: int, out: Floats) -> None:
    """Directional indicators +DI and -DI, and the average directional index (Wilder 1978).

    Ranges and movements are smoothed as by ``recursive.wilder``; the average of the directional
    index begins on the same anchors and is seeded with the mean of its first n values. A row in
    which neither movement has an average has no index, and the average stays as it is.

    Args:
        moves: True range and movements, shape (n,) each. NaN at their start is skipped; a later
            one makes every value NaN whose recursion contains it.
        n: Rows of the averages.
        origin: Absolute grid row of element 0.
        memory: Rows between two anchors, at least 2 n, normally ``wilder_ratio_rows(n, 2)``; values
            depend on twice as many.
        out: Shape (3, n), filled with +DI, -DI and ADX, within [0, 100]; +DI and -DI are NaN until
            n bars were seen, ADX until n indices were, and all where nothing has moved.
    """
    start = max(first_number(moves.extent), first_number(moves.plus))
    first = next_anchor(start, origin, memory)
    second = first + memory
    stop = min(second, len(moves.extent))
    out[:, :start] = np.nan
    state = Trend(0.0, 0.0, 0.0, 0.0, 0)
    if first < stop:
        # What this writes is overwritten by the recursion that began earlier.
        state = _begin(_cut(moves, first, stop), n, out[:, first:stop])
    if start < stop:
        _begin(_cut(moves, start, stop), n, out[:, start:stop])
    for begin in range(second, len(moves.extent), memory):
        end = min(begin + memory, len(moves.extent))
        state = _block(_cut(moves, begin, end), n, state, out[:, begin:end])

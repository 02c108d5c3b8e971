"""Moving average convergence and divergence (MACD)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.recursive import first_number, next_anchor

Spans = tuple[int, int, int]
"""Spans in rows of the fast average, the slow one, and that of their difference."""


class Averages(NamedTuple):
    """One recursion: three averages, relative to the value where it began.

    Attributes:
        reference: That value.
        fast: Fast average of the series.
        slow: Slow average of the series.
        signal: Average of their difference.
    """

    reference: float
    fast: float
    slow: float
    signal: float


@jit
def _begun(reference: float) -> Averages:
    """Every average is seeded with its first value, and those are the reference's."""
    return Averages(reference, 0.0, 0.0, 0.0)


@jit
def _next(state: Averages, value: float, spans: Spans) -> Averages:
    """The recursion one row later."""
    f, s, g = 2.0 / (spans[0] + 1.0), 2.0 / (spans[1] + 1.0), 2.0 / (spans[2] + 1.0)
    d = value - state.reference
    fast = (1.0 - f) * state.fast + f * d
    slow = (1.0 - s) * state.slow + s * d
    signal = (1.0 - g) * state.signal + g * (fast - slow)
    return Averages(state.reference, fast, slow, signal)


@jit
def _run_two(y: Floats, spans: Spans, old: Averages, out: Floats) -> Averages:
    """Go on with the old recursion, whose values are kept, and begin a new one."""
    new = _begun(y[0])
    line, signal, histogram = out[0], out[1], out[2]
    for t in range(len(y)):
        old = _next(old, y[t], spans)
        new = _next(new, y[t], spans)
        gap = old.fast - old.slow
        line[t] = gap
        signal[t] = old.signal
        histogram[t] = gap - old.signal
    return new


@jit
def macd(y: Floats, spans: Spans, origin: int, memory: int, out: Floats) -> None:
    """Fast minus slow exponential average, and the exponential average of that (Appel 1979).

    All three averages begin on the same anchors (see ``recursive``), each seeded with its first
    value. They are taken relative to the value where they began: a flat series gives exactly 0.

    Args:
        y: Shape (n,), the series. NaN at its start is skipped; a later one makes every value NaN
            whose recursion contains it.
        spans: Spans of the fast, the slow and the signal average.
        origin: Absolute grid row of element 0.
        memory: Rows between two anchors, normally ``ema_rows`` of the longest span with two
            stages; values depend on twice as many.
        out: Shape (3, n), filled with the line, the signal and line minus signal; NaN until as many
            values were seen as the slow span has rows.
    """
    start = begin = first_number(y)
    chain = _begun(y[start] if start < len(y) else 0.0)
    while begin < len(y):
        end = min(next_anchor(begin, origin, memory), len(y))
        chain = _run_two(y[begin:end], spans, chain, out[:, begin:end])
        begin = end
    out[:, : start + spans[1] - 1] = np.nan

"""Wilder's relative strength index."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.recursive import first_number, next_anchor

Averages = tuple[float, float]
"""Average rise and average fall."""


@jit
def _index(rise: float, fall: float) -> float:
    """100 RS/(1 + RS) with RS = rise/fall, which also holds where the fall is 0; NaN for 0/0."""
    return 100.0 * (rise / (rise + fall))


@jit
def _seed(y: Floats) -> Averages:
    """Mean rise and mean fall; y[0] is the value before the first change."""
    rise = fall = 0.0
    for t in range(1, len(y)):
        change = y[t] - y[t - 1]
        rise += max(change, 0.0)
        fall += max(-change, 0.0)
    return rise / (len(y) - 1), fall / (len(y) - 1)


@jit
def _smooth(y: Floats, n: int, state: Averages, out: Floats) -> Averages:
    """Go on with one recursion; y[0] is the value before the first change."""
    gain = 1.0 / n
    keep = 1.0 - gain
    rise, fall = state
    for t in range(len(out)):
        change = y[t + 1] - y[t]
        rise = keep * rise + gain * max(change, 0.0)
        fall = keep * fall + gain * max(-change, 0.0)
        out[t] = _index(rise, fall)
    return rise, fall


@jit
def _smooth_two(y: Floats, n: int, old: Averages, new: Averages, out: Floats) -> Averages:
    """Go on with two recursions; the values are the old one's. Returns the new one's state."""
    gain = 1.0 / n
    keep = 1.0 - gain
    (a, b), (rise, fall) = old, new
    for t in range(len(out)):
        change = y[t + 1] - y[t]
        up, down = gain * max(change, 0.0), gain * max(-change, 0.0)
        a = keep * a + up
        b = keep * b + down
        rise = keep * rise + up
        fall = keep * fall + down
        out[t] = _index(a, b)
    return rise, fall


@jit
def _begin(y: Floats, n: int, out: Floats) -> Averages:
    """A recursion from its seed on; ``out`` is NaN before it."""
    out[: n - 1] = np.nan
    if len(out) < n:
        return 0.0, 0.0
    rise, fall = _seed(y[: n + 1])
    out[n - 1] = _index(rise, fall)
    return _smooth(y[n:], n, (rise, fall), out[n:])


@jit
def _block(y: Floats, n: int, old: Averages, out: Floats) -> Averages:
    """The values between two anchors, and the state at the second of a recursion begun there."""
    old = _smooth(y, n, old, out[:n])
    if len(out) < n:
        return old
    return _smooth_two(y[n:], n, old, _seed(y[: n + 1]), out[n:])


@jit
def relative_strength(y: Floats, n: int, origin: int, memory: int, out: Floats) -> None:
    """Relative strength index of one-row changes (Wilder 1978), with anchored restarts.

    100 A/(A + B), A and B Wilder's averages (see ``recursive.wilder``) of the rises and falls.

    Args:
        y: Shape (n,), the series. NaN at its start is skipped; a later one makes every value NaN
            whose recursion contains it.
        n: Rows of the averages.
        origin: Absolute grid row of element 0.
        memory: Rows between two anchors, at least n, normally ``wilder_ratio_rows(n)``; values
            depend on twice as many changes.
        out: Shape (n,), filled, within [0, 100]; NaN until n changes were seen, and where the
            series has not moved since its recursion began.
    """
    start = first_number(y) + 1
    out[:start] = np.nan
    first = next_anchor(start, origin, memory)
    second = first + memory
    stop = min(second, len(y))
    state = (0.0, 0.0)
    if first < stop:
        # What this writes is overwritten by the recursion that began earlier.
        state = _begin(y[first - 1 : stop], n, out[first:stop])
    if start < stop:
        _begin(y[start - 1 : stop], n, out[start:stop])
    for begin in range(second, len(y), memory):
        end = min(begin + memory, len(y))
        state = _block(y[begin - 1 : end], n, state, out[begin:end])

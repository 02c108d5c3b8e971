"""A short trailing window kept in ascending order."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def _replace(window: Floats, old: float, new: float) -> None:
    """Take one value out of an ascending array and put another in.

    Both places are found by counting, which has no branches and runs in vector registers: for
    windows of up to a few hundred values it beats a binary search.

    Args:
        window: Ascending; keeps its length.
        old: A value of the window.
        new: The value that takes its place in the count.
    """
    at = to = 0
    for i in range(len(window)):
        at += window[i] < old
        to += window[i] < new
    if old < new:
        for i in range(at, to - 1):
            window[i] = window[i + 1]
        window[to - 1] = new
    else:
        for i in range(at, to, -1):
            window[i] = window[i - 1]
        window[to] = new


@jit
def slide(window: Floats, y: Floats, t: int, filled: int) -> int:
    """Move a sorted window to row ``t``; returns how many of its values stand now.

    Empty places hold infinity. A NaN empties the window, so it returns to its full length with the
    first window that has no NaN. Zeros lose their sign, for the order of -0.0 and 0.0 would depend
    on where the slice began.

    Args:
        window: The values of the rows before ``t``, ascending.
        y: The series.
        t: The row that comes in.
        filled: What the call for the row before returned, 0 at first.
    """
    w = len(window)
    if np.isnan(y[t]):
        window[:] = np.inf
        return 0
    old = y[t - w] + 0.0 if filled == w else np.inf
    _replace(window, old, y[t] + 0.0)
    return min(filled + 1, w)


@jit
def between(low: float, high: float, share: float) -> float:
    """The value a share of the way from ``low`` to ``high``, monotone in the share."""
    step = high - low
    return low + step * share if share < 0.5 else high - step * (1.0 - share)


@jit
def quantile_of(window: Floats, position: float) -> float:
    """Value at a fractional position of an ascending window, linear in between."""
    k = int(position)
    return between(window[k], window[min(k + 1, len(window) - 1)], position - k)


@jit
def _nearest(window: Floats, centre: float, count: int) -> int:
    """Where the ``count`` values nearest to ``centre`` begin: they stand side by side."""
    low, high = 0, len(window) - count
    while low < high:
        middle = (low + high) // 2
        if centre - window[middle] > window[middle + count] - centre:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def deviation_of(window: Floats) -> float:
    """Median distance of an ascending window's values from their median."""
    w = len(window)
    centre = quantile_of(window, 0.5 * (w - 1))
    count = (w + 1) // 2
    first = _nearest(window, centre, count)
    last = first + count - 1
    middle = max(centre - window[first], window[last] - centre)
    if w % 2:
        return float(middle)
    after = np.inf if last + 1 == w else window[last + 1] - centre
    before = np.inf if first == 0 else centre - window[first - 1]
    return float(0.5 * (middle + min(before, after)))

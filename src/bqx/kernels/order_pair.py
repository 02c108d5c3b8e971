"""Two neighbours of the sorted window, followed from row to row.

A quantile lies between the order statistics number k and k + 1. They divide a window into a low and
a high side. A row that comes in and one that goes out on the same side, and away from the border,
change neither; otherwise one side loses a value to the other, and a look through the window finds
its new end. That look compares whole numbers whose order is that of the values: unlike comparisons
of floats, it runs in vector registers. All of it is exact, so the result does not depend on where
the slice begins.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

LEAST = -(2**63)
GREATEST = 2**63 - 1

Pair = tuple[int, int]
"""Keys of order statistics k and k + 1."""


@jit
def _turned(bits: int) -> int:
    """Bits of a float as a number of the same order, and back."""
    return bits ^ ((bits >> 63) & GREATEST)


@jit
def order_keys(y: Floats) -> Ints:
    """Whole numbers in the order of the values; both zeros have the same."""
    plain = np.empty(len(y))
    for t in range(len(y)):
        plain[t] = y[t] + 0.0
    keys = plain.view(np.int64)
    for t in range(len(y)):
        keys[t] = _turned(keys[t])
    return keys


@jit
def _under(window: Ints, key: int) -> Pair:
    """The greatest key below ``key``, and how many there are below it."""
    best, count = LEAST, 0
    for i in range(len(window)):
        under = window[i] < key
        best = max(best, window[i] if under else LEAST)
        count += under
    return best, count


@jit
def _over(window: Ints, key: int) -> Pair:
    """The least key above ``key``, and how many there are above it."""
    best, count = GREATEST, 0
    for i in range(len(window)):
        over = window[i] > key
        best = min(best, window[i] if over else GREATEST)
        count += over
    return best, count


@jit
def _top(window: Ints, key: int, k: int) -> int:
    """The end of the low side, at most ``key``."""
    best, count = _under(window, key)
    return best if count == k + 1 else key


@jit
def _bottom(window: Ints, key: int, k: int) -> int:
    """The start of the high side, at least ``key``."""
    best, count = _over(window, key)
    return best if count == len(window) - k - 1 else key


@jit
def _from_low(window: Ints, old: int, pair: Pair, k: int) -> Pair:
    """The pair after a row of the low side has gone out; the newest row has come in."""
    (low, high), new = pair, window[-1]
    if new > high:
        return high, _bottom(window, high, k)
    if new > low:
        return new, high
    if old < low or new == low:
        return pair
    return _top(window, low, k), high


@jit
def _from_high(window: Ints, old: int, pair: Pair, k: int) -> Pair:
    """The same after a row of the high side."""
    (low, high), new = pair, window[-1]
    if new < low:
        return _top(window, low, k), low
    if new < high:
        return low, new
    if old > high or new == high:
        return pair
    return low, _bottom(window, high, k)


@jit
def _first_pair(window: Ints, k: int) -> Pair:
    ordered = np.sort(window)
    return ordered[k], ordered[k + 1]


@jit
def follow_pair(y: Floats, w: int, k: int, low: Floats, high: Floats) -> None:
    """Values number k and k + 1, from 0, of every sorted trailing window.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2, the current row included.
        k: At most w - 2.
        low: Shape (n,), filled with value number k.
        high: Shape (n,), filled with value number k + 1. Both are NaN where t < w - 1, and have no
            negative zeros.
    """
    keys = order_keys(y)
    lows, highs = low.view(np.int64), high.view(np.int64)
    pair, known = (0, 0), 0
    for t in range(len(y)):
        known = 0 if np.isnan(y[t]) else known + 1
        if known < w:
            low[t] = high[t] = np.nan
            continue
        window = keys[t - w + 1 : t + 1]
        if known == w:
            pair = _first_pair(window, k)
        elif keys[t - w] <= pair[0]:
            pair = _from_low(window, keys[t - w], pair, k)
        else:
            pair = _from_high(window, keys[t - w], pair, k)
        lows[t], highs[t] = _turned(pair[0]), _turned(pair[1])

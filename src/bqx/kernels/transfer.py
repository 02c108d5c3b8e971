"""Rolling transfer entropy between two series."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

BINS = 3
"""Classes of each series: thirds of its window."""


@jit
def _bits(w: int) -> Floats:
    """Products n log2 n of the counts 0 … w."""
    bits = np.zeros(w + 1)
    for n in range(1, w + 1):
        bits[n] = n * np.log2(n)
    return bits


@jit
def _classify(y: Floats, low: float, high: float, factor: int, classes: Ints) -> None:
    """Add ``factor`` times the third in which each value lies: 0, 1 or 2."""
    for i in range(len(classes)):
        classes[i] += factor * (int(y[i] > low) + int(y[i] > high))


@jit
def _told(first: int, second: int, third: int, bits: Floats) -> float:
    """What x before tells about counts by its thirds, but for the sign; 0 when it has one."""
    total = bits[first] + bits[second] + bits[third]
    return float(total - bits[first + second + third])


@jit
def _entropy(counts: Ints, bits: Floats, w: int) -> float:
    """H(now | before) - H(now | before, x before) in bits, of counts by (now, before, x before).

    It is exactly 0 where one of the series is in one third only.
    """
    total = 0.0
    for j in range(BINS):
        a, b, c = 3 * j, 9 + 3 * j, 18 + 3 * j
        for at in (a, b, c):
            total += _told(counts[at], counts[at + 1], counts[at + 2], bits)
        total -= _told(
            counts[a] + counts[b] + counts[c],
            counts[a + 1] + counts[b + 1] + counts[c + 1],
            counts[a + 2] + counts[b + 2] + counts[c + 2],
            bits,
        )
    return max(total / w, 0.0)


@jit
def transfer_entropy(
    y: Floats, x: Floats, size: tuple[int, int], edges: Floats, out: Floats
) -> None:
    """Information that x before gives about y now, beyond what y before gives (Schreiber 2000).

    Each series is put into thirds by two quantiles of its window. Each window is read once, in
    order, and only whole numbers are counted, so the bits of a result depend on the window alone.

    Args:
        y: Shape (n,), the series that may be led.
        x: Shape (n,), the series that may lead.
        size: Rows in a window, and by how many rows "before" is earlier.
        edges: Shape (4, n): both quantiles of y, and both of x, over the windows that end at each
            row; those of x are used where they end with "before". NaN where a window has NaN.
        out: Shape (n,), filled, at least 0 and in bits. NaN where t < rows + lag - 1, or where an
            edge is NaN.
    """
    w, lag = size
    bits = _bits(w)
    index, counts = np.empty(w, np.int64), np.empty(BINS * BINS * BINS, np.int64)
    out[: w + lag - 1] = np.nan
    for t in range(w + lag - 1, len(y)):
        now, before = t - w + 1, t - lag - w + 1
        index[:] = 0
        _classify(y[now : t + 1], edges[0, t], edges[1, t], 9, index)
        _classify(y[before : t - lag + 1], edges[0, t], edges[1, t], 3, index)
        _classify(x[before : t - lag + 1], edges[2, t - lag], edges[3, t - lag], 1, index)
        counts[:] = 0
        for i in range(w):
            counts[index[i]] += 1
        known = not np.isnan(edges[0, t] + edges[0, t - lag] + edges[2, t - lag])
        out[t] = _entropy(counts, bits, w) if known else np.nan

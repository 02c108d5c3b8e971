"""Rolling entropy of a histogram."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.jit import jit

BINS = 10
MOST = float(np.log2(BINS))
"""Entropy of equal counts in all bins, in bits."""


@jit
def _place_edges(low: float, high: float, edges: Floats) -> None:
    """The inner edges of equal bins from ``low`` to ``high``, rounded as by ``numpy.linspace``."""
    step = (high - low) / BINS
    for k in range(len(edges)):
        edges[k] = (k + 1) * step + low


@jit
def _bin(value: float, edges: Floats) -> int:
    """Number of the bin: how many inner edges lie at or below the value."""
    k = 0
    for i in range(len(edges)):
        k += value >= edges[i]
    return k


@jit
def _recount(window: Floats, edges: Floats, counts: Ints) -> None:
    """Count a window's values by bin, edge by edge, which runs in vector registers."""
    above = len(window)
    for k in range(len(edges)):
        edge = edges[k]
        next_above = 0
        for i in range(len(window)):
            next_above += window[i] >= edge
        counts[k] = above - next_above
        above = next_above
    counts[len(edges)] = above


@jit
def _bits_by_count(w: int) -> Floats:
    """Contribution -p log2 p of a bin with 0 … w of w values."""
    bits = np.zeros(w + 1)
    for count in range(1, w + 1):
        p = count / w
        bits[count] = -p * np.log2(p)
    return bits


@jit
def _information(counts: Ints, bits: Floats) -> float:
    """Entropy of the counts, in bits."""
    total = 0.0
    for k in range(len(counts)):
        total += bits[counts[k]]
    return min(total, MOST)


@jit
def histogram_entropy(y: Floats, w: int, low: Floats, high: Floats, out: Floats) -> None:
    """Shannon entropy of a histogram of every trailing window, the current row included.

    The histogram has ten equal bins from the window's minimum to its maximum, each with its left
    edge, the last with both. While minimum and maximum stay, one value leaves a bin and one enters;
    counts are whole numbers, so nothing is carried that depends on where the slice begins.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2.
        low: Shape (n,), minimum of each window, NaN where there is none.
        high: Shape (n,), maximum of each window, NaN where there is none.
        out: Shape (n,), filled, in bits, in [0, log2 10]; NaN in a window of equal values and where
            t < w - 1.
    """
    edges, counts, bits = np.empty(BINS - 1), np.zeros(BINS, np.int64), _bits_by_count(w)
    least = most = np.nan
    out[: w - 1] = np.nan
    for t in range(w - 1, len(y)):
        if low[t] == least and high[t] == most:
            counts[_bin(y[t - w], edges)] -= 1
            counts[_bin(y[t], edges)] += 1
        else:
            least, most = low[t], high[t]
            _place_edges(least, most, edges)
            _recount(y[t - w + 1 : t + 1], edges, counts)
        out[t] = _information(counts, bits) if most > least else np.nan

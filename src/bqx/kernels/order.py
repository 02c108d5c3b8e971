"""Rolling ranks and quantiles. All are exact, so they do not depend on where a slice begins."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.order_pair import follow_pair
from bqx.kernels.ranks import (
    advance,
    average_rank,
    empty_ranks,
    open_block,
    order_statistics,
    sorted_rows,
)
from bqx.kernels.sorted_window import between, deviation_of, slide

COUNTED = 640
"""Longest window in which comparing every value is faster than ranking two blocks."""
FOLLOWED = 1440
"""Longest window in which two neighbours are faster followed than ranks counted."""


@jit
def _blank(y: Floats, w: int, out: Floats) -> None:
    """NaN where a window is not full or contains NaN."""
    last = -1
    for t in range(len(y)):
        if np.isnan(y[t]):
            last = t
        if t - last < w:
            out[t] = np.nan


@jit
def _rank_short(y: Floats, w: int, out: Floats) -> None:
    """Average ranks from 0, by comparing each row with its window."""
    for t in range(w - 1, len(y)):
        window, now = y[t - w + 1 : t + 1], y[t]
        below = equal = 0
        for i in range(w):
            below += window[i] < now
            equal += window[i] == now
        out[t] = below + 0.5 * (equal - 1)


@jit
def _rank_long(y: Floats, w: int, out: Floats) -> None:
    """Average ranks from 0, by counts over two sorted blocks (see ``ranks``)."""
    ranks = empty_ranks(w)
    block = sorted_rows(y, 0, w - 1)
    for begin in range(w - 1, len(y), w):
        block = open_block(y, block, begin, w, ranks)
        for j in range(len(block)):
            advance(ranks, j, w, begin)
            out[begin + j] = average_rank(ranks, w + j)


@jit
def percentile_rank(y: Floats, w: int, out: Floats) -> None:
    """Share of the window that lies below the current row.

    It is (average rank - 1) / (w - 1): 0 at the sole minimum, 1 at the sole maximum, 0.5 in a
    window of equal values. Ties take the mean of their ranks.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2, the current row included.
        out: Shape (n,), filled; in [0, 1], NaN where t < w - 1.
    """
    if w <= COUNTED:
        _rank_short(y, w, out)
    else:
        _rank_long(y, w, out)
    for t in range(w - 1, len(y)):
        out[t] /= w - 1
    _blank(y, w, out)


@jit
def _quantile_long(y: Floats, w: int, q: float, out: Floats) -> None:
    """Quantiles by counts over two sorted blocks (see ``ranks``)."""
    k = int((w - 1) * q)
    share = (w - 1) * q - k
    ranks = empty_ranks(w)
    block = sorted_rows(y, 0, w - 1)
    for begin in range(w - 1, len(y), w):
        block = open_block(y, block, begin, w, ranks)
        for j in range(len(block)):
            advance(ranks, j, w, begin)
            low, high = order_statistics(ranks, k)
            out[begin + j] = between(low, high, share)
    _blank(y, w, out)


@jit
def _quantile_followed(y: Floats, w: int, q: float, out: Floats) -> None:
    """Quantiles between two neighbours that are followed from row to row."""
    k = min(int((w - 1) * q), w - 2)
    high = np.empty(len(y))
    follow_pair(y, w, k, out, high)
    for t in range(len(y)):
        out[t] = between(out[t], high[t], (w - 1) * q - k)


@jit
def quantile(y: Floats, w: int, q: float, out: Floats) -> None:
    """One quantile of every trailing window.

    Between two values it is interpolated linearly (type 7 of Hyndman and Fan 1996).

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2, the current row included.
        q: In [0, 1].
        out: Shape (n,), filled; NaN where t < w - 1.
    """
    if w <= FOLLOWED:
        _quantile_followed(y, w, q, out)
    else:
        _quantile_long(y, w, q, out)


@jit
def quantiles(y: Floats, w: int, q: Floats, out: Floats) -> None:
    """Several quantiles of every trailing window, each as by ``quantile``.

    Args:
        y: Shape (n,), the series.
        w: Rows in a window, at least 2, the current row included.
        q: Shape (k,), each in [0, 1].
        out: Shape (k, n), filled.
    """
    for k in range(len(q)):
        quantile(y, w, q[k], out[k])


@jit
def median_abs_deviation(y: Floats, w: int, out: Floats) -> None:
    """Median distance from the median (not scaled) of every trailing window.

    For windows of up to a few hundred rows.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, the current row included.
        out: Shape (n,), filled; at least 0, NaN where t < w - 1.
    """
    window = np.full(w, np.inf)
    filled = 0
    for t in range(len(y)):
        filled = slide(window, y, t, filled)
        out[t] = deviation_of(window) if filled == w else np.nan

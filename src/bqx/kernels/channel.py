"""Channels of highs and lows.

By doubling: extrema of two windows that overlap or touch are those of the longer window that they
make. A step takes one comparison a row, on neighbouring rows and without branches, and needs no
border: extrema are exact, however they are found.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

TILE = 1024
"""Rows at a time: a tile stays in the first-level cache."""


@jit
def _join(y: Floats, span: int, sign: float, out: Floats) -> None:
    """The greater of two values, or the lower one where ``sign`` is -1.

    The older one if it is NaN, for then all before it are, too.
    """
    newer = y[span:]
    if sign > 0.0:
        for j in range(len(out)):
            out[j] = max(y[j], newer[j])
    else:
        for j in range(len(out)):
            out[j] = min(y[j], newer[j])


@jit
def _join_four(y: Floats, span: int, sign: float, out: Floats) -> None:
    """The same for four values that stand ``span`` apart."""
    second, third, fourth = y[span:], y[2 * span :], y[3 * span :]
    if sign > 0.0:
        for j in range(len(out)):
            left, right = max(y[j], second[j]), max(third[j], fourth[j])
            out[j] = max(left, right)
    else:
        for j in range(len(out)):
            left, right = min(y[j], second[j]), min(third[j], fourth[j])
            out[j] = min(left, right)


@jit
def _double(y: Floats, sign: float, w: int, scratch: Floats, out: Floats) -> None:
    """Maxima of the windows that end at y[w - 1] and after it; minima where ``sign`` is -1.

    Those of four rows are joined to those of 16, those to 64 and so on; two that overlap make the
    window.
    """
    source, target, spare = y, scratch[0], scratch[1]
    span, rows = 1, len(y)
    while 4 * span <= w:
        rows -= 3 * span
        _join_four(source, span, sign, target[:rows])
        source, target, spare = target, spare, target
        span *= 4
    if 2 * span <= w:
        rows -= span
        _join(source, span, sign, target[:rows])
        source = target
        span *= 2
    _join(source, w - span, sign, out)


@jit
def channel(low: Floats, high: Floats, w: int, bottom: Floats, top: Floats) -> None:
    """Lowest low and highest high of every trailing window (Donchian 1960).

    The cost grows with the logarithm of the window: above some hundred rows ``widen`` is better.

    Args:
        low: Shape (n,). NaN may stand only at its start, and makes exactly the windows that
            contain it NaN.
        high: Shape (n,), likewise.
        w: Rows in a window, at least 1.
        bottom: Shape (n,), filled; NaN where t < w - 1.
        top: Shape (n,), filled; NaN where t < w - 1.
    """
    scratch = np.empty((2, TILE + w))
    bottom[: w - 1] = np.nan
    top[: w - 1] = np.nan
    for start in range(w - 1, len(low), TILE):
        end = min(start + TILE, len(low))
        behind = start - w + 1
        _double(low[behind:end], -1.0, w, scratch, bottom[start:end])
        _double(high[behind:end], 1.0, w, scratch, top[start:end])


@jit
def widen(narrow: Floats, rows: int, out: Floats) -> None:
    """The channel of longer windows from that of shorter ones.

    Args:
        narrow: Shape (2, n), lowest low and highest high of windows of at least ``rows`` rows.
        rows: Rows by which the windows grow, at least 1.
        out: Shape (2, n), filled; NaN where a longer window does not fit.
    """
    out[:, :rows] = np.nan
    _join(narrow[0], rows, -1.0, out[0, rows:])
    _join(narrow[1], rows, 1.0, out[1, rows:])

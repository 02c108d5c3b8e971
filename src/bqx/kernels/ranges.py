"""Moves inside bars, from which the range estimators of volatility are averaged."""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.products import Series

TERMS = 5
"""Rows of the output: squared range, Garman-Klass term, Rogers-Satchell term, gap, body."""

BODY = 2.0 * math.log(2.0) - 1.0
"""Weight of the squared body in the Garman-Klass term."""


@jit
def _log_ratio(value: float, base: float) -> float:
    """Exactly 0 where the two are equal; the distance is taken first, so that digits are kept."""
    return float(np.log1p((value - base) / base))


@jit
def _write(high: float, low: float, close: float, t: int, out: Floats) -> None:
    """The terms of one bar from its moves above, below and away from the open."""
    extent = high - low
    out[0, t] = extent * extent
    out[1, t] = 0.5 * extent * extent - BODY * close * close
    out[2, t] = high * (high - close) + low * (low - close)
    out[4, t] = close


@jit
def log_range_terms(bars: Series, step: int, out: Floats) -> None:
    """Terms of the range estimators from the logarithms of prices.

    With h = ln(H/O), l = ln(L/O), c = ln(C/O) and o = ln(O/C of the bar before): (h - l)²,
    (h - l)²/2 - (2 ln 2 - 1) c², h (h - c) + l (l - c), o and c. None of the first three is
    negative where L <= O, C <= H.

    Args:
        bars: Open, high, low and close, of shape (n,) each and positive. NaN makes exactly the
            terms that use it NaN.
        step: Rows from a bar to the one before it.
        out: Shape (5, n), filled; the gap is NaN where t < step.
    """
    opens, highs, lows, closes = bars
    out[3, :step] = np.nan
    for t in range(len(opens)):
        start = opens[t]
        high, low = _log_ratio(highs[t], start), _log_ratio(lows[t], start)
        _write(high, low, _log_ratio(closes[t], start), t, out)
        if t >= step:
            out[3, t] = _log_ratio(start, closes[t - step])


@jit
def range_terms(bars: Series, step: int, out: Floats) -> None:
    """The terms of ``log_range_terms`` with differences in the place of logarithms of ratios.

    For a series that crosses zero.

    Args:
        bars: Open, high, low and close, of shape (n,) each.
        step: Rows from a bar to the one before it.
        out: Shape (5, n), filled; the gap is NaN where t < step.
    """
    opens, highs, lows, closes = bars
    out[3, :step] = np.nan
    for t in range(len(opens)):
        start = opens[t]
        _write(highs[t] - start, lows[t] - start, closes[t] - start, t, out)
        if t >= step:
            out[3, t] = start - closes[t - step]

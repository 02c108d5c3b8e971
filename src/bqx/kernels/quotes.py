"""Sides of trades and costs of trading, from quotes and bars."""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

TIE = 1e-9
"""Prices closer than this share are equal: quotes have at most seven digits, and a mean of two
quotes is off by rounding."""

PER_UNIT = 1e9
"""Spreads are whole numbers of this part of a price unit."""

OVERLAP = 3.0 - 2.0 * math.sqrt(2.0)


@jit
def spreads(bid: Floats, ask: Floats, out: Floats) -> None:
    """Ask less bid, without the rounding of the subtraction, so that equal spreads are equal.

    Args:
        bid: Shape (n,), of at most nine decimals.
        ask: Shape (n,), likewise.
        out: Shape (n,), filled; NaN where one of the two is.
    """
    for t in range(len(out)):
        out[t] = np.rint((ask[t] - bid[t]) * PER_UNIT) / PER_UNIT


@jit
def distance(price: Floats, mid: Floats, out: Floats) -> None:
    """Price less mid, exactly 0 where the two tie.

    Args:
        price: Shape (n,).
        mid: Shape (n,), positive.
        out: Shape (n,), filled; NaN where one of the two is.
    """
    for t in range(len(out)):
        away = price[t] - mid[t]
        out[t] = 0.0 if abs(away) <= TIE * mid[t] else away


@jit
def tick_directions(mid: Floats, out: Floats) -> None:
    """Sign of the change of the mid in each row, 0 where it ties with the one before.

    Args:
        mid: Shape (n,), positive.
        out: Shape (n,), filled; NaN in the first row and where one of the two mids is NaN.
    """
    out[:1] = np.nan
    for t in range(1, len(mid)):
        move = mid[t] - mid[t - 1]
        out[t] = 0.0 if abs(move) <= TIE * mid[t] else np.sign(move)


@jit
def trade_sides(away: Floats, ticks: Floats, reach: int, out: Floats) -> None:
    """Side of the trade in each row by the rule of Lee and Ready (1991): 1 buy, -1 sell.

    The side of the mid on which the price lies; on the mid, the direction of the mid's last change.

    Args:
        away: Shape (n,), price less mid.
        ticks: Shape (n,), directions of the mid's changes.
        reach: Rows, the current one included, whose mids may tell the direction.
        out: Shape (n,), filled. NaN where ``away`` is, and where the price lies on the mid and that
            has not changed within reach.
    """
    last, direction = -reach, 0.0
    for t in range(len(away)):
        if abs(ticks[t]) > 0.0:
            last, direction = t, ticks[t]
        if away[t] == 0.0:
            out[t] = direction if t - last < reach - 1 else np.nan
        else:
            out[t] = np.sign(away[t])


@jit
def _squared_log_range(high: float, low: float) -> float:
    extent = np.log1p((high - low) / low)
    return float(extent * extent)


@jit
def corwin_schultz(high: Floats, low: Floats, out: Floats) -> None:
    """Spread from the ranges of two bars and of both together (Corwin and Schultz 2012).

    Volatility widens the joint range of two bars, the spread does not.

    Args:
        high: Shape (n,), highest prices of the bars.
        low: Shape (n,), lowest prices, positive.
        out: Shape (n,), filled with the spread as a share of the price, 0 where the estimate is
            negative; NaN in the first row.
    """
    out[:1] = np.nan
    for t in range(1, len(high)):
        single = _squared_log_range(high[t], low[t]) + _squared_log_range(high[t - 1], low[t - 1])
        joint = _squared_log_range(max(high[t], high[t - 1]), min(low[t], low[t - 1]))
        alpha = (np.sqrt(2.0 * single) - np.sqrt(single)) / OVERLAP - np.sqrt(joint / OVERLAP)
        # 2 (e^a - 1)/(1 + e^a) is 2 tanh(a/2).
        out[t] = max(2.0 * np.tanh(0.5 * alpha), 0.0)

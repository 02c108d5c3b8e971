"""Powers and products of returns, from which realized and bipower variation are summed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

POWERS = 4
"""Rows of the output of ``power_terms``: r², r⁴, r² with the sign of r, product of neighbours."""

CLEAN = 6
"""Rows of the output of ``clean_terms``: three products, and how many of each there are."""

HALF_PI = math.pi / 2.0
TRIPOWER = (2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)) ** -3.0
"""Turns the mean product of three neighbours, each to the power 4/3, into a fourth moment."""

SPREAD = HALF_PI * HALF_PI + math.pi - 5.0
"""Variance of the relative jump, times the returns, when volatility is constant."""


@jit
def power_terms(r: Floats, step: int, out: Floats) -> None:
    """Squares, fourth powers, signed squares, and products with the return before.

    Args:
        r: Shape (n,), returns. NaN makes exactly the terms that use it NaN.
        step: Rows from a return to the one before it.
        out: Shape (4, n), filled: r², r⁴, r |r| and |r_t r_t-step|; the last is NaN where
            t < step.
    """
    out[3, :step] = np.nan
    for t in range(len(r)):
        square = r[t] * r[t]
        out[0, t] = square
        out[1, t] = square * square
        out[2, t] = r[t] * abs(r[t])
        if t >= step:
            out[3, t] = abs(r[t] * r[t - step])


@jit
def within_session(minutes: NDArray[np.int64], rows: int, out: Floats) -> None:
    """Whether the way to each row through the ``rows`` rows before it crosses no closure.

    Args:
        minutes: Shape (n,), epoch minutes of consecutive grid rows; a step of more than one is a
            closure.
        rows: Rows that a return reaches back.
        out: Shape (n,), filled with 1 and 0; where t < rows, closures before the slice are unseen.
    """
    since = rows
    for t in range(len(minutes)):
        since += 1
        if t > 0 and minutes[t] - minutes[t - 1] > 1:
            since = 0
        out[t] = 1.0 if since >= rows else 0.0


@jit
def clean_terms(r: Floats, whole: Floats, step: int, out: Floats) -> None:
    """Products of one, two and three neighbouring returns, without those across a closure.

    Args:
        r: Shape (n,), returns. NaN makes exactly the products that use it NaN.
        whole: Shape (n,), 1 where a return counts and 0 where it does not.
        step: Rows from a return to the one before it.
        out: Shape (6, n), filled: r², |r r'| and |r r' r''| to the power 4/3, each 0 where one of
            its returns does not count, and then 1 where all of them do. NaN where t < step in the
            rows of pairs, and where t < 2 step in those of triples.
    """
    out[1, :step] = out[4, :step] = np.nan
    out[2, : 2 * step] = out[5, : 2 * step] = np.nan
    for t in range(len(r)):
        product, counts = abs(r[t]), whole[t]
        out[0, t] = product * product * counts
        out[3, t] = counts
        if t >= step:
            product, counts = product * abs(r[t - step]), counts * whole[t - step]
            out[1, t] = product * counts
            out[4, t] = counts
        if t >= 2 * step:
            product, counts = product * abs(r[t - 2 * step]), counts * whole[t - 2 * step]
            root = np.cbrt(product)
            out[2, t] = root * root * root * root * counts
            out[5, t] = counts


@jit
def enough(returns: float, products: float, w: int, factors: int) -> bool:
    """Whether 90 % of a window's returns count, and three quarters of the products of neighbours.

    Args:
        returns: Returns that count among the last w.
        products: Products that count.
        w: Returns in the window.
        factors: Returns in a product.
    """
    return 10.0 * returns >= 9.0 * w and 4.0 * products >= 3.0 * (w + 1 - factors)


@jit
def _huang_tauchen(sums: Floats, w: int) -> float:
    returns, pairs, triples = sums[3], sums[4], sums[5]
    if not enough(returns, triples, w, 3):
        return np.nan
    realized = sums[0] * (w / returns)
    bipower = HALF_PI * (w / pairs) * sums[1]
    tripower = w * TRIPOWER * (w / triples) * sums[2]
    if not (realized > 0.0 and bipower > 0.0):
        return np.nan
    noise = SPREAD / returns * max(1.0, tripower / (bipower * bipower))
    return float((realized - bipower) / realized / np.sqrt(noise))


@jit
def jump_statistic(sums: Floats, w: int, out: Floats) -> None:
    """Ratio statistic for jumps (Huang and Tauchen 2005), with the tripower quarticity.

    Without returns that do not count it is ((RV - BV)/RV) / sqrt(((π/2)² + π - 5)/w max(1,
    TQ/BV²)). Each of the three variations is the mean of the products that count, times w.

    Args:
        sums: Shape (6, n), the terms of ``clean_terms`` over the last w returns, w - 1 pairs and
            w - 2 triples.
        w: Returns in a window, at least 3.
        out: Shape (n,), filled. NaN where RV or BV is 0, fewer than 90 % of the returns or
            75 % of the triples count, or a sum is NaN.
    """
    one = np.empty(CLEAN)
    for t in range(len(out)):
        for k in range(CLEAN):
            one[k] = sums[k, t]
        out[t] = _huang_tauchen(one, w)


@jit
def skewness(squares: Floats, cubes: Floats, w: int, out: Floats) -> None:
    """Realized skewness (Amaya, Christoffersen, Jacobs and Vasquez 2015).

    Args:
        squares: Shape (n,), sums of r² over w returns.
        cubes: Shape (n,), sums of r³.
        w: Returns in a window.
        out: Shape (n,), filled with sqrt(w) Σr³ / (Σr²)^(3/2); NaN where Σr² is 0 or NaN.
    """
    factor = np.sqrt(float(w))
    for t in range(len(out)):
        total = squares[t]
        out[t] = factor * cubes[t] / (total * np.sqrt(total)) if total > 0.0 else np.nan

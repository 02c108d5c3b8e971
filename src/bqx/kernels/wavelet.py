"""Maximal-overlap discrete wavelet transform with filters that look backwards only."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

LEVELS = 3
TAPS = 8
REACH = (2**LEVELS - 1) * (TAPS - 1) + 1
"""Values behind a coefficient of the last level."""
REACH_2 = 3 * (TAPS - 1) + 1
"""Values behind a coefficient of the second level."""
MEASURES = 7
"""Outputs of ``energy_measures``."""
ROUNDING = 1e-24
"""Shares of the energy below this are the rounding of values that cancel."""

_DB4 = np.array(
    [
        0.2303778133088965,
        0.7148465705529157,
        0.6308807679298589,
        -0.027983769416859854,
        -0.18703481171909309,
        0.030841381835560764,
        0.0328830116668852,
        -0.010597401785069032,
    ]
)
SMOOTH = _DB4 / np.sqrt(2.0)
"""Scaling filter of Daubechies' wavelet with four vanishing moments, from the newest row on."""
DETAIL = SMOOTH[::-1] * (-1.0) ** np.arange(TAPS)
"""Its wavelet filter."""


@jit
def _filter(y: Floats, taps: Floats, stride: int, out: Floats) -> None:
    """Sum of taps times the values 0, 1 … 7 strides earlier, the newest first."""
    reach = (TAPS - 1) * stride
    a, b, c, d = taps[0], taps[1], taps[2], taps[3]
    e, f, g, h = taps[4], taps[5], taps[6], taps[7]
    out[:reach] = np.nan
    for t in range(reach, len(y)):
        i = np.uintp(t)
        s = np.uintp(stride)
        total = a * y[i] + b * y[i - s]
        total += c * y[i - np.uintp(2) * s] + d * y[i - np.uintp(3) * s]
        total += e * y[i - np.uintp(4) * s] + f * y[i - np.uintp(5) * s]
        total += g * y[i - np.uintp(6) * s] + h * y[i - np.uintp(7) * s]
        out[t] = total


@jit
def modwt(y: Floats, out: Floats) -> None:
    """Wavelet and scaling coefficients of three levels (Percival and Walden 2000, chapter 5).

    Daubechies' extremal-phase wavelet with four vanishing moments (1992), whose filters have eight
    taps. They reach backwards and never wrap around the ends: the coefficient of a row at level j
    is a sum over its last 7 (2^j - 1) + 1 values.

    Args:
        y: Shape (n,), the series. NaN makes exactly the coefficients that use it NaN.
        out: Shape (6, n), filled: details of levels 1 to 3, approximations of levels 1 to 3.
    """
    below = y
    for level in range(LEVELS):
        _filter(below, DETAIL, 2**level, out[level])
        _filter(below, SMOOTH, 2**level, out[LEVELS + level])
        below = out[LEVELS + level]


@jit
def _term(part: float, whole: float) -> float:
    """Contribution of a part to the entropy of the whole."""
    share = part / whole
    return float(-share * np.log(share)) if share > 0.0 else 0.0


@jit
def _greatest(one: float, two: float, three: float, rest: float) -> float:
    """Number of the greatest, the first of equal ones."""
    scale, best = 1.0, one
    if two > best:
        scale, best = 2.0, two
    if three > best:
        scale, best = 3.0, three
    return 4.0 if rest > best else scale


@jit
def energy_measures(energy: Floats, out: Floats) -> None:
    """Measures of how energy is spread over the scales.

    Args:
        energy: Shape (4, n): of the details of levels 1 to 3 and of the approximation of level 3.
        out: Shape (7, n), filled: the four shares, the quotient of levels 1 and 3, the entropy of
            the three details' shares in [0, 1], and the number, 1 to 4, of the scale with the
            greatest energy. NaN where there is no energy; quotient and entropy also where their
            denominator is rounding.
    """
    e1, e2, e3, rest = energy[0], energy[1], energy[2], energy[3]
    most = np.log(float(LEVELS))
    for t in range(len(rest)):
        details = e1[t] + e2[t] + e3[t]
        total = details + rest[t]
        if not total > 0.0:
            out[:, t] = np.nan
            continue
        for k in range(LEVELS + 1):
            out[k, t] = min(energy[k, t] / total, 1.0)
        out[4, t] = e1[t] / e3[t] if e3[t] > ROUNDING * total else np.nan
        entropy = _term(e1[t], details) + _term(e2[t], details) + _term(e3[t], details)
        out[5, t] = min(entropy / most, 1.0) if details > ROUNDING * total else np.nan
        out[6, t] = _greatest(e1[t], e2[t], e3[t], rest[t])


@jit
def relative_size(values: Floats, deviation: Floats, share: Floats, out: Floats) -> None:
    """Size of each value in deviations.

    Args:
        values: Shape (n,).
        deviation: Shape (n,).
        share: Shape (n,), the share of the energy that the deviation stands for.
        out: Shape (n,), filled; NaN where there is no deviation, or where it is rounding.
    """
    for t in range(len(values)):
        known = deviation[t] > 0.0 and share[t] > ROUNDING
        out[t] = abs(values[t]) / deviation[t] if known else np.nan

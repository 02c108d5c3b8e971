"""Rolling quadratic regression by a two-sided scan."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit

FLAT = 1e-18
"""Sum of squares about the mean below which a window has no variation to explain."""

NEARLY_EXACT = 1.0 - 1e-6
"""r2 above which the sums lose the digits of the residual sum of squares."""

RUN = 32
"""Rows whose moments are summed from zero before they join those of the rows nearer to the border.

The rounding error of a sum grows with the number of its terms; with runs the terms' is four times
smaller at w = 630. The squares only serve r2 and rmse, which do not need it.
"""


class Basis(NamedTuple):
    """Constants of the orthogonal basis 1, u, u² - spread over w rows, u = -half … half.

    Attributes:
        half: Distance of the last row from the middle of the window.
        spread: Mean of u².
        per_row: 1 / w.
        per_u2: 1 / (sum of u²).
        per_u4: 1 / (sum of (u² - spread)²).
    """

    half: float
    spread: float
    per_row: float
    per_u2: float
    per_u4: float


@jit
def basis_of(w: int) -> Basis:
    """The basis for windows of ``w`` rows, at least 3."""
    spread = (w * w - 1.0) / 12.0
    per_u4 = 180.0 / (w * (w * w - 1.0) * (w * w - 4.0))
    return Basis(0.5 * (w - 1), spread, 1.0 / w, 1.0 / (w * spread), per_u4)


@jit
def _scan_back(y: Floats, block: Block, sums: Floats) -> None:
    """Sums of d, p d, p² d and d² over the part of each window at or before the border.

    d is the value relative to the border's, p the row relative to it. The four sums of a window
    stand together.
    """
    border, w = block.border, block.w
    rows = w - block.first
    reference = y[border]
    b0 = b1 = b2 = squares = 0.0
    for start in range(0, rows, RUN):
        count = min(RUN, rows - start)
        value = y[border - start - count + 1 : border - start + 1]
        moment = sums[4 * (w - start - count) :]
        s0 = s1 = s2 = 0.0
        p = -float(start)
        for i in range(count):
            at = count - 1 - i
            d = value[at] - reference
            s0 += d
            s1 += p * d
            s2 += p * (p * d)
            squares += d * d
            p -= 1.0
            moment[4 * at] = b0 + s0
            moment[4 * at + 1] = b1 + s1
            moment[4 * at + 2] = b2 + s2
            moment[4 * at + 3] = squares
        b0, b1, b2 = b0 + s0, b1 + s1, b2 + s2


@jit
def _scan_on(y: Floats, block: Block, sums: Floats) -> None:
    """Add the same sums over the part of each window after the border."""
    border, rows = block.border, block.stop
    reference = y[border]
    b0 = b1 = b2 = squares = 0.0
    for start in range(0, rows, RUN):
        value = y[border + start : border + min(start + RUN, rows)]
        moment = sums[4 * start :]
        s0 = s1 = s2 = 0.0
        p = float(start)
        for j in range(len(value)):
            d = value[j] - reference
            s0 += d
            s1 += p * d
            s2 += p * (p * d)
            squares += d * d
            p += 1.0
            moment[4 * j] += b0 + s0
            moment[4 * j + 1] += b1 + s1
            moment[4 * j + 2] += b2 + s2
            moment[4 * j + 3] += squares
        b0, b1, b2 = b0 + s0, b1 + s1, b2 + s2


@jit
def _combine(y: Floats, block: Block, basis: Basis, sums: Floats, out: Floats) -> int:
    """Write the seven outputs of a block's windows; returns how many fits are nearly exact.

    The basis is orthogonal, so each coefficient comes from one moment about the middle of the
    window, and SSE from SST by two subtractions.
    """
    start, end = block.border + block.first, block.border + block.stop
    # One view per array, indexed from 0, as in the scans: numba then emits no test for negative
    # indices, and this loop becomes vector instructions.
    value, moment = y[start:end], sums[4 * block.first :]
    quadratic, linear, constant = out[0, start:end], out[1, start:end], out[2, start:end]
    residual, r2, rmse = out[3, start:end], out[4, start:end], out[5, start:end]
    prediction = out[6, start:end]
    reference = y[block.border]
    half, spread, per_row, per_u2, per_u4 = basis
    exact = 0
    for j in range(len(value)):
        s0, s1, s2, sd = moment[4 * j], moment[4 * j + 1], moment[4 * j + 2], moment[4 * j + 3]
        middle = (j + block.first) - half
        m1 = s1 - middle * s0
        m2 = s2 - 2.0 * middle * s1 + (middle * middle - spread) * s0
        a0, a1, a2 = s0 * per_row, m1 * per_u2, m2 * per_u4
        sst = sd - s0 * a0
        sse = sst - m1 * a1 - m2 * a2
        sse = max(sse, 0.0)
        share = np.nan if sst < FLAT else 1.0 - sse / sst
        exact += share > NEARLY_EXACT
        slope, bend, ends = a1 * half, a2 * (4.0 * half * half), a0 + a2 * (half * half - spread)
        quadratic[j] = bend
        linear[j] = 2.0 * slope - bend
        constant[j] = reference + (ends - slope)
        residual[j] = (value[j] - reference) - (ends + slope)
        r2[j] = max(share, 0.0)
        rmse[j] = np.sqrt(sse * per_row)
        prediction[j] = reference + (ends + slope)
    return exact


@jit
def _refit(y: Floats, basis: Basis, out: Floats) -> None:
    """Evaluate one window directly: moments first, then the squares of its residuals."""
    half, spread, per_row, per_u2, per_u4 = basis
    reference = y[-1]
    a0 = a1 = a2 = sst = sse = 0.0
    for i in range(len(y)):
        d = y[i] - reference
        u = i - half
        a0 += d
        a1 += u * d
        a2 += (u * u - spread) * d
    a0, a1, a2 = a0 * per_row, a1 * per_u2, a2 * per_u4
    for i in range(len(y)):
        d = y[i] - reference - a0
        u = i - half
        rest = d - a1 * u - a2 * (u * u - spread)
        sst += d * d
        sse += rest * rest
    slope, bend, ends = a1 * half, a2 * (4.0 * half * half), a0 + a2 * (half * half - spread)
    out[0] = bend
    out[1] = 2.0 * slope - bend
    out[2] = reference + (ends - slope)
    out[3] = (y[-1] - reference) - (ends + slope)
    out[4] = 1.0 - sse / sst
    out[5] = np.sqrt(sse * per_row)
    out[6] = reference + (ends + slope)


@jit
def _refit_nearly_exact(y: Floats, block: Block, basis: Basis, out: Floats) -> None:
    w = block.w
    for t in range(block.border + block.first, block.border + block.stop):
        if out[4, t] > NEARLY_EXACT:
            _refit(y[t - w + 1 : t + 1], basis, out[:, t])


@jit
def quadratic_fit(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Fit a quadratic polynomial to every trailing window by ordinary least squares.

    The window at row t holds y[t-w+1] … y[t]; y_i = a2 i² + a1 i + a0 with i = 0 … w-1.

    Method: two-sided scan (see ``borders``) of sums relative to the border's value, combined in an
    orthogonal basis (discrete Legendre polynomials). Windows with r2 > 1 - 1e-6 are evaluated again
    from their values. The cost per row does not depend on w.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 3.
        origin: Absolute grid row of element 0.
        out: Shape (7, n), filled, in the unit of y except r2: quadratic term a2 (w-1)², linear
            term a1 (w-1), constant term a0, residual y_t - prediction, r2 = 1 - SSE/SST (in [0, 1];
            NaN where SST < 1e-18), rmse = sqrt(SSE / w), prediction a2 (w-1)² + a1 (w-1) + a0. NaN
            where t < w - 1. In a window of w equal values constant and prediction are exactly
            that value; quadratic, linear, residual and rmse are exactly 0.
    """
    basis = basis_of(w)
    sums = np.empty(4 * w)
    out[:, : w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        _scan_back(y, block, sums)
        _scan_on(y, block, sums)
        if _combine(y, block, basis, sums, out):
            _refit_nearly_exact(y, block, basis, out)

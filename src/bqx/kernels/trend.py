"""Rolling linear trend and efficiency ratio by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit

MUCH = 1024.0
"""How many times the residual sum of squares the squares about the border's value may be.

Beyond that the sums have lost more than three digits of the former, and the window is evaluated
again from its values.
"""

Outputs = tuple[Floats, Floats, Floats]
"""Slope, its standard error and r2."""


@jit
def _per_p2(w: int) -> float:
    """1 over the sum of squares of the row numbers about their mean."""
    return 12.0 / (w * (w * w - 1.0))


@jit
def _scan(y: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums of d, p d and d² over one side of the border.

    d is a value relative to the border's, p its row relative to the border. ``step`` is -1 for the
    rows at or before the border and 1 for those after it. The three sums of a window stand
    together.
    """
    border, w = block.border, block.w
    reference = y[border]
    s0 = s1 = squares = p = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        d = y[border + step * i] - reference
        s0 += d
        s1 += p * d
        squares += d * d
        p += step
        at = 3 * (w - 1 - i if step < 0 else i)
        sums[at] += s0
        sums[at + 1] += s1
        sums[at + 2] += squares


@jit
def _combine(block: Block, sums: Floats, out: Outputs) -> int:
    """Write the outputs of a block's windows; returns how many lost digits.

    Those get the standard error -1.
    """
    w = block.w
    start, end = block.border + block.first, block.border + block.stop
    slope, stderr, r2 = out[0][start:end], out[1][start:end], out[2][start:end]
    moment = sums[3 * block.first :]
    middle, per_row, per_p2 = block.first - 0.5 * (w - 1), 1.0 / w, _per_p2(w)
    per_freedom = per_p2 / (w - 2)
    lost = 0
    for j in range(len(slope)):
        s0, s1, squares = moment[3 * j], moment[3 * j + 1], moment[3 * j + 2]
        m1 = s1 - (j + middle) * s0
        sst = squares - s0 * s0 * per_row
        sse = sst - m1 * m1 * per_p2
        short = squares > MUCH * sse
        lost += short
        slope[j] = m1 * per_p2
        stderr[j] = -1.0 if short else np.sqrt(sse * per_freedom)
        r2[j] = 1.0 - sse / sst if squares > 0.0 else np.nan
    return lost


@jit
def _fit(y: Floats, t: int, out: Outputs) -> None:
    """Evaluate one window from its values: moments first, then the squares of its residuals."""
    w = len(y)
    half = 0.5 * (w - 1)
    s0 = s1 = sst = sse = 0.0
    for i in range(w):
        d = y[i] - y[-1]
        s0 += d
        s1 += (i - half) * d
    mean, slope = s0 / w, s1 * _per_p2(w)
    for i in range(w):
        d = y[i] - y[-1] - mean
        rest = d - slope * (i - half)
        sst += d * d
        sse += rest * rest
    sse = min(sse, sst)
    out[0][t] = slope
    out[1][t] = np.sqrt(sse * (_per_p2(w) / (w - 2)))
    out[2][t] = 1.0 - sse / sst


@jit
def _again(y: Floats, block: Block, out: Outputs) -> None:
    """Evaluate the windows that lost digits from their values."""
    for t in range(block.border + block.first, block.border + block.stop):
        if out[1][t] < 0.0:
            _fit(y[t - block.w + 1 : t + 1], t, out)


@jit
def linear_trend(  # noqa: PLR0917 - the outputs are three arrays
    y: Floats, w: int, origin: int, slope: Floats, stderr: Floats, r2: Floats
) -> None:
    """Fit a straight line to every trailing window by ordinary least squares, on the row number.

    Method: two-sided scan (see ``borders``); windows whose residuals are small against their
    distance from the border's value (see ``MUCH``) are evaluated again from their values.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 3.
        origin: Absolute grid row of element 0.
        slope: Shape (n,), filled, in units of y per row; exactly 0 in a window of w equal values.
        stderr: Shape (n,), filled: the slope's ordinary standard error, with w - 2 degrees of
            freedom; exactly 0 in a window of w equal values.
        r2: Shape (n,), filled: share of the variation that the line explains, in [0, 1]; NaN in a
            window of w equal values. All three are NaN where t < w - 1.
    """
    sums = np.empty(3 * w)
    out = (slope, stderr, r2)
    for k in range(3):
        out[k][: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        sums[:] = 0.0
        _scan(y, block, -1, sums)
        _scan(y, block, 1, sums)
        if _combine(block, sums, out):
            _again(y, block, out)


@jit
def _slopes_back(y: Floats, block: Block, sums: Floats) -> None:
    """``_scan`` without the squares, back from the border."""
    border, w = block.border, block.w
    reference = y[border]
    s0 = s1 = p = 0.0
    for i in range(w - block.first):
        d = y[border - i] - reference
        s0 += d
        s1 -= p * d
        p += 1.0
        sums[2 * (w - 1 - i)] = s0
        sums[2 * (w - 1 - i) + 1] = s1


@jit
def _slopes_on(y: Floats, block: Block, sums: Floats, slope: Floats) -> None:
    """The same on from the border; join the sums and write the slopes."""
    border, w = block.border, block.w
    now, slopes = y[border : border + block.stop], slope[border : border + block.stop]
    half, per_p2 = 0.5 * (w - 1), _per_p2(w)
    reference = y[border]
    s0 = s1 = p = 0.0
    for j in range(len(now)):
        d = now[j] - reference
        s0 += d
        s1 += p * d
        slopes[j] = (sums[2 * j + 1] + s1 - (p - half) * (sums[2 * j] + s0)) * per_p2
        p += 1.0


@jit
def _slopes_both(y: Floats, block: Block, sums: Floats, slope: Floats, ahead: Floats) -> None:
    """Both at once: on from a border, and back from the next one into ``ahead``.

    A chain of additions waits for its own last result; two take no longer than one.
    """
    border, w = block.border, block.w
    half, per_p2 = 0.5 * (w - 1), _per_p2(w)
    here, there = y[border], y[border + w]
    s0 = s1 = back = back_s1 = p = 0.0
    for j in range(w):
        # Unsigned, so that numba emits no test for negative indices.
        t, at, to = np.uintp(border + j), np.uintp(2 * j), np.uintp(2 * (w - 1 - j))
        d, e = y[t] - here, y[np.uintp(border + w - j)] - there
        s0 += d
        s1 += p * d
        back += e
        back_s1 -= p * e
        sum0, sum1 = sums[at] + s0, sums[at + np.uintp(1)] + s1
        slope[t] = (sum1 - (p - half) * sum0) * per_p2
        ahead[to] = back
        ahead[to + np.uintp(1)] = back_s1
        p += 1.0


@jit
def linear_slope(y: Floats, w: int, origin: int, slope: Floats) -> None:
    """Slope of the straight line of ``linear_trend`` alone, in less than half of its time.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 2.
        origin: Absolute grid row of element 0.
        slope: Shape (n,), filled, in units of y per row; exactly 0 in a window of w equal values,
            NaN where t < w - 1.
    """
    sums, ahead = np.zeros(2 * w), np.empty(2 * w)
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        if border < w:
            _slopes_back(y, block, sums)
        if border + w < len(y):
            _slopes_both(y, block, sums, slope, ahead)
        else:
            _slopes_on(y, block, sums, slope)
        sums, ahead = ahead, sums
    # The scans write the windows of a block that do not fit, too.
    slope[: w - 1] = np.nan


@jit
def _path_back(y: Floats, block: Block, path: Floats) -> None:
    """Sums of abs(y_t - y_t-1) over the part of each window at or before the border."""
    border, w = block.border, block.w
    total = 0.0
    for i in range(w - block.first):
        total += abs(y[border - i] - y[border - i - 1])
        path[w - 1 - i] = total


@jit
def _efficiency(y: Floats, block: Block, path: Floats, out: Floats) -> None:
    """Join the part of each window's path after the border, and write the ratios."""
    border, w = block.border, block.w
    total = 0.0
    for j in range(block.stop):
        t = border + j
        if j > 0:
            total += abs(y[t] - y[t - 1])
        if j >= block.first:
            length = path[j] + total
            out[t] = min(abs(y[t] - y[t - w]) / length, 1.0) if length > 0.0 else np.nan


@jit
def efficiency_ratio(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Net change over the path: abs(y_t - y_t-w) / sum of abs(y_s - y_s-1), s = t-w+1 … t.

    Kaufman 1995, *Smarter Trading*. The sums come from a two-sided scan (see ``borders``).

    Args:
        y: Shape (n,), the series. NaN makes exactly the rows NaN that have it among their last
            w + 1 values.
        w: One-row changes in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled, in [0, 1]; NaN where t < w or where the last w + 1 values are
            equal.
    """
    path = np.empty(w)
    out[:w] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        fitting = block_at(border, w, len(y))
        # The first change of a window needs the value before it.
        block = Block(border, w, max(fitting.first, w - border), fitting.stop)
        _path_back(y, block, path)
        _efficiency(y, block, path, out)

"""Rolling sums and means by a two-sided scan."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit

SHORT = 4
"""Longest window that is summed value by value."""


class Terms(NamedTuple):
    """What is added up: values, or their distances from the border's.

    Attributes:
        centred: Whether distances are added up.
        share: What a sum is multiplied by before the border's value is added again.
    """

    centred: bool
    share: float


@jit
def _centre(y: Floats, border: int, terms: Terms) -> float:
    """What the values around a border are relative to."""
    return y[border] if terms.centred else 0.0


@jit
def _scan_back(y: Floats, terms: Terms, block: Block, sums: Floats) -> None:
    """Sums of the part of each window at or before the border."""
    border, w = block.border, block.w
    centre = _centre(y, border, terms)
    total = 0.0
    for i in range(w - block.first):
        total += y[border - i] - centre
        sums[w - 1 - i] = total


@jit
def _scan_on(y: Floats, terms: Terms, block: Block, sums: Floats, out: Floats) -> None:
    """Join the sums of the part after the border."""
    border = block.border
    centre = _centre(y, border, terms)
    total = 0.0
    for j in range(block.stop):
        if j > 0:
            total += y[border + j] - centre
        if j >= block.first:
            out[border + j] = centre + (sums[j] + total) * terms.share


@jit
def _scan_four(y: Floats, terms: Terms, sums: Floats, out: Floats, ahead: Floats) -> None:
    """On from the border at element 0 and the next one, and back from the two after them.

    A chain of additions waits for its own last result; four take no longer than one.
    """
    w = sums.shape[1]
    on_b, back_a, back_b = y[w:], y[w + 1 :], y[2 * w + 1 :]
    out_a, out_b = out[:w], out[w : 2 * w]
    sums_a, sums_b, ahead_a, ahead_b = sums[0], sums[1], ahead[0], ahead[1]
    a, b = _centre(y, 0, terms), _centre(y, w, terms)
    c, d = _centre(y, 2 * w, terms), _centre(y, 3 * w, terms)
    one = two = out_a[0] = out_b[0] = 0.0
    three, four = 0.0 + (back_a[w - 1] - c), 0.0 + (back_b[w - 1] - d)
    ahead_a[w - 1], ahead_b[w - 1] = three, four
    for k in range(1, w):
        # Unsigned, so that numba emits no test for negative indices.
        j, i = np.uintp(k), np.uintp(w - 1 - k)
        one += y[j] - a
        two += on_b[j] - b
        three += back_a[i] - c
        four += back_b[i] - d
        out_a[j], out_b[j] = one, two
        ahead_a[i], ahead_b[i] = three, four
    # Apart from the chains: these two loops become vector instructions.
    for k in range(w):
        out_a[k] = a + (sums_a[k] + out_a[k]) * terms.share
    for k in range(w):
        out_b[k] = b + (sums_b[k] + out_b[k]) * terms.share


@jit
def _scan(y: Floats, w: int, origin: int, terms: Terms, out: Floats) -> None:
    """All windows; NaN where none fits."""
    border, rows = first_border(origin, w), len(y)
    sums, ahead = np.empty((2, w)), np.empty((2, w))
    if border + 3 * w < rows:
        _scan_back(y, terms, block_at(border, w, rows), sums[0])
        _scan_back(y, terms, block_at(border + w, w, rows), sums[1])
        # The first windows of the first block may not fit; they are written all the same.
        sums[0, : w - 1 - border] = 0.0
    while border + 3 * w < rows:
        _scan_four(y[border:], terms, sums, out[border:], ahead)
        sums, ahead = ahead, sums
        border += 2 * w
    while border < rows:
        block = block_at(border, w, rows)
        _scan_back(y, terms, block, sums[0])
        _scan_on(y, terms, block, sums[0], out)
        border += w
    out[: w - 1] = np.nan


@jit
def _short(y: Floats, w: int, terms: Terms, out: Floats) -> None:
    """From the oldest value to the newest, which distances are from; all windows at a time."""
    out[: w - 1] = np.nan
    whole, newest = out[w - 1 :], y[w - 1 :]
    whole[:] = 0.0
    for i in range(w):
        past = y[i : i + len(whole)]
        if terms.centred:
            for j in range(len(whole)):
                whole[j] += past[j] - newest[j]
        else:
            for j in range(len(whole)):
                whole[j] += past[j]
    if terms.centred:
        for j in range(len(whole)):
            whole[j] = newest[j] + whole[j] * terms.share


@jit
def _moving(y: Floats, w: int, origin: int, terms: Terms, out: Floats) -> None:
    if w <= SHORT:
        _short(y, w, terms, out)
    else:
        _scan(y, w, origin, terms, out)


@jit
def moving_sum(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Sum of every trailing window, the current row included.

    Method: two-sided scan (see ``borders``); short windows are added up one by one. No value
    outside of a window ever enters its sum, so a window of zeros gives exactly 0, a sum of values
    that are not negative is not negative, and nothing is carried along.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN where t < w - 1.
    """
    _moving(y, w, origin, Terms(centred=False, share=1.0), out)


@jit
def moving_mean(y: Floats, w: int, origin: int, out: Floats) -> None:
    """Mean of every trailing window, the current row included.

    Method: as ``moving_sum``, of the distances from the border's value. The mean of a flat window
    is therefore exactly its value, and a multiplication does for the division by w: what it rounds
    is a distance.

    Args:
        y: Shape (n,), the series, finite. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (n,), filled; NaN where t < w - 1.
    """
    _moving(y, w, origin, Terms(centred=True, share=1.0 / w), out)


@jit
def moving_sums(y: Floats, w: int, origin: int, out: Floats) -> None:
    """``moving_sum`` of each row of ``y``.

    Args:
        y: Shape (k, n), the series, each in one piece of memory.
        w: Rows in a window, at least 1.
        origin: Absolute grid row of element 0.
        out: Shape (k, n), filled.
    """
    for k in range(len(y)):
        moving_sum(y[k], w, origin, out[k])

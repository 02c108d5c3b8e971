"""Discrete Fourier transforms of every trailing window, by a tree of shared butterflies.

The first step of a fast Fourier transform joins the transforms of a window's even and odd rows, and
so on down to single rows. The window that ends one row later needs transforms that were made for
earlier windows, but for one on each level. So a row costs one butterfly per frequency and level,
255 of them, in place of the 1024 of a transform on its own (the sliding FFT; Farhang-Boroujeny and
Lim 1992). Nothing is recursive: each coefficient is a sum over its window alone, in an order that
does not depend on the slice, and is exactly 0 in a window of zeros.
"""

from __future__ import annotations

import math

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

POINTS = 256
"""Rows in a window."""
HALF = POINTS // 2
ROWS = 64
"""Rows transformed at a time, at least a quarter of ``POINTS``; the loops run along them."""

COSINE = np.array([math.cos(2 * math.pi * k / POINTS) for k in range(HALF + 1)])
SINE = np.array([math.sin(2 * math.pi * k / POINTS) for k in range(HALF + 1)])
COSINE[HALF // 2] = SINE[HALF] = 0.0

Levels = tuple[Floats, ...]
"""Transforms of 1, 2, 4 … 256 points. Each has the shape (2, frequencies, rows): real and imaginary
part, from frequency 0 to the highest, and in front of the rows those that later ones still need."""


@jit
def _level(points: int) -> Floats:
    return np.full((2, points // 2 + 1, HALF // points + ROWS), np.nan)


@jit
def empty_levels() -> Levels:
    """Transforms before the first row: NaN."""
    single = _level(1)
    single[1] = 0.0
    return (
        single,
        _level(2),
        _level(4),
        _level(8),
        _level(16),
        _level(32),
        _level(64),
        _level(128),
        _level(256),
    )


@jit
def _butterflies(
    even: Floats, odd: Floats, turn: tuple[float, float], low: Floats, high: Floats
) -> None:
    """Join one frequency of two transforms to one of twice as many points.

    All arrays have the shape (2, rows).

    Args:
        even: The transform that begins with the window.
        odd: The one that begins half a step later.
        turn: Cosine and sine of the angle that this takes.
        low: Filled: the same frequency.
        high: Filled: the frequency as far from the highest.
    """
    a_re, a_im, b_re, b_im = even[0], even[1], odd[0], odd[1]
    low_re, low_im, high_re, high_im = low[0], low[1], high[0], high[1]
    cosine, sine = turn
    for j in range(len(a_re)):
        re = cosine * b_re[j] + sine * b_im[j]
        im = cosine * b_im[j] - sine * b_re[j]
        x, y = a_re[j], a_im[j]
        low_re[j] = x + re
        low_im[j] = y + im
        high_re[j] = x - re
        high_im[j] = im - y


@jit
def _join(old: Floats, new: Floats, points: int, rows: int) -> None:
    """Make the transforms of 2 ``points`` points of a tile from those of ``points`` points."""
    lag, kept = HALF // points, HALF // (2 * points)
    for k in range(points // 2 + 1):
        turn = (COSINE[k * lag], SINE[k * lag])
        low = new[:, k, kept : kept + rows]
        high = new[:, points - k, kept : kept + rows]
        _butterflies(old[:, k, :rows], old[:, k, lag : lag + rows], turn, low, high)


@jit
def _keep(level: Floats, rows: int, lag: int) -> None:
    """Move the last rows of a tile, which the next one needs, in front of it."""
    for part in range(2):
        for k in range(level.shape[1]):
            line = level[part, k]
            for j in range(lag):
                line[j] = line[j + rows]


@jit
def transform(y: Floats, levels: Levels) -> Floats:
    """Transforms of the windows that end with the rows of the next tile.

    Coefficient k of a window is the sum of y_n exp(-2 pi i k n / 256) over its rows n = 0 … 255,
    the oldest the first.

    Args:
        y: Shape (rows,), at most ``ROWS``; a tile follows the one before it without a gap, and only
            the last may be shorter. NaN makes exactly the real parts of the windows that contain it
            NaN.
        levels: The state, from ``empty_levels`` on; changed.

    Returns:
        Shape (2, 129, rows): real and imaginary parts of coefficients 0 … 128; a view that the next
        call overwrites. Real parts are NaN where fewer than 256 rows have been seen.
    """
    rows = len(y)
    levels[0][0, 0, HALF : HALF + rows] = y
    points = 1
    for i in range(len(levels) - 1):
        _join(levels[i], levels[i + 1], points, rows)
        _keep(levels[i], rows, HALF // points)
        points *= 2
    return levels[len(levels) - 1][:, :, :rows]

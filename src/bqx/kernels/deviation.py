"""Rolling mean absolute deviation about the mean.

No running structure does this well: a search tree costs tens of dependent steps a row, each of them
slower than adding up eight values at a time. The sums are therefore taken directly, over tiles of
rows, four lags in a pass; at 240 rows that is still tens of millions of windows a second.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

TILE = 256
"""Rows summed at a time: the tile's values and sums stay in the first-level cache."""

STEP = 4
"""Lags added in one pass over a tile."""


@jit
def _add_gaps(past: Floats, now: Floats, total: Floats) -> None:
    """Add the differences of four lags; row j's are past[j + 3] … past[j], newest first."""
    for j in range(len(now)):
        value = now[j]
        s = total[j]
        s += past[j + 3] - value
        s += past[j + 2] - value
        s += past[j + 1] - value
        total[j] = s + (past[j] - value)


@jit
def _add_gap(past: Floats, now: Floats, total: Floats) -> None:
    for j in range(len(now)):
        total[j] += past[j] - now[j]


@jit
def _add_distances(past: Floats, now: Floats, mean: Floats, total: Floats) -> None:
    """Add the distances from the mean of four lags; means are relative to the current value."""
    for j in range(len(now)):
        value, centre = now[j], mean[j]
        s = total[j]
        s += abs((past[j + 3] - value) - centre)
        s += abs((past[j + 2] - value) - centre)
        s += abs((past[j + 1] - value) - centre)
        total[j] = s + abs((past[j] - value) - centre)


@jit
def _add_distance(past: Floats, now: Floats, mean: Floats, total: Floats) -> None:
    for j in range(len(now)):
        total[j] += abs((past[j] - now[j]) - mean[j])


@jit
def _means(y: Floats, w: int, mean: Floats) -> None:
    """Means of the windows that end at y[w - 1], y[w] …, relative to the value there."""
    now = y[w - 1 :]
    mean[:] = 0.0
    lag = 1
    while lag + STEP <= w:
        _add_gaps(y[w - lag - STEP : len(y) - lag], now, mean)
        lag += STEP
    while lag < w:
        _add_gap(y[w - 1 - lag : len(y) - lag], now, mean)
        lag += 1
    for j in range(len(mean)):
        mean[j] /= w


@jit
def _distances(y: Floats, w: int, mean: Floats, total: Floats) -> None:
    """Mean distances from these means."""
    now = y[w - 1 :]
    for j in range(len(mean)):
        total[j] = abs(mean[j])
    lag = 1
    while lag + STEP <= w:
        _add_distances(y[w - lag - STEP : len(y) - lag], now, mean, total)
        lag += STEP
    while lag < w:
        _add_distance(y[w - 1 - lag : len(y) - lag], now, mean, total)
        lag += 1
    for j in range(len(total)):
        total[j] /= w


@jit
def mean_deviation(y: Floats, w: int, gap: Floats, deviation: Floats) -> None:
    """Distance of the current value from the mean, and mean absolute deviation about the mean.

    Every window is summed from its newest value to its oldest, relative to the newest: its bits
    depend on its values alone, and a window of w equal values gives exactly 0 twice.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window.
        gap: Shape (n,), filled: y_t minus the window's mean.
        deviation: Shape (n,), filled: mean of |y - mean|. Both are NaN where t < w - 1.
    """
    means, sums = np.empty(TILE), np.empty(TILE)
    gap[: w - 1] = np.nan
    deviation[: w - 1] = np.nan
    for start in range(w - 1, len(y), TILE):
        end = min(start + TILE, len(y))
        mean, total = means[: end - start], sums[: end - start]
        _means(y[start - w + 1 : end], w, mean)
        _distances(y[start - w + 1 : end], w, mean, total)
        for j in range(len(mean)):
            gap[start + j] = -mean[j]
            deviation[start + j] = total[j]

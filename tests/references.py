"""Slow, obvious twins of the kernels, in extended precision, and the series to compare them on."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Long = NDArray[np.longdouble]

CHUNK = 500
"""Windows evaluated at a time: a window's values are copied."""


def quadratic_windows(values: Floats) -> Long:
    """The seven outputs of ``quadratic_fit`` for the windows in the rows of ``values``.

    Two passes: the mean is taken off first, and SSE is summed from the residuals.
    """
    w = values.shape[1]
    u = np.arange(w, dtype=np.longdouble) - np.longdouble(w - 1) / 2
    bend = u * u - np.mean(u * u)
    mean = values.astype(np.longdouble).mean(axis=1, keepdims=True)
    d = values - mean
    a1 = (d @ u / (u @ u))[:, None]
    a2 = (d @ bend / (bend @ bend))[:, None]
    fit = mean + a1 * u + a2 * bend
    sse = ((d - a1 * u - a2 * bend) ** 2).sum(axis=1)
    sst = (d * d).sum(axis=1)
    quadratic = a2[:, 0] * (w - 1) ** 2
    linear = a1[:, 0] * (w - 1) - quadratic
    flat = sst < 1e-18
    r2 = np.where(flat, np.nan, 1 - sse / np.where(flat, 1, sst))
    residual = values[:, -1] - fit[:, -1]
    rmse = np.sqrt(sse / w)
    return np.array([quadratic, linear, fit[:, 0], residual, r2, rmse, fit[:, -1]])


def quadratic(y: Floats, w: int) -> Long:
    """``quadratic_fit`` in extended precision."""
    out = np.full((7, len(y)), np.nan, np.longdouble)
    for start in range(0, len(y) - w + 1, CHUNK):
        views = sliding_window_view(y[start : start + CHUNK + w - 1], w)
        out[:, start + w - 1 : start + w - 1 + len(views)] = quadratic_windows(views)
    return out


def covariance(x: Floats, y: Floats, w: int) -> Long:
    """Sample covariance of every trailing window, in extended precision."""
    out = np.full(len(y), np.nan, np.longdouble)
    for start in range(0, len(y) - w + 1, CHUNK):
        a, b = (
            sliding_window_view(s[start : start + CHUNK + w - 1], w).astype(np.longdouble)
            for s in (x, y)
        )
        a -= a.mean(axis=1, keepdims=True)
        b -= b.mean(axis=1, keepdims=True)
        out[start + w - 1 : start + w - 1 + len(a)] = (a * b).sum(axis=1) / (w - 1)
    return out


def trailing(y: Floats, w: int) -> Floats:
    """One row per row of ``y``: the last w values; NaN where there are fewer."""
    out = np.full((len(y), w), np.nan)
    if len(y) >= w:
        out[w - 1 :] = sliding_window_view(y, w)
    return out


def backward_return(index: Floats, w: int) -> Long:
    """``backward_return`` in extended precision."""
    out = np.full(len(index), np.nan, np.longdouble)
    now = index.astype(np.longdouble)
    for t in range(w, len(index)):
        out[t] = ((now[t - w : t] - now[t]) / now[t]).sum()
    return out


def walk(rows: int, step: float, seed: int = 1) -> Floats:
    """A Gaussian random walk from 0."""
    return np.cumsum(np.random.default_rng(seed).normal(size=rows)) * step


def accuracy_series(rows: int) -> dict[str, tuple[float, Floats]]:
    """Series on which rolling sums lose digits, with the level of each."""
    i = np.arange(rows)
    quotes = np.round((1.1 + walk(rows, 1e-4)) / 1.1 * 100, 3)
    jump = quotes * np.where((i // (rows // 5)) % 2, 1.05, 1.0)
    bqx = np.zeros(rows)
    for lag in range(1, 16):
        bqx[lag:] += quotes[:-lag] / quotes[lag:] - 1
    flat = np.where((i // 700) % 2, quotes[(i // 700) * 700], quotes)
    flat[[rows // 2, rows // 2 + 1]] += 3.0
    outlier = np.full(rows, 100.0) + walk(rows, 1e-6)
    outlier[629::630] += 5.0
    return {
        "level 100, moves 1e-4": (100.0, 100.0 + walk(rows, 1e-4)),
        "quotes": (100.0, quotes),
        "BQX, level 1e-3": (1e-3, bqx),
        "5 % jumps": (100.0, jump),
        "exact parabolas": (100.0, 100.0 + 1e-6 * ((i % 1500) - 400.0) ** 2),
        "exact lines": (100.0, 100.0 + 1e-4 * (i % 1500)),
        "flat stretches": (100.0, flat),
        "outlier on the border": (100.0, outlier),
    }

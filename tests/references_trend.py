"""Slow, obvious twins of trend, run and momentum measures, and slices to compare them on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bqx.domains.domain import Domain, DomainName, Domains
from bqx.domains.grid import fill
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar
from references import Floats, Long
from synthetic import random_walk_bars

CHUNK = 200
"""Windows evaluated at a time: a window's values are copied."""


def domain(name: DomainName, days: float, seed: int = 3) -> Domain:
    """A domain over some days of a random walk with gaps and flat stretches."""
    bars, calendar = bar_arrays(random_walk_bars("eurusd", "2019-01-29", days, seed)), Calendar()
    first, last = (int(row) for row in calendar.row_at_or_after(bars.minutes[[0, -1]]))
    grid = fill(bars, calendar, first, last + 1, first)
    return Domains(grid, float(bars.close[0]))[name]


def assert_close(found: Floats, exact: Floats, tolerance: float, start: int) -> float:
    """Fail unless the two agree from a row on, NaN included.

    Returns:
        The greatest error.
    """
    found, exact = found[start:], exact[start:]
    assert (np.isnan(found) == np.isnan(exact)).all()
    known = np.isfinite(exact)
    assert known.any()
    worst = float(np.abs(found[known] - exact[known]).max())
    assert worst <= tolerance
    return worst


def rolling(y: Floats, w: int, measure: Callable[[Floats], Floats]) -> Floats:
    """A measure of every trailing window; it is given one window per row."""
    out = np.full(len(y), np.nan)
    for start in range(0, len(y) - w + 1, CHUNK):
        views = sliding_window_view(y[start : start + CHUNK + w - 1], w)
        out[start + w - 1 : start + w - 1 + len(views)] = measure(views)
    return out


def exactly_flat(windows: Floats) -> NDArray[np.bool_]:
    """Whether all values of a window are equal."""
    return np.asarray((windows == windows[:, :1]).all(axis=1))


def trend_windows(windows: Floats) -> tuple[Long, Long, Long]:
    """Slope, its standard error and r2 of the line through each window, in extended precision."""
    w = windows.shape[1]
    u = np.arange(w, dtype=np.longdouble) - np.longdouble(w - 1) / 2
    d = windows.astype(np.longdouble)
    d = d - d.mean(axis=1, keepdims=True)
    slope = d @ u / (u @ u)
    sse = ((d - slope[:, None] * u) ** 2).sum(axis=1)
    sst = (d * d).sum(axis=1)
    flat = exactly_flat(windows)
    r2 = np.where(flat, np.nan, 1 - sse / np.where(sst == 0, 1, sst))
    stderr = np.sqrt(sse / (w - 2) / (u @ u))
    return np.where(flat, 0, slope), np.where(flat, 0, stderr), r2


def slope(y: Floats, w: int) -> Floats:
    """Least-squares slope on the row number."""
    return rolling(y, w, lambda v: np.asarray(trend_windows(v)[0], np.float64))


def slope_t(y: Floats, w: int) -> Floats:
    """Slope over its standard error; NaN in flat windows."""

    def measure(windows: Floats) -> Floats:
        found, stderr, _ = trend_windows(windows)
        return np.asarray(found / np.where(stderr == 0, np.nan, stderr), np.float64)

    return rolling(y, w, measure)


def efficiency(y: Floats, w: int) -> Floats:
    """Net change over the path of the last w changes."""

    def measure(windows: Floats) -> Floats:
        path = np.abs(np.diff(windows, axis=1)).sum(axis=1)
        net = np.abs(windows[:, -1] - windows[:, 0])
        return np.asarray(net / np.where(path == 0, np.nan, path))

    return rolling(y, w + 1, measure)


def deviation(y: Floats, w: int) -> Floats:
    """Sample standard deviation, exactly 0 in a window of equal values."""

    def measure(windows: Floats) -> Floats:
        centred = windows - windows[:, :1]
        return np.where(exactly_flat(windows), 0.0, centred.std(axis=1, ddof=1))

    return rolling(y, w, measure)


def rank(y: Floats, w: int) -> Floats:
    """(Average rank - 1) / (w - 1) of the last value."""

    def measure(windows: Floats) -> Floats:
        last = windows[:, -1:]
        below, equal = (windows < last).sum(axis=1), (windows == last).sum(axis=1)
        value = (below + 0.5 * (equal - 1)) / (w - 1)
        return np.where(np.isnan(windows).any(axis=1), np.nan, value)

    return rolling(y, w, measure)


def correlation(x: Floats, y: Floats, w: int) -> Floats:
    """Pearson correlation; NaN where one side has w equal values."""
    out = np.full(len(x), np.nan)
    for start in range(0, len(x) - w + 1, CHUNK):
        a, b = (sliding_window_view(s[start : start + CHUNK + w - 1], w) for s in (x, y))
        flat = exactly_flat(a) | exactly_flat(b)
        da, db = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
        size = np.sqrt((da * da).sum(axis=1) * (db * db).sum(axis=1))
        found = (da * db).sum(axis=1) / np.where(flat, np.nan, size)
        out[start + w - 1 : start + w - 1 + len(a)] = found
    return out


def back(y: Floats, rows: int) -> Floats:
    """The value that many rows earlier."""
    out = np.full(len(y), np.nan)
    out[rows:] = y[: len(y) - rows]
    return out


def run_length(state: Floats, cap: int) -> Floats:
    """Length of the run of equal states, at most ``cap``, counted backward at every row."""
    out = np.full(len(state), np.nan)
    for t in range(cap - 1, len(state)):
        last = state[t - cap + 1 : t + 1]
        if not np.isnan(last).any():
            other = np.flatnonzero(last[::-1] != last[-1])
            out[t] = other[0] if other.size else cap
    return out


def changes(state: Floats, w: int) -> Floats:
    """Rows among the last w that differ from the one before."""

    def measure(windows: Floats) -> Floats:
        count = (windows[:, 1:] != windows[:, :-1]).sum(axis=1).astype(np.float64)
        return np.where(np.isnan(windows).any(axis=1), np.nan, count)

    return rolling(state, w + 1, measure)

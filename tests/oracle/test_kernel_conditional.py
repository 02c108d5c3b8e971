"""Conditional statistics of windows, mean true range and previous day against slow twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import talib

from bqx.kernels.conditional import count_below, excursion_means, tercile_means
from bqx.kernels.mean_true_range import mean_true_range
from bqx.kernels.previous_day import previous_day
from references import Floats, trailing, walk

ROWS, W = 2000, 60
RNG = np.random.default_rng(8)
X = walk(ROWS, 1e-3)
MARKS = (RNG.random(ROWS) < 0.9).astype(np.float64)
VOLUME = np.round(RNG.gamma(2.0, 6.0, ROWS))
"""Few different values: most windows hold equal ones."""


@pytest.mark.parametrize("w", [1, 60, 240])
def test_count_below(w: int) -> None:
    out = np.full(ROWS, 12345.0)
    count_below(VOLUME, w, out)
    windows = trailing(VOLUME, w)[w - 1 :]
    assert np.isnan(out[: w - 1]).all()
    assert np.array_equal(out[w - 1 :], (windows < windows[:, -1:]).sum(axis=1))


def test_the_80th_percentile_is_exceeded_when_enough_values_lie_below() -> None:
    for w in (5, 6, 54, 240):
        out = np.empty(ROWS)
        count_below(X, w, out)
        above = np.quantile(trailing(X, w), 0.8, axis=1) < X
        assert np.array_equal((out > 4 * (w - 1) // 5)[w - 1 :], above[w - 1 :])


def terciles(x: Floats, y: Floats) -> Floats:
    out = np.full((2, len(x)), 12345.0)
    tercile_means(x, y, W, out)
    return out


def test_tercile_means_are_those_beyond_numpys_quantiles() -> None:
    found = terciles(X, np.where(MARKS > 0, VOLUME, np.inf))
    for t in range(W - 1, ROWS):
        rows = np.flatnonzero(MARKS[t - W + 1 : t + 1]) + t - W + 1
        low, high = np.quantile(VOLUME[rows] * 3.0, [1 / 3, 2 / 3]) / 3.0
        # Between two equal order statistics NumPy's quantile may be off by rounding.
        expected = (
            X[rows][VOLUME[rows] >= high - 1e-9].mean(),
            X[rows][VOLUME[rows] <= low + 1e-9].mean(),
        )
        np.testing.assert_allclose(found[:, t], expected, rtol=0, atol=1e-15)


def test_terciles_of_equal_volumes_are_the_whole_window() -> None:
    found = terciles(X, np.full(ROWS, 3.0))[:, W - 1 :]
    np.testing.assert_allclose(found[0], trailing(X, W)[W - 1 :].mean(axis=1), atol=1e-15)
    assert np.array_equal(found[0], found[1])
    assert np.isnan(terciles(X, np.full(ROWS, np.inf))).all()


def excursions(x: Floats, y: Floats, marks: Floats, limit: float = 1.0) -> Floats:
    windows = trailing(x, W)
    mean, std = windows.mean(axis=1), windows.std(axis=1, ddof=1)
    out = np.full((2, len(x)), 12345.0)
    excursion_means(x, y, marks, mean - limit * std, mean + limit * std, W, out)
    return out


def test_means_during_excursions() -> None:
    found = excursions(X, VOLUME, MARKS)
    for t in range(W - 1, ROWS):
        rows = np.arange(t - W + 1, t + 1)
        z = (X[rows] - X[rows].mean()) / X[rows].std(ddof=1)
        bars = MARKS[rows] > 0
        for out, chosen in zip(found[:, t], (z > 1, z < -1), strict=True):
            picked = VOLUME[rows][chosen & bars]
            if len(picked):
                expected = picked.mean() / VOLUME[rows][bars].mean()
                assert out == pytest.approx(expected, rel=1e-14)
            else:
                assert np.isnan(out)


def test_no_excursion_and_no_volume_give_no_value() -> None:
    assert np.isnan(excursions(np.full(ROWS, 0.5), VOLUME, MARKS)).all()
    assert np.isnan(excursions(X, 0.0 * VOLUME, MARKS)).all()
    assert np.isnan(excursions(X, VOLUME, 0.0 * MARKS)).all()


@pytest.mark.parametrize("kernel", ["below", "terciles", "excursions"])
def test_slices_and_nan_touch_their_own_windows_only(kernel: str) -> None:
    def run(y: Floats, a: int = 0) -> Floats:
        if kernel == "below":
            out = np.empty((1, ROWS - a))
            count_below(y[a:], W, out[0])
            return out
        if kernel == "terciles":
            return terciles(X[a:], y[a:])
        return excursions(X[a:], y[a:], MARKS[a:])

    whole = run(VOLUME)
    np.testing.assert_array_equal(run(VOLUME, 333)[:, W - 1 :], whole[:, 333 + W - 1 :])
    holed = VOLUME.copy()
    holed[900] = np.nan
    found, spoiled = run(holed), np.arange(900, 900 + W)
    rest = np.setdiff1d(np.arange(ROWS), spoiled)
    assert np.isnan(found[:, spoiled]).all()
    np.testing.assert_array_equal(found[:, rest], whole[:, rest])


def test_mean_true_range_is_ta_libs() -> None:
    close = 100.0 + 10 * X
    high, low = close + RNG.random(ROWS) * 0.01, close - RNG.random(ROWS) * 0.01
    out = np.empty(ROWS)
    mean_true_range((high, low, close), 20, 1, out)
    expected = talib.SMA(talib.TRANGE(high, low, close), 20)
    assert np.array_equal(np.isnan(out), np.isnan(expected))
    np.testing.assert_allclose(out, expected, rtol=1e-10)
    # Bars of 15 rows: every 15th row makes a series of its own.
    mean_true_range((high, low, close), 20, 15, out)
    thin = [np.ascontiguousarray(y[7::15]) for y in (high, low, close)]
    np.testing.assert_allclose(out[7::15], talib.SMA(talib.TRANGE(*thin), 20), rtol=1e-10)
    flat = np.full(ROWS, 100.0)
    mean_true_range((flat, flat, flat), 20, 15, out)
    assert (out[300:] == 0.0).all()


MINUTES = np.concatenate([np.arange(a, b) for a, b in ((600, 2800), (4300, 9000))])
SEEN = RNG.random(len(MINUTES)) < 0.9
SEEN[(MINUTES >= 4 * 1440) & (MINUTES < 5 * 1440)] = False
"""Two sessions of a made-up calendar; day 4 has no bar."""


def previous(a: int = 0, begin: int = 0, memory: int = 6000) -> Floats:
    rows = len(MINUTES) - a
    y = np.ascontiguousarray(walk(len(MINUTES), 1e-2)[a:])
    out = np.full((3, rows), 12345.0)
    clock = MINUTES[a:].astype(np.int64)
    previous_day((y + 1, y - 1, y), SEEN[a:], clock, begin, memory, out)
    return out


def test_previous_days_are_those_of_a_group_by() -> None:
    y = walk(len(MINUTES), 1e-2)
    frame = pl.DataFrame({"day": MINUTES // 1440, "y": y}).filter(pl.Series(SEEN))
    found = frame.group_by("day").agg(
        high=pl.col("y").max() + 1, low=pl.col("y").min() - 1, close=pl.col("y").last()
    )
    days: dict[int, Any] = {row[0]: row[1:] for row in found.iter_rows()}
    out = previous()
    for t in range(len(MINUTES)):
        earlier = [d for d in days if d < MINUTES[t] // 1440]
        # Day 0 begins within the slice but not at its midnight.
        known = bool(earlier) and max(earlier) > 0
        expected = days[max(earlier)] if known else (np.nan,) * 3
        np.testing.assert_array_equal(out[:, t], expected)


def test_a_day_must_be_whole_and_within_memory() -> None:
    whole, memory = previous(memory=4000), 4000
    assert np.isnan(previous(memory=1500)[:, -1]).all()
    for a in (100, 900, 1300):
        part = previous(a, memory=memory)
        np.testing.assert_array_equal(part[:, memory - 1 :], whole[:, a + memory - 1 :])
    midnight = int(np.flatnonzero(MINUTES == 3 * 1440)[0])
    # A first day counts from its midnight on, and not if the history begins a minute later.
    next_day = int(np.flatnonzero(MINUTES // 1440 == 5)[0]) - midnight
    assert not np.isnan(previous(midnight)[:, next_day]).any()
    assert np.isnan(previous(midnight, begin=1)[:, next_day]).all()

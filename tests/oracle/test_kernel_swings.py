"""Swings and times of extrema against SciPy, TA-Lib and slow loops."""

from __future__ import annotations

import numpy as np
import pytest
import talib
from scipy.signal import argrelextrema

from bqx.kernels.extremum_times import MAXIMUM, MINIMUM, latest_extremum
from bqx.kernels.swings import latest_swing
from references import Floats, walk

SIGNS = pytest.mark.parametrize("sign", [MAXIMUM, MINIMUM])
LOOKBACK = 400


def quotes(rows: int, seed: int = 1) -> Floats:
    """A walk on a coarse grid: neighbours are often equal."""
    return np.asarray(np.round(100.0 + walk(rows, 1e-2, seed), 2))


def swing(y: Floats, k: int, step: int, sign: float, lookback: int = LOOKBACK) -> Floats:
    out = np.full((2, len(y)), 12345.0)
    latest_swing(y, k, step, sign, lookback, out)
    return out


def extremum(y: Floats, w: int, origin: int, sign: float) -> Floats:
    out = np.full((2, len(y)), 12345.0)
    latest_extremum(y, w, origin, sign, out)
    return out


def newest(swings: list[int], rows: int, delay: int, lookback: int) -> Floats:
    """Row of the newest swing that is known and not forgotten, row by row."""
    at = np.array([-lookback - 1, *(s for s in swings if s >= delay)])
    t = np.arange(rows)
    found = at[np.searchsorted(at, t - delay, side="right") - 1]
    return np.where(t - found <= lookback, found, np.nan)


@SIGNS
@pytest.mark.parametrize("k", [2, 10, 30])
def test_swings_are_scipys_strict_extrema_once_they_are_known(k: int, sign: float) -> None:
    for y in (walk(6000, 1e-2), quotes(6000)):
        compare = np.greater if sign > 0 else np.less
        at = newest(argrelextrema(y, compare, order=k)[0].tolist(), len(y), k, LOOKBACK)
        known = ~np.isnan(at)
        value, age = swing(y, k, 1, sign)
        assert np.array_equal(np.isnan(age), ~known)
        assert np.array_equal(age[known], (np.arange(len(y)) - at)[known])
        assert np.array_equal(value[known], y[at[known].astype(int)])


@SIGNS
def test_swings_of_longer_bars_compare_bars_that_stand_side_by_side(sign: float) -> None:
    y, k, step = walk(4000, 1e-2), 3, 15
    strict = []
    for s in range(k * step, len(y) - k * step):
        others = [y[s + j * step] for j in range(-k, k + 1) if j]
        if all(sign * y[s] > sign * other for other in others):
            strict.append(s)
    at = newest(strict, len(y), k * step, LOOKBACK)
    found = swing(y, k, step, sign)[1]
    np.testing.assert_array_equal(found, np.arange(len(y)) - at)


@pytest.mark.parametrize(("k", "expected"), [(2, 280), (10, 62), (30, 21)])
def test_the_number_of_swings_on_a_random_walk(k: int, expected: float) -> None:
    y = walk(100_000, 1e-2, seed=9)
    ages = [swing(y, k, 1, sign)[1] for sign in (MAXIMUM, MINIMUM)]
    count = sum(int(np.count_nonzero(age == k)) for age in ages)
    assert count / 100 == pytest.approx(expected, rel=0.5)


@SIGNS
def test_a_swing_depends_on_its_memory_and_on_nothing_later(sign: float) -> None:
    y, k, step, lookback = quotes(1500), 4, 3, 60
    whole = swing(y, k, step, sign, lookback)
    memory = lookback + k * step + 1
    for low in (1, 77, 700):
        part = swing(y[low:1200], k, step, sign, lookback)
        np.testing.assert_array_equal(part[:, memory - 1 :], whole[:, low + memory - 1 : 1200])
        np.testing.assert_array_equal(swing(y[:low], k, step, sign, lookback), whole[:, :low])


def test_flat_prices_and_nan_make_no_swing() -> None:
    assert np.isnan(swing(np.full(500, 100.0), 2, 1, MAXIMUM)).all()
    peak = np.array([0.0, 1.0, 2.0, 5.0, 2.0, 1.0, 0.0])
    assert swing(peak, 2, 1, MAXIMUM)[0, 5] == 5.0
    holed = peak.copy()
    holed[1] = np.nan
    assert np.isnan(swing(holed, 2, 1, MAXIMUM)).all()


@pytest.mark.parametrize("w", [2, 60, 240])
def test_extrema_and_their_times_are_ta_libs(w: int) -> None:
    y = walk(6000, 1e-2)
    rows = np.arange(len(y))[w - 1 :]
    high, low = extremum(y, w, 17, MAXIMUM)[:, w - 1 :], extremum(y, w, 17, MINIMUM)[:, w - 1 :]
    assert np.array_equal(high[0], talib.MAX(y, w)[w - 1 :])
    assert np.array_equal(low[0], talib.MIN(y, w)[w - 1 :])
    assert np.array_equal(rows - high[1], talib.MAXINDEX(y, w)[w - 1 :])
    assert np.array_equal(rows - low[1], talib.MININDEX(y, w)[w - 1 :])


@SIGNS
def test_of_equal_extrema_the_latest_counts(sign: float) -> None:
    y, w = quotes(3000), 60
    found = extremum(y, w, 5, sign)
    for t in range(w - 1, len(y)):
        window = (sign * y[t - w + 1 : t + 1])[::-1]
        assert found[1, t] == window.argmax()
        assert found[0, t] == sign * window.max()


@SIGNS
def test_an_extremum_depends_on_its_window_alone(sign: float) -> None:
    y, w = quotes(2000), 37
    whole = extremum(y, w, 0, sign)
    assert np.isnan(whole[:, : w - 1]).all()
    for low, origin in ((1, 12_345), (500, 3), (1990, 8)):
        np.testing.assert_array_equal(
            extremum(y[low:], w, origin, sign)[:, w - 1 :], whole[:, low + w - 1 :]
        )
    holed = y.copy()
    holed[:700] = np.nan
    found = extremum(holed, w, 1, sign)
    assert np.isnan(found[:, : 700 + w - 1]).all()
    np.testing.assert_array_equal(found[:, 700 + w - 1 :], whole[:, 700 + w - 1 :])

"""Linear trend and efficiency ratio against extended precision, closed forms and TA-Lib."""

from __future__ import annotations

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

import references
import references_trend as slow
from bqx.kernels.trend import efficiency_ratio, linear_slope, linear_trend
from references import Floats

SERIES = references.accuracy_series(2600)
WINDOWS = (3, 60, 630)


def trend(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full((3, len(y)), 12345.678)
    linear_trend(y, w, origin, out[0], out[1], out[2])
    return out


def efficiency(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full(len(y), 12345.678)
    efficiency_ratio(y, w, origin, out)
    return out


@pytest.mark.parametrize("w", WINDOWS)
@pytest.mark.parametrize("name", SERIES)
def test_a_line_has_its_slope_and_errors(name: str, w: int) -> None:
    level, series = SERIES[name]
    y = series[:1500]
    found = trend(y, w)
    assert np.isnan(found[:, : w - 1]).all()
    exact = np.array(slow.trend_windows(references.trailing(y, w)[w - 1 :]))
    error = np.abs(found[:, w - 1 :] - exact)
    spread = references.trailing(y, w)[w - 1 :].std(axis=1)
    # The slope is resolved to the digits of the values, its error to 1e-12 of the variation.
    per_row = spread / w
    assert (error[0] <= 1e-12 * per_row + 4e-16 * level / w).all()
    assert (error[1] <= 1e-12 * per_row + 4e-16 * level / w).all()
    assert (np.isnan(found[2, w - 1 :]) == np.isnan(exact[2])).all()
    assert np.nanmax(error[2], initial=0.0) <= 1e-9


@pytest.mark.parametrize("w", WINDOWS)
@pytest.mark.parametrize("name", SERIES)
def test_the_slope_alone_is_the_same(name: str, w: int) -> None:
    y = SERIES[name][1].copy()
    y[700] = np.nan
    spread = references.trailing(y, w).std(axis=1)
    for origin in (0, 17):
        found, expected = np.full(len(y), 12345.678), trend(y, w, origin)[0]
        linear_slope(y, w, origin, found)
        assert (np.isnan(found) == np.isnan(expected)).all()
        flat = spread == 0.0
        assert (found[flat] == 0.0).all()
        known = ~np.isnan(expected)
        assert (np.abs(found - expected)[known] <= 1e-13 * spread[known]).all()


@pytest.mark.parametrize("w", WINDOWS)
def test_a_slope_does_not_depend_on_the_slice(w: int) -> None:
    y = SERIES["quotes"][1]
    whole, part = np.empty(len(y)), np.empty(len(y) - 77)
    linear_slope(y, w, 0, whole)
    linear_slope(y[77:], w, 77, part)
    np.testing.assert_array_equal(part[w - 1 :], whole[77 + w - 1 :])


@pytest.mark.parametrize("name", ["level 100, moves 1e-4", "quotes", "BQX, level 1e-3"])
def test_t_statistics_keep_their_digits(name: str) -> None:
    _, y = SERIES[name]
    for w in (60, 240, 630):
        slope, stderr, _ = trend(y, w)
        exact = slow.slope_t(y, w)
        moving = np.isfinite(exact)
        assert np.abs(slope[moving] / stderr[moving] - exact[moving]).max() <= 1e-10 * 600


def test_an_outlier_on_the_border_costs_no_digits() -> None:
    w = 60
    y = 100.0 + np.random.default_rng(1).normal(size=8 * w) * 1e-6
    y[w - 1 :: 2 * w] += 5.0
    exact = slow.slope_t(y, w)[w - 1 :]
    for origin in (0, 17):
        slope, stderr, _ = trend(y, w, origin)
        error = np.abs(slope[w - 1 :] / stderr[w - 1 :] - exact)
        assert error.max() <= 1e-8 * np.abs(exact).max()


def test_a_flat_window_is_exactly_flat() -> None:
    y = np.full(500, 100.1234567)
    y[:100] += references.walk(100, 1e-4)
    slope, stderr, r2 = trend(y, 60)
    assert (slope[160:] == 0.0).all()
    assert (stderr[160:] == 0.0).all()
    assert np.isnan(r2[160:]).all()
    assert np.isnan(efficiency(y, 60)[160:]).all()


def test_a_straight_line_has_a_closed_form() -> None:
    y = 100.0 + 2.0**-10 * np.arange(300.0)
    slope, stderr, r2 = trend(y, 60)
    assert slope[59:] == pytest.approx(2.0**-10, rel=1e-14)
    assert (stderr[59:] <= 1e-17).all()
    assert (r2[59:] == 1.0).all()
    assert (efficiency(y, 60)[60:] == 1.0).all()
    zigzag = np.tile([1.0, 2.0], 100)
    assert (efficiency(zigzag, 10)[10:] == 0.0).all()
    assert (efficiency(zigzag, 11)[11:] == 1.0 / 11.0).all()


@pytest.mark.parametrize("name", SERIES)
def test_efficiency_ratios(name: str) -> None:
    _, y = SERIES[name]
    for w in (1, 60, 390):
        found, exact = efficiency(y, w), slow.efficiency(y, w)
        assert (np.isnan(found) == np.isnan(exact)).all()
        assert float(np.nanmax(np.abs(found - exact))) <= 1e-14


def test_slopes_agree_with_ta_lib() -> None:
    y = SERIES["quotes"][1] - 100.0  # TA-Lib sums products of the level
    for w in (60, 240):
        found, other = trend(y, w)[0], talib.LINEARREG_SLOPE(y, timeperiod=w)
        np.testing.assert_allclose(found[w - 1 :], other[w - 1 :], rtol=0, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    w=st.integers(3, 80),
    origin=st.integers(0, 10**8),
    cut=st.integers(0, 200),
    size=st.integers(1, 250),
    hole=st.integers(0, 120),
)
def test_slices_and_nan(*, seed: int, w: int, origin: int, cut: int, size: int, hole: int) -> None:
    rng = np.random.default_rng(seed)
    y = 100.0 + np.cumsum(np.round(rng.normal(size=300) * (rng.random(300) > 0.3), 2)) * 1e-3
    part = y[cut : cut + size]
    whole = np.vstack([trend(y, w, origin), efficiency(y, w, origin)])[:, cut : cut + size]
    found = np.vstack([trend(part, w, origin + cut), efficiency(part, w, origin + cut)])
    assert found[:, w:].tobytes() == whole[:, w:].tobytes()
    holed = part.copy()
    holed[:hole] = np.nan
    spoiled = np.vstack([trend(holed, w, origin + cut), efficiency(holed, w, origin + cut)])
    good = min(hole, len(part)) + w
    assert np.isnan(spoiled[:, : good - 1]).all()
    assert spoiled[:, good:].tobytes() == found[:, good:].tobytes()
    middle = part.copy()
    middle[hole : hole + 1] = np.nan
    torn = np.vstack([trend(middle, w, origin + cut), efficiency(middle, w, origin + cut)])
    assert np.isnan(torn[:, hole : hole + w]).all()
    assert torn[:, hole + w + 1 :].tobytes() == found[:, hole + w + 1 :].tobytes()

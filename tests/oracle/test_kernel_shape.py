"""Skewness, kurtosis and scores against extended precision, SciPy and their bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import references
from bqx.kernels.moments import mean_std
from bqx.kernels.shape import jarque_bera, skew_kurt, standard_score
from references import Floats, Long

SERIES = references.accuracy_series(1500)
WINDOWS = (5, 15, 60, 120)


def shape(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full((2, len(y)), 12345.678)
    skew_kurt(y, w, origin, out[0], out[1])
    return out


def slow_shape(y: Floats, w: int) -> tuple[Long, Long]:
    """In extended precision; NaN in flat windows."""
    views = references.trailing(y, w).astype(np.longdouble)
    # At level 100 a mean in extended precision would lose digits of moves of 1e-7.
    d = views - views[:, -1:]
    d -= d.mean(axis=1, keepdims=True)
    two, three, four = ((d**k).mean(axis=1) for k in (2, 3, 4))
    flat = np.ptp(views, axis=1) == 0
    two = np.where(flat, np.nan, two)
    return three / two**1.5, four / two**2 - 3


def assert_accurate(y: Floats, w: int, origin: int = 0) -> None:
    found, exact = shape(y, w, origin), slow_shape(y, w)
    for k in range(2):
        assert (np.isnan(found[k]) == np.isnan(exact[k])).all()
        error = np.abs(found[k] - exact[k]) / (1 + np.abs(exact[k]))
        assert float(np.nanmax(error, initial=0.0)) <= 1e-12


@pytest.mark.parametrize("w", WINDOWS)
@pytest.mark.parametrize("name", SERIES)
def test_against_extended_precision(name: str, w: int) -> None:
    assert_accurate(SERIES[name][1], w, origin=77)


@pytest.mark.parametrize("w", WINDOWS)
def test_an_outlier_on_the_border_costs_no_digits(w: int) -> None:
    y = np.random.default_rng(4).normal(size=1200) * 1e-7
    y[w - 1 :: 2 * w] += 5.0
    for origin in (0, 1, w - 1):
        assert_accurate(y, w, origin)


@pytest.mark.parametrize("w", WINDOWS)
def test_against_scipy(w: int) -> None:
    y = np.random.default_rng(2).standard_t(3, size=1200) * 1e-4
    views = references.trailing(y, w)[w - 1 :]
    skew, kurt = shape(y, w)[:, w - 1 :]
    np.testing.assert_allclose(skew, stats.skew(views, axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(kurt, stats.kurtosis(views, axis=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("w", [5, 15, 30, 60, 120])
def test_bounds_are_reached_and_never_passed(w: int) -> None:
    for place in range(w):
        y = np.zeros(w)
        y[place] = 1e-4
        skew, kurt = shape(y, w)[:, -1]
        bound = (w - 2) / math.sqrt(w - 1)
        assert bound * (1 - 1e-13) <= skew <= bound
        assert kurt == pytest.approx(w - 5 + 1 / (w - 1), rel=1e-13)
        assert shape(-y, w)[0, -1] == -skew
    halves = np.where(np.arange(4 * w) % 2, 0.3, 0.1)
    kurt = shape(halves, 2 * (w // 2))[1]
    assert np.nanmin(kurt) >= -2.0
    assert np.nanmax(kurt) <= -2.0 + 1e-12


values = st.lists(
    st.one_of(st.sampled_from((0.0, 1e-4, -1e-4)), st.floats(-1e-2, 1e-2)), min_size=1, max_size=90
)


@settings(max_examples=60, deadline=None)
@given(drawn=values, w=st.integers(3, 30), origin=st.integers(0, 10**8), start=st.integers(0, 60))
def test_a_slice_gives_the_same_bits(drawn: list[float], w: int, origin: int, start: int) -> None:
    y = np.array(drawn)
    whole = shape(y, w, origin)[:, start + w - 1 :]
    part = shape(y[start:], w, origin + start)[:, w - 1 :]
    assert np.ascontiguousarray(whole).tobytes() == np.ascontiguousarray(part).tobytes()


@pytest.mark.parametrize("w", [5, 60])
def test_nan_spoils_the_windows_that_contain_it(w: int) -> None:
    y = np.random.default_rng(1).normal(size=400)
    clean = shape(y, w, 3)
    y[[0, 150, 163]] = np.nan
    spoiled = np.isnan(references.trailing(y, w)).any(axis=1)
    found = shape(y, w, 3)
    assert np.isnan(found[:, spoiled]).all()
    np.testing.assert_array_equal(found[:, ~spoiled], clean[:, ~spoiled])


def test_jarque_bera_of_the_moments() -> None:
    skew, kurt = np.array([0.5, 0.0, np.nan]), np.array([-1.0, 3.0, np.nan])
    out = np.empty(3)
    jarque_bera(skew, kurt, 60, out)
    np.testing.assert_allclose(out, [5.0, 22.5, np.nan], rtol=1e-15)


@pytest.mark.parametrize("w", [5, 15])
def test_scores_stay_in_their_bounds(w: int) -> None:
    y = np.full(4 * w, 100.0)
    y[2 * w :] = 100.001
    mean, std, score = np.empty((3, len(y)))
    mean_std(y, w, 0, mean, std)
    standard_score(y, mean, std, w, score)
    assert np.isnan(score[: 2 * w]).all()
    assert score[2 * w] == pytest.approx((w - 1) / math.sqrt(w), rel=1e-10)
    assert score[2 * w] <= (w - 1) / math.sqrt(w)
    assert np.isnan(score[3 * w :]).all()

"""Rolling mean, standard deviation, minimum and maximum."""

from __future__ import annotations

import numpy as np
import pytest

import references
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from references import Floats


def moments(y: Floats, w: int) -> tuple[Floats, Floats]:
    mean, std = np.empty_like(y), np.empty_like(y)
    mean_std(y, w, 0, mean, std)
    return mean, std


def extrema(y: Floats, w: int, origin: int = 0) -> tuple[Floats, Floats]:
    low, high = np.empty_like(y), np.empty_like(y)
    minmax(y, w, origin, low, high)
    return low, high


def test_four_numbers_by_hand() -> None:
    mean, std = moments(np.array([2.0, 4.0, 4.0, 6.0]), 4)
    assert np.isnan(mean[:3]).all()
    assert np.isnan(std[:3]).all()
    assert mean[3] == 4.0
    assert std[3] == pytest.approx(np.sqrt(8 / 3), rel=1e-15)


def test_equal_values_have_their_own_mean_and_deviation_zero() -> None:
    y = 100.0 + references.walk(200, 0.1)
    y[50:120] = 0.1
    mean, std = moments(y, 30)
    assert (mean[79:120] == 0.1).all()
    assert (std[79:120] == 0.0).all()
    assert (std[120:] > 0).all()


def test_a_quiet_stretch_after_an_outlier_on_the_border_keeps_its_digits() -> None:
    w = 400
    y = 100.0 + references.walk(2 * w, 1e-9)
    y[w] += 50.0
    y[w + 1 :] += 1e-3
    _, std = moments(y, w)
    exact = references.trailing(y, w).astype(np.longdouble).std(axis=1, ddof=1)
    np.testing.assert_allclose(std[w - 1 :], exact[w - 1 :].astype(float), rtol=1e-14)


@pytest.mark.parametrize("w", [1, 2, 7, 64])
@pytest.mark.parametrize("origin", [0, 5, 1000])
def test_extrema_are_those_of_the_window(w: int, origin: int) -> None:
    y = np.round(references.walk(300, 1.0), 1)
    low, high = extrema(y, w, origin)
    windows = references.trailing(y, w)
    np.testing.assert_array_equal(low, windows.min(axis=1))
    np.testing.assert_array_equal(high, windows.max(axis=1))


@pytest.mark.parametrize("spoiled", [1, 6, 7, 8, 20])
def test_extrema_of_windows_that_begin_with_nan_are_nan(spoiled: int) -> None:
    y = references.walk(60, 1.0)
    y[:spoiled] = np.nan
    low, high = extrema(y, 7)
    windows = references.trailing(y, 7)
    np.testing.assert_array_equal(low, windows.min(axis=1))
    np.testing.assert_array_equal(high, windows.max(axis=1))

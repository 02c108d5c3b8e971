"""The sliding Fourier transform and its periodogram against NumPy and SciPy, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from bqx.kernels.sliding_fourier import POINTS, ROWS, empty_levels, transform
from bqx.kernels.spectrum import MEASURES, spectral_measures
from bqx.kernels.trend import linear_trend
from references import Floats, accuracy_series

DOMINANT, SHARE, SECOND, HARMONIC, LOW, HIGH, ENTROPY, EDGE, NOISE, CYCLIC, TOTAL = range(MEASURES)
NOISY = np.random.default_rng(2).normal(size=1000)
SERIES = accuracy_series(3000)


def measured(y: Floats, origin: int = 0) -> Floats:
    line, out = np.empty((3, len(y))), np.full((MEASURES, len(y)), 12345.678)
    linear_trend(y, POINTS, origin, line[0], line[1], line[2])
    spectral_measures(y, line[0], out)
    return out


def wave(k: float, rows: int = 400) -> Floats:
    """A cosine of k cycles in 256 rows."""
    return np.asarray(np.cos(2 * np.pi * k * np.arange(rows) / POINTS + 0.7))


def test_the_transform_of_every_window() -> None:
    levels = empty_levels()
    tiles = np.split(NOISY, range(ROWS, len(NOISY), ROWS))
    parts = [transform(tile, levels).copy() for tile in tiles]
    found = np.concatenate(parts, axis=2)
    assert np.isnan(found[0, :, : POINTS - 1]).all()
    exact = np.fft.rfft(sliding_window_view(NOISY, POINTS), axis=1).T
    complex_found = found[0, :, POINTS - 1 :] + 1j * found[1, :, POINTS - 1 :]
    assert float(np.abs(complex_found - exact).max()) <= 1e-13


@pytest.mark.parametrize("name", SERIES)
def test_total_power(name: str) -> None:
    level, y = SERIES[name]
    windows = sliding_window_view(y, POINTS)
    _, power = signal.periodogram(windows, window="hann", detrend="linear", axis=1)
    total = 96.0 * power[:, 1:].sum(axis=1)
    found = measured(y)[TOTAL, POINTS - 1 :]
    # A window has nothing left where the digits of its level are all that there is.
    known = total > (1e-12 * level) ** 2 * POINTS
    assert known.any()
    worst = np.abs(found[known] - total[known]) / np.sqrt(total[known])
    assert float(worst.max()) <= 1e-13 * max(level, 16.0) * POINTS
    flat = np.ptp(windows, axis=1) == 0
    assert np.isnan(found[flat]).all()


def test_a_wave_stands_out() -> None:
    found = measured(wave(20) + 3.0 - 0.01 * np.arange(400))[:, POINTS:]
    np.testing.assert_array_equal(found[DOMINANT], 20 / 256)
    # Hann's window gives a quarter of the amplitude's power to either side: 1 of 1.5.
    np.testing.assert_allclose(found[SHARE], 2 / 3, atol=2e-3)
    assert float(found[CYCLIC].min()) > 1e3
    assert (found[EDGE] <= 22 / 256).all()


def test_harmonics_and_second_peak() -> None:
    y = wave(20) + 0.5 * wave(40) + 0.3 * wave(60) + 0.6 * wave(101)
    found = measured(y)[:, POINTS:]
    np.testing.assert_allclose(found[HARMONIC], 0.25 + 0.09, atol=1e-3)
    np.testing.assert_array_equal(found[SECOND], 101 / 256)
    # Three times the frequency is above the highest, then twice it is.
    np.testing.assert_allclose(
        measured(wave(50) + 0.5 * wave(100))[HARMONIC, POINTS:], 0.25, atol=1e-3
    )
    assert np.isnan(measured(wave(65))[HARMONIC]).all()


def test_shares_of_slow_and_fast_waves() -> None:
    for k, low, high in ((3, 1, 0), (10, 0, 0), (60, 0, 1), (128, 0, 1)):
        found = measured(wave(k))[:, POINTS:]
        np.testing.assert_allclose(found[LOW], low, atol=0.2)
        np.testing.assert_allclose(found[HIGH], high, atol=0.01)


def test_nothing_is_made_of_nothing() -> None:
    assert np.isnan(measured(np.zeros(600))).all()
    assert np.isnan(measured(np.full(600, 0.1))).all()
    assert np.isnan(measured(0.1 * np.arange(600.0))).all()
    y = NOISY.copy()
    y[100] = 1e9
    y[101:700] = 0.0
    found = measured(y)
    assert np.isnan(found[:, 356:700]).all()
    assert not np.isnan(found[ENTROPY, 255:356]).any()


def test_a_missing_value_blanks_its_windows() -> None:
    y = NOISY.copy()
    y[500] = np.nan
    blank = np.isnan(measured(y)[[SHARE, ENTROPY, TOTAL]])
    expected = np.zeros(len(y), np.bool_)
    expected[: POINTS - 1] = expected[500 : 500 + POINTS] = True
    assert (blank == expected).all()


def test_a_slice_gives_the_same_bits() -> None:
    origin = 777_777
    whole = measured(NOISY, origin)
    for a, b in ((1, 999), (63, 640), (500, 1000), (300, 556)):
        part = measured(NOISY[a:b], origin + a)
        assert part[:, POINTS - 1 :].tobytes() == whole[:, a + POINTS - 1 : b].tobytes()


def test_the_median_of_powers_with_zeros() -> None:
    # One value among zeros has a flat spectrum, and its detrended window hardly another.
    y = np.zeros(600)
    y[300] = 1.0
    found = measured(y)[:, 300:556]
    assert float(np.median(found[ENTROPY])) > 0.9
    assert (found[CYCLIC] >= 1.0).all()

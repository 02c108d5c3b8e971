"""The quadratic fit against extended precision, 50 digits, and np.polyfit."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import references
from bqx.kernels.quadratic import quadratic_fit
from references import Floats

WINDOWS = (60, 240, 630)
SERIES = references.accuracy_series(2600)
R2 = 4


def fit(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.empty((7, len(y)))
    quadratic_fit(y, w, origin, out)
    return out


@pytest.mark.parametrize("name", SERIES)
def test_errors_are_far_below_the_last_digit_that_matters(name: str) -> None:
    level, y = SERIES[name]
    for w in WINDOWS:
        found, exact = fit(y, w), references.quadratic(y, w)
        assert (np.isnan(found) == np.isnan(exact)).all()
        error = np.nanmax(np.abs(found - exact).astype(float), axis=1)
        assert error[R2] <= 5e-13
        assert np.delete(error, R2).max() <= 5e-13 * level, (w, error)


def test_flat_windows_have_no_r2_and_no_error() -> None:
    _, y = SERIES["flat stretches"]
    w = 60
    flat = np.ptp(references.trailing(y, w), axis=1) == 0.0
    assert flat.sum() > 100
    quadratic, linear, constant, residual, r2, rmse, prediction = fit(y, w)[:, flat]
    for zero in (quadratic, linear, residual, rmse):
        assert (zero == 0.0).all()
    assert (constant == y[flat]).all()
    assert (prediction == y[flat]).all()
    assert np.isnan(r2).all()


def in_fifty_digits(values: Floats) -> list[mpmath.mpf]:
    """The seven outputs for one window, by the normal equations."""
    w = len(values)
    rows = [[mpmath.mpf(i) ** k for k in range(3)] for i in range(w)]
    design, y = mpmath.matrix(rows), mpmath.matrix([mpmath.mpf(float(v)) for v in values])
    a0, a1, a2 = mpmath.lu_solve(design.T * design, design.T * y)
    errors = [y[i] - (a0 + a1 * i + a2 * i * i) for i in range(w)]
    mean = mpmath.fsum(y) / w
    sse = mpmath.fsum(e * e for e in errors)
    sst = mpmath.fsum((v - mean) ** 2 for v in y)
    end = mpmath.mpf(w - 1)
    prediction = a2 * end**2 + a1 * end + a0
    return [a2 * end**2, a1 * end, a0, y[w - 1] - prediction, 1 - sse / sst,
            mpmath.sqrt(sse / w), prediction]  # fmt: skip


@pytest.mark.parametrize("name", SERIES)
def test_the_reference_agrees_with_fifty_digits(name: str) -> None:
    level, y = SERIES[name]
    window = y[None, 1140 : 1140 + 240]
    with mpmath.workdps(50):
        exact = in_fifty_digits(window[0])
        found = references.quadratic_windows(window)[:, 0]
        # A longdouble is the sum of two float64 values.
        long = [mpmath.mpf(float(v)) + mpmath.mpf(float(v - np.float64(v))) for v in found]
        for k, (a, b) in enumerate(zip(long, exact, strict=True)):
            assert abs(a - b) <= (1e-16 if k == R2 else 1e-16 * level), k


@pytest.mark.parametrize("w", [60, 150, 630])
def test_polyfit_finds_the_same_parabola(w: int) -> None:
    _, y = SERIES["quotes"]
    found = fit(y, w, origin=77)
    for t in range(w - 1, len(y), 97):
        a2, a1, a0 = np.polyfit(np.arange(w), y[t - w + 1 : t + 1], 2)
        expected = (a2 * (w - 1) ** 2, a1 * (w - 1), a0)
        np.testing.assert_allclose(found[:3, t], expected, rtol=0, atol=5e-12)


def test_a_known_parabola_has_known_terms() -> None:
    i = np.arange(60.0)
    found = fit(3 * i**2 + 2 * i + 1, 60)[:, -1]
    expected = (10443.0, 118.0, 1.0, 0.0, 1.0, 0.0, 10562.0)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-10)

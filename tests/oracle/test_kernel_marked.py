"""Moments over marked rows and weighted means against extended precision and bottleneck."""

from __future__ import annotations

import bottleneck as bn
import numpy as np
import pytest

from bqx.kernels.marked import marked_correlation, marked_mean_std, marked_products
from bqx.kernels.weighted import weighted_mean
from references import Floats, Long, accuracy_series, trailing

SERIES = accuracy_series(1500)
WINDOWS = pytest.mark.parametrize("w", [5, 60, 240])


def marks_of(rows: int, share: float = 0.9, seed: int = 4) -> Floats:
    return (np.random.default_rng(seed).random(rows) < share).astype(np.float64)


def products(x: Floats, y: Floats, marks: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full((5, len(y)), 12345.0)
    marked_products(x, y, marks, w, origin, out)
    return out


def exact_products(x: Floats, y: Floats, marks: Floats, w: int) -> Long:
    """Count, mean of y, and sums of products about the means, window by window."""
    out = np.full((5, len(y)), np.nan, np.longdouble)
    for t in range(w - 1, len(y)):
        rows = np.flatnonzero(marks[t - w + 1 : t + 1]) + t - w + 1
        a, b = x[rows].astype(np.longdouble), y[rows].astype(np.longdouble)
        out[0, t] = len(rows)
        if len(rows):
            a, mean = a - a.mean(), b.mean()
            b = b - mean
            out[1:, t] = mean, a @ a, b @ b, a @ b
    return out


@pytest.mark.parametrize("name", SERIES)
@WINDOWS
def test_sums_of_products(name: str, w: int) -> None:
    level, x = SERIES[name]
    y = np.round(60 + 20 * np.random.default_rng(2).normal(size=len(x)))
    marks = marks_of(len(x))
    found, exact = products(x, y, marks, w, 7), exact_products(x, y, marks, w)
    assert np.array_equal(np.isnan(found), np.isnan(exact))
    several = found[0] >= 2
    assert np.array_equal(found[0, w - 1 :], exact[0, w - 1 :])
    assert float(np.nanmax(np.abs(found[1] - exact[1]))) <= 1e-13
    assert (found[2][exact[2] == 0] == 0.0).all()
    varies = several & (exact[2] > 1e-28 * max(level, 1.0) ** 2)
    assert float(np.max(np.abs(found[2, varies] / exact[2, varies] - 1))) <= 1e-12
    both = varies & (exact[3] > 0)
    unit = np.sqrt(exact[2, both] * exact[3, both])
    assert float(np.max(np.abs(found[4, both] - exact[4, both]) / unit)) <= 1e-12


@WINDOWS
def test_mean_and_deviation_are_bottlenecks(w: int) -> None:
    y, marks = np.round(np.random.default_rng(3).gamma(2.0, 30.0, 3000)), marks_of(3000)
    mean, std = np.empty_like(y), np.empty_like(y)
    marked_mean_std(y, marks, w, 11, mean, std)
    seen = np.where(marks > 0, y, np.nan)
    enough = bn.move_sum(marks, w) >= 2
    np.testing.assert_allclose(mean[enough], bn.move_mean(seen, w, 1)[enough], rtol=1e-12)
    np.testing.assert_allclose(std[enough], bn.move_std(seen, w, 2, ddof=1)[enough], rtol=1e-9)


def test_equal_marked_values_have_no_deviation_even_if_the_border_differs() -> None:
    marks = marks_of(900)
    y = np.where(marks > 0, 0.1, 0.0)
    mean, std = np.empty_like(y), np.empty_like(y)
    marked_mean_std(y, marks, 60, 0, mean, std)
    assert (mean[59:] == 0.1).all()
    assert (std[59:] == 0.0).all()
    out = np.empty_like(y)
    marked_correlation(products(y, np.arange(900.0), marks, 60), out)
    assert np.isnan(out).all()


def test_correlations_stay_in_their_range() -> None:
    x = 100.0 + np.arange(1000.0) * 1e-4
    for slope in (3.0, -3.0):
        out = np.empty(1000)
        marked_correlation(products(x, 5.0 + slope * x, marks_of(1000), 30), out)
        assert (np.abs(out[29:]) <= 1.0).all()
        np.testing.assert_allclose(out[29:], np.sign(slope), rtol=0, atol=1e-9)


@WINDOWS
def test_weighted_means_are_numpys(w: int) -> None:
    for level, y in SERIES.values():
        weights = np.round(np.random.default_rng(6).gamma(1.0, 30.0, len(y))) * marks_of(len(y))
        out = np.empty_like(y)
        weighted_mean(y, weights, w, 3, out)
        v, values = trailing(weights, w)[w - 1 :].astype(np.longdouble), trailing(y, w)[w - 1 :]
        some = v.sum(axis=1) > 0
        exact = (v * values).sum(axis=1)[some] / v.sum(axis=1)[some]
        assert float(np.max(np.abs(out[w - 1 :][some] - exact))) <= 1e-14 * max(level, 1.0)
        assert np.isnan(out[w - 1 :][~some]).all()


def test_a_weighted_mean_of_equal_values_is_the_value() -> None:
    out = np.empty(300)
    weighted_mean(np.full(300, 0.1), np.random.default_rng(1).random(300), 60, 0, out)
    assert (out[59:] == 0.1).all()
    weighted_mean(np.full(300, 0.1), np.zeros(300), 60, 0, out)
    assert np.isnan(out).all()


def weighted(y: Floats, weights: Floats, origin: int) -> Floats:
    out = np.full((1, len(y)), 12345.0)
    weighted_mean(y, weights, 60, origin, out[0])
    return out


def test_slices_and_nan_touch_their_own_windows_only() -> None:
    x, y, marks = SERIES["quotes"][1], SERIES["BQX, level 1e-3"][1], marks_of(1500)
    w = 60

    def run(a: int, b: int, values: Floats) -> tuple[Floats, Floats]:
        found = products(x[a:b], values[a:b], marks[a:b], w, 1000 + a)
        return found, weighted(values[a:b], np.abs(x[a:b]) * marks[a:b], 1000 + a)

    whole = run(0, 1500, y)
    for a, b in ((1, 1500), (13, 700), (640, 1100)):
        for part, full in zip(run(a, b, y), whole, strict=True):
            np.testing.assert_array_equal(part[:, w - 1 :], full[:, a + w - 1 : b])
    holed = y.copy()
    holed[800] = np.nan
    spoiled = np.arange(800, 800 + w)
    for part, full in zip(run(0, 1500, holed), whole, strict=True):
        assert np.isnan(part[-1, spoiled]).all()
        rest = np.setdiff1d(np.arange(1500), spoiled)
        np.testing.assert_array_equal(part[:, rest], full[:, rest])

"""Covariances, correlations, moments and BQX against extended precision and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

import references
from bqx.kernels.backward import BQX_WINDOWS, backward_return, backward_returns
from bqx.kernels.covariance import covariances_and_correlations, term_covariances
from bqx.kernels.moments import mean_std
from bqx.kernels.quadratic import quadratic_fit
from references import Floats

SERIES = references.accuracy_series(2600)


def terms(y: Floats, w: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Quadratic term, linear term, constant term and residual, without the warm-up."""
    out = np.empty((7, len(y)))
    quadratic_fit(y, w, 0, out)
    q, lin, c, e = np.ascontiguousarray(out[:4, w - 1 :])
    return q, lin, c, e


def relative(found: Floats, exact: references.Long, unit: references.Long) -> float:
    """Greatest error in units of the two deviations' product; an exact 0 has to be met."""
    error = np.abs(found - exact)
    flat = unit == 0
    assert not error[flat].any()
    return float(np.nanmax(error[~flat] / unit[~flat]))


def assert_accurate(q: Floats, lin: Floats, c: Floats, e: Floats, w: int) -> None:
    out = np.empty((6, len(q)))
    term_covariances(q, lin, c, e, w, 0, out)
    pairs = ((q, lin), (q, c), (q, e), (lin, c), (lin, e), (c, e))
    deviation = {id(s): np.sqrt(references.covariance(s, s, w)) for s in (q, lin, c, e)}
    for found, (x, y) in zip(out, pairs, strict=True):
        exact = references.covariance(x, y, w)
        assert (np.isnan(found) == np.isnan(exact)).all()
        assert relative(found, exact, deviation[id(x)] * deviation[id(y)]) <= 1e-13


@pytest.mark.parametrize("name", ["quotes", "BQX, level 1e-3", "5 % jumps", "flat stretches"])
def test_covariances_of_fitted_terms(name: str) -> None:
    _, y = SERIES[name]
    assert_accurate(*terms(y, 60), w=60)


def outliers_on_borders(w: int, seed: int) -> Floats:
    """Quiet noise with a great outlier in some of the rows on which blocks are anchored."""
    y = np.random.default_rng(seed).normal(size=4 * w) * 1e-7
    y[w - 1 :: 2 * w] += 5.0
    return y


def test_an_outlier_on_the_border_costs_no_digits() -> None:
    w = 630
    q, lin, c, e = (outliers_on_borders(w, seed) for seed in range(4))
    lin[:] = np.random.default_rng(9).normal(size=len(q))
    c[:] = np.cumsum(c)
    assert_accurate(q, lin, c, e, w)


def assert_correlations_accurate(q: Floats, lin: Floats, e: Floats, w: int) -> None:
    out = np.empty((6, len(q)))
    covariances_and_correlations(q, lin, e, w, 0, out)
    for k, (a, b) in enumerate(((q, lin), (e, q), (e, lin))):
        ab, aa, bb = (references.covariance(*p, w) for p in ((a, b), (a, a), (b, b)))
        unit = np.sqrt(aa) * np.sqrt(bb)
        assert relative(out[k], ab, unit) <= 1e-13
        varies = unit > 0
        error = np.abs(out[3 + k][varies] - ab[varies] / unit[varies])
        assert float(error.max()) <= 1e-13
        assert np.isnan(out[3 + k][~varies]).all()


@pytest.mark.parametrize("name", SERIES)
def test_correlations_of_fitted_terms(name: str) -> None:
    q, lin, _, e = terms(SERIES[name][1], 60)
    assert_correlations_accurate(q, lin, e, 60)


def test_an_outlier_on_the_border_costs_the_correlations_no_digits() -> None:
    q, lin, e = (outliers_on_borders(630, seed) for seed in range(3))
    assert_correlations_accurate(q, lin, e, 630)


def test_linear_and_quadratic_terms_of_white_noise_are_nearly_opposite() -> None:
    noise = np.random.default_rng(5).normal(size=60_000)
    q, lin, _, e = terms(noise, 60)
    out = np.empty((6, len(q)))
    covariances_and_correlations(q, lin, e, 50_000, 0, out)
    assert out[3, -1] == pytest.approx(-math.sqrt(15) / 4, abs=0.003)


@pytest.mark.parametrize("name", SERIES)
def test_mean_and_standard_deviation(name: str) -> None:
    level, series = SERIES[name]
    y = series[:1300]
    mean, std = np.empty_like(y), np.empty_like(y)
    for w in (60, 630):
        mean_std(y, w, 0, mean, std)
        exact = references.trailing(y, w).astype(np.longdouble)
        assert float(np.nanmax(np.abs(mean - exact.mean(axis=1)))) <= 1e-15 * max(level, 16.0)
        truth = exact.std(axis=1, ddof=1)
        flat = truth == 0
        assert (std[flat] == 0.0).all()
        assert float(np.nanmax(np.abs(std[~flat] / truth[~flat] - 1))) <= 1e-12


@pytest.mark.parametrize("name", SERIES)
def test_backward_returns(name: str) -> None:
    level, y = SERIES[name]
    index = y[:400] + (100.0 - level)
    out = np.empty((5, len(index)))
    backward_returns(index, out)
    for found, w in zip(out, BQX_WINDOWS, strict=True):
        exact = references.backward_return(index, w)
        assert (np.isnan(found) == np.isnan(exact)).all()
        assert float(np.nanmax(np.abs(found - exact))) <= 1e-15


@pytest.mark.parametrize("w", BQX_WINDOWS)
def test_a_straight_price_has_a_closed_form(w: int) -> None:
    t = np.arange(200.0)
    index = 100.0 + 0.25 * t
    out = np.empty_like(index)
    backward_return(index, w, out)
    # Each difference is -0.25 i, so the sum is that of 1 … w: negative, for the price has risen.
    np.testing.assert_allclose(out[w:], -0.25 * w * (w + 1) / 2 / index[w:], rtol=1e-15, atol=0)

"""Order, signs and edges of the covariances; their accuracy is tested beside the oracles."""

from __future__ import annotations

import numpy as np

import references
from bqx.kernels.covariance import covariances_and_correlations, term_covariances
from references import Floats

W = 20


def four(rows: int = 100) -> list[Floats]:
    q, lin, c, e = np.random.default_rng(3).normal(size=(4, rows))
    return [q, lin + q, c - 0.5 * q, e + 0.2 * c]


def covariances(series: list[Floats], w: int = W) -> Floats:
    q, lin, c, e = series
    out = np.empty((6, len(q)))
    term_covariances(q, lin, c, e, w, 0, out)
    return out


def correlations(q: Floats, lin: Floats, e: Floats, w: int = W) -> Floats:
    out = np.empty((6, len(q)))
    covariances_and_correlations(q, lin, e, w, 0, out)
    return out


def test_the_six_pairs_stand_in_their_order() -> None:
    series = four()
    found = covariances(series)
    for t in (W - 1, 57, 99):
        matrix = np.cov([s[t - W + 1 : t + 1] for s in series])
        np.testing.assert_allclose(found[:, t], matrix[np.triu_indices(4, 1)], rtol=1e-12)


def test_covariances_come_before_correlations_in_the_same_order() -> None:
    q, lin, _, e = four()
    found = correlations(q, lin, e)
    for t in (W - 1, 57, 99):
        window = [s[t - W + 1 : t + 1] for s in (q, lin, e)]
        for first, matrix in ((0, np.cov(window)), (3, np.array(np.corrcoef(window)))):
            expected = (matrix[0, 1], matrix[2, 0], matrix[2, 1])
            np.testing.assert_allclose(found[first : first + 3, t], expected, rtol=1e-12)


def test_a_constant_term_has_covariance_zero_and_no_correlation() -> None:
    q, lin, c, e = four()
    q[30:60] = 0.1
    flat = np.zeros(100, bool)
    flat[30 + W - 1 : 60] = True
    found = correlations(q, lin, e)
    assert (found[:2, flat] == 0.0).all()
    assert np.isnan(found[3:5, flat]).all()
    assert np.isfinite(found[[2, 5]][:, flat]).all()
    assert np.isfinite(found[3:5, W - 1 :][:, ~flat[W - 1 :]]).all()
    assert (covariances([q, lin, c, e])[:3, flat] == 0.0).all()


def test_a_variance_that_vanishes_in_float64_gives_no_correlation() -> None:
    q, lin, _, e = four()
    found = correlations(1e-170 * q, lin, e)[:, W - 1 :]
    assert (found[0] != 0.0).all()
    assert np.isnan(found[3:5]).all()
    assert np.isfinite(found[5]).all()


def test_proportional_terms_correlate_by_one_exactly_at_most() -> None:
    q = references.walk(3000, 1e-3)
    found = correlations(q, 3.0 * q, -0.1 * q)[3:, W - 1 :]
    np.testing.assert_allclose(found, np.array([[1.0], [-1.0], [-1.0]]) * np.ones_like(found))
    assert np.abs(found).max() <= 1.0


def test_shifting_a_term_changes_no_bit() -> None:
    q, lin, c, e = (np.round(s * 2**20) / 2**20 for s in four())
    moved = covariances([q + 5, lin - 3, c + 100, e])
    assert moved.tobytes() == covariances([q, lin, c, e]).tobytes()


def test_doubling_a_term_doubles_its_covariances() -> None:
    q, lin, c, e = four()
    factor = np.array([[4.0], [4.0], [4.0], [1.0], [1.0], [1.0]])
    doubled = covariances([4 * q, lin, c, e])
    assert doubled.tobytes() == (factor * covariances([q, lin, c, e])).tobytes()
    np.testing.assert_array_equal(correlations(4 * q, lin, e)[3:], correlations(q, lin, e)[3:])


def test_nan_in_one_term_spoils_its_pairs_alone() -> None:
    q, lin, c, e = four()
    c[:33] = np.nan
    found = np.isnan(covariances([q, lin, c, e]))
    with_c = [1, 3, 5]
    assert found[with_c, : 33 + W - 1].all()
    assert not found[with_c, 33 + W - 1 :].any()
    assert not found[[0, 2, 4], W - 1 :].any()

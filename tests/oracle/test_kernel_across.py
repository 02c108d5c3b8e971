"""Measures across series, and guarded quotients."""

from __future__ import annotations

import numpy as np

from bqx.kernels.across import (
    greatest_across,
    share_below_across,
    spread_across,
    weighted_across,
)
from bqx.kernels.quotient import quotient
from references import Floats, walk

ROWS = 300


def series() -> Floats:
    """Six series at level 100 with moves of 1e-4; some rows are equal, one lacks a value."""
    y = np.array([100.0 + walk(ROWS, 1e-4, seed) for seed in range(6)])
    y[:, 50:60] = 99.7
    y[3:, 70] = y[0, 70]
    y[2, 90] = np.nan
    return y


def test_spread() -> None:
    y, out = series(), np.full(ROWS, 777.0)
    spread_across(y, out)
    exact = (y.astype(np.longdouble)).std(axis=0, ddof=1)
    np.testing.assert_allclose(out, exact.astype(np.float64), rtol=1e-9, atol=1e-12)
    assert (out[50:60] == 0.0).all()
    assert np.isnan(out).nonzero()[0].tolist() == [90]


def test_weighted_sum() -> None:
    y, out = series(), np.full(ROWS, 777.0)
    weights = np.array([0.5, -1.0, 2.0, 0.0, 1.0, 3.0])
    weighted_across(y, weights, out)
    np.testing.assert_allclose(out, weights @ y, rtol=1e-13)
    assert np.isnan(out).nonzero()[0].tolist() == [90]


def test_ranks_and_the_greatest() -> None:
    y, shares, best = series(), np.full((6, ROWS), 777.0), np.full(ROWS, 777.0)
    share_below_across(y, shares)
    greatest_across(y, best)
    for t in range(ROWS):
        if t == 90:
            assert np.isnan(shares[:, t]).all()
            assert np.isnan(best[t])
            continue
        assert shares[:, t].tolist() == [(y[:, t] < v).sum() / 6 for v in y[:, t]]
        assert best[t] == 1 + int(np.argmax(y[:, t]))
    assert (shares[:, 50:60] == 0.0).all()
    assert (best[50:60] == 1.0).all()


def test_a_missing_first_value_has_no_greatest() -> None:
    out = np.empty(2)
    greatest_across(np.array([[np.nan, 1.0], [2.0, 3.0]]), out)
    assert np.isnan(out[0])
    assert out[1] == 2.0


def test_quotient() -> None:
    out = np.empty(6)
    above = np.array([1.0, 1.0, -1.0, 0.0, np.nan, 1.0])
    below = np.array([2.0, 1e-13, -1e-12, 0.0, 1.0, np.nan])
    quotient(above, below, 1e-12, out)
    np.testing.assert_array_equal(out, [0.5, np.nan, 1e12, np.nan, np.nan, np.nan])

"""Moments over pairs, and quantiles of what there is, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.kernels.panel import add_present, add_to_moments, dispersion, mean_of_seen
from bqx.kernels.present_quantile import quantile_of_present
from references import Floats


def values(k: int, n: int, seed: int = 3) -> Floats:
    rng = np.random.default_rng(seed)
    y = 100.0 + 1e-4 * rng.normal(size=(k, n))
    y[rng.random((k, n)) < 0.3] = np.nan
    y[:, 5] = np.nan
    y[:, 6] = 100.1
    y[1:, 7] = np.nan
    return np.asarray(y)


def test_means_of_signed_values() -> None:
    y, total, seen, out = values(9, 200), np.zeros(200), np.zeros(200), np.empty(200)
    signs = [1.0, -1.0, 0.5] * 3
    for row, sign in zip(y, signs, strict=True):
        add_present(row, sign, total, seen)
    mean_of_seen(total, seen, 3, out)
    signed = y * np.array(signs)[:, None]
    counts = np.isfinite(y).sum(axis=0)
    expected = np.where(counts >= 3, np.nansum(signed, axis=0) / np.maximum(counts, 1), np.nan)
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)
    assert np.isnan(out[[5, 7]]).all()


def test_dispersion_over_pairs() -> None:
    y = values(9, 200)
    seen, mean, squares, out = np.zeros((4, 200))
    for row in y:
        add_to_moments(row, seen, mean, squares)
    dispersion(seen, squares, 3, out)
    for t in range(200):
        known = y[~np.isnan(y[:, t]), t].astype(np.longdouble)
        if len(known) < 3:
            assert np.isnan(out[t])
        else:
            assert out[t] == pytest.approx(float(np.std(known, ddof=1)), rel=1e-9, abs=1e-18)
    assert out[6] == 0.0


@pytest.mark.parametrize("q", [0.0, 0.05, 0.5, 0.99, 1.0])
def test_quantiles_of_present_values(q: float) -> None:
    w, least = 40, 25
    y, out = values(1, 600)[0], np.empty(600)
    y[300:360] = np.nan
    quantile_of_present(y, w, least, q, out)
    for t in range(600):
        part = y[max(t - w + 1, 0) : t + 1]
        known = part[~np.isnan(part)]
        if t < w - 1 or len(known) < least:
            assert np.isnan(out[t])
        else:
            assert out[t] == pytest.approx(float(np.quantile(known, q)), rel=1e-15)


def test_quantiles_do_not_depend_on_where_the_slice_begins() -> None:
    y, out, later = values(1, 600)[0], np.empty(600), np.empty(500)
    quantile_of_present(y, 40, 20, 0.9, out)
    quantile_of_present(y[100:], 40, 20, 0.9, later)
    np.testing.assert_array_equal(later[39:], out[139:])

"""Behaviour of the quadratic fit at its edges; its accuracy is tested beside the oracles."""

from __future__ import annotations

import numpy as np
import pytest

import references
from bqx.kernels.quadratic import quadratic_fit
from references import Floats


def fit(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.empty((7, len(y)))
    quadratic_fit(y, w, origin, out)
    return out


def test_three_rows_are_fitted_exactly() -> None:
    found = fit(np.array([5.0, 7.0, 8.0]), 3)
    # -i²/2 + 5 i/2 + 5 goes through 5, 7, 8; its terms at i = 2 are -2 and 5.
    np.testing.assert_allclose(found[:, 2], [-2, 5, 5, 0, 1, 0, 8], atol=1e-14)


def test_the_window_holds_the_current_row_and_no_older_ones() -> None:
    y = np.zeros(20)
    y[10] = 1.0
    rmse = fit(y, 5)[5]
    assert (rmse[10:15] > 0).all()
    assert (rmse[4:10] == 0).all()
    assert (rmse[15:] == 0).all()


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_a_slice_shorter_than_the_window_is_all_nan(rows: int) -> None:
    assert np.isnan(fit(np.ones(rows), 5, origin=3)).all()


def test_a_slice_as_long_as_the_window_has_one_fit() -> None:
    y = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    for origin in range(6):
        found = fit(y, 5, origin)
        assert np.isnan(found[:, :4]).all()
        np.testing.assert_allclose(found[:, 4], references.quadratic(y, 5)[:, 4].astype(float))


@pytest.mark.parametrize("w", [60, 630])
def test_the_outputs_agree_with_each_other(w: int) -> None:
    for level, y in references.accuracy_series(2000).values():
        q, lin, c, residual, r2, rmse, prediction = fit(y, w)[:, w - 1 :]
        size = np.max(np.abs([q, lin, c, np.full_like(q, level)]), axis=0)
        assert (np.abs(prediction - (q + lin + c)) <= 1e-15 * np.maximum(size, 1.0)).all()
        now = y[w - 1 :]
        assert (np.abs(residual - (now - prediction)) <= 1e-15 * np.maximum(np.abs(now), 1)).all()
        assert ((r2 >= 0) & (r2 <= 1) | np.isnan(r2)).all()
        assert (rmse >= 0).all()


def test_a_perfect_fit_has_an_r2_of_one_at_most() -> None:
    i = np.arange(500.0)
    for y in (1e-4 * i, 100 + 1e-7 * i * i, 1e6 - i):
        r2, rmse = fit(y, 60)[4:6, 59:]
        assert (r2 <= 1.0).all()
        assert (r2 >= 1.0 - 1e-12).all()
        assert (rmse <= 1e-13 * y.max()).all()


def test_variation_too_small_to_explain_has_no_r2_but_a_residual() -> None:
    y = np.zeros(60)
    y[30] = 1e-10
    q, lin, c, residual, r2, rmse, prediction = fit(y, 60)[:, -1]
    assert np.isnan(r2)
    assert rmse > 0
    assert residual == pytest.approx(-prediction)
    assert prediction == pytest.approx(q + lin + c)


@pytest.mark.parametrize("slope", [3e-13, 7e-13, 1e-12, 2.3e-12])
def test_a_tiny_line_has_a_finite_error(slope: float) -> None:
    r2, rmse = fit(slope * np.arange(300.0), 60)[4:6, 59:]
    assert np.isnan(r2).all()
    assert (rmse <= slope).all()


def test_nan_inside_spoils_only_its_windows() -> None:
    y = references.walk(200, 1.0)
    y[70] = np.nan
    found = np.isnan(fit(y, 20)[0])
    assert found[:19].all()
    assert found[70:90].all()
    assert not found[19:70].any()
    assert not found[90:].any()

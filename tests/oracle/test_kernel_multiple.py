"""Rolling multiple regression against least squares of every window."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.kernels.multiple import explained_in_turn
from references import Floats, walk

W = 60


def run(y: Floats, w: int = W, origin: int = 0) -> Floats:
    out = np.full((len(y) + 1, y.shape[1]), 777.0)
    explained_in_turn(np.ascontiguousarray(y), w, origin, out)
    return out


def twin(y: Floats, t: int, w: int = W) -> Floats:
    """The same by an orthogonal decomposition of one centred window, in extended precision."""
    window = y[:, t - w + 1 : t + 1].astype(np.longdouble)
    window -= window.mean(axis=1, keepdims=True)
    rest, found = window[-1].copy(), []
    taken: list[np.ndarray[tuple[int], np.dtype[np.longdouble]]] = []
    for row in window[:-1]:
        left = row.copy()
        # Twice is enough (Kahan, in Parlett 1980).
        for _ in range(2):
            for unit in taken:
                left -= (left @ unit) * unit
        unit = left / np.sqrt(left @ left)
        taken.append(unit)
        found.append(rest @ unit)
        rest -= (rest @ unit) * unit
    return np.array([*found, rest @ rest, window[-1] @ window[-1]], np.float64)


def series(k: int, rows: int = 400) -> Floats:
    """Dependent series at level 100 with moves of 1e-4."""
    y = np.array([100.0 + walk(rows, 1e-4, seed) for seed in range(k)])
    y[-1] += 0.5 * (y[0] - 100.0)
    return y


@pytest.mark.parametrize("k", [2, 4, 11])
def test_every_window(k: int) -> None:
    y = series(k)
    found = run(y)
    assert np.isnan(found[:, : W - 1]).all()
    for t in range(W - 1, y.shape[1], 7):
        exact = twin(y, t)
        size = np.sqrt(exact[-1])
        np.testing.assert_allclose(found[: k - 1, t], exact[: k - 1], rtol=0, atol=1e-7 * size)
        np.testing.assert_allclose(found[k - 1 :, t], exact[k - 1 :], rtol=1e-8)


def test_an_outlier_on_the_border_costs_no_digits() -> None:
    w = 240
    y = np.array([np.random.default_rng(s).normal(size=900) * 1e-7 for s in range(4)])
    y[:, w - 1 :: w] += 5.0 + np.arange(4)[:, None] ** 2
    found = run(y, w)
    # After the outlier has left the window and before the next one comes there is none; the windows
    # with one are nearly collinear.
    for t in range(w - 1, 900, 13):
        exact = twin(y, t, w)
        assert found[-1, t] == pytest.approx(exact[-1], rel=1e-9)


def test_bits_do_not_depend_on_the_slice() -> None:
    y, origin = series(4, 500), 1_000_003
    whole = run(y, W, origin)
    for cut in (1, 17, 130):
        part = run(y[:, cut:], W, origin + cut)
        assert part[:, W - 1 :].tobytes() == whole[:, cut + W - 1 :].tobytes()


def test_missing_values_touch_their_windows_only() -> None:
    y = series(3)
    whole = run(y)
    y[1, 150] = np.nan
    found = run(y)
    assert np.isnan(found[1:3, 150 : 150 + W]).all()
    clean = np.r_[W - 1 : 150, 150 + W : y.shape[1]]
    assert np.array_equal(found[:, clean], whole[:, clean])


def test_flat_and_collinear_regressors_explain_nothing_known() -> None:
    y = series(4)
    y[1] = 2.0 * y[0] - 7.0
    found = run(y)[:, W - 1 :]
    assert not np.isnan(found[0]).any()
    assert np.isnan(found[1:4]).all()
    assert not np.isnan(found[4]).any()
    y[:] = 99.7
    found = run(y)[:, W - 1 :]
    assert np.isnan(found[:4]).all()
    assert (found[4] == 0.0).all()

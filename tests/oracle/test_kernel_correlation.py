"""Correlation, slope and residual, nested moments and composites against slow twins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import references
from bqx.kernels.composites import LAGS, LEAD_WINDOW, lead_lag
from bqx.kernels.correlation import correlation, residual, slope
from bqx.kernels.membership import Blend, Piece, pieces, size
from bqx.kernels.nested import WINDOWS, nested_moments
from bqx.kernels.present import mean_std_of_present, standard_score
from bqx.kernels.principal import FIT, MOST, PERIOD, leading_vector, loadings
from references import Floats, Long

Kernel = Callable[[Floats, Floats, int, int, Floats], None]

SERIES = references.accuracy_series(2000)
KERNELS: tuple[Kernel, ...] = (correlation, slope, residual)


def run(kernel: Kernel, x: Floats, y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full(len(x), 12345.678)
    kernel(x, y, w, origin, out)
    return out


def companion(y: Floats, seed: int) -> Floats:
    """Half the moves of the series and as large ones of its own; still where the series is."""
    moves = np.diff(y, prepend=y[0])
    own = np.random.default_rng(seed).normal(size=len(y)) * np.std(moves)
    return np.asarray(50.0 + np.cumsum(0.5 * moves + np.where(moves == 0, 0.0, own)))


def exact(y: Floats, x: Floats, w: int) -> tuple[Long, Long, Long, Long]:
    """Correlation, slope and residual of y on x, and the deviation of y, in extended precision."""
    yy, xx, xy = (references.covariance(*pair, w) for pair in ((y, y), (x, x), (x, y)))
    flat = xx == 0
    beta = np.where(flat, np.nan, xy / np.where(flat, 1, xx))
    rest = np.full(len(y), np.nan, np.longdouble)
    for t in range(w - 1, len(y)):
        wy, wx = (s[t - w + 1 : t + 1].astype(np.longdouble) for s in (y, x))
        rest[t] = wy[-1] - wy.mean() - beta[t] * (wx[-1] - wx.mean())
    still = flat | (yy == 0)
    rho = np.where(still, np.nan, xy / np.where(still, 1, np.sqrt(xx) * np.sqrt(yy)))
    return rho, beta, rest, np.sqrt(yy)


@pytest.mark.parametrize("w", [15, 240])
@pytest.mark.parametrize("name", SERIES)
def test_correlation_slope_and_residual(name: str, w: int) -> None:
    y = SERIES[name][1]
    x = companion(y, 3)
    rho, beta, rest, deviation = exact(y, x, w)
    unit = np.where(deviation > 0, deviation, 1)
    scale = unit / np.where(np.isnan(beta), 1, np.sqrt(references.covariance(x, x, w)))
    for kernel, truth, by, tolerance in (
        (correlation, rho, np.ones(len(y)), 1e-12),
        (slope, beta, scale, 1e-12),
        (residual, rest, unit, 2e-11),
    ):
        found = run(kernel, y, x, w)
        assert (np.isnan(found) == np.isnan(truth)).all()
        assert float(np.nanmax(np.abs(found - truth) / by)) <= tolerance
    assert np.nanmax(np.abs(run(correlation, y, x, w))) <= 1.0


def test_a_flat_side_has_no_correlation_and_no_slope() -> None:
    flat, noise = np.full(300, 99.7), np.random.default_rng(2).normal(size=300)
    for x, y in ((flat, noise), (noise, flat)):
        assert np.isnan(run(correlation, x, y, 60)).all()
    assert (run(slope, flat, noise, 60)[59:] == 0.0).all()
    assert (run(residual, flat, noise, 60)[59:] == 0.0).all()
    assert np.isnan(run(slope, noise, flat, 60)).all()
    assert np.isnan(run(residual, noise, flat, 60)).all()


def test_a_line_is_found_exactly() -> None:
    x = 100.0 + references.walk(500, 1e-4)
    assert run(correlation, x, x, 60)[59:] == pytest.approx(1.0, abs=1e-15)
    assert run(slope, 2.0 * x + 1.0, x, 60)[59:] == pytest.approx(2.0, abs=1e-9)


def test_an_outlier_on_the_border_costs_no_digits() -> None:
    x, y = (np.random.default_rng(k).normal(size=2400) * 1e-7 for k in range(2))
    y += 0.5 * x
    x[::480] += 5.0
    rho, beta, _, _ = exact(y, x, 240)
    assert float(np.nanmax(np.abs(run(correlation, y, x, 240) - rho))) <= 1e-12
    assert float(np.nanmax(np.abs(run(slope, y, x, 240) / beta - 1))) <= 1e-9


@pytest.mark.parametrize("kernel", KERNELS)
def test_bits_depend_on_the_window_alone(kernel: Kernel) -> None:
    y = SERIES["quotes"][1]
    x = companion(y, 5)
    whole = run(kernel, y, x, 60, 1_000)
    for a, b in ((17, 900), (400, 461), (1200, 2000)):
        part = run(kernel, y[a:b], x[a:b], 60, 1_000 + a)
        assert part[59:].tobytes() == whole[a + 59 : b].tobytes()
    holed = y.copy()
    holed[:100] = np.nan
    found = run(kernel, holed, x, 60, 1_000)
    assert np.isnan(found[:159]).all()
    assert found[159:].tobytes() == whole[159:].tobytes()


@pytest.mark.parametrize("name", SERIES)
def test_nested_moments(name: str) -> None:
    y = np.diff(SERIES[name][1])
    mean, squares = np.empty((6, len(y))), np.empty((6, len(y)))
    nested_moments(y, mean, squares)
    for k, w in enumerate((3, *WINDOWS)):
        windows = sliding_window_view(y, w).astype(np.longdouble)
        assert np.isnan(mean[k, : w - 1]).all()
        error = np.abs(mean[k, w - 1 :] - windows.mean(axis=1))
        assert float(error.max()) <= 1e-15 * float(np.abs(y).max())
        truth = ((windows - windows.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        flat = np.ptp(windows, axis=1) == 0
        assert (squares[k, w - 1 :][flat] == 0.0).all()
        level = np.abs(windows.mean(axis=1)) / np.sqrt(np.where(flat, 1, truth) / w)
        relative = squares[k, w - 1 :][~flat] / truth[~flat] - 1
        assert (np.abs(relative) <= 1e-15 * (10 + 3 * level[~flat])).all()


def test_nested_moments_spoil_exactly_the_windows_with_nan() -> None:
    y = SERIES["quotes"][1].copy()
    clean, holed, squares = np.empty((6, len(y))), np.empty((6, len(y))), np.empty((6, len(y)))
    nested_moments(y, clean, squares)
    y[:50] = np.nan
    nested_moments(y, holed, squares)
    for k, w in enumerate((3, *WINDOWS)):
        assert np.isnan(holed[k, : 50 + w - 1]).all()
        assert holed[k, 50 + w - 1 :].tobytes() == clean[k, 50 + w - 1 :].tobytes()


def with_holes(seed: int) -> Floats:
    """Noise, some of it missing, with a flat stretch, an empty one and a great outlier."""
    rng = np.random.default_rng(seed)
    y = 0.3 + 1e-3 * rng.normal(size=1500)
    y[rng.random(1500) < 0.05] = np.nan
    y[400:700] = 0.25
    y[900:1100] = np.nan
    y[1200] = 40.0
    return y


@pytest.mark.parametrize("origin", [0, 77])
def test_moments_of_the_values_that_there_are(origin: int) -> None:
    y, w, least = with_holes(4), 120, 108
    out, score = np.empty((2, len(y))), np.empty(len(y))
    mean_std_of_present(y, w, least, origin, out)
    standard_score(y, out[0], out[1], score)
    for t in range(len(y)):
        there = y[max(t - w + 1, 0) : t + 1]
        there = there[~np.isnan(there)]
        if t < w - 1 or len(there) < least:
            assert np.isnan(out[:, t]).all()
            continue
        std = 0.0 if np.ptp(there) == 0 else float(np.std(there, ddof=1))
        assert out[0, t] == pytest.approx(there.mean(), rel=1e-13)
        assert out[1, t] == pytest.approx(std, rel=1e-11, abs=0)
        if std == 0 or np.isnan(y[t]):
            assert np.isnan(score[t])
        else:
            assert score[t] == pytest.approx((y[t] - there.mean()) / std, rel=1e-9, abs=1e-9)


def test_moments_of_present_values_do_not_depend_on_the_slice() -> None:
    y = with_holes(6)
    whole, part = np.empty((2, 1500)), np.empty((2, 1100))
    mean_std_of_present(y, 120, 108, 500, whole)
    mean_std_of_present(np.ascontiguousarray(y[333:1433]), 120, 108, 833, part)
    assert part[:, 119:].tobytes() == np.ascontiguousarray(whole[:, 452:1433]).tobytes()


def test_the_leader_is_found() -> None:
    leader = np.random.default_rng(8).normal(size=400)
    follower = np.roll(leader, 3)
    out = np.empty(400)
    lead_lag(follower, leader, out)
    first = LEAD_WINDOW + LAGS
    assert np.isnan(out[: first - 1]).all()
    assert out[first:].min() > 0.4
    lead_lag(leader, follower, out)
    assert out[first:].max() < -0.4
    lead_lag(np.zeros(400), leader, out)
    assert np.isnan(out).all()
    lead_lag(np.zeros(LAGS), leader[:LAGS], out[:LAGS])
    assert np.isnan(out).all()


def padded(matrix: Floats) -> Floats:
    out = np.zeros((MOST, MOST))
    out[: len(matrix), : len(matrix)] = matrix
    return out


def test_the_leading_vector_is_that_of_lapack() -> None:
    rng = np.random.default_rng(12)
    for q in (3, 7, 15):
        sample = rng.normal(size=(240, q)) + rng.normal(size=(240, 1))
        products = sample.T @ sample * 1e-9
        found = leading_vector(padded(products))[:q]
        truth = np.linalg.eigh(products)[1][:, -1]
        assert np.abs(found) == pytest.approx(np.abs(truth), abs=1e-11)
    assert not leading_vector(np.zeros((MOST, MOST))).any()


def test_components_are_fitted_at_anchors_and_point_the_way_of_the_pair() -> None:
    rng = np.random.default_rng(14)
    common = rng.normal(size=700)
    values = 0.5 * rng.normal(size=(5, 700)) + common * np.array([[-1.0], [1], [1], [-1], [1]])
    members = np.full(700, 0b1111)
    members[300:360] = 0b11
    blend = Blend(values, np.arange(1, 5), np.ones(4), members)
    origin, first = 130, 50
    out, used = np.empty((700 // PERIOD + 1, 4)), np.empty(700, np.int64)
    loadings(values[0], blend, origin, out, used)
    for anchor in range(first, 700, PERIOD):
        here = used[anchor : anchor + PERIOD]
        start = anchor - FIT + 1
        if start < 0 or members[anchor] == 0b11:
            assert not here.any()
            continue
        assert (here == 0b1111).all()
        vector = out[(anchor - first) // PERIOD]
        truth = np.linalg.eigh(np.cov(values[1:, start : anchor + 1]))[1][:, -1]
        assert abs(float(vector @ truth)) == pytest.approx(1.0, abs=1e-12)
        assert (np.sign(vector) == [-1, -1, 1, -1]).all()


def test_pieces_cover_each_membership_of_three_or_more() -> None:
    members = np.array([7, 7, 3, 7, 15, 15, 7, 15, 15, 15, 7])
    assert pieces(members, 6, 0) == [
        Piece(0, 4, 7),
        Piece(4, 6, 15),
        Piece(6, 11, 7),
        Piece(7, 10, 15),
    ]
    assert size(0b1011) == 3

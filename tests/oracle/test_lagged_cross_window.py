"""Lead, lag and agreement of short windows: statsmodels and slow references."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import stats
from statsmodels.tsa.stattools import adfuller

import references_trend as slow
from bqx.domains.domain import DomainName
from bqx.families.lagged_cross_window import LaggedCrossWindow
from bqx.families.lagged_dependence import LaggedDependence
from bqx.families.regime import Regime
from references import Floats
from references_trend import assert_close, back
from references_windows import (
    DOMAINS,
    END,
    QUADRATIC,
    R2,
    RESIDUAL,
    RMSE,
    SHORT,
    agree,
    bar_change,
    domain,
    end_slopes,
    fit,
    fits,
    volatility,
)

EACH = pytest.mark.parametrize("name", DOMAINS)


@cache
def columns(name: DomainName) -> dict[str, Floats]:
    d = domain(name)
    return {**LaggedCrossWindow().compute_fixed(d), **LaggedDependence().compute_fixed(d)}


@cache
def slope(name: DomainName, w: int) -> Floats:
    return np.asarray(end_slopes(name)[SHORT.index(w)])


def start(name: DomainName, rows: int) -> int:
    return rows - 1 + 29 * (name == "bqx")


def sampled(name: DomainName, rows: int, step: int = 61) -> range:
    return range(start(name, rows), len(domain(name)), step)


def unit(name: DomainName, w: int) -> Floats:
    scale = domain(name).series if name == "rate" else 1.0
    size = volatility(name, w) * scale
    return np.where(size < 1e-12, np.nan, size)


def log_ratio(name: DomainName, short: int, long: int) -> Floats:
    s, t = (np.where(volatility(name, w) > 0, volatility(name, w), np.nan) for w in (short, long))
    return np.log(s / t)


@EACH
def test_agreement_in_one_row(name: DomainName) -> None:
    found, begin = columns(name), start(name, 91)
    m, r2, a2 = end_slopes(name), fits(name, R2), fits(name, QUADRATIC, 2)
    clear = np.where((np.abs(m) > 1e-12).all(axis=0), 0.0, np.nan)
    signs = np.sign(m).std(axis=0, ddof=1) + clear
    assert_close(found["momentum_divergence"] + clear, signs, 1e-12, begin)
    bent = np.where((np.abs(a2) > 1e-13).all(axis=0), 0.0, np.nan)
    mean = np.abs(np.sign(a2).mean(axis=0)) + bent
    assert_close(found["curvature_consistency"] + bent, mean, 1e-12, begin)
    assert_close(found["r2_stability"], 1 - r2.std(axis=0, ddof=1), 1e-10, begin)
    known = ~np.isnan(r2).any(axis=0)
    best = np.where(known, np.argmax(np.where(known, r2, 0), axis=0) + 1.0, np.nan)
    assert_close(found["window_dominance"], best, 0.0, begin)
    total = np.where(r2.sum(axis=0) < 1e-12, np.nan, r2.sum(axis=0))
    weight = (np.array(SHORT)[:, None] * r2).sum(axis=0) / total / 90
    assert_close(found["adaptive_window_weight"], weight, 1e-10, begin)
    rows = np.arange(begin, len(domain(name)), 41)
    evolved = [stats.linregress(np.log(SHORT), m[:, t]).slope for t in rows]
    np.testing.assert_allclose(found["slope_evolution"][rows], evolved, rtol=0, atol=1e-11)


@EACH
def test_changes_in_units_of_volatility(name: DomainName) -> None:
    found = columns(name)
    faster = (slope(name, 45) - slope(name, 90)) / unit(name, 90)
    agree(found["momentum_acceleration"], faster, start(name, 91), 1e-10)
    ends = fits(name, END) + 15 * end_slopes(name) + 225 * fits(name, QUADRATIC, 2)
    consistency = 1 - ends.std(axis=0, ddof=1) / unit(name, 60)
    agree(found["multi_horizon_forecast_consistency"], consistency, start(name, 61), 1e-10)
    assert_close(found["vol_ratio_cascade"], log_ratio(name, 15, 60), 1e-10, start(name, 61))
    moved = log_ratio(name, 15, 90) - back(log_ratio(name, 15, 90), 15)
    assert_close(found["vol_term_structure_change"], moved, 1e-10, start(name, 106))


@EACH
def test_shares_of_rows(name: DomainName) -> None:
    found, m15, m60 = columns(name), slope(name, 15), slope(name, 60)
    same = np.sign(back(m15, 15)) == np.sign(m60)
    share = slow.rolling(same.astype(np.float64), 240, lambda v: v.mean(axis=1))
    unsure = (np.abs(m60) < 1e-12) | (np.abs(back(m15, 15)) < 1e-12)
    many = slow.rolling(unsure.astype(np.float64), 240, lambda v: v.mean(axis=1))
    error = np.abs(found["momentum_persistence"] - share)[start(name, 299) :]
    assert (error <= many[start(name, 299) :] + 1e-12).all()
    d = domain(name)
    near, far = (Regime().compute(d, w)["trend_regime"] for w in (60, 240))
    equal = np.where(np.isnan(near + far), np.nan, near == far)
    share = slow.rolling(equal, 240, lambda v: v.mean(axis=1))
    assert_close(found["temporal_regime_consistency"], share, 1e-12, start(name, 1680))


@EACH
def test_shocks(name: DomainName) -> None:
    found = columns(name)["cross_window_shock_transmission"]
    size = np.abs(fit(name, 15)[RESIDUAL]) - 2 * fit(name, 15)[RMSE]
    after = np.abs(fit(name, 60)[RESIDUAL]) / np.maximum(fit(name, 60)[RMSE], 1e-300)
    assert np.nanmin(np.abs(size[size != 0])) > 1e-12
    for t in sampled(name, 313, 7):
        events = [s for s in range(t - 254, t - 14) if size[s] > 0]
        means = [after[s + 1 : s + 16].mean() for s in events]
        exact = np.mean(means) if means else np.nan
        assert found[t] == pytest.approx(exact, rel=1e-10, nan_ok=True)


@EACH
def test_correlations(name: DomainName) -> None:
    found, r = columns(name), bar_change(name)
    s15, s60 = back(volatility(name, 15), 15), volatility(name, 60)
    e15, e60 = back(fit(name, 15)[RESIDUAL], 15), fit(name, 60)[RESIDUAL]
    size = np.abs(slope(name, 15))
    for key, x, y, rows in (
        ("momentum_transfer", back(slope(name, 30), 30), slope(name, 75), 314),
        ("momentum_clustering", back(size, 15), size, 269),
        ("vol_transmission", s15, s60, 300),
        ("prediction_error_propagation", e15, e60, 299),
    ):
        assert_close(found[key], slow.correlation(x, y, 240), 1e-10, start(name, rows))
    near, far = (slow.correlation(back(slope(name, 15), k), r, 240) for k in (15, 60))
    assert_close(found["predictive_power_decay"], near - far, 1e-10, start(name, 314))
    pairs = itertools.combinations((15, 30, 60, 90), 2)
    mean = np.mean(
        [slow.correlation(slope(name, a), slope(name, b), 240) for a, b in pairs], axis=0
    )
    assert_close(found["cross_window_synchrony"], mean, 1e-10, start(name, 329))
    line = slow.correlation(s15, s60, 240) * slow.deviation(s60, 240)
    exact = line / np.where(slow.deviation(s15, 240) > 0, slow.deviation(s15, 240), np.nan)
    assert_close(found["vol_spillover"], exact, 1e-10, start(name, 300))


@EACH
def test_the_best_lag(name: DomainName) -> None:
    found, m15, m60 = columns(name)["lag_structure_optimal"], slope(name, 15), slope(name, 60)
    lags = [np.abs(slow.correlation(back(m15, k), m60, 240)) for k in range(1, 31)]
    exact = np.argmax(lags, axis=0) + 1.0
    begin = start(name, 299)
    second = np.sort(lags, axis=0)[-2:, begin:]
    clear = second[1] - second[0] > 1e-9
    assert clear.mean() > 0.99
    assert np.array_equal(found[begin:][clear], exact[begin:][clear])


@EACH
def test_dickey_fuller_is_that_of_statsmodels(name: DomainName) -> None:
    gap = fit(name, 15)[END] - fit(name, 90)[END]
    found = columns(name)["cross_window_cointegration"]
    for t in sampled(name, 331):
        # Two more values than rows: the lag and the lagged change.
        past = gap[t - 241 : t + 1]
        exact = adfuller(past, maxlag=1, regression="c", autolag=None, result_object=False)[0]
        assert found[t] == pytest.approx(exact, rel=1e-9)


@EACH
def test_regressions_are_those_of_statsmodels(name: DomainName) -> None:
    found, m15, m60 = columns(name), slope(name, 15), slope(name, 60)
    for t in sampled(name, 304):
        rows = np.arange(t - 239, t + 1)
        past = np.column_stack([m15[rows - k] for k in (15, 30, 45)])
        line = sm.OLS(m60[rows], sm.add_constant(past)).fit()
        assert found["temporal_dependency_strength"][t] == pytest.approx(line.rsquared, abs=1e-10)
        own = np.column_stack([m60[rows - k] for k in range(1, 6)])
        both = np.column_stack([own, *(m15[rows - k] for k in range(1, 6))])
        # A unit of 1 keeps the pseudo-inverse from taking small numbers for nothing.
        size = m60[rows].std()
        less, more = (
            sm.OLS(m60[rows] / size, sm.add_constant(x / size)).fit(method="qr")
            for x in (own, both)
        )
        exact = more.compare_f_test(less)[0]
        assert found["granger_causality"][t] == pytest.approx(exact, rel=1e-9, abs=1e-9)


@EACH
def test_transfer_entropy(name: DomainName) -> None:
    found, x, y = columns(name)["information_flow"], slope(name, 15), slope(name, 60)
    for t in sampled(name, 314):
        rows = np.arange(t - 239, t + 1)
        edges = [np.quantile(v, (1 / 3, 2 / 3)) for v in (y[rows], x[rows - 15])]
        now, before = (np.searchsorted(edges[0], y[k]) for k in (rows, rows - 15))
        other = np.searchsorted(edges[1], x[rows - 15])

        def entropy(*labels: NDArray[np.intp]) -> float:
            counts = np.unique(np.column_stack(labels), axis=0, return_counts=True)[1]
            return float(stats.entropy(counts, base=2))

        given = entropy(now, before) - entropy(before)
        more = entropy(now, before, other) - entropy(before, other)
        assert found[t] == pytest.approx(given - more, abs=1e-12)

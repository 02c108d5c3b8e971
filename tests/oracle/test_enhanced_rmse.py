"""Measures of the quality of fits against slow references in extended precision."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

import references_trend as slow
from bqx.domains.domain import DomainName
from bqx.families.enhanced_rmse import EnhancedRmse
from references import Floats
from references_trend import assert_close, back
from references_windows import DOMAINS, LINEAR, QUADRATIC, R2, RESIDUAL, RMSE, agree, domain, fit

WINDOWS = (60, 90, 150, 240, 390, 630)
NEXT = {60: 90, 240: 390, 630: 1020}

EACH = pytest.mark.parametrize(("name", "w"), [(d, w) for d in DOMAINS for w in NEXT])


@cache
def columns(name: DomainName, w: int) -> dict[str, Floats]:
    return dict(EnhancedRmse().compute(domain(name), w))


def start(name: DomainName, rows: int) -> int:
    return rows - 1 + 15 * (name == "bqx")


def guarded(above: Floats, below: Floats) -> Floats:
    return np.asarray(above / np.where(np.abs(below) < 1e-10, np.nan, below))


def consistency(name: DomainName, w: int) -> Floats:
    here, there = fit(name, w), fit(name, NEXT[w])
    q = slow.correlation(here[QUADRATIC], there[QUADRATIC], 10)
    return 0.5 * (q + slow.correlation(here[LINEAR], there[LINEAR], 10))


@EACH
def test_improvement_over_a_straight_line(name: DomainName, w: int) -> None:
    def rmse(windows: Floats) -> Floats:
        _, stderr, _ = slow.trend_windows(windows)
        half = np.arange(w) - (w - 1) / 2
        return np.asarray(stderr * np.sqrt((w - 2) * (half @ half) / w), np.float64)

    line = slow.rolling(domain(name).series, w, rmse)
    exact = 100 * (1 - guarded(fit(name, w)[RMSE], line))
    assert_close(columns(name, w)["rmse_improvement"], exact, 1e-9, start(name, w))


def test_the_line_is_that_of_scipy() -> None:
    u, w = domain("rate").series, 240
    rows = np.random.default_rng(1).choice(np.arange(w, len(u)), 200, replace=False)
    for t in rows:
        y, i = u[t - w + 1 : t + 1], np.arange(w)
        line = stats.linregress(i, y)
        rmse = np.sqrt(np.mean((y - line.intercept - line.slope * i) ** 2))
        parabola = np.polynomial.Polynomial.fit(i, y, 2)
        exact = 100 * (1 - np.sqrt(np.mean((y - parabola(i)) ** 2)) / rmse)
        assert columns("rate", w)["rmse_improvement"][t] == pytest.approx(exact, abs=1e-7)


@EACH
def test_rank_among_the_windows(name: DomainName, w: int) -> None:
    r2 = np.array([fit(name, v)[R2] for v in WINDOWS])
    below = (r2 < fit(name, w)[R2]).sum(axis=0) / 6 * 100
    exact = np.where(np.isnan(r2).any(axis=0), np.nan, below)
    assert_close(columns(name, w)["r2_rank"], exact, 1e-12, start(name, 630))


@EACH
def test_terms_of_neighbouring_windows(name: DomainName, w: int) -> None:
    found, exact = columns(name, w), consistency(name, w)
    begin = start(name, NEXT[w] + 9)
    assert_close(found["term_consistency"], exact, 1e-9, begin)
    quality = 0.7 * fit(name, w)[R2] + 0.3 * np.abs(exact)
    assert_close(found["fit_quality"], quality, 1e-9, begin)


@EACH
def test_residuals_and_terms_of_one_window(name: DomainName, w: int) -> None:
    found, exact = columns(name, w), fit(name, w)
    e = exact[RESIDUAL]
    autocorrelation = slow.correlation(e, back(e, 1), 60)
    assert_close(found["resid_autocorr"], autocorrelation, 1e-9, start(name, w + 60))
    q, line, begin = exact[QUADRATIC], exact[LINEAR], start(name, w)
    agree(found["pred_error_ratio"], guarded(np.abs(e), exact[RMSE]), begin, 1e-9)
    agree(found["quad_strength"], guarded(np.abs(q), np.abs(line)), begin, 1e-9)
    agree(found["trend_curv_ratio"], guarded(line * line, 4 * q), begin, 1e-9)


@EACH
def test_stability_and_risk(name: DomainName, w: int) -> None:
    found, r2, rmse = columns(name, w), fit(name, w)[R2], fit(name, w)[RMSE]
    windows = slow.rolling(r2, 10, lambda v: v.std(axis=1, ddof=1) / v.mean(axis=1))
    begin = start(name, w + 9)
    assert_close(found["model_stability"], np.clip(1 - windows, 0, 1), 1e-10, begin)
    rise = slow.slope(rmse, 5)
    clear = np.abs(rise) > 1e-12
    risk = np.where(np.isnan(r2), np.nan, (r2 > 0.8) & (rise > 0))
    keep = np.where(clear, 0.0, np.nan)
    assert_close(found["overfitting_risk"] + keep, risk + keep, 0.0, start(name, w + 4))


def test_the_risk_occurs() -> None:
    assert set(np.unique(columns("rate", 60)["overfitting_risk"][60:])) >= {0.0, 1.0}

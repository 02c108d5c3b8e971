"""Comparisons of short parabolas against slow references in extended precision."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

import references_trend as slow
from bqx.domains.domain import DomainName
from bqx.families.parabolic_comparison import ParabolicComparison
from bqx.families.parabolic_domains import ParabolicDomains
from references import Floats
from references_trend import assert_close, back
from references_windows import (
    DOMAINS,
    END,
    LINEAR,
    QUADRATIC,
    R2,
    RESIDUAL,
    RMSE,
    SHORT,
    agree,
    bar_change,
    domain,
    fit,
    fits,
)

EACH = pytest.mark.parametrize("name", DOMAINS)


@cache
def columns(name: DomainName) -> dict[str, Floats]:
    return dict(ParabolicComparison().compute_fixed(domain(name)))


@cache
def between() -> dict[str, Floats]:
    return dict(ParabolicDomains().compute_fixed(domain("rate")))


def start(name: DomainName, rows: int) -> int:
    return rows - 1 + 15 * (name == "bqx")


def guarded(above: Floats, below: Floats) -> Floats:
    return np.asarray(above / np.where(np.abs(below) < 1e-12, np.nan, below))


def scaled(found: Floats, exact: Floats, begin: int, tolerance: float) -> None:
    """Compare small numbers in units of their own size."""
    size = float(np.nanstd(exact[begin:]))
    assert_close(found / size, exact / size, tolerance, begin)


@EACH
def test_ratios(name: DomainName) -> None:
    found = columns(name)
    for row, term, power in ((QUADRATIC, "a2", 2), (LINEAR, "a1", 1)):
        of = dict(zip(SHORT, fits(name, row, power), strict=True))
        for short, long in ((15, 60), (30, 75), (45, 90)):
            exact = guarded(of[short], of[long])
            agree(found[f"{term}_ratio_{short}"], exact, start(name, long), 1e-9)
    exact = guarded(fit(name, 15)[RMSE], fit(name, 60)[RMSE])
    assert_close(found["rmse_ratio"], exact, 1e-10, start(name, 60))


@EACH
def test_spread_across_windows(name: DomainName) -> None:
    found, begin = columns(name), start(name, 90)
    a2, a1, r2 = (fits(name, *k) for k in ((QUADRATIC, 2), (LINEAR, 1), (R2, 0)))
    scaled(found["a2_consistency"], a2.std(axis=0, ddof=1), begin, 1e-10)
    scaled(found["a1_consistency"], a1.std(axis=0, ddof=1), begin, 1e-10)
    assert_close(found["r2_consistency"], 1 - r2.std(axis=0, ddof=1), 1e-10, begin)
    assert_close(found["r2_spread"], r2[1] - r2[5], 1e-10, begin)


@EACH
def test_slope_on_the_window_and_weighted_mean(name: DomainName) -> None:
    found, begin = columns(name), start(name, 90)
    a2, a1 = fits(name, QUADRATIC, 2), fits(name, LINEAR, 1)
    rows = np.arange(begin, len(domain(name)), 37)
    slope = [stats.linregress(np.log(SHORT), a2[:, t]).slope for t in rows]
    np.testing.assert_allclose(found["a2_trend_slope"][rows], slope, rtol=0, atol=1e-14)
    mean = np.average(a1, axis=0, weights=1 / np.array(SHORT))
    scaled(found["a1_momentum"], mean, begin, 1e-10)
    scaled(found["a1_acceleration"], a1[0] - a1[3], begin, 1e-10)


@EACH
def test_fitted_values(name: DomainName) -> None:
    found, end = columns(name), dict(zip(SHORT, fits(name, END), strict=True))
    scaled(found["b_gap_15"], end[15] - end[45], start(name, 45), 1e-10)
    scaled(found["b_gap_30"], end[30] - end[60], start(name, 60), 1e-10)
    drift = (end[60] - back(end[60], 15)) / 15
    scaled(found["b_drift_rate"], drift, start(name, 75), 1e-10)
    step = domain(name).traits.step
    past = back(fit(name, 60)[RESIDUAL], step)
    exact = -slow.correlation(past, bar_change(name), 60)
    assert_close(found["b_reversion_tendency"], exact, 1e-9, start(name, 119 + step))


@EACH
def test_flags(name: DomainName) -> None:
    found, a2, r2 = columns(name), fits(name, QUADRATIC, 2), fit(name, 60)[R2]
    clear = (np.abs(a2[0]) > 1e-12) & (np.abs(a2[3]) > 1e-12)
    keep = np.where(clear, 0.0, np.nan)
    shifted = (np.sign(a2[0]) != np.sign(a2[3])) + keep
    assert_close(found["a2_regime_shift"] + keep, shifted, 0.0, start(name, 60))
    recent, old = back(r2, 15), back(r2, 30)
    fell = np.where(np.isnan(r2 + recent + old), np.nan, (r2 < recent) & (r2 < old))
    assert_close(found["quality_degradation"], fell, 0.0, start(name, 90))


def test_between_the_domains() -> None:
    found, here, there = between(), fit("rate", 60), fit("bqx", 60)
    for key, row in (("a2_corr", QUADRATIC), ("a1_corr", LINEAR)):
        assert_close(found[key], slow.correlation(here[row], there[row], 60), 1e-10, 133)
    scores = []
    for end in (here[END], there[END]):
        mean = slow.rolling(end, 240, lambda v: v.mean(axis=1))
        scores.append((end - mean) / slow.deviation(end, 240))
    assert_close(found["b_gap"], scores[0] - scores[1], 1e-10, 313)
    agree(found["quality_ratio"], guarded(here[R2], there[R2]), 74, 1e-10)


def test_histories() -> None:
    more = {c.key: c.history for c in ParabolicComparison.columns("bqx")}
    less = {c.key: c.history for c in ParabolicComparison.columns("rate")}
    assert less["b_reversion_tendency"] == 120
    assert more["b_reversion_tendency"] == 120 + 14 + 15
    assert more["a1_momentum"] == less["a1_momentum"] + 15 == 105

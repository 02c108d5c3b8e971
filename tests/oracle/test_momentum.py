"""Momentum columns against slow references, arch, statsmodels, SciPy and TA-Lib."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import talib
from arch.unitroot import VarianceRatio
from scipy.signal import lfilter
from scipy.stats import rankdata
from statsmodels import api

import references_trend as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.momentum import RANKED, Momentum
from references import Floats
from references_trend import assert_close, back, rolling

WINDOWS = (60, 240, 630)
DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")

EACH = pytest.mark.parametrize(("name", "w"), [(d, w) for d in DOMAINS for w in WINDOWS])


@cache
def domain(name: DomainName) -> Domain:
    return slow.domain(name, 3.5)


@cache
def columns(name: DomainName, w: int) -> dict[str, Floats]:
    return dict(Momentum().compute(domain(name), w))


def change_over(name: DomainName, rows: int) -> Floats:
    u = domain(name).series
    if name == "bqx":
        return u - back(u, rows)
    return np.asarray(np.log1p((u - back(u, rows)) / back(u, rows)))


def bar_change(name: DomainName) -> Floats:
    return change_over(name, 1 if name == "rate" else 15)


def warm(name: DomainName, rows: int) -> int:
    """First row whose last ``rows`` values of the series are numbers."""
    return rows - 1 + domain(name).traits.lead


def quotient(above: Floats, below: Floats) -> Floats:
    return np.asarray(above / np.where(below > 0, below, np.nan))


@EACH
def test_change_and_acceleration(name: DomainName, w: int) -> None:
    found = columns(name, w)
    whole, half = change_over(name, w), change_over(name, w // 2)
    assert_close(found["mom"], whole, 1e-15, warm(name, w + 1))
    assert_close(found["accel"], 2 * half - whole, 1e-15, warm(name, w + 1))


@EACH
def test_change_in_units_of_its_deviation(name: DomainName, w: int) -> None:
    if name == "rate":
        unit = slow.deviation(bar_change(name), w) * np.sqrt(w)
    else:
        unit = slow.deviation(domain(name).series, w)
    exact = quotient(change_over(name, w), unit)
    assert_close(columns(name, w)["norm"], exact, 1e-11, warm(name, w + 1))


@EACH
def test_slope_and_its_t_statistic(name: DomainName, w: int) -> None:
    u, found = domain(name).series, columns(name, w)
    assert_close(found["slope"], slow.slope(u, w), 1e-16, warm(name, w))
    assert_close(found["slope_t"], slow.slope_t(u, w), 1e-10, warm(name, w))


@EACH
def test_slopes_agree_with_statsmodels(name: DomainName, w: int) -> None:
    u, found = domain(name).series, columns(name, w)
    for t in range(800, len(u), 311):
        fit = api.OLS(u[t - w + 1 : t + 1], api.add_constant(np.arange(float(w)))).fit()
        assert found["slope"][t] == pytest.approx(fit.params[1], rel=1e-8, abs=1e-13)
        assert found["slope_t"][t] == pytest.approx(fit.tvalues[1], rel=1e-7, abs=1e-6)


@EACH
def test_path_and_signs(name: DomainName, w: int) -> None:
    found, r = columns(name, w), bar_change(name)
    assert_close(found["eff"], slow.efficiency(domain(name).series, w), 1e-14, warm(name, w + 1))

    def share(windows: Floats) -> Floats:
        up, down = (windows > 0).sum(axis=1), (windows < 0).sum(axis=1)
        return quotient(up.astype(np.float64), (up + down).astype(np.float64))

    start = warm(name, w + domain(name).traits.step)
    assert_close(found["upfrac"], rolling(r, w, share), 0.0, start)


@EACH
def test_extrema(name: DomainName, w: int) -> None:
    d, found = domain(name), columns(name, w)
    u = d.series
    low, high = (d.index.low, d.index.high) if name == "rate" else (u, u)
    least = rolling(low, w, lambda v: np.asarray(v.min(axis=1)))
    greatest = rolling(high, w, lambda v: np.asarray(v.max(axis=1)))
    up, down = (u / least - 1, u / greatest - 1) if name == "rate" else (u - least, u - greatest)
    assert_close(found["runup"], up, 3e-16, warm(name, w))
    assert_close(found["drawdown"], down, 3e-16, warm(name, w))
    bottom = rolling(u, w, lambda v: np.asarray(v.min(axis=1)))
    top = rolling(u, w, lambda v: np.asarray(v.max(axis=1)))
    assert_close(found["rangepos"], quotient(u - bottom, top - bottom), 0.0, warm(name, w))


@EACH
def test_extrema_agree_with_ta_lib(name: DomainName, w: int) -> None:
    u, found, start = domain(name).series, columns(name, w), warm(name, w)
    lead = domain(name).traits.lead
    low, high = (f(u[lead:], timeperiod=w)[start - lead :] for f in (talib.MIN, talib.MAX))
    position = quotient(u[start:] - low, high - low)
    assert_close(found["rangepos"][start:], position, 0.0, 0)


@EACH
def test_autocorrelation(name: DomainName, w: int) -> None:
    r, step = bar_change(name), domain(name).traits.step
    exact = slow.correlation(r, back(r, step), w)
    assert_close(columns(name, w)["autocorr1"], exact, 1e-12, warm(name, w + 2 * step))


@EACH
def test_variance_ratio(name: DomainName, w: int) -> None:
    r = bar_change(name)
    variance = slow.deviation(r, w) ** 2
    if name == "bqx":
        exact = quotient(slow.deviation(change_over(name, 75), w) ** 2, 5 * variance)
        start = warm(name, w + 75)
    else:

        def long_variance(prices: Floats) -> Floats:
            """Lo and MacKinlay 1988, equation 12, on w + 1 log prices."""
            drift = (prices[:, -1:] - prices[:, :1]) / w
            squares = ((prices[:, 5:] - prices[:, :-5] - 5 * drift) ** 2).sum(axis=1)
            return np.asarray(squares / (5 * (w - 4) * (1 - 5 / w)))

        exact = quotient(rolling(np.log(domain(name).series), w + 1, long_variance), variance)
        start = warm(name, w + 1)
    assert_close(columns(name, w)["vr"], exact, 1e-9, start)


@pytest.mark.parametrize("w", WINDOWS)
def test_variance_ratios_agree_with_arch(w: int) -> None:
    found, p = columns("rate", w)["vr"], np.log(domain("rate").series)
    for t in range(800, len(p), 211):
        other = VarianceRatio(p[t - w : t + 1], lags=5, trend="c", debiased=True, overlap=True)
        assert found[t] == pytest.approx(other.vr, abs=1e-8)


def test_the_variance_ratio_of_a_random_walk_is_one() -> None:
    found = columns("rate", 60)["vr"][60::60]
    assert abs(np.nanmean(found) - 1.0) <= 4 * np.nanstd(found) / np.sqrt(len(found))


@EACH
def test_difference_of_exponential_averages(name: DomainName, w: int) -> None:
    u = domain(name).series
    lead = domain(name).traits.lead
    averages = []
    for n in (w // 3, w):
        gain = 2 / (n + 1)
        deviations = u[lead:] - u[lead]
        averages.append(lfilter([gain], [1, gain - 1], deviations))
    difference = np.full(len(u), np.nan)
    difference[lead:] = averages[0] - averages[1]
    exact = quotient(difference, slow.deviation(u, w))
    assert_close(columns(name, w)["emadiff"], exact, 1e-9, warm(name, w))


@EACH
def test_rank_of_the_change(name: DomainName, w: int) -> None:
    found = columns(name, w)
    exact = slow.rank(found["mom"], RANKED)
    assert_close(found["pctrank"], exact, 1e-15, warm(name, w + RANKED))
    for t in range(warm(name, w + RANKED), len(exact), 97):
        ranks = rankdata(found["mom"][t - RANKED + 1 : t + 1])
        assert found["pctrank"][t] == pytest.approx((ranks[-1] - 1) / (RANKED - 1), abs=1e-15)


def test_histories_count_bars() -> None:
    expected = {"upfrac": (61, 90), "autocorr1": (62, 105), "vr": (61, 150), "mom": (61, 76)}
    for k, name in enumerate(DOMAINS):
        found = {c.key: c.history for c in Momentum.columns(name) if c.window == 60}
        assert {key: found[key] for key in expected} == {key: v[k] for key, v in expected.items()}

"""Volatility surface against extended precision, and its regressions against statsmodels."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import statsmodels.api as sm

import references_volatility as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.volatility_surface import VolatilityForecast, VolatilitySurface
from bqx.features.family import Columns, Family
from references import Long
from synthetic import random_walk_bars

DOMAINS = pytest.mark.parametrize("name", ["rate", "bqx"])


@cache
def domain(name: DomainName) -> Domain:
    """Six weeks of a gappy random walk with still stretches."""
    return slow.domains_of(random_walk_bars("eurusd", "2019-01-07", 40, seed=11))[name]


@cache
def found(name: DomainName) -> Columns:
    d = domain(name)
    surface = VolatilitySurface()
    of_windows = {f"rv_{w}": surface.compute(d, w)["rv"] for w in surface.windows}
    return {**of_windows, **surface.compute_fixed(d), **VolatilityForecast().compute_fixed(d)}


@cache
def squares(name: DomainName) -> Long:
    return slow.returns(domain(name)) ** 2 / domain(name).traits.step


def mean_square(name: DomainName, t: int, w: int) -> float:
    return float(np.mean(squares(name)[t - w + 1 : t + 1]))


def log_volatility(name: DomainName, t: int, w: int) -> float:
    value = mean_square(name, t, w)
    return 0.5 * math.log(value) if value > 1e-24 else math.nan


def rows(family: type[Family], name: DomainName, key: str, count: int) -> list[int]:
    """Rows with a whole history: the first, the last, and some between."""
    history = next(c.history for c in family.columns(name) if c.key == key)
    return [int(t) for t in np.linspace(history - 1, len(domain(name)) - 1, count)]


def expect(name: DomainName, key: str, at: list[int], expected: list[float], tol: float) -> None:
    values = found(name)[key][at]
    least = tol * float(np.nanmedian(np.abs(expected)))
    np.testing.assert_allclose(values, expected, rtol=tol, atol=least, err_msg=key)
    assert np.isfinite(values).mean() > 0.7


@DOMAINS
@pytest.mark.parametrize("w", [15, 60, 240, 1440])
def test_volatilities(name: DomainName, w: int) -> None:
    at = [int(t) for t in np.linspace(w + 30, len(domain(name)) - 1, 400)]
    expect(name, f"rv_{w}", at, [math.sqrt(mean_square(name, t, w)) for t in at], 1e-10)


@DOMAINS
def test_shape_of_the_term_structure(name: DomainName) -> None:
    at = rows(VolatilitySurface, name, "vol_of_vol", 400)
    logs = {w: np.array([log_volatility(name, t, w) for t in at]) for w in (15, 60, 240)}
    expect(name, "slope", at, list(logs[15] - logs[240]), 1e-9)
    expect(name, "curvature", at, list(logs[15] - 2 * logs[60] + logs[240]), 1e-9)


@DOMAINS
def test_skew_of_the_semivariances(name: DomainName) -> None:
    r = slow.returns(domain(name))
    at, expected = rows(VolatilitySurface, name, "skew", 400), []
    for t in at:
        part = r[t - 239 : t + 1]
        falls, rises = (part[part < 0] ** 2).sum(), (part[part > 0] ** 2).sum()
        expected.append(float((falls - rises) / (falls + rises)))
    expect(name, "skew", at, expected, 1e-10)


@DOMAINS
def test_volatility_of_volatility_leaves_out_still_quarters(name: DomainName) -> None:
    at, expected = rows(VolatilitySurface, name, "vol_of_vol", 120), []
    partial = 0
    for t in at:
        logs = np.array([log_volatility(name, i, 15) for i in range(t - 239, t + 1)])
        known = logs[~np.isnan(logs)]
        expected.append(float(np.std(known, ddof=1)) if len(known) >= 216 else math.nan)
        partial += len(known) < 240
    assert partial > 5
    expect(name, "vol_of_vol", at, expected, 1e-9)


def day_before(d: Domain, t: int) -> int:
    """The last row before the UTC day of a row."""
    day = int(d.grid.minutes[t]) // 1440
    return int(np.searchsorted(d.grid.minutes, day * 1440)) - 1


def forecast(name: DomainName, t: int) -> float:
    """The forecast made at a row, by statsmodels."""

    def terms(i: int) -> list[float]:
        return [1.0] + [1e9 * mean_square(name, i, w) for w in (60, 240, 1440)]

    samples = [day_before(domain(name), t) - 60 * k for k in range(480)]
    outcomes = [1e9 * mean_square(name, s, 60) for s in samples]
    fit = sm.OLS(outcomes, [terms(s - 60) for s in samples]).fit()
    value = float(fit.predict([terms(t)])[0])
    inside = min(outcomes) <= value <= max(outcomes)
    return 1e-9 * (value if inside else float(np.mean(outcomes)))


@DOMAINS
def test_forecast_and_its_error(name: DomainName) -> None:
    at = rows(VolatilityForecast, name, "error", 9)
    expect(name, "forecast", at, [forecast(name, t) for t in at], 1e-8)
    errors = [mean_square(name, t, 60) / forecast(name, t - 60) - 1 for t in at]
    expect(name, "error", at, errors, 1e-8)


@DOMAINS
def test_a_forecast_beyond_all_outcomes_gives_way_to_their_mean(name: DomainName) -> None:
    values, d = found(name)["forecast"], domain(name)
    begin = next(c.history for c in VolatilityForecast.columns(name) if c.key == "forecast")
    for t in range(begin, len(d), 611):
        outcomes = [mean_square(name, day_before(d, t) - 60 * k, 60) for k in range(480)]
        assert min(outcomes) * (1 - 1e-9) <= values[t] <= max(outcomes) * (1 + 1e-9)


@DOMAINS
def test_persistence_from_hour_to_hour(name: DomainName) -> None:
    d = domain(name)
    at, expected = rows(VolatilityForecast, name, "persistence", 5), []
    for t in at:
        newest = t - (d.first + t) % 60
        logs = [log_volatility(name, newest - 60 * k, 60) for k in range(481)]
        pairs = np.array([(logs[k + 1], logs[k]) for k in range(480)])
        pairs = pairs[~np.isnan(pairs).any(axis=1)]
        assert len(pairs) >= 432
        expected.append(float(sm.OLS(pairs[:, 1], sm.add_constant(pairs[:, 0])).fit().params[1]))
    expect(name, "persistence", at, expected, 1e-9)


def test_volatility_that_persists_is_forecast() -> None:
    # Volatility that doubles and halves over days: the forecast must follow it.
    bars = random_walk_bars("eurusd", "2019-01-07", 40, seed=12, gaps=False)
    minutes = np.arange(len(bars))
    scale = np.exp(np.sin(2 * np.pi * minutes / 5_000))
    steps = 1e-4 * np.random.default_rng(2).normal(size=len(bars)) * scale
    price = 1.1 * np.exp(np.cumsum(steps))
    frame = bars.with_columns(**dict.fromkeys(("open", "high", "low", "close"), price))
    d = slow.domains_of(frame)["rate"]
    forecasts = VolatilityForecast().compute_fixed(d)["forecast"][32_000:]
    truth = (1e-4 * scale[32_000:]) ** 2
    assert float(np.corrcoef(np.log(forecasts), np.log(truth))[0, 1]) > 0.9

"""Regime columns against a slow reference, and what holds between them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import percentileofscore

import references_trend as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.regime import Regime
from references import Floats
from references_trend import assert_close, back

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
SCALES = (60, 480)
REVERTING = {"rate": -0.2, "bqx": -0.7}

EACH = pytest.mark.parametrize(("name", "w"), [(d, w) for d in DOMAINS for w in SCALES])


@cache
def domain(name: DomainName) -> Domain:
    return slow.domain(name, 7)


@cache
def columns(name: DomainName, w: int) -> dict[str, Floats]:
    return dict(Regime().compute(domain(name), w))


@cache
def series(name: DomainName) -> Floats:
    """What trends and changes are taken from: log index or BQX."""
    u = domain(name).series
    return np.asarray(np.log(u)) if name == "rate" else u


@cache
def bar_change(name: DomainName) -> Floats:
    u = domain(name).series
    if name == "bqx":
        return u - back(u, 15)
    return np.asarray(np.log1p((u - back(u, 1)) / back(u, 1)))


def start(name: DomainName, w: int, windows: float = 6.0) -> int:
    return int(windows * w) + 15 * (name == "bqx")


@cache
def unit(name: DomainName, w: int, rows: int) -> Floats:
    if name == "bqx":
        found = slow.deviation(domain(name).series, 6 * w)
    else:
        found = slow.deviation(bar_change(name), 6 * w) * np.sqrt(rows)
    return np.where(found > 0, found, np.nan)


@cache
def trend_score(name: DomainName, w: int) -> Floats:
    return slow.slope(series(name), w) * w / unit(name, w, w)


@cache
def score(name: DomainName, w: int) -> Floats:
    y = series(name)
    short, whole = ((y - back(y, h)) / unit(name, w, h) for h in (w // 4, w))
    return 0.6 * short + 0.4 * whole


@cache
def relative_volatility(name: DomainName, w: int) -> Floats:
    r = bar_change(name)
    long = slow.deviation(r, 6 * w)
    return slow.deviation(r, w // 4) / np.where(long > 0, long, np.nan)


@cache
def autocorrelation(name: DomainName, w: int) -> Floats:
    r = bar_change(name)
    return slow.correlation(r, back(r, domain(name).traits.step), w)


def chosen(
    value: Floats, conditions: list[NDArray[np.bool_]], labels: list[float], other: float
) -> Floats:
    picked = np.select(conditions, labels, other)
    return np.where(np.isnan(value), np.nan, picked)


def trend(name: DomainName, w: int) -> Floats:
    s = trend_score(name, w)
    return chosen(s, [s > 1, s < -1], [2, 0], 1)


def volatility(name: DomainName, w: int) -> Floats:
    v = relative_volatility(name, w)
    return chosen(v, [v > 1.5, v <= 0.7], [2, 0], 1)


def momentum(name: DomainName, w: int) -> Floats:
    m = score(name, w)
    return chosen(m, [m > 1.5, m > 0.5, m >= -0.5, m >= -1.5], [4, 3, 2, 1], 0)


def reverting(name: DomainName, w: int) -> Floats:
    rho = autocorrelation(name, w)
    return chosen(rho, [rho < REVERTING[name]], [1], 0)


@EACH
def test_no_score_of_these_series_lies_on_an_edge(name: DomainName, w: int) -> None:
    # Otherwise the classes below would depend on the last digit of a reference.
    for values, edges in (
        (trend_score(name, w), (-1, 1)),
        (relative_volatility(name, w), (0.7, 1.5)),
        (score(name, w), (-1.5, -0.5, 0.5, 1.5)),
        (autocorrelation(name, w), (REVERTING[name],)),
    ):
        for edge in edges:
            assert np.nanmin(np.abs(values - edge)) > 1e-9


@EACH
def test_the_four_regimes(name: DomainName, w: int) -> None:
    found, begin = columns(name, w), start(name, w)
    assert_close(found["trend_regime"], trend(name, w), 0.0, begin)
    assert_close(found["volatility_regime"], volatility(name, w), 0.0, begin)
    assert_close(found["momentum_regime"], momentum(name, w), 0.0, begin)
    assert_close(found["mean_reversion_regime"], reverting(name, w), 0.0, begin)
    assert set(np.unique(found["trend_regime"][begin:])) >= {0.0, 1.0, 2.0}


@EACH
def test_scores(name: DomainName, w: int) -> None:
    found, begin = columns(name, w), start(name, w)
    assert_close(found["momentum_score"], score(name, w), 1e-10, begin)
    reversion = 100 * np.maximum(0, -autocorrelation(name, w))
    assert_close(found["mean_reversion_score"], reversion, 1e-10, begin)
    strength = 100 * slow.efficiency(domain(name).series, w // 4)
    assert_close(found["trend_strength"], strength, 1e-12, begin)


@EACH
def test_combinations(name: DomainName, w: int) -> None:
    found, begin = columns(name, w), start(name, w)
    t, v, m, r = (f(name, w) for f in (trend, volatility, momentum, reverting))
    composite = 2.5 * t + 1.5 * v + 1.0 * m + 0.5 * r
    assert_close(found["composite_regime"], composite, 0.0, begin)
    confidence = np.full(len(t), np.nan)
    for i in np.flatnonzero(~np.isnan(composite)):
        agrees = (t[i] == 2 and m[i] >= 3) or (t[i] == 0 and m[i] <= 1)
        confidence[i] = (int(agrees) + int(v[i] == 0 and r[i] == 0)) / 2
    assert_close(found["regime_confidence"], confidence, 0.0, begin)
    strength = 100 * slow.efficiency(domain(name).series, w // 4)
    reversion = 100 * np.maximum(0, -autocorrelation(name, w))
    quality = np.where(t == 1, reversion / 100, strength / 100 * (1 - v / 2))
    assert_close(found["regime_quality"], quality, 1e-12, begin)


@EACH
def test_runs_and_changes(name: DomainName, w: int) -> None:
    found, state = columns(name, w), trend(name, w)
    persistence = slow.run_length(state, 6 * w)
    assert_close(found["regime_persistence"], persistence, 0.0, start(name, w, 12))
    probability = (slow.changes(state, 6 * w) + 1) / (6 * w + 2)
    found_probability = found["regime_transition_probability"]
    assert_close(found_probability, probability, 1e-16, start(name, w, 12))
    breakout = np.minimum(1, persistence / (w / 2) * (volatility(name, w) / 2 + 0.3))
    breakout = np.where(state == 1, breakout, 0.0)
    assert_close(found["breakout_probability"], breakout, 1e-15, start(name, w, 12))


@EACH
def test_volatility_percentile(name: DomainName, w: int) -> None:
    found = columns(name, w)["volatility_percentile"]
    short = slow.deviation(bar_change(name), w // 4)
    n = 6 * w
    for t in range(start(name, w, 6.25) + 14, len(found), 17):
        values = short[t - n + 1 : t + 1]
        share = percentileofscore(values, values[-1], kind="mean")
        exact = (share / 100 * n - 0.5) / (n - 1) * 100
        # Rounding may put nearly equal deviations on either side, but never those that are 0.
        near = np.abs(values - values[-1]) <= 1e-11 * values[-1]
        ties = int(np.count_nonzero(near)) - 1 if values[-1] > 0 else 0
        assert found[t] == pytest.approx(exact, abs=1e-10 + 100 * ties / n)


def test_the_short_cap_of_breakouts_changes_nothing() -> None:
    for w in SCALES:
        found = columns("rate", w)
        run, vol = found["regime_persistence"], found["volatility_regime"]
        full = np.minimum(1, run / (w / 2) * (vol / 2 + 0.3))
        rows = (found["trend_regime"] == 1) & ~np.isnan(run)
        assert np.array_equal(found["breakout_probability"][rows], full[rows])
        assert rows.any()


def test_changes_of_bqx_are_taken_back_by_construction() -> None:
    # Values 15 rows apart share no price change, so -1/2 is the normal state and no signal.
    rho = autocorrelation("bqx", 480)
    assert -0.6 < float(np.nanmean(rho)) < -0.4


def test_histories() -> None:
    expected = {
        "trend_regime": (361, 376),
        "volatility_regime": (361, 390),
        "volatility_percentile": (375, 404),
        "breakout_probability": (480, 495),
        "regime_persistence": (720, 735),
        "regime_transition_probability": (721, 736),
    }
    for k, name in enumerate(DOMAINS):
        found = {c.key: c.history for c in Regime.columns(name) if c.window == 60}
        assert {key: found[key] for key in expected} == {key: v[k] for key, v in expected.items()}

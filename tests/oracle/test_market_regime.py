"""Market regime against the families that it repeats, and the panel against NumPy and SciPy."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import pearsonr

import references_volatility as slow
from bqx.domains.domain import Domain, DomainName
from bqx.domains.together import PairBars, Together
from bqx.families.hmm_regime import HmmRegime
from bqx.families.market_regime import HiddenRegime, MarketRegime, PanelRegime
from bqx.families.regime import Regime
from bqx.features.family import Columns
from bqx.features.stateless import bar_arrays
from bqx.market import PAIRS, Calendar
from references import Floats
from synthetic import market_bars, random_walk_bars

DOMAINS = pytest.mark.parametrize("name", ["rate", "bqx"])


def domain_of(days: int, pairs: tuple[str, ...], name: DomainName, scale: float = 1.0) -> Domain:
    bars = {p: bar_arrays(f) for p, f in market_bars(pairs, "2019-01-07", days, seed=21).items()}
    if scale != 1.0:
        last = int(0.9 * len(bars["usdjpy"].minutes))
        start = bars["usdjpy"].minutes[last]
        for pair, known in bars.items():
            power = scale if pair in {"usdjpy", "eurjpy"} else 2.0
            later = known.minutes >= start
            base = known.close[np.argmax(later)]
            wild = base * (known.close / base) ** power
            bars[pair] = known.times(np.where(later, wild / known.close, 1.0))
    held = {p: PairBars(b, float(b.close[0])) for p, b in bars.items()}
    around = Together("usdjpy", held, Calendar())
    return around.slice(*around.rows("usdjpy"))[name]


@cache
def few_days(name: DomainName) -> Domain:
    return domain_of(5, tuple(PAIRS), name)


@cache
def many_days(name: DomainName) -> Domain:
    return domain_of(45, ("usdjpy", "eurusd", "eurjpy", "audusd"), name, 6.0)


@cache
def panel(name: DomainName) -> Columns:
    return PanelRegime().compute_fixed(few_days(name))


@DOMAINS
def test_states_are_those_of_the_regimes_at_240_rows(name: DomainName) -> None:
    d = slow.domains_of(random_walk_bars("eurusd", "2019-01-07", 7, seed=3))[name]
    found, regime = MarketRegime().compute_fixed(d), Regime().compute(d, 240)
    np.testing.assert_array_equal(found["trend_state"], regime["trend_regime"])
    np.testing.assert_array_equal(found["vol_state"], regime["volatility_regime"])


@DOMAINS
def test_ranges(name: DomainName) -> None:
    d = slow.domains_of(random_walk_bars("eurusd", "2019-01-07", 7, seed=3))[name]
    flags, step, u = MarketRegime().compute_fixed(d)["range_flag"], d.traits.step, d.series
    for t in range(270, len(d), 11):
        ends = u[t - 240 : t + 1 : step]
        path = np.abs(np.diff(ends)).sum()
        if path == 0:
            assert np.isnan(flags[t])
        elif abs(abs(u[t] - u[t - 240]) / path - 0.1) > 1e-9:
            assert flags[t] == (abs(u[t] - u[t - 240]) < 0.1 * path)
    assert 0.6 < np.nanmean(flags) < 0.95


@DOMAINS
def test_hidden_columns_are_those_of_the_one_minute_model(name: DomainName) -> None:
    bars = {"eurusd": bar_arrays(random_walk_bars("eurusd", "2018-12-31", 44, seed=3))}
    held = {"eurusd": PairBars(bars["eurusd"], 1.1)}
    around = Together("eurusd", held, Calendar())
    d = around.slice(*around.rows("eurusd"))[name]
    found, model = HiddenRegime().compute_fixed(d), HmmRegime().compute(d, 1)
    np.testing.assert_array_equal(found["change_prob"], model["transition"])
    np.testing.assert_array_equal(found["time_in_regime"], model["duration"])
    np.testing.assert_array_equal(found["stability"], model["persistence"])
    known = np.isfinite(found["change_prob"])
    assert known.sum() > 1_000
    product = found["expected_duration"][known] * found["change_prob"][known]
    np.testing.assert_allclose(product, 1.0, rtol=1e-15)


def counts(d: Domain, t: int, rows: int) -> bool:
    """Whether a pair counts: fresh, and 90 % of the rows since its first bar are observed."""
    rows += 15 * (d.traits.name == "bqx")
    seen = d.grid.observed[t - rows + 1 : t + 1]
    return bool(d.grid.observed[t - 5 : t + 1].any() and 10 * seen.sum() >= 9 * rows)


@cache
def moves(name: DomainName, pair: str) -> Floats:
    """What is correlated: returns, or BQX."""
    d = few_days(name).everyone[pair]
    return slow.returns(d).astype(np.float64) if name == "rate" else d.series


@DOMAINS
def test_correlation_with_all_pairs(name: DomainName) -> None:
    d = few_days(name)
    found, fewer = panel(name)["cross_pair_correlation"], 0
    for t in range(100, len(d), 197):
        own, sizes = moves(name, d.pair)[t - 59 : t + 1], []
        for pair, peer in d.peers.items():
            other = moves(name, pair)[t - 59 : t + 1]
            if counts(peer, t, 61) and np.ptp(own) and np.ptp(other):
                sizes.append(abs(float(pearsonr(own, other)[0])))
        fewer += len(sizes) < len(d.peers)
        if len(sizes) >= 3:
            assert found[t] == pytest.approx(float(np.mean(sizes)), rel=1e-9)
        else:
            assert np.isnan(found[t])
    assert fewer > 5


def flight(name: DomainName, t: int) -> float:
    d, total = few_days(name), 0.0
    for currency, weight in {"jpy": 0.5, "chf": 0.5, "aud": -0.5, "nzd": -0.5}.items():
        changes = []
        for pair, other in d.everyone.items():
            if currency in {pair[:3], pair[3:]} and counts(other, t, 61):
                u = other.series[[t - 60, t]]
                move = math.log(u[1] / u[0]) if name == "rate" else float(u[1] - u[0])
                changes.append(move if currency == pair[:3] else -move)
        total += weight * (float(np.mean(changes)) if len(changes) >= 5 else math.nan)
    return total


@DOMAINS
def test_flight_to_quality_and_risk_appetite(name: DomainName) -> None:
    n = len(few_days(name))
    expected = np.array([math.nan] * 90 + [flight(name, t) for t in range(90, n)])
    least = 1e-9 * float(np.nanmedian(np.abs(expected)))
    found = panel(name)["flight_to_quality"]
    np.testing.assert_allclose(found[90:], expected[90:], rtol=1e-9, atol=least)
    assert 0 < np.isnan(expected[90:]).mean() < 0.3
    scores = []
    for t in range(1600, n, 13):
        day = expected[t - 1439 : t + 1]
        known = day[~np.isnan(day)]
        value = -(expected[t] - known.mean()) / np.std(known, ddof=1)
        scores.append(value if len(known) >= 1296 else math.nan)
    np.testing.assert_allclose(panel(name)["risk_on_score"][1600::13], scores, rtol=1e-8, atol=1e-8)
    assert np.isfinite(scores).mean() > 0.3


def test_a_rise_of_the_yen_is_a_flight() -> None:
    # By definition of the index: with all pairs, the level of a currency is its mean log rate.
    assert sum("jpy" in pair for pair in PAIRS) == 7
    rate = few_days("rate")
    yen = np.nanmean([np.log(rate.everyone[p].series) for p in PAIRS if p.endswith("jpy")], axis=0)
    change = yen[60:] - yen[:-60]
    known = np.isfinite(panel("rate")["flight_to_quality"][60:]) & np.isfinite(change)
    both = panel("rate")["flight_to_quality"][60:][known], change[known]
    assert float(np.corrcoef(*both)[0, 1]) < -0.3


def volatility(d: Domain) -> Floats:
    squares = slow.returns(d) ** 2 / d.traits.step
    ends = np.arange(59, len(squares))
    out = np.full(len(squares), np.nan)
    totals = np.array([squares[t - 59 : t + 1].sum() for t in ends])
    out[59:] = np.sqrt(totals / 60).astype(np.float64)
    return out


def above(values: Floats, first: int, t: int, q: float) -> float:
    newest = t - (first + t) % 60
    hours = values[newest - 60 * 479 : newest + 1 : 60]
    known = hours[~np.isnan(hours)]
    if np.isnan(values[t]) or len(known) < 432:
        return math.nan
    return float(values[t] > np.quantile(known, q))


@DOMAINS
def test_crises(name: DomainName) -> None:
    d = many_days(name)
    each = {p: volatility(o) for p, o in d.everyone.items()}
    rows = range(100, len(d))
    spread, step = np.full(len(d), np.nan), d.traits.step
    for t in rows:
        if t % 60 and (d.first + t) % 60 and t % 41:
            continue
        at = [each[p][t] for p, o in d.everyone.items() if counts(o, t, 60 + step)]
        spread[t] = np.std(at, ddof=1) if len(at) >= 3 else math.nan
    found = PanelRegime().compute_fixed(d)["crisis_flag"]
    crises = compared = 0
    for t in range(28_900, len(d)):
        if t % 41 == 0:
            extreme = above(each[d.pair], d.first, t, 0.99)
            expected = extreme * above(spread, d.first, t, 0.95)
            assert found[t] == expected or (np.isnan(found[t]) and np.isnan(expected))
            crises += expected == 1
            compared += not np.isnan(expected)
    assert crises > 3
    assert compared > 50


def test_without_peers_the_panel_is_null() -> None:
    d = slow.domains_of(random_walk_bars("eurusd", "2019-01-07", 2, seed=3))["rate"]
    assert all(np.isnan(v).all() for v in PanelRegime().compute_fixed(d).values())

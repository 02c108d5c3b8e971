"""Microstructure columns row by row against NumPy, SciPy and statsmodels."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm, pearsonr

import references_volatility as slow
from bqx.domains.domain import Domain, DomainName
from bqx.domains.together import PairBars, Together
from bqx.families.liquidity import PriceImpact
from bqx.families.microstructure import Microstructure, PriceDiscovery, PriceFormation
from bqx.families.spread import Spread
from bqx.features.family import Columns, Family
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar, peer_groups
from references import Floats
from synthetic import market_bars, random_walk_bars

DOMAINS = pytest.mark.parametrize("name", ["rate", "bqx"])
FAMILIES: tuple[type[Family], ...] = (Microstructure, PriceFormation, PriceDiscovery)
PAIRS_USED = ("eurusd", "gbpusd", "usdjpy", "eurjpy", "eurgbp", "audusd", "gbpjpy")


@cache
def frames() -> dict[str, pl.DataFrame]:
    """Five days of seven pairs; closes lie off the mid, spreads change."""
    found = market_bars(PAIRS_USED, "2019-01-28", 7, seed=8)
    rng = np.random.default_rng(9)
    bars = found["eurusd"]
    n = len(bars)
    half = 5.0 + np.abs(np.cumsum(rng.integers(-1, 2, n))) % 15
    mid = bars["close"].to_numpy() + 1e-5 * rng.integers(-3, 4, n)
    sides = {"bid_close": mid - half * 1e-5, "ask_close": mid + half * 1e-5}
    found["eurusd"] = bars.with_columns(**{k: pl.Series(np.round(v, 5)) for k, v in sides.items()})
    return found


@cache
def domain(name: DomainName) -> Domain:
    bars = {pair: bar_arrays(frame) for pair, frame in frames().items()}
    held = {pair: PairBars(b, float(b.close[0])) for pair, b in bars.items()}
    around = Together("eurusd", held, Calendar())
    return around.slice(*around.rows("eurusd"))[name]


@cache
def computed(name: DomainName) -> Columns:
    found: dict[str, Floats] = {}
    for family in FAMILIES:
        found |= family().compute_fixed(domain(name))
    return found


def history(name: DomainName, key: str) -> int:
    return next(c.history for f in FAMILIES for c in f.columns(name) if c.key == key)


def expect(
    name: DomainName, key: str, rule: Callable[[int], Any], tol: float = 1e-9, every: int = 7
) -> Floats:
    """Compare from the row on that has a whole history; returns the expected values."""
    at = range(history(name, key) - 1, len(domain(name)), every)
    expected = np.array([float(rule(t)) for t in at])
    least = tol * float(np.nanmedian(np.abs(expected)))
    np.testing.assert_allclose(computed(name)[key][at], expected, rtol=tol, atol=least, err_msg=key)
    assert np.isfinite(expected).mean() > 0.5
    return expected


def last(values: Floats, t: int, rows: int) -> Floats:
    return values[t - rows + 1 : t + 1]


def deviation(values: Floats, t: int, rows: int) -> float:
    return float(np.std(last(values, t, rows).astype(np.longdouble), ddof=1))


@cache
def changes(name: DomainName) -> Floats:
    """Changes over one bar."""
    return slow.returns(domain(name)).astype(np.float64)


@cache
def moves(name: DomainName) -> Floats:
    """Changes over one row."""
    u = domain(name).series.astype(np.longdouble)
    u = np.log(u) if name == "rate" else u
    out = np.full(len(u), np.nan)
    out[1:] = np.diff(u)
    return np.where(np.abs(out) < 1e-15, 0.0, out)


def spread(t: int) -> float:
    quotes = domain("rate").quotes
    assert quotes is not None
    return round(float(quotes.ask[t] - quotes.bid[t]), 5)


def mid(t: int) -> float:
    quotes = domain("rate").quotes
    assert quotes is not None
    return float(quotes.bid[t] + quotes.ask[t]) / 2


@DOMAINS
def test_columns_of_other_tables_are_theirs(name: DomainName) -> None:
    found, d = computed(name), domain(name)
    of_spread, of_impact = Spread().compute_fixed(d), PriceImpact().compute_fixed(d)
    for key in ("effective", "realized", "impact", "toxicity", "tick_rule"):
        np.testing.assert_array_equal(found[key], of_spread[key])
    np.testing.assert_array_equal(found["amihud"], of_impact["amihud"])


@DOMAINS
def test_stability_of_the_spread(name: DomainName) -> None:
    def stability(t: int) -> float:
        part = np.array([spread(i) for i in range(t - 59, t + 1)])
        return float(1 / (1 + np.std(part, ddof=1) / part.mean()))

    expect(name, "stability", stability)


@DOMAINS
def test_spread_weighted_with_volume(name: DomainName) -> None:
    d = domain(name)

    def weighted(t: int) -> float:
        rows = range(t - 59, t + 1)
        total = sum(d.volume[i] for i in rows)
        mean = sum(spread(i) * d.volume[i] for i in rows) / total if total else math.nan
        return float(mean * d.index.close[t] / d.grid.close[t])

    expect(name, "weighted", weighted)


@DOMAINS
def test_adverse_selection(name: DomainName) -> None:
    side, close = Spread().compute_fixed(domain(name))["tick_rule"], domain("rate").grid.close

    def share(t: int) -> float:
        away = close[t - 5] - mid(t - 5)
        if abs(away) < 1e-7:
            return 0.0 if all(abs(close[i] - mid(i)) < 1e-7 for i in range(t - 64, t - 4)) else 9.0
        return float(side[t - 5] * (mid(t) - mid(t - 5)) / abs(away))

    at = range(history(name, "selection") - 1, len(domain(name)), 7)
    expected = [share(t) for t in at if share(t) != 9.0]
    found = [computed(name)["selection"][t] for t in at if share(t) != 9.0]
    on_mid = [computed(name)["selection"][t] for t in at if share(t) == 9.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert np.isnan(on_mid).all()
    assert len(expected) > 100


@DOMAINS
def test_clustering_of_trades(name: DomainName) -> None:
    d = domain(name)

    def clustering(t: int) -> float:
        part = [float(d.volume[i]) for i in range(t - 59, t + 1) if d.grid.observed[i]]
        return float(np.var(part, ddof=1) / np.mean(part)) if len(part) > 1 else math.nan

    expect(name, "clustering", clustering)


def volume_of_bar(d: Domain, t: int) -> float:
    return float(last(d.volume, t, d.traits.step).sum())


@DOMAINS
def test_kyle(name: DomainName) -> None:
    d, r = domain(name), changes(name)

    def slope(t: int) -> float:
        rows = range(t - 59, t + 1)
        signed = np.array(
            [volume_of_bar(d, i) * np.sign(r[i]) if abs(r[i]) > 1e-15 else 0 for i in rows]
        )
        if not np.ptp(signed):
            return math.nan
        return float(np.polyfit(signed, last(r, t, 60), 1)[0])

    expect(name, "kyle", slope, tol=1e-8, every=23)


@DOMAINS
def test_bounce_and_information(name: DomainName) -> None:
    y = moves(name)

    def bounce(t: int) -> float:
        now, before = last(y, t, 60), last(y, t - 1, 60)
        return -float(pearsonr(now, before)[0]) if np.ptp(now) and np.ptp(before) else math.nan

    expect(name, "bounce", bounce, tol=1e-8)
    expect(name, "information", lambda t: min(max(1 - 2 * bounce(t), 0.0), 1.0), tol=1e-8)


@DOMAINS
def test_toxicity_in_buckets(name: DomainName) -> None:
    d, r = domain(name), changes(name)
    found, begin = computed(name)["vpin"], history(name, "vpin") - 1
    for t in range(begin, len(d), 397):
        newest = t - (d.first + t) % 15
        rows = range(newest - 1439, newest + 1)
        scale = [deviation(r, i, 240) for i in rows]
        bought = [
            d.volume[i] * (norm.cdf(r[i] / s) if s > 1e-15 else 0.5)
            for i, s in zip(rows, scale, strict=True)
        ]
        volume = last(d.volume, newest, 1440)
        ends = np.concatenate([[0.0], np.cumsum(volume)])
        at = np.linspace(0, ends[-1], 51)
        net = np.concatenate([[0.0], np.cumsum(2 * np.array(bought) - volume)])
        keep = np.concatenate([[True], np.diff(ends) > 0])
        buckets = np.diff(np.interp(at, ends[keep], net[keep]))
        assert found[t] == pytest.approx(float(np.abs(buckets).sum() / ends[-1]), rel=1e-8)


@DOMAINS
def test_imbalance_of_volume(name: DomainName) -> None:
    d, r = domain(name), changes(name)

    def imbalance(t: int) -> float:
        rows = range(t - 19, t + 1)
        total = sum(d.volume[i] for i in rows)
        signed = sum(np.sign(r[i]) * d.volume[i] for i in rows if abs(r[i]) > 1e-15)
        return float(signed / total) if total else math.nan

    expect(name, "imbalance", imbalance)


@DOMAINS
def test_moves_taken_back(name: DomainName) -> None:
    y, u = moves(name), domain(name).series

    @cache
    def outcome(i: int) -> bool | None:
        """Whether the move of a row was taken back; None where it was not large."""
        if not abs(y[i]) > 2 * deviation(y, i - 1, 240):
            return None
        back = [(u[i] - u[k]) / (u[i] - u[i - 1]) for k in range(i + 1, i + 6)]
        return bool(max(back) > 0.5 - 1e-6)

    def share(t: int) -> float:
        found = [outcome(i) for i in range(t - 244, t - 4)]
        known = [v for v in found if v is not None]
        return sum(known) / len(known) if known else math.nan

    values = expect(name, "resilience", share, every=29)
    assert 0.05 < np.nanmean(values) < 0.95


@DOMAINS
def test_efficiency(name: DomainName) -> None:
    d, r = domain(name), changes(name)
    step, u = d.traits.step, d.series.astype(np.longdouble)
    u = np.log(u) if name == "rate" else u
    longer = np.full(len(u), np.nan)
    longer[5 * step :] = u[5 * step :] - u[: -5 * step]

    def efficiency(t: int) -> float:
        ratio = (deviation(longer, t, 240) / deviation(r, t, 240)) ** 2
        return 1 - abs(ratio / (5 if name == "rate" else 1) - 1)

    values = expect(name, "efficiency", efficiency, tol=1e-8)
    assert np.nanmean(values) > 0.6


@DOMAINS
def test_inventory_risk_and_noise(name: DomainName) -> None:
    step, r, y = domain(name).traits.step, changes(name), moves(name)
    expect(name, "inventory", lambda t: step * spread(t) / mid(t) * deviation(r, t, 60), tol=1e-8)
    expect(name, "noise", lambda t: float((last(y, t, 60) ** 2).sum() / 120), tol=1e-8)


@cache
def discovered(name: DomainName, pair: str) -> Floats:
    """What leads or lags: returns, or BQX."""
    d = domain(name).everyone[pair]
    return slow.returns(d).astype(np.float64) if name == "rate" else d.series


@DOMAINS
def test_price_discovery(name: DomainName) -> None:
    d = domain(name)
    groups, rows = peer_groups("eurusd"), 66 + 15 * (name == "bqx")
    signs = {p: s for p, s in {**groups.base, **groups.quote}.items() if p in d.peers}
    assert len(signs) == 5
    few = compared = 0
    for t in range(history(name, "discovery") + 5, len(d), 41):
        members = [
            sign * discovered(name, p)
            for p, sign in signs.items()
            if 10 * d.peers[p].grid.observed[t - rows + 1 : t + 1].sum() >= 9 * rows
            and d.peers[p].grid.observed[t - 5 : t + 1].any()
        ]
        found = computed(name)["discovery"][t]
        few += len(members) < 5
        if len(members) < 3:
            assert np.isnan(found)
            continue
        own, group = discovered(name, "eurusd"), np.mean(members, axis=0)
        windows = [last(y, t - k, 60) for y in (own, group) for k in range(6)]
        if min(float(np.ptp(v)) for v in windows) < 1e-12:
            continue  # a still market: the reference has nothing but rounding
        ours = [pearsonr(last(group, t - k, 60), last(own, t, 60))[0] for k in range(1, 6)]
        theirs = [pearsonr(last(own, t - k, 60), last(group, t, 60))[0] for k in range(1, 6)]
        compared += 1
        assert found == pytest.approx(max(ours) - max(theirs), rel=1e-7, abs=1e-9)
    assert few > 3
    assert compared > 80


def test_without_quotes_volume_and_peers_the_prices_remain() -> None:
    bars = random_walk_bars("eurusd", "2019-01-28", 4, seed=8)
    d = slow.domains_of(bars.with_columns(volume=None))["bqx"]
    found: dict[str, Floats] = {}
    for family in FAMILIES:
        found |= family().compute_fixed(d)
    known = {name for name, values in found.items() if np.isfinite(values).any()}
    assert known == {"information", "bounce", "resilience", "efficiency", "noise"}

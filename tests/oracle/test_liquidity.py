"""Liquidity columns row by row against NumPy, SciPy and statsmodels."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy.stats import rankdata

import references_volatility as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.liquidity import Liquidity, PriceImpact, VolumeDrought
from bqx.features.family import Columns, Family
from references import Floats
from synthetic import market_bars, random_walk_bars

DOMAINS = pytest.mark.parametrize("name", ["rate", "bqx"])
FAMILIES: tuple[type[Family], ...] = (Liquidity, PriceImpact, VolumeDrought)


@cache
def frame() -> pl.DataFrame:
    """Five days with quotes whose spread walks in whole points, and still stands at times."""
    bars = market_bars(("eurusd",), "2019-01-28", 7, seed=8)["eurusd"]
    rng = np.random.default_rng(9)
    n = len(bars)
    half = 5 + np.abs(np.cumsum(rng.integers(-1, 2, n))) % 15 + 40 * (rng.random(n) < 0.01)
    half[1000:1200] = 7
    half[2000:2100] = 0
    mid = np.round(bars["close"].to_numpy(), 5)
    sides = {"bid_close": mid - half * 1e-5, "ask_close": mid + half * 1e-5}
    return bars.with_columns(**{k: pl.Series(np.round(v, 5)) for k, v in sides.items()})


@cache
def domain(name: DomainName) -> Domain:
    return slow.domains_of(frame())[name]


@cache
def computed(name: DomainName) -> Columns:
    d = domain(name)
    found: dict[str, Floats] = {}
    for family in FAMILIES[:2]:
        found |= family().compute_fixed(d)
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


def points() -> Floats:
    """The spreads in whole points, on the grid."""
    quotes = domain("rate").quotes
    assert quotes is not None
    return np.round((quotes.ask - quotes.bid) * 1e5)


def last(values: Floats, t: int, rows: int) -> Floats:
    return values[t - rows + 1 : t + 1]


def score(values: Floats, t: int) -> float:
    part = last(values, t, 60)
    deviation = float(np.std(part, ddof=1))
    return float(part[-1] - part.mean()) / deviation if np.ptp(part) else math.nan


@DOMAINS
def test_rank_and_score_of_the_spread(name: DomainName) -> None:
    s = points()
    expect(name, "percentile", lambda t: (rankdata(last(s, t, 240))[-1] - 1) / 239)
    assert np.isnan(expect(name, "score", lambda t: score(s, t))).any()


@DOMAINS
def test_shocks_of_the_spread(name: DomainName) -> None:
    s = points()
    flags = expect(name, "shock", lambda t: score(s, t) > 3)
    assert 0.001 < flags.mean() < 0.1


@DOMAINS
def test_half_life_of_the_spread(name: DomainName) -> None:
    s = points()

    def life(t: int) -> float:
        now, before = last(s, t, 60), last(s, t - 1, 60)
        if not np.ptp(before):
            return math.nan
        phi = float(sm.OLS(now, sm.add_constant(before)).fit().params[1])
        return min(-math.log(2) / math.log(phi), 60.0) if 1e-12 < phi < 1 else math.nan

    expect(name, "resilience", life, tol=1e-8)


@DOMAINS
def test_trend_of_the_spread(name: DomainName) -> None:
    s, rows = points(), np.arange(60)

    def trend(t: int) -> float:
        part = last(s, t, 60)
        return -float(np.polyfit(rows, part, 1)[0]) / part.mean() if part.any() else math.nan

    assert np.isnan(expect(name, "tightness", trend)).any()


@DOMAINS
def test_spread_from_ranges(name: DomainName) -> None:
    index, k = domain("rate").index, 3 - 2 * math.sqrt(2)

    def estimate(i: int) -> float:
        beta = sum(math.log(index.high[j] / index.low[j]) ** 2 for j in (i - 1, i))
        top, bottom = max(index.high[i - 1 : i + 1]), min(index.low[i - 1 : i + 1])
        gamma = math.log(top / bottom) ** 2
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
        return max(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)), 0.0)

    each = np.array([math.nan, *(estimate(i) for i in range(1, len(index.close)))])
    expect(name, "corwin_schultz", lambda t: last(each, t, 60).mean())


@DOMAINS
def test_score_of_the_volume(name: DomainName) -> None:
    d = domain(name)

    def of_bars(t: int) -> float:
        rows = range(t - 59, t + 1)
        part = [float(d.volume[i]) for i in rows if d.grid.observed[i]]
        if not d.grid.observed[t] or len(set(part)) < 2:
            return math.nan
        return (part[-1] - float(np.mean(part))) / float(np.std(part, ddof=1))

    expect(name, "volume_score", of_bars)


def volume_of_bar(d: Domain, t: int) -> float:
    return float(last(d.volume, t, d.traits.step).sum())


@cache
def changes(name: DomainName) -> Floats:
    return slow.returns(domain(name)).astype(np.float64)


@DOMAINS
def test_illiquidity(name: DomainName) -> None:
    d, r = domain(name), changes(name)

    def amihud(t: int) -> float:
        rows = [(abs(r[i]), volume_of_bar(d, i)) for i in range(t - 59, t + 1)]
        each = [size / volume for size, volume in rows if volume]
        return float(np.mean(each)) if each else math.nan

    expect(name, "amihud", amihud, tol=1e-9)
    assert not d.grid.observed.all()


@DOMAINS
def test_roll(name: DomainName) -> None:
    u = domain(name).series.astype(np.longdouble)
    u = np.log(u) if name == "rate" else u
    moves = np.concatenate([[np.nan], np.diff(u)])

    def spread(t: int) -> float:
        now, before = last(moves, t, 60), last(moves, t - 1, 60)
        cov = float(((now - now.mean()) * (before - before.mean())).sum() / 59)
        return 2 * math.sqrt(max(-cov, 0.0)) / domain(name).traits.step

    expect(name, "roll", spread, tol=1e-8)


@DOMAINS
def test_slippage(name: DomainName) -> None:
    d, r, s = domain(name), changes(name), points()
    quotes = d.quotes
    assert quotes is not None

    def slippage(t: int) -> float:
        rows = range(t - 59, t + 1)
        volume = np.array([volume_of_bar(d, i) for i in rows])
        signed = np.array([np.sign(r[i]) if abs(r[i]) > 1e-15 else 0.0 for i in rows]) * volume
        if not np.ptp(signed):
            return math.nan
        impact = float(sm.OLS(last(r, t, 60), sm.add_constant(signed)).fit().params[1])
        mid = (quotes.bid[t] + quotes.ask[t]) / 2
        half = float(d.traits.step * s[t] * 1e-5 / mid / 2)
        return half + impact * float(np.median(volume))

    expect(name, "slippage", slippage, tol=1e-8, every=23)


def test_roll_of_bqx_finds_the_spread_of_the_price() -> None:
    bars = random_walk_bars("eurusd", "2019-01-28", 4, seed=8, gaps=False)
    bounce = np.random.default_rng(7).choice([-2.5e-4, 2.5e-4], len(bars))
    price = pl.Series(1.1 * (1.0 + bounce))
    both = slow.domains_of(bars.with_columns(open=price, high=price, low=price, close=price))
    for d in (both["rate"], both["bqx"]):
        found = PriceImpact().compute_fixed(d)["roll"][100:]
        assert float(np.median(found)) == pytest.approx(5e-4, rel=0.1)


def test_droughts_of_volume() -> None:
    d = slow.domains_of(random_walk_bars("eurusd", "2019-01-07", 42, seed=5))["bqx"]
    found = VolumeDrought().compute_fixed(d)["drought"]
    own = np.where(d.grid.observed, d.volume, np.nan)
    flagged = 0
    for t in range(28_800, len(d), 37):
        earlier = np.arange(t - 28_800, t)
        same = own[earlier[d.grid.minutes[earlier] % 1440 == d.grid.minutes[t] % 1440]][-20:]
        known = same[~np.isnan(same)]
        if np.isnan(own[t]) or len(known) < 15:
            assert np.isnan(found[t])
        else:
            assert found[t] == (own[t] < np.quantile(known, 0.05))
            flagged += int(found[t])
    assert flagged > 5


def test_without_quotes_or_volume_the_columns_are_null() -> None:
    bars = random_walk_bars("eurusd", "2019-01-28", 2, seed=8)
    d = slow.domains_of(bars.with_columns(volume=None))["rate"]
    found = {**Liquidity().compute_fixed(d), **PriceImpact().compute_fixed(d)}
    known = {name for name, values in found.items() if np.isfinite(values).any()}
    assert known == {"corwin_schultz", "roll"}

"""Spread columns against whole-number arithmetic on quotes in half points, row by row."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

import references_volatility as slow
from bqx import compute, registry
from bqx.domains.domain import Domain
from bqx.families.spread import Spread
from bqx.features.family import Columns
from bqx.kernels.quotes import corwin_schultz
from references import Floats
from synthetic import random_walk_bars

HALF_POINT = 5e-6
LACKING = range(700, 703)
"""Rows of a bar without quotes."""

MIDS = range(300, 500)
"""Rows whose closes are all the mid."""

STILL = range(900, 1000)
"""Rows in which nothing moves, the closes are the mid, and there is no volume from 930 on."""


@cache
def points() -> dict[str, list[int]]:
    """Quotes and closes of 1,440 minutes, in half points."""
    rng = np.random.default_rng(3)
    n = 1440
    bid = 2 * (110_000 + np.cumsum(rng.integers(-3, 4, n)))
    ask = bid + 2 * rng.integers(0, 16, n)
    mid = (bid + ask) // 2
    close = np.where(rng.random(n) < 0.3, mid, bid + ((ask - bid) * rng.random(n)).astype(int))
    close[list(MIDS)] = mid[list(MIDS)]
    low, high = bid - 2 * rng.integers(0, 9, n), ask + 2 * rng.integers(0, 9, n)
    for values in (bid, ask, low, high):
        values[list(STILL)] = values[STILL[0]]
    close[list(STILL)] = ((bid + ask) // 2)[list(STILL)]
    low[[50, 51]], high[[50, 51]] = bid[[50, 51]], bid[[50, 51]]
    ask[[50, 51]] = close[[50, 51]] = bid[[50, 51]]
    named = {"bid": bid, "ask": ask, "bid_low": low, "ask_high": high, "close": close}
    return {name: [int(v) for v in values] for name, values in named.items()}


@cache
def frame() -> pl.DataFrame:
    bars = random_walk_bars("eurusd", "2019-01-29", 1, seed=4, gaps=False)
    prices = {name: np.round(np.array(v) * HALF_POINT, 6) for name, v in points().items()}
    close = prices["close"]
    reach = np.round(np.random.default_rng(5).integers(0, 30, len(close)) * 1e-5, 5)
    reach[list(STILL)] = 0.0
    columns = {
        "open": close,
        "high": close + reach,
        "low": close - reach,
        "close": close,
        "bid_close": prices["bid"],
        "ask_close": prices["ask"],
        "bid_low": prices["bid_low"],
        "ask_high": prices["ask_high"],
    }
    row = pl.int_range(pl.len())
    lacking, silent = row.is_in(list(LACKING)), row.is_between(930, 999)
    return bars.with_columns(**{k: pl.Series(v) for k, v in columns.items()}).with_columns(
        pl.when(~lacking).then(pl.col("bid_close", "ask_close", "bid_low", "ask_high")),
        pl.when(silent).then(0.0).otherwise(pl.col("volume")).alias("volume"),
    )


@cache
def domain() -> Domain:
    return slow.domains_of(frame())["bqx"]


@cache
def computed() -> Columns:
    return Spread().compute_fixed(domain())


def per_index() -> float:
    """Units of the index in a half point."""
    return 100.0 / float(frame()["close"][0]) * HALF_POINT


def quoted(t: int, rows: int) -> bool:
    return not set(LACKING) & set(range(t - rows + 1, t + 1))


def sides() -> list[int | None]:
    p = points()
    found: list[int | None] = []
    for t, close in enumerate(p["close"]):
        mids = [p["bid"][i] + p["ask"][i] for i in range(t + 1)]
        changed = [i for i in range(max(t - 58, 1), t + 1) if quoted(i, 2)]
        steps = [mids[i] - mids[i - 1] for i in changed if mids[i] != mids[i - 1]]
        away = 2 * close - p["bid"][t] - p["ask"][t]
        trade = away or (steps[-1] if steps else 0)
        found.append(int(math.copysign(1, trade)) if trade and quoted(t, 1) else None)
    return found


def expect(key: str, expected: list[float], rtol: float = 1e-10, atol: float = 0.0) -> None:
    """Compare from the row on that has a whole history."""
    column = next(c for c in Spread.columns("bqx") if c.key == key)
    start = column.history - 1
    np.testing.assert_allclose(
        computed()[key][start:], expected[start:], rtol=rtol, atol=atol, err_msg=key
    )


def rolling(rule: str) -> list[float]:
    p = points()
    spread = [a - b for a, b in zip(p["ask"], p["bid"], strict=True)]
    mid = [(a + b) / 2 for a, b in zip(p["ask"], p["bid"], strict=True)]
    rules: dict[str, Callable[[Floats], Any]] = {
        "mean": np.mean,
        "volatility": lambda s: np.std(s, ddof=1),
        "slope": lambda s: np.polyfit(np.arange(60), s, 1)[0],
        "extent": np.ptp,
        "spike": lambda s: s[-1] > 2 * np.mean(s),
        "percentile": lambda s: ((s < s[-1]).sum() + 0.5 * ((s == s[-1]).sum() - 1)) / 59,
        "mid_volatility": lambda s: np.std(s, ddof=1),
    }
    series = np.array(mid if rule == "mid_volatility" else spread)
    found = [math.nan] * len(series)
    for t in range(59, len(series)):
        if quoted(t, 60):
            found[t] = float(rules[rule](series[t - 59 : t + 1]))
    return found


@pytest.mark.parametrize("key", ["mean", "volatility", "slope", "extent", "mid_volatility"])
def test_levels(key: str) -> None:
    unit = per_index()
    expect(key, [v * unit for v in rolling(key)], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("key", ["spike", "percentile"])
def test_spikes_and_ranks_of_equal_spreads(key: str) -> None:
    expect(key, rolling(key), rtol=1e-15)


def test_relative_spreads_and_the_place_of_the_close() -> None:
    p, rows = points(), range(len(points()["bid"]))
    shown = [1.0 if quoted(t, 1) else math.nan for t in rows]
    spread = [shown[t] * (p["ask"][t] - p["bid"][t]) for t in rows]
    expect("of_rate", [100 * spread[t] / p["close"][t] for t in rows], rtol=1e-9)
    expect("quoted", [200 * spread[t] / (p["ask"][t] + p["bid"][t]) for t in rows], rtol=1e-9)
    width = [p["ask_high"][t] - p["bid_low"][t] for t in rows]
    above = [2 * p["close"][t] - p["bid_low"][t] - p["ask_high"][t] for t in rows]
    place = [shown[t] * above[t] / width[t] if width[t] else math.nan for t in rows]
    expect("imbalance", place, rtol=1e-8, atol=1e-10)
    assert width[50] == width[51] == 0


def test_ticks_and_sides() -> None:
    p, side = points(), sides()
    ticks = [math.nan] * len(side)
    for t in range(1, len(side)):
        if quoted(t, 2):
            move = p["bid"][t] + p["ask"][t] - p["bid"][t - 1] - p["ask"][t - 1]
            ticks[t] = float(np.sign(move))
    expect("tick_direction", ticks, rtol=0)
    expect("tick_rule", [math.nan if s is None else s for s in side], rtol=0)
    assert [side[t] for t in (960, 999)] == [None, None]


def test_costs_five_rows_later() -> None:
    p, side = points(), sides()
    realized, impact = [math.nan] * len(side), [math.nan] * len(side)
    for t in range(5, len(side)):
        q = side[t - 5]
        if q is None or not quoted(t, 1):
            continue
        before, now = ((p["bid"][i] + p["ask"][i]) / 2 for i in (t - 5, t))
        realized[t] = 200 * q * (p["close"][t - 5] - now) / before
        impact[t] = 200 * q * (now - before) / before
    expect("realized", realized, rtol=1e-8, atol=1e-12)
    expect("impact", impact, rtol=1e-8, atol=1e-12)
    # What the trade has cost at once is what it has cost in the end and what it has moved.
    found = computed()
    both = found["realized"][5:] + found["impact"][5:]
    known = ~np.isnan(both)
    p_mid = (np.array(p["bid"]) + np.array(p["ask"])) / 2
    at_once = 200 * np.abs(np.array(p["close"]) - p_mid) / p_mid
    np.testing.assert_allclose(both[known], at_once[:-5][known], rtol=1e-8, atol=1e-12)


def estimate(t: int) -> float:
    """Corwin and Schultz's spread from the bars t - 1 and t, by the paper's formulas."""
    index = domain().index
    logs = [math.log(float(index.high[i] / index.low[i])) ** 2 for i in (t - 1, t)]
    top, bottom = (float(f([v[t - 1], v[t]])) for f, v in ((max, index.high), (min, index.low)))
    beta, gamma = sum(logs), math.log(top / bottom) ** 2
    k = 3 - 2 * math.sqrt(2)
    alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
    return max(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)), 0.0)


def test_effective_spread_from_closes_and_from_ranges() -> None:
    p = points()
    expected, from_ranges = [math.nan] * len(p["close"]), 0
    for t in range(60, len(expected)):
        if not quoted(t, 60):
            continue
        mids = [(p["bid"][i] + p["ask"][i]) / 2 for i in range(t - 59, t + 1)]
        closes = p["close"][t - 59 : t + 1]
        expected[t] = 200 * abs(closes[-1] - mids[-1]) / mids[-1]
        if closes == mids:
            expected[t] = 100 * float(np.mean([estimate(i) for i in range(t - 59, t + 1)]))
            from_ranges += 1
    assert from_ranges > 150
    expect("effective", expected, rtol=1e-8, atol=1e-12)


def test_roll_cost() -> None:
    index, t_end = domain().index.close, len(domain())
    changes = np.diff(index)
    expected = [math.nan] * t_end
    for t in range(61, t_end):
        x, y = changes[t - 60 : t], changes[t - 61 : t - 1]
        if quoted(t, 1):
            expected[t] = 2 * math.sqrt(max(-float(np.cov(x, y)[0, 1]), 0.0))
    expect("roll", expected, rtol=1e-7, atol=1e-10)


def test_order_flow_toxicity() -> None:
    side, volume = sides(), frame()["volume"].to_list()
    expected = [math.nan] * len(side)
    for t in range(59, len(side)):
        rows = range(t - 59, t + 1)
        total = sum(volume[i] for i in rows)
        if total and quoted(t, 60):
            expected[t] = abs(sum((side[i] or 0) * volume[i] for i in rows)) / total
    expect("toxicity", expected, rtol=1e-14, atol=1e-15)
    assert math.isnan(expected[995])


def bouncing(spread: float, bars: int) -> tuple[Floats, Floats]:
    """Highest and lowest prices of bars whose trades alternate between bid and ask."""
    rng = np.random.default_rng(6)
    value = np.cumsum(rng.normal(size=(bars, 200)).ravel()).reshape(bars, 200) * 1e-5
    logs = value + spread / 2 * rng.choice([-1.0, 1.0], value.shape)
    return 100 * np.exp(logs.max(axis=1)), 100 * np.exp(logs.min(axis=1))


def test_ranges_tell_a_spread_that_is_known() -> None:
    high, low = bouncing(1e-3, 4000)
    out = np.empty(4000)
    corwin_schultz(high, low, out)
    assert float(out[1:].mean()) == pytest.approx(1e-3, rel=0.05)


def test_roll_finds_the_spread_of_a_bouncing_price() -> None:
    bars = random_walk_bars("eurusd", "2019-01-29", 2, seed=4, gaps=False)
    bounce = np.random.default_rng(7).choice([-5e-4, 5e-4], len(bars))
    price = pl.Series(1.1 + bounce)
    quotes = {"bid_close": price - 5e-4, "ask_close": price + 5e-4}
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    d = slow.domains_of(bars.with_columns(**prices, **quotes))["bqx"]
    found = Spread().compute_fixed(d)["roll"][61:] / d.index.close[61:] * 1.1
    assert float(np.median(found)) == pytest.approx(1e-3, rel=0.05)


def test_depth_is_declared_and_never_made() -> None:
    declared = {c.name for c in Spread.declared("bqx")}
    made = {c.name for c in Spread.columns("bqx")}
    assert len(declared) == 20
    assert declared - made == {"bid_depth", "ask_depth", "depth_imbalance"}
    assert registry().table("spread_bqx").memory == 119


def test_without_quotes_everything_is_null() -> None:
    bars = random_walk_bars("eurusd", "2019-01-29", 0.2, seed=4)
    found = compute("spread_bqx", bars, pair="eurusd")
    assert found.drop("ts_utc").null_count().sum_horizontal()[0] == 17 * len(found)

"""Round trips against products over all orders of currencies, and trips that are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import references_currencies as slow
from bqx import compute
from bqx.families.arbitrage import EXTRA_COST, THRESHOLD, Arbitrage
from bqx.features.family import Columns
from bqx.market import CURRENCIES, PAIRS
from references import Floats

Quoted = Mapping[str, tuple[float, float]]

LACKING = range(100, 120)
"""Rows in which a pair's bars have no quotes."""


@cache
def market() -> dict[str, pl.DataFrame]:
    """A gappy market at prices that agree but for noise; some quotes are missing."""
    frames = dict(slow.frames())
    levels = {c: 1.1**k for k, c in enumerate(CURRENCIES)}
    prices = [c for c in frames[slow.PAIR].columns if c not in {"ts_utc", "volume"}]
    for pair, frame in frames.items():
        first = frame["close"][0]
        factor = levels[pair[3:]] / levels[pair[:3]] / first
        frames[pair] = frame.with_columns(pl.col(prices).cast(pl.Float64) * factor)
    row = pl.int_range(pl.len())
    lacking = row.is_between(LACKING[0], LACKING[-1])
    frames["gbpusd"] = frames["gbpusd"].with_columns(pl.when(~lacking).then(pl.col("ask_close")))
    return frames


def change(quotes: Quoted, give: str, take: str) -> float:
    """Units of one currency for a unit of another; NaN where nobody quotes it."""
    if give + take in quotes:
        return quotes[give + take][0]
    return 1.0 / quotes[take + give][1] if take + give in quotes else math.nan


def trips(quotes: Quoted, pair: str) -> tuple[float, float]:
    """Gain of the best trip in each direction; NaN where there is none."""
    base, quote = pair[:3], pair[3:]
    forward, backward = [], []
    for bridge in CURRENCIES:
        if bridge in (base, quote):
            continue
        around = [base, quote, bridge, base]
        legs = list(pairwise(around))
        there = math.prod(change(quotes, a, b) for a, b in legs)
        back = math.prod(change(quotes, b, a) for a, b in legs)
        if not math.isnan(there + back):
            forward.append(there)
            backward.append(back)
    if not forward:
        return math.nan, math.nan
    return max(forward) - 1.0, max(backward) - 1.0


@cache
def quoted(pair: str) -> list[Quoted]:
    """The quotes that count in each row of a pair."""
    bids, asks = (slow.laid(market(), side, pair) for side in ("bid_close", "ask_close"))
    rows = len(bids[pair].values)
    found: list[Quoted] = []
    for t in range(rows):
        now = {p: (bids[p].at(t), asks[p].at(t)) for p in PAIRS}
        both = {p: (b, a) for p, (b, a) in now.items() if b and a}
        found.append({p: (b, a) for p, (b, a) in both.items() if not math.isnan(b + a)})
    return found


def computed(frames: slow.Frames, pair: str) -> Columns:
    return Arbitrage().compute_fixed(slow.domain(frames, pair))


@pytest.mark.parametrize("pair", ["eurusd", "gbpusd", "nzdjpy", "cadchf"])
def test_trips_of_all_orders(pair: str) -> None:
    best = [trips(quotes, pair) for quotes in quoted(pair)]
    forward, backward = (100 * np.array(side) for side in zip(*best, strict=True))
    expected = np.maximum(forward, backward)
    found = computed(market(), pair)
    assert np.isnan(expected).sum() > 20
    np.testing.assert_allclose(found["greatest"], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["profit"], expected - EXTRA_COST, rtol=0, atol=1e-12)
    sure = np.abs(forward - backward) > 1e-9
    assert np.array_equal(found["direction"][sure], np.sign(forward - backward)[sure])
    known = ~np.isnan(expected)
    above = expected - EXTRA_COST > THRESHOLD
    assert np.array_equal(found["opportunity"][known] == 1.0, above[known])
    assert np.isnan(found["opportunity"][~known]).all()


def test_prices_that_agree_lose_the_spreads() -> None:
    found = computed(slow.consistent(), "eurusd")
    # Three half spreads of 1e-5 are paid in each direction.
    np.testing.assert_allclose(found["profit"], -3e-3, rtol=1e-4)
    assert (found["opportunity"] == 0.0).all()


def cheap(pair: str, factor: float) -> dict[str, pl.DataFrame]:
    """Agreeing prices but for one pair."""
    frames = slow.consistent()
    prices = [c for c in frames[pair].columns if c != "ts_utc"]
    frames[pair] = frames[pair].with_columns(pl.col(prices) * factor)
    return frames


@pytest.mark.parametrize(
    ("pair", "direction"),
    [("eurgbp", -1.0), ("eurusd", 1.0), ("gbpusd", -1.0), ("usdjpy", 0.0)],
)
def test_a_cheap_pair_is_bought(pair: str, direction: float) -> None:
    """EUR is cheap in GBP: it is bought there, and sold for USD, which buys GBP."""
    found = computed(cheap("eurgbp", 0.99), pair)
    profit = found["profit"]
    if direction:
        np.testing.assert_allclose(profit, 100 * (1 / 0.99 - 1), atol=4e-3)
        assert (found["direction"] == direction).all()
        assert (found["opportunity"] == 1.0).all()
    else:
        assert float(profit.max()) < 0.0


def test_a_trip_by_hand() -> None:
    quotes: Quoted = {"eurusd": (1.10, 1.11), "gbpusd": (1.30, 1.31), "eurgbp": (0.84, 0.85)}
    # A dollar is worth 1/1.31 GBP, and a pound 1/0.85 EUR: the cross divides, both times.
    there, back = trips(quotes, "eurusd")
    assert there == pytest.approx(1.10 / 1.31 / 0.85 - 1, abs=1e-15)
    assert back == pytest.approx(0.84 * 1.30 / 1.11 - 1, abs=1e-15)
    frames = {}
    for pair, (bid, ask) in quotes.items():
        columns = {"bid_close": bid, "bid_low": bid, "ask_close": ask, "ask_high": ask}
        flat = slow.consistent(20)[pair].with_columns(
            **{name: pl.lit(value) for name, value in columns.items()}
        )
        frames[pair] = flat
    found = computed(frames, "eurusd")
    np.testing.assert_allclose(found["profit"], 100 * max(there, back), atol=1e-13)
    assert (found["direction"] == np.sign(there - back)).all()


def is_null(values: pl.Series) -> Floats:
    return np.asarray(values.is_null().to_numpy(), np.float64)


def test_without_quotes_or_other_pairs_everything_is_null() -> None:
    frames = slow.consistent(60)
    bare = {p: f.select("ts_utc", "open", "high", "low", "close") for p, f in frames.items()}
    others = {p: f for p, f in bare.items() if p != "eurusd"}
    for bars, peers in ((frames["eurusd"], {}), (bare["eurusd"], others)):
        found = compute("arbitrage", bars, pair="eurusd", peers=peers)
        assert found.drop("ts_utc").null_count().row(0) == (60,) * 4
    whole = compute("arbitrage", frames["eurusd"], pair="eurusd", peers=frames)
    assert is_null(whole["arbitrage_profit_pct"]).sum() == 0

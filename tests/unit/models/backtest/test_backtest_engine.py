"""Fills, exits and closures, against hand-made cases and a slow second engine."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from backtests import at, market_of, quoted, random_market, random_signals, simple_trades
from bqx.errors import ConfigError
from bqx.models.backtest.costs import Costs
from bqx.models.backtest.market import Market
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.running import Account, backtest
from bqx.models.backtest.signals import PairSignals, Signals
from bqx.models.backtest.sizing import Sizing
from gridwalks import row_at

RAMP = 1.0 + 0.001 * np.arange(40.0)
FREE = Costs(free=True)


def trades(market: Market, signals: Signals, **rules: object) -> pl.DataFrame:
    account = Account(trials=1, rules=Rules(**rules), costs=FREE, draws=5)  # type: ignore[arg-type]
    return backtest(market, signals, account).trades


def rows(market: Market, log: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    """Columns of a log, rows counted from the first bar."""
    first = int(market.pairs["eurusd"].rows[0])
    shifted = [pl.col(c) - first if c.endswith("_row") else pl.col(c) for c in columns]
    return log.select(shifted).rows()


def test_a_decision_fills_at_the_next_open_and_ends_after_the_horizon() -> None:
    market = market_of(RAMP)
    log = trades(market, at(market, {5: 1.0}, 3))
    names = ("decision_row", "entry_row", "exit_row", "reason", "bars", "side")
    assert rows(market, log, *names) == [(5, 6, 9, "time", 3, 1)]
    # Bars open at the close before them.
    assert log["entry_price"][0] == RAMP[5]
    assert log["exit_price"][0] == RAMP[8]
    assert log["gross"][0] == pytest.approx(10_000.0 * (RAMP[8] / RAMP[5] - 1.0), rel=1e-12)


def test_missing_minutes_fill_later_and_orders_lapse() -> None:
    market = market_of(RAMP, missing=(6, 7, 9, 10))
    log = trades(market, at(market, {5: -1.0}, 4))
    # The order waits for row 8; its time ends with row 9, and the next bar is row 11.
    assert rows(market, log, "entry_row", "exit_row", "side") == [(8, 11, -1)]
    gap = market_of(RAMP, missing=tuple(range(6, 12)))
    assert len(trades(gap, at(gap, {5: 1.0}, 30))) == 0
    assert len(trades(gap, at(gap, {5: 1.0}, 30), patience=7)) == 1


def test_signals_renew_reverse_and_without_renewal_follow_each_other() -> None:
    market = market_of(RAMP)
    signals = at(market, {5: 1.0, 7: 1.0, 9: -1.0, 10: 0.0}, 3)
    log = trades(market, signals)
    assert rows(market, log, "entry_row", "exit_row", "side", "reason") == [
        (6, 10, 1, "opposite"),
        (10, 13, -1, "time"),
    ]
    steady = at(market, dict.fromkeys(range(5, 12), 1.0), 3)
    assert rows(market, trades(market, steady), "entry_row", "exit_row") == [(6, 15)]
    apart = trades(market, steady, renew=False)
    assert rows(market, apart, "entry_row", "exit_row") == [(6, 9), (9, 12), (12, 15)]


def test_stop_counts_before_take_profit_and_gaps_fill_at_the_open() -> None:
    closes = np.array([1.0, 1.0, 1.0, 1.0, 1.03, 1.0, 0.9, 0.9])
    market = market_of(closes)
    signals = at(market, {1: 1.0}, 20)
    hit = trades(market, signals, take_profit=0.02, stop=0.5)
    assert rows(market, hit, "exit_row", "exit_price", "reason") == [(4, 1.02, "take_profit")]
    bars = market.pairs["eurusd"]
    bars.low[4] = 0.9
    both = trades(market, signals, take_profit=0.02, stop=0.05)
    assert rows(market, both, "exit_row", "exit_price", "reason") == [(4, 0.95, "stop")]
    gap = market_of(closes)
    gap.pairs["eurusd"].open[3] = gap.pairs["eurusd"].low[3] = 0.8
    worse = trades(gap, signals, stop=0.05)
    assert rows(gap, worse, "exit_row", "exit_price", "reason") == [(3, 0.8, "stop")]
    short = trades(gap, at(gap, {1: -1.0}, 20), take_profit=0.05)
    assert rows(gap, short, "exit_row", "exit_price", "reason") == [(3, 0.8, "take_profit")]


def test_nothing_is_opened_across_a_closure_and_positions_may_end_before_it() -> None:
    closes = 1.0 + 0.001 * np.arange(60.0)
    # The week ends at 22:00 UTC on Friday: the last minute is row 29.
    market = market_of(closes, start="2019-01-11T21:30")
    left = at(market, {29: 1.0}, 5)
    assert len(trades(market, left)) == 0
    held = at(market, {20: 1.0}, 20)
    assert rows(market, trades(market, held), "exit_row", "reason") == [(41, "time")]
    flat = trades(market, held, before_close=4)
    assert rows(market, flat, "exit_row", "reason") == [(26, "closure")]
    unseen = market_of(closes, start="2019-01-11T21:30", missing=tuple(range(25, 30)))
    late = trades(unseen, held, before_close=4)
    assert rows(unseen, late, "exit_row", "reason") == [(30, "closure")]
    assert len(trades(market, at(market, {26: 1.0}, 20), before_close=4)) == 0


def test_a_position_that_outlives_the_bars_ends_at_the_last_close() -> None:
    market = market_of(RAMP)
    log = trades(market, at(market, {35: 1.0}, 30))
    assert rows(market, log, "exit_row", "exit_price", "reason") == [(39, RAMP[39], "end")]


RULES = (
    Rules(),
    Rules(threshold=0.5, stop=0.0004, take_profit=0.0003, max_positions=2),
    Rules(renew=False, hold=4, patience=2, before_close=30, probability=0.6),
    Rules(stop=0.0002, max_positions=1, hold=40, before_close=1),
)


@pytest.mark.parametrize("number", range(len(RULES)))
def test_the_engine_agrees_with_a_slow_one(number: int) -> None:
    market = random_market(("eurusd", "gbpusd", "usdjpy"), "2019-01-11T12:00", 3.5, number)
    signals = random_signals(market, 9, number)
    account = Account(trials=1, rules=RULES[number], costs=FREE, draws=5)
    log = backtest(market, signals, account).trades
    names = (
        "pair", "side", "decision_row", "entry_row", "exit_row",
        "entry_price", "exit_price", "reason",
    )  # fmt: skip
    expected = simple_trades(market, signals, RULES[number])
    assert len(expected) > 100
    assert log.select(names).rows() == expected


def test_pairs_without_bars_or_costs_are_refused() -> None:
    market = market_of(RAMP)
    signals = at(market, {5: 1.0}, 3)
    with pytest.raises(ConfigError, match="its cost is not known"):
        backtest(market, signals, Account(trials=1))
    assert len(backtest(quoted(market, 0.0002), signals, Account(trials=1)).trades) == 1
    other = Signals({"gbpusd": signals.pairs["eurusd"]}, 3)
    with pytest.raises(ConfigError, match="gbpusd without bars"):
        backtest(market, other, Account(trials=1, costs=FREE))
    with pytest.raises(ConfigError, match="without probabilities"):
        trades(market, signals, probability=0.6)


def test_sizes_are_known_at_the_decision() -> None:
    rng = np.random.default_rng(1)
    market = market_of(np.exp(np.cumsum(rng.normal(0.0, 1e-4, 400))))
    signals = at(market, {300: 1.0, 310: 0.5}, 5)
    part = signals.pairs["eurusd"]
    vol = market.volatility("eurusd", part.rows)
    assert np.array_equal(
        vol, market.until(int(part.rows[1])).volatility("eurusd", part.rows), equal_nan=True
    )
    sizes = Sizing("vol", 0.1).sizes("eurusd", part, vol, Rules(), 5)
    assert sizes == pytest.approx(0.1 / (vol * np.sqrt(7200 * 365.25 / 7)))
    early = at(market, {30: 1.0}, 5)
    assert len(trades_sized(market, early, "vol:0.1")) == 0
    known = PairSignals.of(part.rows, part.move, np.array([0.6, 0.3]))
    kelly = Sizing("kelly", 0.5, most=100.0)
    rules = Rules(take_profit=0.02, stop=0.01)
    # p/l - (1 - p)/w = 0.6/0.01 - 0.4/0.02 = 40; 0.3/0.01 - 0.7/0.02 is negative.
    assert kelly.sizes("eurusd", known, vol, rules, 5) == pytest.approx([20.0, 0.0])
    capped = Sizing("kelly", 0.5, most=3.0).sizes("eurusd", known, vol, rules, 5)
    assert capped.tolist() == [3.0, 0.0]
    with pytest.raises(ConfigError, match="Kelly"):
        kelly.sizes("eurusd", part, vol, rules, 5)


def trades_sized(market: Market, signals: Signals, size: str) -> pl.DataFrame:
    account = Account(trials=1, sizing=Sizing.parse(size), costs=FREE, draws=5)
    return backtest(market, signals, account).trades


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rules(threshold=-1.0),
        lambda: Rules(probability=0.3),
        lambda: Rules(stop=0.0),
        lambda: Rules(patience=0),
        lambda: Sizing.parse("half"),
        lambda: Sizing.parse("most:1"),
        lambda: Sizing.parse("fixed:0"),
        lambda: Costs.parse("eurusd"),
        lambda: Costs.parse("eurusd=6"),
        lambda: Costs.parse("eurusd=1pip", free=True),
        lambda: Costs.parse(commission=-1.0),
        lambda: Account(trials=0),
        lambda: Account(trials=1, capital=0.0),
        lambda: PairSignals.of(np.array([2, 1]), np.ones(2)),
        lambda: PairSignals.of(np.array([1]), np.array([np.nan])),
        lambda: PairSignals.of(np.array([1]), np.ones(1), np.array([1.5])),
        lambda: Signals({}, 3),
    ],
)
def test_numbers_out_of_range_are_refused(make: object) -> None:
    with pytest.raises(ConfigError):
        make()  # type: ignore[operator]


def test_rows_are_those_of_the_calendar() -> None:
    market = random_market(("eurusd",), "2019-01-07", 0.2, 1)
    bars = market.pairs["eurusd"]
    assert bars.rows[0] == row_at("2019-01-07T00:00")
    assert np.array_equal(market.minute(bars.rows), bars.minutes)

"""The backtest against textbook formulas, exact fractions and statsmodels."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.sandwich_covariance import S_hac_simple

from backtests import market_of, quoted, random_market, random_signals
from bqx.models.backtest.comparison import buy_and_hold, random_entry
from bqx.models.backtest.costs import Cost, Costs
from bqx.models.backtest.daily import daily_profit, drawdown, exposure, total, trading_days
from bqx.models.backtest.recompute import recompute
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.running import Account, backtest, settings
from bqx.models.backtest.sharpe import expected_maximum, probabilistic, sharpe
from bqx.models.backtest.signals import PairSignals, Signals
from bqx.models.backtest.sizing import Sizing

PAIRS = ("eurusd", "gbpusd", "usdjpy")
COSTS = Costs.parse("usdjpy=0.9pip,default=0.6pip", slippage="0.2bp", commission=0.3)


def test_always_long_for_one_bar_earns_the_open_to_open_returns() -> None:
    rng = np.random.default_rng(3)
    market = market_of(np.exp(np.cumsum(rng.normal(0.0, 1e-4, 3000))))
    bars = market.pairs["eurusd"]
    every = Signals({"eurusd": PairSignals.of(bars.rows[:-2], np.ones(len(bars) - 2))}, 1)
    account = Account(trials=1, rules=Rules(renew=False), costs=Costs(free=True), draws=5)
    made = backtest(market, every, account)
    returns = bars.open[2:] / bars.open[1:-1] - 1.0
    assert len(made.trades) == len(returns)
    assert made.trades["gross"].to_numpy() == pytest.approx(1e4 * returns, rel=1e-12, abs=1e-9)
    assert made.measures.net == pytest.approx(1e4 * returns.sum(), rel=1e-11)
    assert made.measures.win_rate == np.mean(returns > 0.0)
    assert made.measures.mean_bars == 1.0
    paid = backtest(market, every, replace(account, costs=Costs(default=Cost(1.0, "bp"))))
    # Half a basis point of each of the two prices.
    halves = 0.5e-4 * (1.0 + bars.open[2:] / bars.open[1:-1])
    assert paid.measures.spread_cost == pytest.approx(1e4 * halves.sum(), rel=1e-12)


def test_quoted_spread_is_paid_by_halves() -> None:
    market = quoted(market_of(np.full(50, 1.25)), 0.0004)
    rows = market.pairs["eurusd"].rows
    signals = Signals({"eurusd": PairSignals.of(rows[5:6], np.ones(1))}, 3)
    made = backtest(market, signals, Account(trials=1, draws=5))
    assert made.measures.gross == 0.0
    assert made.measures.net == pytest.approx(-10_000.0 * 0.0004 / 1.25, rel=1e-12)


@pytest.mark.parametrize("size", ["fixed:0.3", "vol:0.1", "kelly:0.01"])
def test_the_log_recomputes_exactly(size: str) -> None:
    market = random_market(PAIRS, "2019-01-09", 6, 2)
    rules = Rules(threshold=0.3, stop=0.0005, take_profit=0.0007, max_positions=2)
    account = Account(trials=7, rules=rules, sizing=Sizing.parse(size), costs=COSTS, draws=20)
    made = backtest(market, random_signals(market, 12, 5), account)
    assert made.checked.passed
    assert made.checked.worst <= 1e-12
    nets = [exact_net(trade) for trade in made.trades.iter_rows(named=True)]
    assert len(nets) > 300
    size_of = made.trades["gross"].abs() + made.trades["spread_cost"]
    deviation = np.abs(made.trades["net"].to_numpy() - [float(n) for n in nets])
    assert np.all(deviation <= 1e-12 * size_of.to_numpy())
    assert made.measures.net == pytest.approx(float(sum(nets)), rel=1e-12)
    assert sum(made.measures.pairs.values()) == pytest.approx(made.measures.net, rel=1e-12)


def exact_net(trade: dict[str, object]) -> Fraction:
    """Net profit in exact arithmetic, from the prices really paid and received."""
    get = {k: Fraction(v) for k, v in trade.items() if isinstance(v, int | float)}
    units = get["notional"] / get["entry_price"]
    fills = [
        get[f"{part}_half_spread"] + get[f"{part}_slippage"]
        + get[f"{part}_price"] * Fraction(COSTS.commission * 1e-4)
        for part in ("entry", "exit")
    ]  # fmt: skip
    return units * (get["side"] * (get["exit_price"] - get["entry_price"]) - sum(fills))


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("net", 1e-9), ("gross", 1e-6), ("exit_price", 1e-7), ("entry_price", 1e-7),
        ("exit_row", 1), ("entry_row", -1), ("decision_row", -1), ("spread_cost", 1e-8),
        ("commission", 1e-8), ("exit_half_spread", 1e-9), ("entry_slippage", 1e-9),
        ("due_row", -9), ("notional", 1e-6), ("bars", 1),
    ],
)  # fmt: skip
def test_a_changed_log_does_not_recompute(column: str, change: float) -> None:
    market = random_market(("eurusd",), "2019-01-09", 2, 2)
    account = Account(trials=1, rules=Rules(stop=0.0005), costs=COSTS, draws=5)
    made = backtest(market, random_signals(market, 12, 5, share=0.05), account)
    assert recompute(made.trades, settings(account), market).passed
    at = made.trades["reason"].to_list().index("time")
    other = made.trades.with_row_index().with_columns(
        pl.when(pl.col("index") == at).then(pl.col(column) + change).otherwise(column).alias(column)
    )
    assert not recompute(other.drop("index"), settings(account), market).passed


def test_a_changed_reason_does_not_recompute() -> None:
    market = random_market(("eurusd",), "2019-01-09", 3, 2)
    account = Account(trials=1, rules=Rules(stop=0.0002), costs=COSTS, draws=5)
    made = backtest(market, random_signals(market, 12, 5, share=0.05), account)
    for before, after in (("stop", "time"), ("time", "stop"), ("stop", "end")):
        other = made.trades.with_columns(pl.col("reason").replace(before, after))
        found = recompute(other, settings(account), market)
        assert found.failures == made.trades["reason"].to_list().count(before)


def test_days_sum_to_the_log_and_are_marked_at_their_end() -> None:
    market = random_market(PAIRS[:2], "2019-01-08", 6, 4)
    rules = Rules(hold=900, renew=False)
    made = backtest(
        market, random_signals(market, 900, 3, share=0.01), Account(trials=1, rules=rules,
        costs=COSTS, draws=5),
    )  # fmt: skip
    rows = int(made.trades["decision_row"].min()), int(made.trades["exit_row"].max()) + 1  # type: ignore[arg-type]
    days = trading_days(market, rows)
    daily = daily_profit(market, made.trades, days)
    for pair in PAIRS[:2]:
        mine = made.trades.filter(pl.col("pair") == pair)
        assert daily[pair].sum() == pytest.approx(mine["net"].sum(), rel=1e-10)
    # One trade over two ends of a day: marked at the last closes before 22:00 UTC.
    bars = market.pairs["eurusd"]
    first, last = 300, 2500
    log = one_trade(bars.rows[[first, last]], bars.open[[first, last]])
    ends = [k for k in range(first, last) if bars.minutes[k] // 60 % 24 == 21]
    marks = [k for k in ends if bars.minutes[k + 1] // 60 % 24 != 21]
    prices = [bars.open[first], *(bars.close[k] for k in marks), bars.open[last]]
    out = daily_profit(market, log, days)["eurusd"]
    assert out[out != 0.0] == pytest.approx(1e4 / bars.open[first] * np.diff(prices), rel=1e-10)
    share, mean = exposure(log, rows)
    assert share == pytest.approx((bars.rows[last] - bars.rows[first]) / (rows[1] - rows[0]))
    assert mean == pytest.approx(1e4 * share)


def one_trade(rows: NDArray[np.int64], prices: NDArray[np.float64]) -> pl.DataFrame:
    """A log of one purchase without costs."""
    (begin, end), (bought, sold) = rows.tolist(), prices.tolist()
    nothing = {
        f"{part}_{cost}": [0.0]
        for part in ("entry", "exit")
        for cost in ("half_spread", "slippage")
    }
    gross = [1e4 * (sold - bought) / bought]
    return pl.DataFrame(
        {
            "pair": ["eurusd"], "side": [1], "entry_row": [begin], "exit_row": [end],
            "entry_price": [bought], "exit_price": [sold], "notional": [1e4],
            "gross": gross, "net": gross, **nothing,
        }
    )  # fmt: skip


def test_sharpe_ratios_are_those_of_the_papers() -> None:
    rng = np.random.default_rng(0)
    returns = 0.001 + 0.01 * rng.standard_t(5, 750)
    for t in range(1, 750):
        returns[t] += 0.3 * returns[t - 1]
    found = sharpe(returns, 10, lag=6)
    daily = returns.mean() / returns.std(ddof=1)
    centred = returns - returns.mean()
    rho = [centred[k:] @ centred[:-k] / (centred @ centred) for k in range(1, 7)]
    factor = 260 / math.sqrt(260 + 2 * sum((260 - k) * r for k, r in enumerate(rho, 1)))
    assert found.daily == pytest.approx(daily)
    assert found.plain == pytest.approx(daily * math.sqrt(260))
    assert found.annual == pytest.approx(daily * factor)
    assert factor < math.sqrt(260)
    # The delta method on mean and variance with statsmodels' covariance of their moments.
    sd = returns.std()
    moments = np.column_stack([centred, centred**2 - sd**2])
    covariance = S_hac_simple(moments, nlags=6) / 750**2
    gradient = np.array([1.0 / sd, -daily / (2.0 * sd**2)])
    assert found.error == pytest.approx(
        factor * math.sqrt(gradient @ covariance @ gradient), rel=1e-9
    )
    skew, kurt = stats.skew(returns), stats.kurtosis(returns, fisher=False)
    assert (found.skewness, found.kurtosis) == pytest.approx((skew, kurt))
    spread = math.sqrt(1 - skew * daily + (kurt - 1) / 4 * daily**2)
    assert found.probability == pytest.approx(stats.norm.cdf(daily * math.sqrt(749) / spread))
    assert found.hurdle == pytest.approx(expected_maximum(10, 1 / 749))
    z = (daily - found.hurdle) * math.sqrt(749) / spread
    assert found.deflated == pytest.approx(stats.norm.cdf(z))
    assert sharpe(returns, 1).hurdle == 0.0
    assert math.isnan(sharpe(np.zeros(50), 3).annual)


def test_the_deflated_ratio_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014), their example: 100 trials, 1250 days, 0.9004."""
    ratio, n, skew, kurt = 2.5 / math.sqrt(250), 1250, -3.0, 10.0
    hurdle = expected_maximum(100, 0.5 / 250)
    assert hurdle == pytest.approx(0.1132, abs=5e-5)
    assert probabilistic(ratio, hurdle, n, skew, kurt) == pytest.approx(0.9004, abs=5e-5)


def test_the_expected_maximum_is_one() -> None:
    rng = np.random.default_rng(1)
    best = rng.normal(0.0, 0.1, (40_000, 50)).max(axis=1).mean()
    assert expected_maximum(50, 0.01) == pytest.approx(best, rel=0.02)


def test_drawdown_is_the_slow_one() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        daily = rng.normal(0.0, 0.02, 60)
        equity = [1.0, *(1.0 + np.cumsum(daily))]
        depth = max((equity[a] - equity[b]) / equity[a] for a in range(61) for b in range(a, 61))
        longest, peak = 0, 0
        for k in range(61):
            peak = k if equity[k] >= equity[peak] else peak
            longest = max(longest, k - peak)
        assert drawdown(daily)[0] == pytest.approx(depth)
        assert drawdown(daily)[1] == longest


def test_held_pairs_and_random_times() -> None:
    market = random_market(PAIRS[:2], "2019-01-08", 5, 4)
    signals = random_signals(market, 30, 3, share=0.02)
    account = Account(trials=1, costs=COSTS, draws=300, seed=4)
    made = backtest(market, signals, account)
    rows = signals.extent[0], int(made.trades["exit_row"].max()) + 1  # type: ignore[arg-type]
    held = buy_and_hold(market, rows, trading_days(market, rows), Costs(free=True), 1e5)
    for pair in PAIRS[:2]:
        bars = market.pairs[pair]
        inside = (bars.rows >= rows[0]) & (bars.rows < rows[1])
        grown = bars.close[inside][-1] / bars.open[inside][0] - 1.0
        assert held.pairs[pair] == pytest.approx(0.5e5 * grown, rel=1e-10)
    assert made.random == backtest(market, signals, account).random
    free = random_entry(market, made.trades, rows, Costs(free=True), draws=300)
    paid = random_entry(market, made.trades, rows, COSTS, draws=300)
    costs = made.measures.costs
    assert free.mean - paid.mean == pytest.approx(costs, rel=0.01)
    assert 0.0 < made.random.p_value <= 1.0  # type: ignore[union-attr]
    # Knowing the next minutes beats all random times.
    bars = market.pairs["eurusd"]
    ahead = np.log(bars.close[30:] / bars.close[:-30])
    knowing = Signals({"eurusd": PairSignals.of(bars.rows[:-30], ahead)}, 30)
    best = backtest(market, knowing, replace(account, costs=Costs(free=True)))
    assert best.random is not None
    assert best.random.p_value == pytest.approx(1 / 301)
    days = trading_days(market, (int(bars.rows[0]), int(bars.rows[-1]) + 1))
    earned = total(daily_profit(market, best.trades, days)).sum()
    assert earned == pytest.approx(best.measures.net)

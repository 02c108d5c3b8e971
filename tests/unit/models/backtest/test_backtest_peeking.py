"""Strategies and forecasts that know the future are refused, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from backtests import fake_run, random_market
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError, LeakError
from bqx.models.backtest.costs import Costs
from bqx.models.backtest.market import Market
from bqx.models.backtest.peeking import signals_of
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.running import Account, backtest, backtest_strategy
from bqx.models.backtest.runsignals import signals_of_run
from bqx.models.backtest.signals import PairSignals
from bqx.models.backtest.strategies import RowByRow, View
from bqx.models.distributions import normal_cdf

FREE = Account(trials=1, costs=Costs(free=True), draws=5)
Said = Mapping[str, PairSignals]


@pytest.fixture(scope="module")
def market() -> Market:
    return random_market(("eurusd", "gbpusd"), "2019-01-10", 2, 1)


def momentum(market: Market) -> Said:
    """The return of the last ten bars."""
    return {
        pair: PairSignals.of(bars.rows[10:], np.log(bars.close[10:] / bars.close[:-10]) * 1e4)
        for pair, bars in market.pairs.items()
    }


def tomorrow(market: Market) -> Said:
    """Reads the close of the next bar."""
    return {
        pair: PairSignals.of(bars.rows[:-1], np.diff(bars.close) * 1e4)
        for pair, bars in market.pairs.items()
    }


def normalised(market: Market) -> Said:
    """Divides by the standard deviation of all bars, later ones too."""
    said = momentum(market)
    return {n: PairSignals.of(p.rows, p.move / p.move.std()) for n, p in said.items()}


def extreme(market: Market) -> Said:
    """Sells at the highest close of all bars."""
    found = {}
    for pair, bars in market.pairs.items():
        best = int(bars.close.argmax())
        found[pair] = PairSignals.of(bars.rows[best : best + 1], np.array([-1.0]))
    return found


def test_an_honest_strategy_is_traded(market: Market) -> None:
    made = backtest_strategy(market, momentum, 10, FREE)
    assert made.facts["signals from"] == "a strategy; audited"
    assert made.facts["strategy"] == "momentum"
    assert len(made.trades) > 50


@pytest.mark.parametrize("strategy", [tomorrow, normalised, extreme])
def test_a_strategy_that_peeks_is_refused(market: Market, strategy: object) -> None:
    with pytest.raises(LeakError, match=f"strategy {strategy.__name__} peeks"):  # type: ignore[attr-defined]
        backtest_strategy(market, strategy, 10, FREE)  # type: ignore[arg-type]


def test_a_strategy_that_is_drawn_anew_each_time_is_refused(market: Market) -> None:
    rng = np.random.default_rng(1)

    def drawn(market: Market) -> Said:
        rows = market.pairs["eurusd"].rows
        return {"eurusd": PairSignals.of(rows, rng.normal(size=len(rows)))}

    with pytest.raises(ConfigError, match="drawn says something else each time"):
        backtest_strategy(market, drawn, 10, FREE)


def test_a_signal_after_the_last_bar_is_refused(market: Market) -> None:
    def ahead(market: Market) -> Said:
        return {n: PairSignals.of(b.rows + 1, np.ones(len(b))) for n, b in market.pairs.items()}

    with pytest.raises(LeakError, match="after the last bar"):
        backtest_strategy(market, ahead, 10, FREE)


def test_a_strategy_row_by_row_sees_only_what_has_ended(market: Market) -> None:
    def rising(view: View) -> dict[str, tuple[float, float]]:
        known = view.bars("eurusd", 5)
        assert len(known) <= 5
        assert not len(known) or known.rows[-1] <= view.row
        assert known.close.base is None
        before = view.close("eurusd", view.row - 20)
        if np.isnan(before):
            return {}
        return {"eurusd": (view.close("eurusd", view.row) - before, 0.5)}

    def peeking(view: View) -> dict[str, tuple[float, float]]:
        return {"eurusd": (view.close("eurusd", view.row + 1), 0.5)}

    strategy = RowByRow(rising, every=7)
    signals = signals_of(strategy, market, 10, samples=3)
    assert strategy.name == "rising"
    assert set(signals.pairs) == {"eurusd"}
    assert np.all(signals.pairs["eurusd"].rows % 7 == 0)
    assert len(backtest(market, signals, FREE).trades) > 20
    with pytest.raises(LeakError, match="strategy peeking asks at row"):
        signals_of(RowByRow(peeking, every=7), market, 10)


def test_a_surprise_above_0_sells(market: Market) -> None:
    """BQX is positive where the price has fallen."""
    run = fake_run(market, 0.0)
    signals = signals_of_run(run, "60:15:innovation")
    part = signals.pairs["eurusd"]
    assert part.move == pytest.approx(-0.5)
    assert part.rise == pytest.approx(0.3)
    assert signals.horizon == 15
    assert signals.facts["forecasts without a scale"] == 2 * 28
    made = backtest(market, signals, replace(FREE, rules=Rules(threshold=0.4, probability=0.65)))
    assert set(made.trades["side"]) == {-1}
    assert made.facts["signals from"] == "a walk-forward run; folds checked"
    assert not len(backtest(market, signals, replace(FREE, rules=Rules(threshold=0.6))).trades)
    # By the definition: what falls later has a higher BQX later than what does not.
    closes = np.concatenate((np.full(60, 1.0), np.linspace(1.0, 0.99, 15)))
    backward = np.sum(closes[-61:-1] - closes[-1]) / closes[-1]
    assert backward > np.sum(closes[:60] - 1.0)


def test_the_probability_of_a_level_is_that_of_its_surprise(market: Market) -> None:
    run = fake_run(market, 0.002, surprise=0.5)
    rise = signals_of_run(run, "60:15:level").pairs["gbpusd"].rise
    # The quantiles -0.5, 0.5 and 1.5 lie on lines of the normal scale: 0 is half way.
    z = -1.2815515655446004 / 2.0
    assert rise == pytest.approx(float(normal_cdf(np.array([z]))[0]))
    low = signals_of_run(fake_run(market, 0.002, surprise=3.0), "60:15:level")
    assert low.pairs["eurusd"].rise == pytest.approx(
        float(normal_cdf(np.array([-3.0 * 1.2815515655446004]))[0])
    )
    bare = fake_run(market, 0.002)
    bare.frames = {n: f.drop("q10", "q50", "q90") for n, f in bare.frames.items()}
    assert np.isnan(signals_of_run(bare, "60:15:level").pairs["eurusd"].rise).all()


def test_no_surprise_is_no_trade(market: Market) -> None:
    signals = signals_of_run(fake_run(market, 0.002, surprise=0.0), "60:15:level")
    made = backtest(market, signals, FREE)
    assert len(made.trades) == 0
    assert made.measures.net == 0.0
    assert made.random is None
    assert "trades         0\n" in made.to_text()


def test_forecasts_that_knew_their_answer_are_refused(market: Market) -> None:
    run = fake_run(market, 0.0)
    first, test = run.folds[0].train.first, run.folds[0].test
    everything = replace(run, seen=Ranges.of((first, test.stop)))
    with pytest.raises(LeakError, match="model is fitted on"):
        signals_of_run(everything, "60:15:innovation")
    swapped = tuple(replace(f, number=3 - f.number) for f in run.folds)
    with pytest.raises(LeakError, match="outside of the test rows of fold"):
        signals_of_run(replace(run, folds=swapped), "60:15:innovation")
    later = replace(
        run.folds[0], train=Ranges.of((first, first + 700), (first + 2000, first + 2200))
    )
    with pytest.raises(LeakError, match="after the test has begun"):
        signals_of_run(replace(run, folds=(later, run.folds[1])), "60:15:innovation")
    twice = {n: pl.concat([f, f.tail(1)]) for n, f in run.frames.items()}
    with pytest.raises(LeakError, match="several forecasts"):
        signals_of_run(replace(run, frames=twice), "60:15:innovation")
    with pytest.raises(ConfigError, match="direction"):
        signals_of_run(run, "60:15:direction")

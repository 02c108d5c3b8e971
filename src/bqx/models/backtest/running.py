"""Backtests from beginning to end: signals, fills, log, measures, comparison, recomputation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError
from bqx.market import moment_of
from bqx.models.backtest.comparison import (
    DRAWS,
    Held,
    RandomEntry,
    buy_and_hold,
    random_entry,
)
from bqx.models.backtest.costs import Costs
from bqx.models.backtest.daily import trading_days
from bqx.models.backtest.engine import trade
from bqx.models.backtest.market import Market, load_market, require_pairs
from bqx.models.backtest.measures import measure
from bqx.models.backtest.peeking import SAMPLES, signals_of
from bqx.models.backtest.recompute import recompute
from bqx.models.backtest.report import Backtest
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.runsignals import ForecastRun, signals_of_run
from bqx.models.backtest.signals import Signals
from bqx.models.backtest.sizing import Sizing
from bqx.models.backtest.strategies import Strategy
from bqx.models.backtest.tape import make_orders, make_tape
from bqx.models.backtest.trades import Traded, trade_log
from bqx.store.base import BaseStore


@dataclass(frozen=True, kw_only=True)
class Account:
    """With what and how is traded.

    Attributes:
        rules: Entries and exits.
        sizing: Sizes of positions, as fractions of the capital.
        costs: Costs of fills; None is an error unless every bar has quotes.
        capital: Starting capital in the account's currency; sizes are fractions of it throughout.
        trials: Strategies that were tried, this one included; there is no default.
        trial_variance: Variance of the daily Sharpe ratios of the trials, where it is known.
        draws: Draws of random entries.
        seed: Of the draws.

    Raises:
        ConfigError: If the capital is not above 0, or there are no draws or trials.
    """

    trials: int
    rules: Rules = field(default_factory=Rules)
    sizing: Sizing = field(default_factory=Sizing)
    costs: Costs = field(default_factory=Costs)
    capital: float = 100_000.0
    trial_variance: float | None = None
    draws: int = DRAWS
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not (0.0 < self.capital < float("inf")) or self.trials < 1 or self.draws < 1:
            raise ConfigError(
                f"a capital of {self.capital!r}, {self.trials} trials, {self.draws} draws",
                expected="a capital above 0, and at least one of each",
            )


def backtest(market: Market, signals: Signals, account: Account) -> Backtest:
    """Trade signals on bars.

    Args:
        market: The bars.
        signals: The signals. Those of an unknown origin are traded, and the report says that nobody
            vouches for them; see `backtest_strategy` and `backtest_run`.
        account: Rules, sizes, costs, capital.

    Returns:
        The trade log and its measures.

    Raises:
        ConfigError: If a pair has no bars, its cost is not known, or probabilities are needed and
            not known.
        PostConditionError: If the log does not recompute from bars.
    """
    names = tuple(name for name, part in signals.pairs.items() if len(part))
    require_pairs(market, names)
    traded = Market({name: market.pairs[name] for name in names}, market.calendar, market.synthetic)
    asked = replace(signals, pairs={name: signals.pairs[name] for name in names})
    for name in names:
        account.costs.half_spread(name, traded.pairs[name])
    log, counted = _traded(traded, asked, account)
    checked = recompute(log, settings(account), traded)
    checked.require()
    rows = _period(signals, log, account.rules)
    facts = {**_facts(traded, signals, account, rows), **counted}
    held, drawn = _compared(traded, log, rows, account)
    measures = measure(
        traded,
        log,
        rows,
        account.capital,
        trials=account.trials,
        trial_variance=account.trial_variance,
    )
    return Backtest(log, measures, held, drawn, checked, facts, settings(account))


def _traded(
    market: Market, signals: Signals, account: Account
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The trade log, and what became of signals and orders."""
    names = tuple(signals.pairs)
    tape = make_tape(market, names)
    orders, first, sizes = make_orders(market, signals, account.rules, account.sizing)
    fills, lapsed = trade(tape, orders, first, account.rules, signals.horizon)
    done = Traded(market, signals, names, tape, orders, fills)
    counted = {
        "signals that count": int(np.count_nonzero(orders["side"])),
        "orders that lapsed": ", ".join(f"{name} {count:,}" for name, count in lapsed.items()),
    }
    return trade_log(done, sizes * account.capital, account.costs), counted


def backtest_strategy(
    market: Market, strategy: Strategy, horizon: int, account: Account, *, samples: int = SAMPLES
) -> Backtest:
    """Audit a strategy, and trade its signals.

    Args:
        market: The bars.
        strategy: Makes signals from bars.
        horizon: Rows that a position is held.
        account: Rules, sizes, costs, capital.
        samples: Rows at which the audit takes the future away.

    Raises:
        LeakError: If it peeks.
        ConfigError: As `backtest`.
        PostConditionError: As `backtest`.
    """
    signals = signals_of(strategy, market, horizon, samples=samples, seed=account.seed)
    return backtest(market, signals, account)


def backtest_run(
    run: ForecastRun,
    store: BaseStore,
    target: BQXTarget | str,
    account: Account,
    *,
    pairs: Sequence[str] | None = None,
) -> Backtest:
    """Trade the forecasts of a run on the bars of a store.

    Args:
        run: A walk-forward run.
        store: The store that it was made from.
        target: A target of the run.
        account: Rules, sizes, costs, capital.
        pairs: Pairs; all of the run when None.

    Raises:
        LeakError: If a forecast could not have been made at its time.
        UnknownNameError: If the run or the store lacks a pair or target.
        ConfigError: As `backtest`.
        PostConditionError: As `backtest`.
    """
    signals = signals_of_run(run, target, pairs)
    first, stop = signals.extent
    # Positions of the last signals end a while later; a weekend may lie before the next bar.
    wait = (account.rules.hold or signals.horizon) + 7200
    market = load_market(store, list(signals.pairs), (first, stop + wait))
    synthetic = market.synthetic or run.synthetic
    return backtest(Market(market.pairs, market.calendar, synthetic), signals, account)


def settings(account: Account) -> dict[str, Any]:
    """What a log carries: rules and costs, and how sizes were made."""
    return {
        "rules": account.rules.to_json(),
        "costs": account.costs.to_json(),
        "size": str(account.sizing),
        "capital": account.capital,
    }


def _period(signals: Signals, log: pl.DataFrame, rules: Rules) -> tuple[int, int]:
    """Rows of the backtest: from the first decision until the last position may end."""
    first, stop = signals.extent
    stop += rules.hold or signals.horizon
    return first, max(stop, int(log["exit_row"].to_numpy().max(initial=0)) + 1)


def _compared(
    market: Market, log: pl.DataFrame, rows: tuple[int, int], account: Account
) -> tuple[Held, RandomEntry | None]:
    days = trading_days(market, rows)
    held = buy_and_hold(market, rows, days, account.costs, account.capital)
    if not len(log):
        return held, None
    drawn = random_entry(market, log, rows, account.costs, draws=account.draws, seed=account.seed)
    return held, drawn


def _facts(
    market: Market, signals: Signals, account: Account, rows: tuple[int, int]
) -> dict[str, Any]:
    first, last = (moment_of(m) for m in market.calendar.minutes(*rows)[[0, -1]].tolist())
    vouched = {
        "run": "a walk-forward run; folds checked",
        "strategy": "a strategy; audited",
        "given": "NOT AUDITED: nobody vouches that they know no future",
    }
    return {
        "synthetic": market.synthetic,
        "signals from": vouched[signals.origin],
        **signals.facts,
        "from": f"{first:%Y-%m-%d %H:%M}",
        "to": f"{last:%Y-%m-%d %H:%M}",
        "pairs": list(market.pairs),
        "bars": sum(len(bars) for bars in market.pairs.values()),
        "horizon": signals.horizon,
        "capital": account.capital,
        "size": str(account.sizing),
        "costs": account.costs.to_text(market),
    }

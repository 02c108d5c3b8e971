"""The numbers of a backtest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from bqx.models.backtest.daily import daily_profit, drawdown, exposure, total, trading_days
from bqx.models.backtest.market import Market
from bqx.models.backtest.sharpe import DAYS_A_YEAR, Sharpe, sharpe


@dataclass(frozen=True)
class Measures:
    """What trading came to. Money is in the account's currency; NaN where nothing defines a number.

    Attributes:
        trades: Trades.
        days: Trading days, those without trades included.
        gross: Profit before costs.
        spread_cost: Half spreads paid.
        slippage_cost: Slippage paid.
        commission: Commission paid.
        net: Profit after costs.
        pairs: Net profit by pair.
        returned: Net profit over the capital.
        sharpe: Sharpe ratios of daily net returns on the starting capital.
        drawdown: Greatest fall of the equity from a peak, as a fraction of the peak.
        drawdown_days: Most days below a peak.
        win_rate: Share of trades with a net profit.
        profit_factor: Sum of the net profits over the sum of the net losses of trades.
        mean_bars: Mean number of bars from entry to exit.
        turnover: Traded value, entries and exits, over the capital, per year.
        exposure: Share of rows with a position.
        leverage: Mean of the open notionals over the capital.
        reasons: Trades by the reason of their end.
    """

    trades: int
    days: int
    gross: float
    spread_cost: float
    slippage_cost: float
    commission: float
    net: float
    pairs: Mapping[str, float]
    returned: float
    sharpe: Sharpe
    drawdown: float
    drawdown_days: int
    win_rate: float
    profit_factor: float
    mean_bars: float
    turnover: float
    exposure: float
    leverage: float
    reasons: Mapping[str, int]

    @property
    def costs(self) -> float:
        """All costs paid."""
        return self.spread_cost + self.slippage_cost + self.commission

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN and infinity are None."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def measure(
    market: Market,
    trades: pl.DataFrame,
    rows: tuple[int, int],
    capital: float,
    *,
    trials: int,
    trial_variance: float | None = None,
) -> Measures:
    """Measure a trade log.

    Args:
        market: The bars.
        trades: The log.
        rows: Rows of the backtest, half open.
        capital: Starting capital; returns are on it, without compounding.
        trials: Strategies that were tried; see `sharpe`.
        trial_variance: Variance of their daily ratios, where it is known.

    Raises:
        ConfigError: If there is no trial.
    """
    days = trading_days(market, rows)
    by_pair = daily_profit(market, trades, days)
    returns = total(by_pair) / capital
    net = trades["net"].to_numpy()
    wins, losses = math.fsum(net[net > 0.0]), -math.fsum(net[net < 0.0])
    units = trades["notional"] / trades["entry_price"]
    traded = float((trades["notional"] + units * trades["exit_price"]).sum())
    open_share, mean_notional = exposure(trades, rows)
    depth, longest = drawdown(returns)
    sums = {name: math.fsum(trades[name]) for name in ("gross", "spread_cost", "slippage_cost")}
    return Measures(
        trades=len(trades),
        days=len(days),
        **sums,
        commission=math.fsum(trades["commission"]),
        net=math.fsum(net),
        pairs={pair: math.fsum(trades.filter(pl.col("pair") == pair)["net"]) for pair in by_pair},
        returned=math.fsum(net) / capital,
        sharpe=sharpe(returns, trials, trial_variance=trial_variance),
        drawdown=depth,
        drawdown_days=longest,
        win_rate=float(np.mean(net > 0.0)) if len(net) else math.nan,
        profit_factor=wins / losses if losses > 0.0 else math.nan,
        mean_bars=float(np.mean(trades["bars"].to_numpy())) if len(net) else math.nan,
        turnover=traded / capital * DAYS_A_YEAR / len(days),
        exposure=open_share,
        leverage=mean_notional / capital,
        reasons=dict(sorted(trades["reason"].value_counts().iter_rows())),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value

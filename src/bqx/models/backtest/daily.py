"""Profit by trading day, from 17:00 to 17:00 New York time, positions marked at the day's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.models.backtest.market import Market, PairBars

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ZONE = "America/New_York"


def day_numbers(minutes: Ints) -> NDArray[np.int32]:
    """Days since 1970-01-01 of the trading day of each epoch minute; it is named by its end."""
    times = pl.Series(minutes * 60_000_000).cast(pl.Datetime("us", "UTC"))
    days = times.dt.convert_time_zone(ZONE).dt.offset_by("7h").dt.date()
    return np.asarray(days.to_physical().to_numpy(), np.int32)


def trading_days(market: Market, rows: tuple[int, int]) -> NDArray[np.int32]:
    """The trading days of some rows, half open, whether or not anything is traded on them."""
    return np.unique(day_numbers(market.calendar.minutes(*rows)))


def daily_profit(
    market: Market, trades: pl.DataFrame, days: NDArray[np.int32]
) -> dict[str, Floats]:
    """Net profit of each pair on each day, in the account's currency.

    The cost of a fill falls on the fill's day; what the price does on the day on which it does so:
    a position that is held over the end of a day is marked at the last close before it. The sum
    over all days is the net profit of the log.

    Args:
        market: The bars.
        trades: The trade log.
        days: The days, from `trading_days`, all those of the trades included.

    Returns:
        Shape (days,) for each pair of the market.
    """
    found = {}
    for pair, bars in market.pairs.items():
        mine = trades.filter(pl.col("pair") == pair)
        found[pair] = _of_pair(bars, mine, days) if len(mine) else np.zeros(len(days))
    return found


def _of_pair(bars: PairBars, trades: pl.DataFrame, days: NDArray[np.int32]) -> Floats:
    out = np.zeros(len(days))
    bar_days = day_numbers(bars.minutes)
    ends = np.flatnonzero(np.diff(bar_days))
    column = {name: trades[name].to_numpy() for name in trades.columns if name != "pair"}
    units = column["notional"] / column["entry_price"]
    fees = column["net"] - column["gross"]
    shares = _entry_shares(column)
    for part, share in (("entry", shares), ("exit", 1.0 - shares)):
        at = np.searchsorted(bars.rows, column[f"{part}_row"])
        np.add.at(out, np.searchsorted(days, bar_days[at]), fees * share)
    first, last = (np.searchsorted(bars.rows, column[f"{p}_row"]) for p in ("entry", "exit"))
    low, high = np.searchsorted(ends, first), np.searchsorted(ends, last)
    inside = low == high
    np.add.at(out, np.searchsorted(days, bar_days[first[inside]]), column["gross"][inside])
    for k in np.flatnonzero(~inside):
        marks = ends[low[k] : high[k]]
        prices = np.concatenate(
            ([column["entry_price"][k]], bars.close[marks], [column["exit_price"][k]])
        )
        on = np.searchsorted(days, np.append(bar_days[marks], bar_days[last[k]]))
        np.add.at(out, on, units[k] * column["side"][k] * np.diff(prices))
    return out


def _entry_shares(column: Mapping[str, Floats]) -> Floats:
    """Share of each trade's costs that its entry paid, by spread and slippage; half where none."""
    paid = [column[f"{p}_half_spread"] + column[f"{p}_slippage"] for p in ("entry", "exit")]
    total = paid[0] + paid[1]
    share = np.divide(paid[0], total, out=np.full(len(total), 0.5), where=total > 0.0)
    return np.asarray(share, np.float64)


def drawdown(daily: Floats) -> tuple[float, int]:
    """Greatest fall of the equity from a peak, as a fraction of the peak, and the longest one.

    Args:
        daily: Daily returns on a constant capital; equity is 1 and their running sum.

    Returns:
        The fraction (above 1 when more than the capital is lost), and the greatest number of days
        that the equity stayed below a peak.
    """
    equity = 1.0 + np.concatenate(([0.0], np.cumsum(daily)))
    peak = np.maximum.accumulate(equity)
    below = equity < peak
    counted = np.arange(len(equity)) - np.maximum.accumulate(
        np.where(below, 0, np.arange(len(equity)))
    )
    return float(np.max((peak - equity) / peak)), int(counted.max())


def exposure(trades: pl.DataFrame, rows: tuple[int, int]) -> tuple[float, float]:
    """Share of rows with a position, and the mean of all open notionals over the rows.

    A position is open from the row of its entry up to, and without, the row of its exit; one that
    ends in the row of its entry counts for that row.
    """
    low, high = rows
    change, amount = np.zeros(high - low + 2), np.zeros(high - low + 2)
    start = trades["entry_row"].to_numpy() - low
    stop = np.maximum(trades["exit_row"].to_numpy() - low, start + 1)
    notional = trades["notional"].to_numpy()
    for at, sign in ((start, 1.0), (stop, -1.0)):
        np.add.at(change, at, sign)
        np.add.at(amount, at, sign * notional)
    open_now = np.cumsum(change)[: high - low] > 0.5
    return float(open_now.mean()), float(np.cumsum(amount)[: high - low].mean())


def total(parts: Mapping[str, Floats] | Sequence[Floats]) -> Floats:
    """The sum over pairs, by day."""
    values = list(parts.values()) if isinstance(parts, Mapping) else list(parts)
    return np.asarray(np.sum(values, axis=0), np.float64)

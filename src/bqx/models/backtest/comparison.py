"""What the same market gives without a forecast: held throughout, or entered at random times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.models.backtest.costs import Costs
from bqx.models.backtest.daily import day_numbers, drawdown, total
from bqx.models.backtest.market import Market, PairBars
from bqx.models.backtest.sharpe import DAYS_A_YEAR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 1000


@dataclass(frozen=True)
class Held:
    """Buying every pair at the first bar and selling it at the last, in equal parts of the capital.

    Attributes:
        net: Net profit in the account's currency.
        pairs: The same by pair.
        sharpe: Annual Sharpe ratio of daily returns, taken as independent; NaN without variation.
        drawdown: Greatest fall from a peak, as a fraction of the peak.
    """

    net: float
    pairs: dict[str, float]
    sharpe: float
    drawdown: float


@dataclass(frozen=True)
class RandomEntry:
    """The same trades at random times.

    Attributes:
        draws: How often they were drawn.
        mean: Mean net profit of the draws.
        low: 2.5 % of the draws earn less.
        high: 97.5 % of the draws earn less.
        p_value: Share of draws that earn at least as much as the trades did, the trades counted
            among them: ``(1 + draws at least as good) / (1 + draws)``.
    """

    draws: int
    mean: float
    low: float
    high: float
    p_value: float


def buy_and_hold(
    market: Market,
    rows: tuple[int, int],
    days: NDArray[np.int32],
    costs: Costs,
    capital: float,
) -> Held:
    """The result of holding all pairs over some rows.

    Args:
        market: The bars.
        rows: The rows, half open.
        days: Their trading days.
        costs: Costs, paid once at each end.
        capital: In the account's currency.

    Raises:
        ConfigError: If bars have no quotes and no cost is known.
    """
    found = {}
    share = capital / len(market.pairs)
    for pair, bars in market.pairs.items():
        low, high = np.searchsorted(bars.rows, rows)
        held = bars.take(slice(int(low), int(high)))
        out = np.zeros(len(days))
        if len(held):
            on = np.searchsorted(days, day_numbers(held.minutes))
            moves = np.diff(held.close, prepend=held.open[0])
            paid = costs.half_spread(pair, held) + costs.slip(pair, held.open)
            moves[[0, -1]] -= paid[[0, -1]] + costs.commission * 1e-4 * held.close[[0, -1]]
            np.add.at(out, on, moves * (share / held.open[0]))
        found[pair] = out
    daily = total(found) / capital
    spread = float(np.std(daily, ddof=1)) if len(daily) > 1 else 0.0
    ratio = float(daily.mean()) / spread * np.sqrt(DAYS_A_YEAR) if spread > 0.0 else np.nan
    net = {pair: float(out.sum()) for pair, out in found.items()}
    return Held(sum(net.values()), net, ratio, drawdown(daily)[0])


def random_entry(
    market: Market,
    trades: pl.DataFrame,
    rows: tuple[int, int],
    costs: Costs,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> RandomEntry:
    """The same number of trades, with the same sides, sizes and holding times, at random times.

    A draw moves all trades of all pairs by one random number of rows, round the end of the sample
    and by more than the longest trade (or a quarter of the sample, if that is less):
    trades that overlap, follow each other or stand together in several pairs still do, which times
    drawn one by one would hide. Each begins at the open of the first bar at its new row and ends as
    many bars later, at least one, at the open; what stop and take-profit add is part of what is
    tested. Costs are those of the bars.

    Args:
        market: The bars.
        trades: The trade log.
        rows: Rows from which the times are drawn, half open.
        costs: Costs of fills.
        draws: How many.
        seed: Of the generator.
    """
    span = rows[1] - rows[0]
    # Moved by less than it is held, a trade would share what it earns with itself.
    held = trades["exit_row"].to_numpy() - trades["entry_row"].to_numpy()
    near = min(int(held.max(initial=0)) + 1, span // 4)
    shifts = np.random.default_rng(seed).integers(near, max(span - near, near + 1), draws)
    sums = np.zeros(draws)
    for pair, bars in market.pairs.items():
        mine = trades.filter(pl.col("pair") == pair)
        first, last = np.searchsorted(bars.rows, rows)
        inside = bars.take(slice(int(first), int(last)))
        if len(mine) and len(inside) > 1:
            paid = costs.half_spread(pair, inside) + costs.slip(pair, inside.open)
            paid += costs.commission * 1e-4 * inside.open
            sums += _moved(inside, mine, rows, paid, shifts)
    actual = float(trades["net"].sum())
    low, high = np.quantile(sums, [0.025, 0.975]).tolist()
    better = int(np.count_nonzero(sums >= actual))
    return RandomEntry(draws, float(sums.mean()), low, high, (1 + better) / (1 + draws))


def _moved(
    bars: PairBars, trades: pl.DataFrame, rows: tuple[int, int], paid: Floats, shifts: Ints
) -> Floats:
    """Net profit of a pair's trades, moved by each number of rows; ``paid`` is a fill's cost."""
    once = np.searchsorted(bars.rows, np.arange(*rows))
    bar_at = np.concatenate((once, once))
    length = np.clip(trades["bars"].to_numpy(), 1, len(bars) - 1)
    side, notional = trades["side"].to_numpy().astype(np.float64), trades["notional"].to_numpy()
    begin = trades["entry_row"].to_numpy() - rows[0]
    found = np.empty(len(shifts))
    for draw, shift in enumerate(shifts):
        a = np.minimum(bar_at[begin + shift], len(bars) - 1 - length)
        b = a + length
        moves = side * (bars.open[b] - bars.open[a]) - paid[a] - paid[b]
        found[draw] = notional @ (moves / bars.open[a])
    return found

"""Spread: costs of trading and sides of trades, from bid and ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray, Quotes
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.covariance import covariances_and_correlations
from bqx.kernels.elementwise import change
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.order import percentile_rank
from bqx.kernels.quotes import corwin_schultz, distance, spreads, tick_directions, trade_sides
from bqx.kernels.sums import moving_sum
from bqx.kernels.trend import linear_trend

W = 60
DELAY = 5
"""Rows after a trade at which its gain is measured."""

NO_QUOTES = "a bar of the history has no quotes"
NO_SIDE = f"{NO_QUOTES}, or the close is the mid and that has not changed for 59 rows"
NO_BOOK = "always: no source has the sizes of the order book"


@dataclass(frozen=True)
class _Market:
    """What all columns start from; prices are in their own unit."""

    quotes: Quotes
    mid: FloatArray
    spread: FloatArray
    away: FloatArray
    ticks: FloatArray
    sides: FloatArray


def _market(d: Domain, quotes: Quotes) -> _Market:
    mid = (quotes.bid + quotes.ask) / 2.0
    spread, away, ticks, sides = d.block(4)
    spreads(quotes.bid, quotes.ask, spread)
    distance(d.grid.close, mid, away)
    tick_directions(mid, ticks)
    trade_sides(away, ticks, W, sides)
    return _Market(quotes, mid, spread, away, ticks, sides)


def _known(inputs: FloatArray, values: FloatArray) -> FloatArray:
    """The values, NaN where their inputs are."""
    found: FloatArray = np.where(np.isnan(inputs), np.nan, values)
    return found


def _levels(d: Domain, m: _Market) -> Columns:
    """Statistics of the spread and the mid over 60 rows, in the unit of the rate index."""
    mean, deviation, slope, least, greatest, unused, other, mid_deviation = d.block(8)
    mean_std(m.spread, W, d.first, mean, deviation)
    linear_trend(m.spread, W, d.first, slope, unused, other)
    minmax(m.spread, W, d.first, least, greatest)
    mean_std(m.mid, W, d.first, other, mid_deviation)
    to_index = d.index.close / d.grid.close
    return {
        "mean": mean * to_index,
        "volatility": deviation * to_index,
        "slope": slope * to_index,
        "extent": _known(mean, (greatest - least) * to_index),
        "spike": _known(mean, np.where(m.spread > 2.0 * mean, 1.0, 0.0)),
        "mid_volatility": mid_deviation * to_index,
    }


def _relative(d: Domain, m: _Market) -> Columns:
    """The spread and the close, relative to other prices of the row or to the last 60 spreads."""
    rank: FloatArray = d.block(1)[0]
    percentile_rank(m.spread, W, rank)
    close, low, high = d.grid.close, m.quotes.bid_low, m.quotes.ask_high
    width = np.where(high > low, high - low, np.nan)
    return {
        "of_rate": 100.0 * m.spread / close,
        "quoted": 100.0 * m.spread / m.mid,
        "percentile": rank,
        "imbalance": ((close - low) - (high - close)) / width,
    }


def _effective(d: Domain, m: _Market) -> FloatArray:
    """Twice the distance from the mid; from ranges where closes are mids and tell nothing."""
    off, ranges, total = d.block(3)
    moving_sum(_known(m.away, np.where(m.away != 0.0, 1.0, 0.0)), W, d.first, off)
    corwin_schultz(d.index.high, d.index.low, ranges)
    moving_sum(ranges, W, d.first, total)
    traded = 200.0 * np.abs(m.away) / m.mid
    found = np.where(off > 0.0, traded, total * (100.0 / W))
    return _known(off, found)


def _gains(d: Domain, m: _Market) -> Columns:
    """What the trade of 5 rows ago has cost its side and what it has moved, known now."""
    realized, impact = d.block(2)
    realized[:DELAY] = impact[:DELAY] = np.nan
    before, now = m.mid[:-DELAY], m.mid[DELAY:]
    per_mid = 200.0 * m.sides[:-DELAY] / before
    realized[DELAY:] = per_mid * (before + m.away[:-DELAY] - now)
    impact[DELAY:] = per_mid * (now - before)
    return {"realized": realized, "impact": impact}


def _roll(d: Domain, m: _Market) -> FloatArray:
    """Roll's spread from the covariance of neighbouring changes of the close."""
    changes, before = d.block(2)
    change(d.index.close, 1, changes)
    before[0] = np.nan
    before[1:] = changes[:-1]
    out = d.block(6)
    covariances_and_correlations(changes, before, before, W, d.first, out)
    return _known(m.mid, 2.0 * np.sqrt(np.maximum(-out[0], 0.0)))


def _toxicity(d: Domain, m: _Market) -> FloatArray:
    """Share of the volume that stands on one side more than on the other."""
    signed, total = d.block(2)
    side = _known(m.away, np.nan_to_num(m.sides))
    moving_sum(side * d.volume, W, d.first, signed)
    moving_sum(d.volume, W, d.first, total)
    found: FloatArray = np.abs(signed) / np.where(total > 0.0, total, np.nan)
    return found


_feature = partial(Feature, history=W, null_rule=NO_QUOTES, requires=("quotes",))


def _size(name: str, description: str) -> Feature:
    return Feature(name, description, unit="units", null_rule=NO_BOOK, requires=("depth",))


class Spread(Family):
    """Spread, costs of trading and sides of trades, from bid and ask alone.

    With s the spread, m the mid and close the price of the row. The columns belong to no domain;
    the table bears the name of the BQX domain by tradition. Levels are in the unit of the rate
    index (100 at the baseline), so that pairs compare. A price within 1e-9 of the mid is the mid.
    A missing minute repeats the last quotes.
    """

    table = "spread_{domain}"
    domains = ("bqx",)
    from_closes = True

    mean = _feature(
        "spread_mean_60min",
        "Mean spread of the last 60 rows.",
        unit="index",
        low=0.0,
    )
    volatility = _feature(
        "spread_volatility_60min",
        "Standard deviation (ddof 1) of the last 60 spreads.",
        unit="index",
        low=0.0,
    )
    of_rate = _feature(
        "spread_pct_of_rate",
        "Spread in percent of the close.",
        unit="percent",
        formula="100 s / close",
        low=0.0,
        history=1,
    )
    slope = _feature(
        "spread_trend_slope",
        "Least-squares slope of the last 60 spreads, per row.",
        unit="index per row",
    )
    spike = _feature(
        "spread_spike",
        "1 where the spread exceeds twice the mean of the last 60 rows, its own included.",
        unit="flag",
        formula="s_t > 2 mean_60",
        low=0.0,
        high=1.0,
        kind="flag",
    )
    imbalance = _feature(
        "bid_ask_imbalance",
        "Where the close lies between the lowest bid and the highest ask of the minute: -1 to 1.",
        unit="ratio",
        formula="((close - bid_low) - (ask_high - close)) / (ask_high - bid_low)",
        history=1,
        null_rule=f"{NO_QUOTES}, or lowest bid and highest ask are equal",
    )
    effective = _feature(
        "effective_spread",
        "Twice the distance of the close from the mid, in percent; where the last 60 closes are all"
        " the mid, the mean of 60 Corwin-Schultz estimates (negative ones are 0).",
        unit="percent",
        formula="200 |close - m| / m",
        low=0.0,
        history=W + 1,
        source="Corwin and Schultz 2012",
    )
    quoted = _feature(
        "quoted_spread",
        "Spread in percent of the mid.",
        unit="percent",
        formula="100 s / m",
        low=0.0,
        history=1,
    )
    realized = _feature(
        "realized_spread",
        "What the close of 5 rows ago has cost its side against the mid of now, in percent.",
        unit="percent",
        formula="200 q_(t-5) (close_(t-5) - m_t) / m_(t-5), q = tick_rule",
        history=W + DELAY,
        null_rule=NO_SIDE,
        source="Huang and Stoll 1996",
    )
    impact = _feature(
        "price_impact",
        "How far the mid has moved towards the side of the trade of 5 rows ago, in percent.",
        unit="percent",
        formula="200 q_(t-5) (m_t - m_(t-5)) / m_(t-5), q = tick_rule",
        history=W + DELAY,
        null_rule=NO_SIDE,
        source="Huang and Stoll 1996",
    )
    roll = _feature(
        "roll_cost",
        "Spread that explains the covariance of neighbouring changes of the close over 60 rows;"
        " 0 where that is positive.",
        unit="index",
        formula="2 sqrt(max(0, -cov(Delta close_s, Delta close_(s-1))))",
        low=0.0,
        history=W + 2,
        source="Roll 1984",
    )
    bid_depth = _size("bid_depth", "Size offered at the bid.")
    ask_depth = _size("ask_depth", "Size offered at the ask.")
    depth_imbalance = _size("depth_imbalance", "Size at the bid less that at the ask, relative.")
    extent = _feature(
        "spread_range_60min",
        "Greatest less least spread of the last 60 rows.",
        unit="index",
        low=0.0,
    )
    percentile = _feature(
        "spread_percentile_60min",
        "Share of the last 60 spreads that lie below that of the row; ties count half.",
        unit="ratio",
        formula="(average rank - 1) / 59",
        low=0.0,
        high=1.0,
    )
    mid_volatility = _feature(
        "mid_price_volatility",
        "Standard deviation (ddof 1) of the last 60 mids.",
        unit="index",
        low=0.0,
    )
    tick_direction = _feature(
        "tick_direction",
        "Sign of the last change of the mid, 0 where it has not changed.",
        unit="sign",
        formula="sign(m_t - m_(t-1))",
        low=-1.0,
        high=1.0,
        history=2,
        kind="category",
    )
    tick_rule = _feature(
        "tick_rule",
        "Side of the trade: 1 above the mid, -1 below it; on the mid the direction of the mid's"
        " last change within 60 rows.",
        unit="sign",
        formula="sign(close - m), ties: last tick_direction that is not 0",
        low=-1.0,
        high=1.0,
        null_rule=NO_SIDE,
        source="Lee and Ready 1991",
        kind="category",
    )
    toxicity = Feature(
        "order_flow_toxicity",
        "Share by which one side's volume exceeds the other's over 60 rows; rows without a side"
        " count as balanced.",
        unit="ratio",
        formula="|sum(tick_rule V)| / sum(V)",
        low=0.0,
        high=1.0,
        history=2 * W - 1,
        null_rule=f"{NO_QUOTES}, or there is no volume",
        source="in the spirit of Easley, Lopez de Prado and O'Hara 2012",
        requires=("quotes", "volume"),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns that can be made; NaN where the slice has no quotes."""
        quotes = d.quotes
        if quotes is None:
            nothing = np.full(len(d), np.nan)
            return dict.fromkeys(self.features, nothing)
        m = _market(d, quotes)
        return {
            **_levels(d, m),
            **_relative(d, m),
            **_gains(d, m),
            "effective": _effective(d, m),
            "roll": _roll(d, m),
            "tick_direction": m.ticks,
            "tick_rule": m.sides,
            "toxicity": _toxicity(d, m),
        }

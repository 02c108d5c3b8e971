"""Triangular arbitrage: round trips through three currencies at executable quotes."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.currency_indices import counting, pair_names, triangles_of
from bqx.families.shared.columns import missing
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.arbitrage import round_trips

EXTRA_COST = 0.0
"""Costs of a round trip beside the quoted spreads, in percent."""

THRESHOLD = 0.5
"""Profit above which a round trip is an opportunity, in percent."""

LACKING = "no triangle of the pair has fresh bid and ask prices of all three pairs"

ALL_LOST = -100.0
"""A round trip loses less than everything."""

_feature = partial(Feature, history=1, null_rule=LACKING, requires=("peers", "quotes"))


class Arbitrage(Family):
    """The best round trip through a pair and a third currency, at quotes of the same minute.

    Of the up to 6 triangles of the pair, both ways round: a base currency is sold at the bid and
    bought at the ask, so the quoted spreads are paid. Prices are those of the source and not
    indices, whose product around a triangle depends on the baselines. A quote of a minute without
    a bar is repeated for 5 rows; what looks like a profit may be an old quote.
    """

    table = "arbitrage"
    domains = ("rate",)
    raw_prices = True

    profit = _feature(
        "arbitrage_profit_pct",
        "Gain of the best round trip after spreads and extra costs; negative where all lose.",
        unit="percent",
        formula=f"100 (max over trips of the product of its rates - 1) - {EXTRA_COST:g}",
        low=ALL_LOST - EXTRA_COST,
    )
    opportunity = _feature(
        "arbitrage_opportunity",
        f"1 where the profit is greater than {THRESHOLD:g} percent.",
        unit="flag",
        formula=f"arbitrage_profit_pct > {THRESHOLD:g}",
        low=0.0,
        high=1.0,
        kind="flag",
    )
    direction = _feature(
        "arbitrage_direction",
        "1 where the best trip begins with the sale of the base currency for the quote currency,"
        " -1 where it ends with its purchase, 0 where both gain the same.",
        unit="sign",
        formula="sign(max over triangles of B-Q-K-B - max over triangles of B-K-Q-B)",
        low=-1.0,
        high=1.0,
        kind="category",
    )
    greatest = _feature(
        "arbitrage_max_profit",
        "Gain of the best round trip after spreads, before extra costs.",
        unit="percent",
        formula="100 (max over trips of the product of its rates - 1)",
        low=ALL_LOST,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; without quotes or other pairs they are empty."""
        if d.pair not in d.everyone:
            return dict.fromkeys(self.features, missing(d))
        bids, asks = _executable(d)
        trips = d.block(2)
        round_trips(bids, asks, pair_names(d).index(d.pair), triangles_of(d), trips)
        forward, backward = trips
        best = 100.0 * np.maximum(forward, backward)
        profit = best - EXTRA_COST
        return {
            "profit": profit,
            "opportunity": np.where(np.isnan(profit), np.nan, profit > THRESHOLD),
            "direction": np.sign(forward - backward),
            "greatest": best,
        }


def _executable(d: Domain) -> tuple[FloatArray, FloatArray]:
    """Bids and asks of all pairs, NaN where there is none or it is not fresh.

    Returns:
        Two arrays of shape (pairs, rows), computed once for all pairs.
    """

    def make() -> tuple[FloatArray, FloatArray]:
        names = pair_names(d)
        bids, asks = d.block(len(names)), d.block(len(names))
        for bid, ask, name, fresh in zip(bids, asks, names, counting(d), strict=True):
            quotes = d.everyone[name].quotes
            bid[:] = np.nan if quotes is None else np.where(fresh, quotes.bid, np.nan)
            ask[:] = np.nan if quotes is None else np.where(fresh, quotes.ask, np.nan)
        return bids, asks

    return d.common("executable_quotes", make)

"""A market of all pairs, laid on the grid by dictionaries, and consistent prices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from bqx.domains.domain import Domain, DomainName
from bqx.domains.grid import Int64Array
from bqx.domains.together import Together
from bqx.features.stateless import bar_arrays, surroundings
from bqx.market import CURRENCIES, PAIRS, Calendar
from references import Floats
from synthetic import market_bars

Frames = Mapping[str, pl.DataFrame]

PAIR = "eurusd"
LATE = {"cadchf": 200, "nzdjpy": 301}
"""Bars that are missing at the start of some pairs."""


@cache
def frames(days: float = 0.7, seed: int = 5) -> dict[str, pl.DataFrame]:
    """A gappy market; two pairs begin later."""
    found = market_bars(tuple(PAIRS), "2019-01-31", days, seed)
    return {pair: frame.slice(LATE.get(pair, 0)) for pair, frame in found.items()}


def domain(
    market: Frames, pair: str = PAIR, name: DomainName = "rate", *, single: bool = False
) -> Domain:
    """A pair's domain, or that of all pairs, from the pair's first to its last bar."""
    arrays = {key: bar_arrays(frame) for key, frame in market.items()}
    together: Together = surroundings(pair, arrays, Calendar())
    return together.slice(*together.rows(pair), single=single)[name]


@dataclass(frozen=True)
class Laid:
    """A column of the bars of one pair on the rows of another.

    Attributes:
        first: The value of the pair's first bar.
        values: The newest value at each row; NaN before the first bar.
        ages: Minutes of the grid since then.
    """

    first: float
    values: Floats
    ages: Floats

    def at(self, t: int) -> float | None:
        """The value if it counts."""
        return float(self.values[t]) if self.ages[t] <= 5 else None


def lay(frame: pl.DataFrame, column: str, minutes: Int64Array) -> Laid:
    """Lay a column on grid minutes, which must begin at or before its first."""
    stamps = (frame["ts_utc"].dt.epoch("s") // 60).to_list()
    bars = dict(zip(stamps, frame[column].to_list(), strict=True))
    values, ages = np.full(len(minutes), np.nan), np.full(len(minutes), np.inf)
    value, age = math.nan, math.inf
    for t, minute in enumerate(minutes.tolist()):
        value, age = (bars[minute], 0.0) if minute in bars else (value, age + 1.0)
        values[t], ages[t] = value, age
    return Laid(frame[column][0], values, ages)


def laid(market: Frames, column: str = "close", pair: str = PAIR) -> dict[str, Laid]:
    """A column of all pairs on the rows of one of them."""
    minutes = domain(market, pair).grid.minutes
    return {name: lay(frame, column, minutes) for name, frame in market.items()}


def consistent(rows: int = 300, pairs: tuple[str, ...] = tuple(PAIRS)) -> dict[str, pl.DataFrame]:
    """Bars whose closes agree in all triangles, without gaps, and quotes of 2e-5 around them."""
    values = {c: currency_value(c, rows) for c in CURRENCIES}
    found = {}
    template = market_bars((PAIR,), "2019-01-31", rows / 1440, 1)[PAIR]
    stamps = pl.Series(range(rows), dtype=pl.Int64) * 60_000_000 + int(
        template["ts_utc"][0].timestamp() * 1e6
    )
    for pair in pairs:
        price = np.exp(values[pair[:3]] - values[pair[3:]])
        columns = dict.fromkeys(("open", "high", "low", "close"), price)
        bid, ask = price * (1 - 1e-5), price * (1 + 1e-5)
        quotes = {"bid_close": bid, "ask_close": ask, "bid_low": bid, "ask_high": ask}
        found[pair] = pl.DataFrame(
            {"ts_utc": stamps.cast(pl.Datetime("us", "UTC")), **columns, **quotes}
        )
    return found


def currency_value(currency: str, rows: int) -> Floats:
    """Log value of a currency: a random walk from a level of its own."""
    k = CURRENCIES.index(currency)
    steps = np.random.default_rng([9, k]).normal(0.0, 1e-4, rows)
    return np.asarray(0.3 * k + np.cumsum(steps))


def cross(rates: Mapping[str, float], base: str, quote: str) -> float | None:
    """The rate of a currency in another, whichever way the market quotes it."""
    if base + quote in rates:
        return rates[base + quote]
    return 1.0 / rates[quote + base] if quote + base in rates else None

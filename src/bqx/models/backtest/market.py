"""The bars that a backtest trades on: observed minutes of some pairs, on the common grid rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.checks.scan import synthetic_pairs
from bqx.dataset.martingale import ewma_vol
from bqx.domains.grid import BarArrays, fill
from bqx.errors import ConfigError, StoreError
from bqx.market import Calendar, moment_of
from bqx.store.base import BaseStore
from bqx.store.reading import read_table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

COLUMNS = ("open", "high", "low", "close", "bid_open", "ask_open")
WARM_UP = 120
"""Rows before the first signal that are read for the volatility known there."""


@dataclass(frozen=True, eq=False)
class PairBars:
    """The observed bars of one pair inside trading minutes; arrays have one value per bar.

    Attributes:
        rows: Absolute grid rows, ascending.
        minutes: Epoch minutes of the opens.
        open: First price of the minute.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        spread: Ask less bid at the open, in price; NaN where the bar has no quotes.
    """

    rows: Ints
    minutes: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    spread: Floats

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.rows)

    def take(self, keep: Bools | slice) -> PairBars:
        """Some of the bars; arrays are copies, so that nothing leads back to the others."""
        return PairBars(**{f.name: getattr(self, f.name)[keep].copy() for f in fields(self)})

    def until(self, row: int) -> PairBars:
        """The bars of rows up to and with ``row``: what is known when its minute has ended."""
        return self.take(slice(0, int(np.searchsorted(self.rows, row, side="right"))))

    def shocked(self, row: int, rng: np.random.Generator) -> PairBars:
        """The bars with other prices after ``row``, and some of them missing."""
        later = self.rows > row
        factor = np.where(later, np.exp(rng.normal(0.0, 0.02, len(self)).cumsum()), 1.0)
        names = ("open", "high", "low", "close", "spread")
        other = replace(self, **{name: getattr(self, name) * factor for name in names})
        return other.take(~later | (rng.random(len(self)) < 0.7))


@dataclass(frozen=True, eq=False)
class Market:
    """Bars of several pairs on one calendar.

    Attributes:
        pairs: Bars by pair.
        calendar: The grid; equal rows of pairs are the same minutes.
        synthetic: Whether any of the bars is generated.
    """

    pairs: Mapping[str, PairBars]
    calendar: Calendar
    synthetic: bool = False

    def until(self, row: int) -> Market:
        """What is known of all pairs when the minute of ``row`` has ended."""
        cut = {name: bars.until(row) for name, bars in self.pairs.items()}
        return Market(cut, self.calendar, self.synthetic)

    def shocked(self, row: int, seed: int) -> Market:
        """The same up to ``row``, and another future."""
        rng = np.random.default_rng([seed, row])
        other = {name: bars.shocked(row, rng) for name, bars in self.pairs.items()}
        return Market(other, self.calendar, self.synthetic)

    def minute(self, rows: Ints) -> Ints:
        """Epoch minute of each row."""
        if not len(rows):
            return np.empty(0, np.int64)
        low, high = int(rows.min()), int(rows.max())
        return self.calendar.minutes(low, high + 1)[rows - low]

    def volatility(self, pair: str, rows: Ints) -> Floats:
        """Volatility of one-row log returns known at each row; see `ewma_vol`.

        Missing minutes repeat the previous close. NaN in the first 60 rows of the bars, and at rows
        outside of them.
        """
        bars = self.pairs[pair]
        if not len(bars) or not len(rows):
            return np.full(len(rows), np.nan)
        first, last = int(bars.rows[0]), int(max(rows.max(), bars.rows[-1])) + 1
        known = BarArrays(
            bars.minutes, bars.open, bars.high, bars.low, bars.close, np.ones(len(bars))
        )
        vol = ewma_vol(fill(known, self.calendar, first, last, first).close)
        inside = rows >= first
        return np.where(inside, vol[np.where(inside, rows - first, 0)], np.nan)


def pair_bars(frame: pl.DataFrame, calendar: Calendar) -> PairBars:
    """The bars of a frame (`bqx.bars.schema.BAR_SCHEMA`) that lie inside trading minutes."""
    minutes = frame["ts_utc"].dt.epoch("s").to_numpy() // 60
    values = {
        name: frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in COLUMNS
    }
    bars = PairBars(
        calendar.row_at_or_after(minutes),
        minutes,
        **{name: values[name] for name in COLUMNS[:4]},
        spread=values["ask_open"] - values["bid_open"],
    )
    return bars.take(calendar.is_open(minutes))


def load_market(
    store: BaseStore, pairs: Sequence[str], rows: tuple[int, int] | None = None
) -> Market:
    """Bars of some pairs from a store.

    Args:
        store: The store.
        pairs: The pairs.
        rows: Absolute rows, half open; all when None. Some rows before them come along, for the
            volatility that is known at the first one.

    Raises:
        UnknownNameError: If the store has no bars of a pair.
        StoreError: If a pair has no bars in these rows.
    """
    start = end = None
    if rows is not None:
        low, high = store.calendar.minutes(max(rows[0] - WARM_UP, 0), rows[1])[[0, -1]].tolist()
        start, end = moment_of(low), moment_of(high + 1)
    found = {}
    for pair in store.select_pairs(list(pairs)):
        frame = read_table(store, "m1", pair, columns=COLUMNS, start=start, end=end)
        found[pair] = pair_bars(frame, store.calendar)
        if not len(found[pair]):
            raise StoreError(f"no bars of {pair} in the rows of the signals", hint="bqx ingest")
    return Market(found, store.calendar, synthetic=bool(synthetic_pairs(store, list(found))))


def require_pairs(market: Market, pairs: Sequence[str]) -> None:
    """Refuse signals of pairs without bars.

    Raises:
        ConfigError: If a pair has none.
    """
    missing = [pair for pair in pairs if pair not in market.pairs]
    if missing:
        raise ConfigError(
            f"signals of {', '.join(missing)} without bars", expected="bars of every pair"
        )

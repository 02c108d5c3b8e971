"""Markets, signals, and a slow obvious backtest for the tests of trading on paper."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.models.backtest.market import Market, PairBars, pair_bars
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.signals import PairSignals, Signals
from gridwalks import GRID, row_at
from synthetic import random_walk_bars

Floats = NDArray[np.float64]


def market_of(
    closes: Floats, start: str = "2019-01-07T00:00", missing: tuple[int, ...] = ()
) -> Market:
    """One pair, ``eurusd``; each bar opens at the close before it and has no other prices."""
    first = row_at(start)
    keep = np.ones(len(closes), np.bool_)
    keep[list(missing)] = False
    opens = np.concatenate((closes[:1], closes[:-1]))
    rows = np.arange(first, first + len(closes))
    bars = PairBars(
        rows=rows,
        minutes=GRID.minutes(first, first + len(closes)),
        open=opens,
        high=np.maximum(opens, closes),
        low=np.minimum(opens, closes),
        close=closes,
        spread=np.full(len(closes), np.nan),
    )
    return Market({"eurusd": bars.take(keep)}, GRID)


def random_market(pairs: tuple[str, ...], start: str, days: float, seed: int) -> Market:
    """Random walks with gaps."""
    frames = {pair: random_walk_bars(pair, start, days, seed) for pair in pairs}
    return Market({pair: pair_bars(frame, GRID) for pair, frame in frames.items()}, GRID)


def random_signals(market: Market, horizon: int, seed: int, share: float = 0.2) -> Signals:
    """Signals at a random share of all rows, those without a bar included."""
    rng = np.random.default_rng(seed)
    found = {}
    for pair, bars in market.pairs.items():
        rows = np.arange(bars.rows[0] + 100, bars.rows[-1])
        rows = rows[rng.random(len(rows)) < share]
        found[pair] = PairSignals.of(rows, rng.normal(size=len(rows)), rng.random(len(rows)))
    return Signals(found, horizon)


def at(market: Market, signals: dict[int, float], horizon: int) -> Signals:
    """Signals of the only pair, by bar number from its first one (as if none were missing)."""
    (pair, bars), *_ = market.pairs.items()
    first = int(bars.rows[0])
    rows = np.array([first + k for k in signals])
    return Signals({pair: PairSignals.of(rows, np.array(list(signals.values())))}, horizon)


def quoted(market: Market, spread: float) -> Market:
    """The same with quotes of a constant spread."""
    pairs = {n: replace(b, spread=np.full(len(b), spread)) for n, b in market.pairs.items()}
    return replace(market, pairs=pairs)


Simple = tuple[str, int, int, int, int, float, float, str]
"""Pair, side, rows of decision, entry and exit, prices of entry and exit, reason."""


def simple_trades(market: Market, signals: Signals, rules: Rules) -> list[Simple]:
    """What the rules say, minute by minute with dictionaries; a second pair of eyes."""
    desk = _SimpleDesk(market, signals, rules)
    for row in range(desk.first, desk.stop):
        here = [pair for pair in market.pairs if (row, pair) in desk.bars]
        for step in (desk.leave, desk.enter, desk.touch):
            for pair in here:
                step(row, pair)
        for pair in market.pairs:
            desk.decide(row, pair)
    for pair in list(desk.held):
        last = desk.newest[pair]
        desk.end(pair, last, desk.bars[last, pair][3], "end")
    return sorted(desk.done, key=lambda t: (t[3], t[0], t[4]))


class _SimpleDesk:
    """Positions and orders by pair."""

    def __init__(self, market: Market, signals: Signals, rules: Rules) -> None:
        self.rules, self.hold = rules, rules.hold or signals.horizon
        self.bars = {
            (row, pair): (o, high, low, c)
            for pair, b in market.pairs.items()
            for row, o, high, low, c in zip(
                b.rows.tolist(), b.open, b.high, b.low, b.close, strict=True
            )
        }
        self.said = {
            (row, pair): side
            for pair, part in signals.pairs.items()
            for row, side in zip(part.rows.tolist(), rules.sides(pair, part).tolist(), strict=True)
        }
        rows = [row for row, _ in self.bars]
        self.first, self.stop = min(rows), max(rows) + 1
        after = self.stop + 100
        numbers = GRID.minutes(self.first, after).tolist()
        self.minutes = dict(zip(range(self.first, after), numbers, strict=True))
        self.held: dict[str, dict[str, float]] = {}
        self.orders: dict[str, tuple[int, int]] = {}
        self.leaving: dict[str, str] = {}
        self.newest: dict[str, int] = {}
        self.done: list[Simple] = []

    def closing(self, row: int) -> bool:
        ahead = range(row, row + self.rules.before_close)
        return any(self.crosses(k, k + 1) for k in ahead)

    def crosses(self, a: int, b: int) -> bool:
        return bool(self.minutes[b] - self.minutes[a] != b - a)

    def end(self, pair: str, row: int, price: float, why: str) -> None:
        p = self.held.pop(pair)
        self.leaving.pop(pair, None)
        begun = int(p["side"]), int(p["from"]), int(p["row"])
        self.done.append((pair, *begun, row, p["price"], price, why))

    def leave(self, row: int, pair: str) -> None:
        if pair not in self.held:
            return
        why = self.leaving.get(pair, "")
        if not why and row > self.held[pair]["due"]:
            why = "time"
        shut = self.closing(row) or self.crosses(self.newest[pair], row)
        if not why and self.rules.before_close > 0 and shut:
            why = "closure"
        if why:
            self.end(pair, row, self.bars[row, pair][0], why)

    def enter(self, row: int, pair: str) -> None:
        side, decided = self.orders.pop(pair, (0, row))
        most = self.rules.max_positions
        late = row - decided > self.rules.patience or self.crosses(decided, row)
        full = most is not None and len(self.held) >= most
        if side and not late and not full and pair not in self.held and not self.closing(row):
            price = self.bars[row, pair][0]
            self.held[pair] = {
                "side": side, "from": decided, "row": row, "price": price,
                "due": decided + self.hold,
            }  # fmt: skip

    def touch(self, row: int, pair: str) -> None:
        self.newest[pair] = row
        if pair not in self.held:
            return
        opened, high, low, _ = self.bars[row, pair]
        side, paid = self.held[pair]["side"], self.held[pair]["price"]
        levels = []
        if self.rules.stop is not None:
            levels.append((paid * (1.0 - side * self.rules.stop), side > 0, "stop"))
        if self.rules.take_profit is not None:
            levels.append((paid * (1.0 + side * self.rules.take_profit), side < 0, "take_profit"))
        hits = [(opened, n) for level, below, n in levels if _hit(level, opened, opened, below)]
        hits += [(level, n) for level, below, n in levels if _hit(level, low, high, below)]
        if hits:
            self.end(pair, row, *hits[0])

    def decide(self, row: int, pair: str) -> None:
        side = self.said.get((row, pair))
        if side is None:
            return
        self.orders.pop(pair, None)
        now = self.held.get(pair)
        if now is None:
            self.orders |= {pair: (side, row)} if side else {}
        elif side == -now["side"]:
            self.leaving[pair] = "opposite"
            self.orders[pair] = (side, row)
        elif side == now["side"] and self.rules.renew:
            self.leaving.pop(pair, None)
            now["due"] = row + self.hold
        elif side == now["side"] and (row >= now["due"] or pair in self.leaving):
            self.orders[pair] = (side, row)


def _hit(level: float, low: float, high: float, below: bool) -> bool:
    return low <= level if below else high >= level


@dataclass(frozen=True)
class Model:
    """What says on which rows it was fitted."""

    rows: Ranges
    name: str = "model"


@dataclass
class FakeRun:
    """Two walk-forward folds over the rows of a market, without any training."""

    frames: dict[str, pl.DataFrame]
    folds: tuple[Fold, ...]
    seen: Ranges | None = None
    synthetic: bool = False

    @property
    def pairs(self) -> tuple[str, ...]:
        return tuple(self.frames)

    def model(self, _pair: str, fold: int) -> Model:
        return Model(self.seen or self.folds[fold - 1].train)

    def forecasts(self, pair: str, _target: object) -> pl.DataFrame:
        return self.frames[pair]


def fake_run(market: Market, expected: float, surprise: float = 0.5) -> FakeRun:
    """Forecasts that are the same in all rows: the quantiles lie one sd apart.

    Args:
        market: The bars.
        expected: What the martingale expects of the target.
        surprise: What the run forecasts beyond it, in standard deviations.
    """
    first = min(int(b.rows[0]) for b in market.pairs.values())
    spans = [(first + 800, first + 1500), (first + 1500, first + 2200)]
    folds = tuple(
        Fold(k, Ranges.of((first, low - 100)), Ranges.of((low, high)), 100, 100)
        for k, (low, high) in enumerate(spans, 1)
    )
    rows = np.arange(spans[0][0], spans[1][1])
    said = {"point": surprise, "q10": surprise - 1.0, "q50": surprise, "q90": surprise + 1.0}
    frame = pl.DataFrame(
        {
            "row": rows,
            "fold": np.where(rows < spans[0][1], 1, 2).astype(np.int16),
            "expected": np.full(len(rows), expected),
            "scale": np.where(rows % 50 == 0, 0.0, 0.01),
            "probability": np.full(len(rows), 0.7),
            **{name: np.full(len(rows), expected + 0.01 * z) for name, z in said.items()},
        }
    )
    return FakeRun(dict.fromkeys(market.pairs, frame), folds)

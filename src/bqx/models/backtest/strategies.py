"""Strategies: functions that make signals from bars, of all rows at once or row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bqx.errors import LeakError
from bqx.models.backtest.market import Market, PairBars
from bqx.models.backtest.signals import PairSignals

Strategy = Callable[[Market], Mapping[str, PairSignals]]
"""Signals from bars: what it says of row t may depend on bars of rows up to t alone."""


def name_of(strategy: object) -> str:
    """What messages call a strategy."""
    return str(getattr(strategy, "name", getattr(strategy, "__name__", type(strategy).__name__)))


@dataclass(frozen=True, eq=False)
class View:
    """What a strategy that decides at a row may look at; it gives copies, and nothing later.

    Attributes:
        row: The row whose minute has just ended.
        name: Name of the strategy, for messages.
        market: Bars; the view cuts them.
    """

    row: int
    name: str
    market: Market

    def bars(self, pair: str, count: int) -> PairBars:
        """The newest bars of a pair, at most so many, of rows up to and with the view's."""
        bars = self.market.pairs[pair]
        stop = int(np.searchsorted(bars.rows, self.row, side="right"))
        return bars.take(slice(max(stop - count, 0), stop))

    def close(self, pair: str, row: int) -> float:
        """The last price at a row: of its bar, or of the newest bar before it; NaN before all.

        Raises:
            LeakError: If the row has not ended yet.
        """
        if row > self.row:
            raise LeakError(
                f"strategy {self.name} asks at row {self.row} for row {row}",
                expected="rows whose minute has ended",
                hint="a decision at row t fills at the open of t+1 or later",
            )
        bars = self.market.pairs[pair]
        at = int(np.searchsorted(bars.rows, row, side="right")) - 1
        return float(bars.close[at]) if at >= 0 else float("nan")


@dataclass(frozen=True)
class RowByRow:
    """A strategy that decides at one row at a time, and sees only what is known there.

    Attributes:
        decide: From a view to the expected move and the probability of a rise (or NaN) by pair;
            pairs that are left out have no signal.
        every: Rows between decisions; they are made at rows that it divides.
        label: Name; that of the function when empty.
    """

    decide: Callable[[View], Mapping[str, tuple[float, float]]]
    every: int = 1
    label: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.label or name_of(self.decide)

    def __call__(self, market: Market) -> dict[str, PairSignals]:
        """The signals of all rows with a bar of any pair."""
        rows = np.unique(np.concatenate([bars.rows for bars in market.pairs.values()]))
        found: dict[str, list[tuple[int, float, float]]] = {pair: [] for pair in market.pairs}
        for row in rows[rows % self.every == 0].tolist():
            for pair, said in self.decide(View(row, self.name, market)).items():
                found[pair].append((row, *said))
        return {
            pair: PairSignals.of(*(np.array(part) for part in zip(*lines, strict=True)))
            for pair, lines in found.items()
            if lines
        }

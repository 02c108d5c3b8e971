"""What a backtest decides by: at a row, the expected move of the price and its probability.

BQX is positive where the price has fallen: ``B_W(t+h) = sum of (I[t+h-i] - I[t+h]) / I[t+h]``. So a
forecast of BQX above what the martingale expects says that the price will fall, which means: sell.
Signals are in the direction of the price; whoever makes them from BQX turns the sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Origin = Literal["run", "strategy", "given"]
"""Who vouches for signals: the folds of a run, the audit of a strategy, or nobody."""


@dataclass(frozen=True, eq=False)
class PairSignals:
    """The signals of one pair, each made when the minute of its row has ended.

    Attributes:
        rows: Absolute grid rows of the decisions, ascending, without repeats.
        move: Expected move of the price over the horizon, in conditional standard deviations of a
            random walk; above 0 means buy.
        rise: Probability that the price moves up, in [0, 1]; NaN where it is not known.

    Raises:
        ConfigError: If lengths differ, rows do not ascend, a move is not finite, or a probability
            lies outside of [0, 1].
    """

    rows: Ints
    move: Floats
    rise: Floats

    def __post_init__(self) -> None:
        """Check lengths and numbers."""
        if not len(self.rows) == len(self.move) == len(self.rise):
            raise ConfigError("signals of different lengths", expected="one of each kind per row")
        if np.any(np.diff(self.rows) <= 0):
            raise ConfigError("rows of signals that do not ascend", expected="each row once")
        if not np.all(np.isfinite(self.move)):
            raise ConfigError("an expected move that is not finite", expected="leave such rows out")
        if np.any((self.rise < 0.0) | (self.rise > 1.0)):
            raise ConfigError("a probability outside of [0, 1]", expected="within [0, 1], or NaN")

    @classmethod
    def of(cls, rows: Ints, move: Floats, rise: Floats | None = None) -> PairSignals:
        """Signals from arrays or lists; probabilities are unknown when None."""
        moves = np.asarray(move, np.float64)
        known = np.full(len(moves), np.nan) if rise is None else np.asarray(rise, np.float64)
        return cls(np.asarray(rows, np.int64), moves, known)

    def __len__(self) -> int:
        """Number of signals."""
        return len(self.rows)

    def until(self, row: int) -> PairSignals:
        """The signals of rows up to and with ``row``."""
        cut = int(np.searchsorted(self.rows, row, side="right"))
        return PairSignals(self.rows[:cut], self.move[:cut], self.rise[:cut])


@dataclass(frozen=True, eq=False)
class Signals:
    """Signals of several pairs.

    Attributes:
        pairs: Signals by pair.
        horizon: Rows over which the move is expected.
        origin: Who vouches for them.
        facts: What reports say about where they are from.

    Raises:
        ConfigError: If there is no signal, or the horizon is below 1.
    """

    pairs: Mapping[str, PairSignals]
    horizon: int
    origin: Origin = "given"
    facts: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that there is something to trade on."""
        if self.horizon < 1:
            raise ConfigError(f"a horizon of {self.horizon} rows", expected="at least 1")
        if not any(len(part) for part in self.pairs.values()):
            raise ConfigError("no signals", expected="at least one row with a forecast")

    @property
    def extent(self) -> tuple[int, int]:
        """First row, and one after the last, of all pairs."""
        rows = [part.rows for part in self.pairs.values() if len(part)]
        return min(int(r[0]) for r in rows), max(int(r[-1]) for r in rows) + 1

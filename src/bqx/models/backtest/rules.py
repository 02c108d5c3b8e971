"""When a signal opens a position, and when the position ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.target import MAX_GAP
from bqx.errors import ConfigError
from bqx.models.backtest.signals import PairSignals

Int8Array = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Rules of entry and exit.

    Attributes:
        threshold: A signal counts if its expected move is further from 0 than that, in standard
            deviations; a forecast of exactly 0 never does.
        probability: A signal counts only if the probability of its direction is at least that.
        take_profit: Fraction of the entry price at which a gain is taken.
        stop: Fraction of the entry price at which a loss is cut.
        hold: Rows that a position is held; the horizon of the signals when None.
        renew: Whether a later signal of the same direction extends the position.
        patience: Rows that an order waits for a bar; it lapses then, and at every closure.
        before_close: Rows before a closure in which positions end and none begins; 0 holds through.
        max_positions: Positions at a time over all pairs; any number when None.

    Raises:
        ConfigError: If a number is out of its range.
    """

    threshold: float = 0.0
    probability: float | None = None
    take_profit: float | None = None
    stop: float | None = None
    hold: int | None = None
    renew: bool = True
    patience: int = MAX_GAP
    before_close: int = 0
    max_positions: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        _require("threshold", self.threshold, 0.0, np.inf)
        _require("patience", self.patience, 1, np.inf)
        _require("before_close", self.before_close, 0, np.inf)
        _optional("probability", self.probability, 0.5, 1.0)
        _optional("take_profit", self.take_profit, 1e-9, 1e3)
        _optional("stop", self.stop, 1e-9, 1.0)
        _optional("hold", self.hold, 1, np.inf)
        _optional("max_positions", self.max_positions, 1, np.inf)

    def sides(self, pair: str, signals: PairSignals) -> Int8Array:
        """What each signal asks for: 1 buys, -1 sells, 0 asks for nothing.

        Raises:
            ConfigError: If a probability is asked for where none is known.
        """
        side = np.sign(signals.move) * (np.abs(signals.move) > self.threshold)
        if self.probability is not None:
            if np.isnan(signals.rise).any():
                raise ConfigError(
                    f"signals of {pair} without probabilities",
                    expected="a probability for every signal",
                    hint="train with quantiles, or use a threshold of the expected move",
                )
            own = np.where(side > 0, signals.rise, 1.0 - signals.rise)
            side = side * (own >= self.probability)
        return side.astype(np.int8)

    def to_json(self) -> dict[str, Any]:
        """The rules as plain values, which `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rules:
        """Read what `to_json` made."""
        return cls(**value)


def _optional(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None:
        _require(name, value, low, high)


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or value == np.inf:
        raise ConfigError(f"{name} {value!r}", expected=f"from {low:g} to {high:g}")

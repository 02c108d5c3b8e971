"""How much a position is worth, as a fraction of the starting capital."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.signals import PairSignals

Floats = NDArray[np.float64]

Method = Literal["fixed", "vol", "kelly"]

ROWS_A_YEAR = 7200 * 365.25 / 7
"""Trading minutes of a year of FX weeks."""


@dataclass(frozen=True)
class Sizing:
    """A rule that gives each signal the size of the position that it would open.

    ``fixed`` is ``amount`` for all. ``vol`` is ``amount`` over the annualised volatility known at
    the signal's row, so that a position alone would vary by that much a year. ``kelly`` is
    ``amount`` times the fraction that makes capital grow fastest (Kelly 1956) for a gain w with
    probability p and a loss l otherwise, ``p / l - (1 - p) / w``; w and l are the take-profit and
    the stop, or where there is none the sd of the move over the horizon, known at the row.

    Attributes:
        method: The rule.
        amount: See above; above 0.
        most: Greatest size.

    Raises:
        ConfigError: If the rule is unknown or a number is not above 0.
    """

    method: Method = "fixed"
    amount: float = 0.1
    most: float = 5.0

    def __post_init__(self) -> None:
        """Check the rule and the numbers."""
        if self.method not in get_args(Method):
            raise ConfigError(
                f"unknown sizing {self.method!r}", expected=", ".join(get_args(Method))
            )
        if not (0.0 < self.amount < np.inf and 0.0 < self.most < np.inf):
            raise ConfigError(f"size {self.amount!r} up to {self.most!r}", expected="above 0")

    @classmethod
    def parse(cls, text: str, most: float = 5.0) -> Sizing:
        """Read ``fixed:0.1``, ``vol:0.1`` or ``kelly:0.5``.

        Raises:
            ConfigError: If the text has another form.
        """
        method, _, amount = text.strip().partition(":")
        try:
            number = float(amount)
        except ValueError as error:
            raise ConfigError(
                f"unreadable size {text!r}", expected="fixed:0.1, vol:0.1 or kelly:0.5"
            ) from error
        return cls(cast("Method", method), number, most)

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        return f"{self.method}:{self.amount!r}"

    @property
    def needs_volatility(self) -> bool:
        """Whether sizes depend on the volatility known at the row."""
        return self.method != "fixed"

    def sizes(
        self, pair: str, signals: PairSignals, vol: Floats | None, rules: Rules, hold: int
    ) -> Floats:
        """Size of the position that each signal would open; 0 where there is none to open.

        Args:
            pair: For messages.
            signals: The signals.
            vol: Volatility of one-row returns known at their rows; NaN or 0 gives no size.
            rules: Take-profit and stop.
            hold: Rows that a position is held.

        Raises:
            ConfigError: If Kelly's rule meets signals without probabilities.
        """
        if self.method == "fixed" or vol is None:
            return np.full(len(signals), min(self.amount, self.most))
        known = np.isfinite(vol) & (vol > 0.0)
        sigma = np.where(known, vol, 1.0)
        if self.method == "vol":
            size = self.amount / (sigma * np.sqrt(ROWS_A_YEAR))
        else:
            size = self.amount * self._kelly(pair, signals, sigma * np.sqrt(hold), rules)
        return np.where(known, np.clip(size, 0.0, self.most), 0.0)

    def _kelly(self, pair: str, signals: PairSignals, move: Floats, rules: Rules) -> Floats:
        if np.isnan(signals.rise).any():
            raise ConfigError(
                f"Kelly's fraction of signals of {pair} without probabilities",
                expected="a probability for every signal",
                hint="use fixed:0.1 or vol:0.1",
            )
        right = np.where(signals.move > 0.0, signals.rise, 1.0 - signals.rise)
        gain = move if rules.take_profit is None else np.full(len(move), rules.take_profit)
        loss = move if rules.stop is None else np.full(len(move), rules.stop)
        return np.asarray(right / loss - (1.0 - right) / gain, np.float64)

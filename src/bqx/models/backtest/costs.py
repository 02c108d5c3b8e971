"""What a fill costs beside its price: spread, slippage, commission.

Half of the spread is paid on each fill. Where bars have quotes the spread is ask less bid at the
open of the bar that fills; elsewhere it is the cost given for the pair. There is no default of 0:
a pair whose cost is unknown is an error unless costs are switched off in so many words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.market import parse_pair
from bqx.models.backtest.market import Market, PairBars

Floats = NDArray[np.float64]

_COST = re.compile(r"(?P<amount>\d+(\.\d*)?|\.\d+)(?P<unit>pip|bp)")


@dataclass(frozen=True)
class Cost:
    """A distance in price: pips (0.0001, for yen 0.01) or basis points of the price.

    Attributes:
        amount: How many, at least 0.
        unit: ``pip`` or ``bp``.
    """

    amount: float
    unit: Literal["pip", "bp"]

    @classmethod
    def parse(cls, text: str) -> Cost:
        """Read ``0.6pip`` or ``0.5bp``.

        Raises:
            ConfigError: If the text has another form.
        """
        match = _COST.fullmatch(text.strip().lower())
        if match is None:
            raise ConfigError(f"unreadable cost {text!r}", expected="such as 0.6pip or 0.5bp")
        return cls(float(match["amount"]), "pip" if match["unit"] == "pip" else "bp")

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        return f"{self.amount!r}{self.unit}"

    def in_price(self, pair: str, price: Floats) -> Floats:
        """The distance in units of the price, shape of ``price``."""
        if self.unit == "bp":
            return np.asarray(price * (self.amount * 1e-4), np.float64)
        return np.full(np.shape(price), self.amount * (0.01 if pair.endswith("jpy") else 0.0001))


@dataclass(frozen=True)
class Costs:
    """Costs of all pairs.

    Attributes:
        pairs: Whole spread by pair, for bars without quotes.
        default: Whole spread of other pairs; None where it is not known.
        slippage: Distance lost on each fill.
        commission: Basis points of the traded value, on each fill.
        free: True charges nothing at all, quotes or not.
    """

    pairs: Mapping[str, Cost] = field(default_factory=dict)
    default: Cost | None = None
    slippage: Cost = Cost(0.0, "bp")
    commission: float = 0.0
    free: bool = False

    def __post_init__(self) -> None:
        """Refuse negative commissions, and costs beside none."""
        if not 0.0 <= self.commission < np.inf:
            raise ConfigError(f"a commission of {self.commission!r} bp", expected="at least 0")
        given = self.pairs or self.default or self.slippage.amount or self.commission
        if self.free and given:
            raise ConfigError("costs, and no costs", expected="one of them")

    @classmethod
    def parse(
        cls,
        spreads: str | None = None,
        *,
        slippage: str | None = None,
        commission: float = 0.0,
        free: bool = False,
    ) -> Costs:
        """Read ``eurusd=0.6pip,default=1pip``.

        Raises:
            ConfigError: If a part cannot be read, or costs stand beside ``free``.
            UnknownNameError: If a pair is unknown.
        """
        found: dict[str, Cost] = {}
        for part in filter(None, (spreads or "").split(",")):
            name, given, text = part.partition("=")
            if not given:
                raise ConfigError(f"unreadable cost {part!r}", expected="eurusd=0.6pip")
            key = name.strip().lower()
            found[key if key == "default" else parse_pair(key).name] = Cost.parse(text)
        default = found.pop("default", None)
        slip = Cost(0.0, "bp") if slippage is None else Cost.parse(slippage)
        return cls(found, default, slip, commission, free)

    def half_spread(self, pair: str, bars: PairBars) -> Floats:
        """Half of the spread at the open of each bar, in price.

        Raises:
            ConfigError: If bars have no quotes and no cost is known for the pair.
        """
        if self.free:
            return np.zeros(len(bars))
        unknown = np.isnan(bars.spread)
        cost = self.pairs.get(pair, self.default)
        if unknown.any() and cost is None:
            raise ConfigError(
                f"{int(unknown.sum()):,} of {len(bars):,} bars of {pair} have no quotes, and its "
                "cost is not known",
                expected="a spread for the pair, or a default",
                hint=f"--cost {pair}=0.6pip or --cost default=1pip; --no-costs trades for nothing",
            )
        given = bars.spread if cost is None else cost.in_price(pair, bars.open)
        return np.asarray(np.where(unknown, given, bars.spread) / 2.0, np.float64)

    def slip(self, pair: str, price: Floats) -> Floats:
        """What slippage takes at fills at these prices, in price."""
        return self.slippage.in_price(pair, price)

    def to_text(self, market: Market) -> str:
        """What is charged, in words."""
        if self.free:
            return "NONE: no spread, no slippage, no commission"
        quoted = [float(np.mean(~np.isnan(bars.spread))) for bars in market.pairs.values()]
        given = {**self.pairs, **({} if self.default is None else {"default": self.default})}
        shown = ", ".join(f"{name} {cost}" for name, cost in given.items())
        return (
            f"quotes for {np.mean(quoted):.0%} of bars; elsewhere spread {shown or 'not needed'}; "
            f"slippage {self.slippage}, commission {self.commission:g} bp a fill"
        )

    def to_json(self) -> dict[str, Any]:
        """The costs as plain values, which `from_json` reads."""
        return {
            "pairs": {name: str(cost) for name, cost in self.pairs.items()},
            "default": None if self.default is None else str(self.default),
            "slippage": str(self.slippage),
            "commission": self.commission,
            "free": self.free,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Costs:
        """Read what `to_json` made."""
        pairs = {name: Cost.parse(text) for name, text in value["pairs"].items()}
        default = None if value["default"] is None else Cost.parse(value["default"])
        slippage = Cost.parse(value["slippage"])
        return cls(pairs, default, slippage, float(value["commission"]), bool(value["free"]))

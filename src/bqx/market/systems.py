"""Systems of pairs that move together: what a pair is regressed on in the error correction tables.

Every system has two regressors, each a sum of means of signed log rates:

- ``triangle`` and ``cross``: the two legs over a bridge currency. With aligned signs the pair is
  their sum, for there is no arbitrage, so the weights are 1 and 1 in theory.
- ``cluster``: the pair with each currency replaced by a sister that tends to move with it.
- ``usd_majors``: the dollar against the other majors, and the risk factor of currencies that rise
  and fall with the appetite for risk (Lustig, Roussanov and Verdelhan 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache

from bqx.market.pairs import CURRENCIES, PAIRS, Pair, parse_pair

Leg = tuple[str, int]
"""A pair, and the sign with which its log rate enters."""

_BRIDGES = {"triangle": ("eur", "gbp", "chf"), "cross": ("usd", "jpy", "aud")}
# The dollar is the last resort of every other currency.
_SISTERS = {
    "aud": ("nzd", "cad", "usd"),
    "nzd": ("aud", "cad", "usd"),
    "cad": ("aud", "nzd", "usd"),
    "eur": ("gbp", "chf", "usd"),
    "gbp": ("eur", "chf", "usd"),
    "chf": ("eur", "jpy", "usd"),
    "jpy": ("chf", "eur", "usd"),
    "usd": ("cad", "eur"),
}
_DOLLAR = "usd"
_RISKY, _SAFE = ("aud", "nzd", "cad"), ("jpy", "chf")


@dataclass(frozen=True)
class Side:
    """A mean of signed log rates.

    Attributes:
        legs: The pairs and their signs.
        least: How many of them must be known.
    """

    legs: tuple[Leg, ...]
    least: int = 1

    def known(self, pairs: Collection[str]) -> tuple[Leg, ...]:
        """The legs among ``pairs``; none when they are too few for a mean."""
        found = tuple(leg for leg in self.legs if leg[0] in pairs)
        return found if len(found) >= self.least else ()


Regressor = tuple[Side, ...]
"""The sum of its sides."""


@dataclass(frozen=True)
class System:
    """What a pair is regressed on.

    Attributes:
        name: One of `SYSTEMS`.
        regressors: The two regressors.
        weights: Their coefficients in theory; 0 and 0 where there is no theory.
    """

    name: str
    regressors: tuple[Regressor, Regressor]
    weights: tuple[float, float]


def _value(currency: str, unit: str) -> Leg:
    """The log value of a currency in another one."""
    pair = PAIRS.get(currency + unit) or PAIRS[unit + currency]
    return pair.name, pair.sign(currency)


def _first(currencies: Collection[str], *others: str) -> str:
    return next(c for c in currencies if c not in others)


def _bridged(pair: Pair, name: str) -> System:
    bridge = _first(_BRIDGES[name], pair.base, pair.quote)
    legs = _value(pair.base, bridge), _value(bridge, pair.quote)
    return System(name, ((Side((legs[0],)),), (Side((legs[1],)),)), (1.0, 1.0))


def _cluster(pair: Pair, name: str) -> System:
    """Both sisters must differ: over one currency the system would be another triangle."""
    base = _first(_SISTERS[pair.base], pair.quote)
    quote = _first(_SISTERS[pair.quote], pair.base, base)
    legs = _value(base, pair.quote), _value(pair.base, quote)
    return System(name, ((Side((legs[0],)),), (Side((legs[1],)),)), (0.0, 0.0))


def _usd_majors(pair: Pair, name: str) -> System:
    """The factors leave the pair itself out."""

    def legs(*directions: tuple[str, str]) -> tuple[Leg, ...]:
        found = (_value(*direction) for direction in directions)
        return tuple(leg for leg in found if leg[0] != pair.name)

    majors = [c for c in CURRENCIES if c != _DOLLAR]
    dollar = Side(legs(*((_DOLLAR, c) for c in majors)), least=3)
    risky = Side(legs(*((c, _DOLLAR) for c in _RISKY)))
    safe = Side(legs(*((_DOLLAR, c) for c in _SAFE)))
    return System(name, ((dollar,), (risky, safe)), (0.0, 0.0))


_MAKERS: dict[str, Callable[[Pair, str], System]] = {
    "triangle": _bridged,
    "cluster": _cluster,
    "cross": _bridged,
    "usd_majors": _usd_majors,
}

SYSTEMS = tuple(_MAKERS)
"""Names of the systems that every pair has."""


@cache
def system(pair: str, name: str) -> System:
    """A system of a pair.

    Args:
        pair: Name of the pair.
        name: One of `SYSTEMS`.

    Raises:
        UnknownNameError: If the pair is not one of the 28.
        KeyError: If there is no such system.
    """
    return _MAKERS[name](parse_pair(pair), name)

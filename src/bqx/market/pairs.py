"""The 28 pairs of 8 currencies: legs, signs, peer groups and triangles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import combinations

from bqx.errors import UnknownNameError

CURRENCIES = ("eur", "gbp", "aud", "nzd", "usd", "cad", "chf", "jpy")
"""The 8 currencies in market quoting order: the earlier one is the base of a pair."""


@dataclass(frozen=True, order=True)
class Pair:
    """A currency pair; one unit of ``base`` costs the rate in ``quote``."""

    base: str
    quote: str

    @property
    def name(self) -> str:
        """The canonical name, for example ``eurusd``."""
        return self.base + self.quote

    def sign(self, currency: str) -> int:
        """+1 if the rate rises with ``currency``, -1 if it falls, 0 if it is no leg of the pair."""
        return (currency == self.base) - (currency == self.quote)

    def __str__(self) -> str:
        """The canonical name."""
        return self.name


def _pair(a: str, b: str) -> Pair:
    base, quote = sorted((a, b), key=CURRENCIES.index)
    return Pair(base, quote)


PAIRS: dict[str, Pair] = {
    p.name: p for p in sorted(_pair(a, b) for a, b in combinations(CURRENCIES, 2))
}
"""All 28 pairs by name, in alphabetical order."""


@dataclass(frozen=True)
class PeerGroups:
    """The other 27 pairs as seen from one pair.

    Attributes:
        base: The 6 other pairs with the same base currency as a leg, and the sign that turns their
            change into the direction of the pair.
        quote: The 6 other pairs with the quote currency as a leg, with their signs.
        cross: The 15 pairs that share no currency with the pair; no sign convention exists.
    """

    base: dict[str, int]
    quote: dict[str, int]
    cross: tuple[str, ...]


@dataclass(frozen=True, order=True)
class Triangle:
    """Three currencies and their three pairs.

    With ``legs`` as pair name -> exponent (+1 or -1), the product of rate**exponent around the
    triangle is 1 when there is no arbitrage.
    """

    currencies: tuple[str, str, str]
    legs: tuple[tuple[str, int], ...]


def _triangle(a: str, b: str, c: str) -> Triangle:
    # a -> b -> c -> a: a pair quoted against the direction of travel enters inverted.
    steps = ((a, b), (b, c), (c, a))
    legs = tuple((_pair(x, y).name, 1 if _pair(x, y).base == x else -1) for x, y in steps)
    return Triangle((a, b, c), legs)


TRIANGLES: tuple[Triangle, ...] = tuple(_triangle(*c) for c in combinations(CURRENCIES, 3))
"""All 56 triangles."""


@cache
def peer_groups(name: str) -> PeerGroups:
    """Peer groups of a pair, sign-aligned so that a positive peer change means the same direction.

    Raises:
        UnknownNameError: If the pair is not one of the 28.
    """
    me = parse_pair(name)
    others = [p for p in PAIRS.values() if p != me]
    return PeerGroups(
        base={p.name: p.sign(me.base) for p in others if p.sign(me.base)},
        quote={p.name: -p.sign(me.quote) for p in others if p.sign(me.quote)},
        cross=tuple(p.name for p in others if not p.sign(me.base) and not p.sign(me.quote)),
    )


_DECORATION = re.compile(r"^(frx|fx[:_]|oanda[:_])|[\s/_\-.:]|=x$")


def parse_pair(text: str) -> Pair:
    """Read a pair in any usual spelling: ``eurusd``, ``EUR/USD``, ``frxEURUSD``, ``EUR_USD``.

    Raises:
        UnknownNameError: If the text names none of the 28 pairs; the hint names the nearest.
    """
    plain = _DECORATION.sub("", text.strip().lower())
    found = PAIRS.get(plain)
    if found is not None:
        return found
    raise UnknownNameError(
        f"unknown pair {text!r}",
        expected="one of the 28 pairs of " + ", ".join(c.upper() for c in CURRENCIES),
        hint=_nearest(plain),
    )


def _nearest(plain: str) -> str:
    inverted = PAIRS.get(plain[3:6] + plain[0:3])
    if inverted is not None:
        return f"the market quotes it the other way round: {inverted.name}"
    close = get_close_matches(plain, PAIRS, n=1, cutoff=0.0)
    return f"did you mean {close[0]}?" if close else "see `bqx.market.PAIRS`"


def parse_pairs(names: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Read a list of pairs, or a comma-separated text, into canonical names without repeats.

    Raises:
        UnknownNameError: If one of them is unknown.
    """
    items = names.split(",") if isinstance(names, str) else list(names)
    return tuple(dict.fromkeys(parse_pair(item).name for item in items if item.strip()))

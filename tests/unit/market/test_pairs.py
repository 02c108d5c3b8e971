from __future__ import annotations

from collections import Counter

import pytest

from bqx.errors import UnknownNameError
from bqx.market import CURRENCIES, PAIRS, TRIANGLES, parse_pair, parse_pairs, peer_groups

# As the catalogue lists them.
NAMES = [
    "audcad",
    "audchf",
    "audjpy",
    "audnzd",
    "audusd",
    "cadchf",
    "cadjpy",
    "chfjpy",
    "euraud",
    "eurcad",
    "eurchf",
    "eurgbp",
    "eurjpy",
    "eurnzd",
    "eurusd",
    "gbpaud",
    "gbpcad",
    "gbpchf",
    "gbpjpy",
    "gbpnzd",
    "gbpusd",
    "nzdcad",
    "nzdchf",
    "nzdjpy",
    "nzdusd",
    "usdcad",
    "usdchf",
    "usdjpy",
]


def test_the_28_pairs_in_market_quoting() -> None:
    assert list(PAIRS) == NAMES
    legs = Counter(leg for p in PAIRS.values() for leg in (p.base, p.quote))
    assert legs == dict.fromkeys(CURRENCIES, 7)


@pytest.mark.parametrize(
    "text",
    ["eurusd", "EURUSD", "EUR/USD", "frxEURUSD", "EUR_USD", "eur-usd", " EURUSD=X ", "FX:EURUSD"],
)
def test_spellings(text: str) -> None:
    assert parse_pair(text).name == "eurusd"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("eurusdd", "did you mean eurusd?"),
        ("usdeur", "the other way round: eurusd"),
        ("eurnok", "did you mean eur"),
        ("", "did you mean"),
    ],
)
def test_unknown_pairs_name_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown pair") as caught:
        parse_pair(text)
    assert hint in caught.value.hint


def test_pair_lists_lose_repeats_and_keep_their_order() -> None:
    assert parse_pairs("usdjpy, EUR/USD,usdjpy") == ("usdjpy", "eurusd")


def test_signs() -> None:
    pair = PAIRS["eurusd"]
    assert [pair.sign(c) for c in ("eur", "usd", "jpy")] == [1, -1, 0]


@pytest.mark.parametrize("name", NAMES)
def test_peer_groups_split_the_other_27(name: str) -> None:
    groups = peer_groups(name)
    assert (len(groups.base), len(groups.quote), len(groups.cross)) == (6, 6, 15)
    assert len({*groups.base, *groups.quote, *groups.cross, name}) == 28


def test_peer_signs_align_the_direction() -> None:
    groups = peer_groups("eurusd")
    assert groups.base["eurgbp"] == 1
    assert groups.quote["usdjpy"] == -1  # the dollar's rise lowers eurusd
    assert groups.quote["gbpusd"] == 1
    assert peer_groups("usdchf").base["eurusd"] == -1


def test_rates_around_each_triangle_multiply_to_one() -> None:
    values = {c: 1.5**k for k, c in enumerate(CURRENCIES)}
    rates = {p.name: values[p.base] / values[p.quote] for p in PAIRS.values()}
    assert len(TRIANGLES) == 56
    for triangle in TRIANGLES:
        product = 1.0
        for name, exponent in triangle.legs:
            product *= rates[name] ** exponent
        assert product == pytest.approx(1.0, abs=1e-12)

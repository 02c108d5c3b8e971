from __future__ import annotations

import numpy as np
import pytest

from bqx.errors import UnknownNameError
from bqx.market import CURRENCIES, PAIRS
from bqx.market.systems import SYSTEMS, Regressor, Side, System, system

EACH_PAIR = pytest.mark.parametrize("name", PAIRS)
EACH_SYSTEM = pytest.mark.parametrize("kind", SYSTEMS)

SISTERS = {
    "aud": ("nzd", "cad"),
    "nzd": ("aud", "cad"),
    "cad": ("aud", "nzd"),
    "eur": ("gbp", "chf"),
    "gbp": ("eur", "chf"),
    "chf": ("eur", "jpy"),
    "jpy": ("chf", "eur"),
    "usd": ("cad", "eur"),
}
ONE_SISTER_FOR_BOTH = {
    "audcad": (("nzdcad", 1), ("audusd", 1)),
    "audnzd": (("nzdcad", -1), ("audusd", 1)),
    "chfjpy": (("eurjpy", 1), ("usdchf", -1)),
    "eurgbp": (("gbpchf", -1), ("eurusd", 1)),
    "gbpchf": (("eurchf", 1), ("gbpjpy", 1)),
    "nzdcad": (("audcad", 1), ("nzdusd", 1)),
}
"""In these pairs the first sister that is no leg is the same for both currencies."""


def legs(found: System) -> tuple[tuple[str, int], ...]:
    """The single pair behind each regressor."""
    return tuple(leg for sides in found.regressors for side in sides for leg in side.legs)


def vector(regressor: Regressor) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Exposure of a regressor to each currency."""
    out = np.zeros(len(CURRENCIES))
    for side in regressor:
        for name, sign in side.legs:
            exposure = [PAIRS[name].sign(c) for c in CURRENCIES]
            out += sign * np.array(exposure) / len(side.legs)
    return out


def exposure(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return vector((Side(((name, 1),)),))


def test_the_systems_of_a_pair_by_hand() -> None:
    assert legs(system("eurusd", "triangle")) == (("eurgbp", 1), ("gbpusd", 1))
    assert legs(system("eurusd", "cross")) == (("eurjpy", 1), ("usdjpy", -1))
    assert legs(system("eurusd", "cluster")) == (("gbpusd", 1), ("eurcad", 1))
    assert legs(system("audusd", "triangle")) == (("euraud", -1), ("eurusd", 1))
    assert legs(system("usdcad", "cluster")) == (("eurcad", 1), ("audusd", -1))
    dollar, risk = system("eurusd", "usd_majors").regressors
    assert dict(dollar[0].legs) == {
        "gbpusd": -1,
        "audusd": -1,
        "nzdusd": -1,
        "usdcad": 1,
        "usdchf": 1,
        "usdjpy": 1,
    }
    assert [dict(side.legs) for side in risk] == [
        {"audusd": 1, "nzdusd": 1, "usdcad": -1},
        {"usdjpy": 1, "usdchf": 1},
    ]


@EACH_PAIR
@EACH_SYSTEM
def test_no_pair_explains_itself_and_regressors_are_never_collinear(name: str, kind: str) -> None:
    found = system(name, kind)
    assert name not in dict(legs(found))
    assert set(dict(legs(found))) <= set(PAIRS)
    assert np.linalg.matrix_rank(np.stack([vector(r) for r in found.regressors])) == 2


@EACH_PAIR
@pytest.mark.parametrize("kind", ["triangle", "cross"])
def test_a_pair_is_the_sum_of_its_legs_over_a_bridge(name: str, kind: str) -> None:
    found = system(name, kind)
    first, second = (vector(r) for r in found.regressors)
    np.testing.assert_array_equal(first + second, exposure(name))
    assert found.weights == (1.0, 1.0)


@EACH_PAIR
def test_triangle_and_cross_have_different_bridges(name: str) -> None:
    pair = PAIRS[name]
    bridges = []
    for kind, order in (("triangle", ("eur", "gbp", "chf")), ("cross", ("usd", "jpy", "aud"))):
        used = {c for leg, _ in legs(system(name, kind)) for c in (leg[:3], leg[3:])}
        bridges += [used - {pair.base, pair.quote}]
        assert bridges[-1] == {next(c for c in order if c not in (pair.base, pair.quote))}
    assert bridges[0] != bridges[1]


@EACH_PAIR
def test_a_cluster_replaces_each_currency_by_a_sister(name: str) -> None:
    pair, found = PAIRS[name], system(name, "cluster")
    if name in ONE_SISTER_FOR_BOTH:
        assert legs(found) == ONE_SISTER_FOR_BOTH[name]
        return
    base = next(c for c in SISTERS[pair.base] if c != pair.quote)
    quote = next(c for c in SISTERS[pair.quote] if c != pair.base)
    assert base != quote
    by_currency = dict(zip(CURRENCIES, np.eye(len(CURRENCIES)), strict=True))
    first, second = (vector(r) for r in found.regressors)
    np.testing.assert_array_equal(first, by_currency[base] - by_currency[pair.quote])
    np.testing.assert_array_equal(second, by_currency[pair.base] - by_currency[quote])


@EACH_PAIR
def test_a_cluster_is_no_arbitrage_identity(name: str) -> None:
    rows = [exposure(name), *(vector(r) for r in system(name, "cluster").regressors)]
    assert np.linalg.matrix_rank(np.stack(rows)) == 3


@EACH_PAIR
def test_the_factors_point_the_same_way_for_every_pair(name: str) -> None:
    dollar, risk = (
        dict(zip(CURRENCIES, vector(r), strict=True)) for r in system(name, "usd_majors").regressors
    )
    assert dollar["usd"] == pytest.approx(1.0)
    assert all(value <= 0 for currency, value in dollar.items() if currency != "usd")
    assert all(risk[c] >= 0 for c in ("aud", "nzd", "cad"))
    assert all(risk[c] <= 0 for c in ("jpy", "chf"))
    assert risk["usd"] == pytest.approx(0.0)


def test_a_factor_needs_enough_of_its_pairs() -> None:
    dollar, risk = system("eurgbp", "usd_majors").regressors
    assert len(dollar[0].legs) == 7
    assert dollar[0].known({"eurusd", "usdjpy"}) == ()
    assert dollar[0].known({"eurusd", "usdjpy", "usdcad"}) == (
        ("eurusd", -1),
        ("usdcad", 1),
        ("usdjpy", 1),
    )
    assert risk[0].known({"audusd"}) == (("audusd", 1),)
    assert risk[1].known({"audusd"}) == ()


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError):
        system("eurnok", "triangle")
    with pytest.raises(KeyError):
        system("eurusd", "square")

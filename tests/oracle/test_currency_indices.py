"""Currency indices and a pair among them, against products of prices row by row."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import rankdata

import references_currencies as slow
from bqx import compute, registry
from bqx.domains.domain import Domain
from bqx.families.currency_index import CurrencyIndex, RelatedPairs, TriangularConsistency
from bqx.families.currency_indices import NAMES, CurrencyIndices
from bqx.features.family import Columns
from bqx.kernels.currencies import LOG_BASE, Panel, currency_means, strength_percentiles
from bqx.market import PAIRS, peer_groups
from references import Floats

NINE = (
    "audusd",
    "euraud",
    "eurchf",
    "eurgbp",
    "eurjpy",
    "eurusd",
    "gbpusd",
    "usdcad",
    "usdjpy",
)
"""EUR and USD with enough pairs, the others without."""


@cache
def prices(pair: str) -> dict[str, slow.Laid]:
    """Closes of all pairs on the rows of one of them."""
    return slow.laid(slow.frames(), pair=pair)


@cache
def expected_indices(pairs: tuple[str, ...]) -> dict[str, Floats]:
    """Geometric means of price ratios, or their inverses, by products."""
    known = {p: x for p, x in prices(slow.PAIR).items() if p in pairs}
    rows = len(known[slow.PAIR].values)
    found = {}
    for currency in NAMES:
        values = []
        for t in range(rows):
            ratios = []
            for pair, price in known.items():
                now = price.at(t)
                if now is not None and currency in (pair[:3], pair[3:]):
                    up = now / price.first
                    ratios.append(up if pair.startswith(currency) else 1 / up)
            enough = len(ratios) >= 5
            values.append(100 * math.prod(ratios) ** (1 / len(ratios)) if enough else math.nan)
        found[currency] = np.array(values)
    return found


def market(pairs: tuple[str, ...]) -> slow.Frames:
    return {pair: frame for pair, frame in slow.frames().items() if pair in pairs}


@cache
def own(pair: str = slow.PAIR) -> Domain:
    return slow.domain(slow.frames(), pair)


def close_to(found: Floats, expected: Floats, atol: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("pairs", [tuple(PAIRS), NINE])
def test_indices_are_geometric_means(pairs: tuple[str, ...]) -> None:
    d = slow.domain(market(pairs), single=True)
    found = CurrencyIndices().compute_fixed(d)
    for currency, values in expected_indices(pairs).items():
        close_to(found[currency], values, 1e-11)


def test_a_store_of_nine_pairs_has_two_indices() -> None:
    found = CurrencyIndices().compute_fixed(slow.domain(market(NINE), single=True))
    known = {c for c in NAMES if not np.isnan(found[c]).all()}
    assert known == {"eur", "usd"}
    assert not np.isnan(found["usd"][:100]).all()


def test_geometric_mean_is_100_where_all_pairs_count() -> None:
    found = CurrencyIndices().compute_fixed(slow.domain(slow.frames(), single=True))
    count = np.sum([x.ages <= 5 for x in prices(slow.PAIR).values()], axis=0)
    mean = np.exp(np.mean([np.log(found[c]) for c in NAMES], axis=0))
    assert np.count_nonzero(count == 28) > 300
    np.testing.assert_allclose(mean[count == 28], 100.0, rtol=1e-14)
    # A currency without one of its pairs is off the common mean.
    assert np.abs(mean[(count < 28) & ~np.isnan(mean)] - 100).max() > 1e-6


def test_consistent_prices_give_the_values_of_the_currencies() -> None:
    bars = slow.consistent()
    found = CurrencyIndices().compute_fixed(slow.domain(bars, single=True))
    moves = {c: slow.currency_value(c, 300) for c in NAMES}
    moves = {c: v - v[0] for c, v in moves.items()}
    total = np.sum(list(moves.values()), axis=0)
    for c, v in moves.items():
        close_to(found[c], 100 * np.exp((8 * v - total) / 7), 1e-11)
    for pair in ("eurusd", "audcad", "chfjpy"):
        d = slow.domain(bars, pair)
        close_to(CurrencyIndex().compute_fixed(d)["divergence"], np.zeros(300), 1e-11)
        close_to(TriangularConsistency().compute_fixed(d)["score"], np.zeros(300), 1e-10)


def test_a_pair_moves_its_currencies_by_a_seventh() -> None:
    logs = np.full((28, 1), LOG_BASE)
    names = list(PAIRS)
    logs[names.index("eurusd")] += 0.07
    legs = np.array([[NAMES.index(p[:3]), NAMES.index(p[3:])] for p in names])
    out = np.empty((8, 1))
    currency_means(Panel(logs, np.ones((28, 1), np.bool_), legs, LOG_BASE), out)
    moved = {"eur": 0.01, "usd": -0.01}
    assert out[:, 0] == pytest.approx([moved.get(c, 0.0) for c in NAMES], abs=1e-15)


@pytest.mark.parametrize("pair", ["eurusd", "gbpjpy", "nzdchf"])
def test_a_pair_among_the_indices(pair: str) -> None:
    d = own(pair)
    found = CurrencyIndex().compute_fixed(d)
    everyone = CurrencyIndices().compute_fixed(d)
    base, quote = everyone[pair[:3]], everyone[pair[3:]]
    assert found["base_index"].tobytes() == base.tobytes()
    assert found["quote_index"].tobytes() == quote.tobytes()
    close_to(found["differential"], base - quote, 0.0)
    price = prices(pair)[pair]
    implied = 100 * (base / quote) ** (7 / 8)
    close_to(found["divergence"], 100 * price.values / price.first - implied, 1e-11)
    assert float(np.nanmax(np.abs(found["divergence"]))) < 2.0


def ranks_by_scipy(indices: Columns, currency: str) -> Floats:
    table = np.array([indices[c] for c in NAMES])
    ranks = rankdata(table, axis=0, nan_policy="omit")
    known = (~np.isnan(table)).sum(axis=0)
    share = 100 * (ranks[NAMES.index(currency)] - 1) / np.maximum(known - 1, 1)
    return np.asarray(np.where(known >= 5, share, np.nan))


@pytest.mark.parametrize("pair", ["eurusd", "gbpjpy"])
def test_strengths_are_ranks(pair: str) -> None:
    found = CurrencyIndex().compute_fixed(own(pair))
    indices = CurrencyIndices().compute_fixed(own(pair))
    # All pairs stand at their baselines in the first row.
    assert found["base_strength"][0] == 50.0
    for side, currency in (("base", pair[:3]), ("quote", pair[3:])):
        close_to(found[f"{side}_strength"][1:], ranks_by_scipy(indices, currency)[1:], 1e-12)


def test_ranks_with_ties_and_unknown_levels() -> None:
    nan = math.nan
    levels = np.array([[1, 2, 2, 5, 7, 7, 7, 9], [1, 2, nan, nan, nan, 3, 4, 5.0]]).T
    levels = np.column_stack([levels, [1, 2, 3, 4, nan, nan, nan, nan]])
    out = np.empty_like(levels)
    strength_percentiles(levels, out)
    seventh = 100 / 7
    assert out[:, 0] == pytest.approx([v * seventh for v in (0, 1.5, 1.5, 3, 5, 5, 5, 7)])
    assert out[[0, 1, 5, 6, 7], 1] == pytest.approx([0, 25, 50, 75, 100])
    assert np.isnan(out[2:5, 1]).all()
    assert np.isnan(out[:, 2]).all()


def test_one_pair_alone_has_no_index() -> None:
    d = slow.domain(market((slow.PAIR,)))
    for family in (CurrencyIndex(), RelatedPairs(), TriangularConsistency()):
        for values in family.compute_fixed(d).values():
            assert np.isnan(values).all()


def mean_correlation(t: int, pair: str, group: dict[str, int]) -> float:
    """Mean correlation over 60 rows with the pairs of a group that were there."""
    last, own_price = slice(t - 59, t + 1), prices(pair)[pair]
    values = []
    for peer, sign in group.items():
        price = prices(pair)[peer]
        both = (own_price.ages[last] == 0) & (price.ages[last] == 0)
        x, y = log_moves(own_price, t), log_moves(price, t)
        if both.mean() >= 0.9 and price.at(t) and own_price.at(t) and np.ptp(y) > 0:
            values.append(sign * np.corrcoef(x, y)[0, 1])
    return float(np.mean(values)) if len(values) >= 3 else math.nan


def log_moves(price: slow.Laid, t: int) -> Floats:
    return np.diff(np.log(price.values[t - 60 : t + 1]))


@pytest.mark.parametrize("pair", ["eurusd", "eurjpy", "nzdchf"])
def test_correlation_with_related_pairs(pair: str) -> None:
    found = RelatedPairs().compute_fixed(own(pair))["correlation"]
    groups = peer_groups(pair)
    rows = range(200, 440, 20)
    expected = [
        (mean_correlation(t, pair, groups.base) + mean_correlation(t, pair, groups.quote)) / 2
        for t in rows
    ]
    assert np.count_nonzero(~np.isnan(expected)) > 5
    assert found[list(rows)] == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("pairs", [tuple(PAIRS), NINE])
def test_triangular_consistency(pairs: tuple[str, ...]) -> None:
    found = TriangularConsistency().compute_fixed(slow.domain(market(pairs)))["score"]
    known = {p: x for p, x in prices(slow.PAIR).items() if p in pairs}
    for t in range(0, len(found), 3):
        rates = {p: v for p, x in known.items() if (v := x.at(t)) is not None}
        gaps = []
        for bridge in NAMES:
            first, second = slow.cross(rates, "eur", bridge), slow.cross(rates, bridge, "usd")
            if first and second:
                gaps.append(abs(math.log(rates["eurusd"] / (first * second))))
        expected = 1e4 * float(np.mean(gaps)) if gaps and "eurusd" in rates else math.nan
        assert found[t] == pytest.approx(expected, rel=1e-10, nan_ok=True)


def test_columns() -> None:
    table = registry().table("currency_indices")
    assert table.column_names == tuple(f"{c}_index" for c in NAMES)
    assert table.single
    assert {c.dtype for c in table.columns} == {"float64"}
    assert len(registry().table("currency_index").columns) == 8


def test_a_late_pair_is_null_until_it_begins() -> None:
    bars = slow.frames()
    peers = {p: f for p, f in bars.items() if p != "cadchf"}
    found = compute("currency_index", bars["cadchf"], pair="cadchf", peers=peers)
    assert found["pair_divergence_from_index"][0] is not None
    assert found["ts_utc"][0] == bars["cadchf"]["ts_utc"][0]

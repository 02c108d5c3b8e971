"""Columns of the cross-sectional panel against scipy and NumPy, on several stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bqx import registry
from bqx.domains.domain import Domain, Domains
from bqx.domains.grid import BarArrays
from bqx.domains.together import PairBars, Together
from bqx.features.family import Columns
from bqx.features.stateless import bar_arrays
from bqx.market import PAIRS, Calendar
from references import Floats
from references_panel import Reference
from synthetic import market_bars

TABLE = "cross_sectional_panel"
FAMILIES = ("cross_sectional_panel", "cross_sectional_relations")
NINE = (
    "audusd", "euraud", "eurgbp", "eurjpy", "eurusd", "gbpusd", "nzdusd", "usdcad", "usdjpy",
)  # fmt: skip
HISTORY = {
    key: feature.rows(1, "rate")[0]
    for name in FAMILIES
    for key, feature in registry().family(name).features.items()
}
TOLERANCE = {
    "beta_momentum": 1e-9,
    "shock": 1e-9,
    "beta_volatility": 1e-8,
    "leadership_score": 1e-11,
    "contagion_exposure": 1e-11,
    "isolation_score": 1e-11,
}
"""Absolute, for ratios of the order of 1."""


@cache
def market() -> dict[str, BarArrays]:
    frames = market_bars(tuple(PAIRS), "2019-02-04", 4, seed=3)
    return {pair: bar_arrays(frame) for pair, frame in frames.items()}


def some(names: tuple[str, ...]) -> dict[str, BarArrays]:
    return {pair: market()[pair] for pair in names}


def domain(pair: str, bars: Mapping[str, BarArrays]) -> Domain:
    pairs = {p: PairBars(b, float(b.close[0])) for p, b in bars.items()}
    around = Together(pair, pairs, Calendar())
    return around.slice(*around.rows(pair))["rate"]


def columns(d: Domain) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name in FAMILIES:
        family = registry().family(name)()
        part: Columns = family.compute_fixed(d)
        assert set(part) == set(family.features)
        for key, values in part.items():
            found[key] = np.where(d.valid(HISTORY[key]), values, np.nan)
    return found


@cache
def made(pair: str, names: tuple[str, ...]) -> tuple[Domain, Columns, Reference]:
    bars = some(names)
    d = domain(pair, bars)
    return d, columns(d), Reference(bars, d.grid.minutes)


def sampled(d: Domain, found: Columns, count: int, seed: int) -> list[int]:
    """Rows behind the first 1600, among them some in which the market stands still."""
    rng = np.random.default_rng(seed)
    rows = np.arange(1600, len(d))
    still = np.flatnonzero(found["dispersion_momentum_15"] == 0.0)
    still = still[np.isin(still, rows)]
    chosen = [*rng.choice(rows, count, replace=False), *still[:: max(1, len(still) // 6)]]
    return sorted({int(rows[0]), int(rows[-1]), *(int(t) for t in chosen)})


def compare(d: Domain, found: Columns, truth: Reference, count: int, seed: int = 1) -> int:
    own, compared = truth.names.index(d.pair), 0
    for t in sampled(d, found, count, seed):
        expected = {**truth.ranks(t, own), **truth.relations(t, own)}
        assert set(expected) == set(found)
        for key, known in expected.items():
            value = known if truth.counts(t, HISTORY[key])[own] else np.nan
            exact = key.startswith(("rank_", "pctile_")) and key != "rank_stability"
            tolerance = 1e-15 if exact else TOLERANCE.get(key, 1e-12)
            assert found[key][t] == pytest.approx(value, abs=tolerance, rel=0, nan_ok=True), (
                key,
                t,
            )
            compared += not np.isnan(value)
    return compared


@pytest.mark.parametrize("pair", ["eurusd", "audnzd", "usdjpy"])
def test_every_column_equals_its_slow_reference(pair: str) -> None:
    d, found, truth = made(pair, tuple(PAIRS))
    assert compare(d, found, truth, 25) > 25 * 38


def test_a_store_of_nine_pairs_has_values() -> None:
    d, found, truth = made("euraud", NINE)
    assert truth.least == 7
    assert compare(d, found, truth, 15) > 15 * 40


def test_the_columns_are_the_promised_ones() -> None:
    spec = registry().table(TABLE)
    assert len(spec.columns) == 42
    assert all("peers" in c.requires and c.nullable for c in spec.columns)
    quoted = [c.name for c in spec.columns if "quotes" in c.requires]
    assert quoted == [
        "rank_spread_panel",
        "pctile_spread_panel",
        "xs_correlation_momentum_spread_panel",
        "xs_correlation_volatility_spread_panel",
    ]
    assert spec.memory == spec.history == 1500


def test_what_belongs_to_the_panel_is_the_same_for_every_pair() -> None:
    (_, a, _), (_, b, _) = (made(p, tuple(PAIRS)) for p in ("eurusd", "audnzd"))
    same = [k for k in a if k.startswith("dispersion_")]
    same += ["momentum_volatility", "momentum_spread", "volatility_spread", "rank_stability"]
    for key in same:
        both = np.isfinite(a[key]) & np.isfinite(b[key])
        np.testing.assert_array_equal(a[key][both], b[key][both])


def test_percentiles_of_all_pairs_average_to_one_half() -> None:
    names = NINE[:6]
    parts = [columns(domain(p, some(names))) for p in names]
    for key in ("pctile_momentum_60", "pctile_volatility_15", "pctile_spread"):
        all_pairs = np.array([part[key] for part in parts])
        mean = all_pairs[:, np.isfinite(all_pairs).all(axis=0)].mean(axis=0)
        assert len(mean) > 3000
        np.testing.assert_allclose(mean, 0.5, atol=1e-15)


@pytest.mark.parametrize("count", [1, 4])
def test_a_store_of_fewer_than_five_pairs_has_none_but_the_dollar(count: int) -> None:
    found = columns(domain("eurusd", some(("eurusd", "audcad", "audnzd", "cadchf")[:count])))
    assert all(np.isnan(column).all() for column in found.values())


def test_a_slice_without_surroundings_has_no_value() -> None:
    d = Domains(domain("eurusd", some(("eurusd",))).grid, 1.0)["rate"]
    for name in FAMILIES:
        found = registry().family(name)().compute_fixed(d)
        assert all(np.isnan(column).all() for column in found.values())


def test_without_dollar_pairs_there_is_no_dollar_factor() -> None:
    names = (*(p for p in PAIRS if "usd" not in p), "eurusd", "usdjpy")
    found = columns(domain("eurusd", some(names)))
    for key in ("beta_momentum", "shock", "contagion_exposure"):
        assert np.isnan(found[key]).all()
    assert np.isfinite(found["isolation_score"]).sum() > 3000


def test_without_quotes_the_columns_of_the_spread_are_empty() -> None:
    bars = {pair: replace(b, quotes=None) for pair, b in some(NINE).items()}
    without, full = columns(domain("euraud", bars)), made("euraud", NINE)[1]
    for key, values in without.items():
        if "spread" in key:
            assert np.isnan(values).all()
        else:
            np.testing.assert_array_equal(values, full[key])


def test_a_pair_without_quotes_has_no_rank_among_those_that_have_them() -> None:
    bars = dict(some(NINE))
    bars["euraud"] = replace(bars["euraud"], quotes=None)
    d = domain("euraud", bars)
    found, truth = columns(d), Reference(bars, d.grid.minutes)
    assert np.isnan(found["rank_spread"]).all()
    assert np.isnan(found["pctile_spread"]).all()
    assert np.isfinite(found["momentum_spread"]).any()
    compare(d, found, truth, 5)


def test_too_few_pairs_at_a_row_have_no_value() -> None:
    """Three of nine pairs end early: six are too few."""
    bars = dict(some(NINE))
    for pair in ("eurgbp", "eurjpy", "usdcad"):
        bars[pair] = bars[pair].take(slice(0, 3000))
    d = domain("euraud", bars)
    found, truth = columns(d), Reference(bars, d.grid.minutes)
    last = max(int(np.flatnonzero(truth.seen[truth.names.index(p)])[-1]) for p in ("eurgbp",))
    gone = slice(last + 100, None)
    dollars = {"beta_momentum", "shock"}
    for key, values in found.items():
        assert np.isnan(values[gone]).all() == (key not in dollars), key
    compare(d, found, truth, 8)


def test_a_pair_that_ends_is_no_longer_part_of_the_dollar() -> None:
    bars = dict(some(NINE))
    bars["usdjpy"] = bars["usdjpy"].take(slice(0, 2500))
    d = domain("eurusd", bars)
    compare(d, columns(d), Reference(bars, d.grid.minutes), 8, seed=4)


def test_a_late_pair_counts_once_its_history_is_complete() -> None:
    bars = dict(some(NINE))
    late = bars["usdjpy"]
    bars["usdjpy"] = late.take(late.minutes >= late.minutes[2000])
    late_from = int(np.searchsorted(domain("eurusd", bars).grid.minutes, late.minutes[2000]))
    found, full = columns(domain("eurusd", bars)), made("eurusd", NINE)[1]
    for key, values in found.items():
        rows = slice(late_from + 1600, None)
        np.testing.assert_allclose(values[rows], full[key][rows], rtol=1e-7, atol=1e-10)
    assert (found["rank_momentum_15"] != full["rank_momentum_15"])[1800:late_from].any()

"""The correlation tables against NumPy, SciPy and statsmodels, row by row."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl
import pytest
import statsmodels.api as models
from scipy import stats

import bqx
import references_correlation as slow
from bqx import registry
from bqx.domains.domain import DomainName
from bqx.features.stateless import bar_arrays, compute_data, surroundings
from bqx.market import PAIRS, Calendar
from references import Floats
from references_correlation import View
from synthetic import market_bars

PAIR = "eurusd"
NINE = ("audusd", "eurgbp", "eurjpy", "eurusd", "gbpusd", "nzdusd", "usdcad", "usdchf", "usdjpy")
DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
EACH_DOMAIN = pytest.mark.parametrize("domain", DOMAINS)
END = 2880
"""Columns with a long look-back are compared before this row, where the market stands still."""


@cache
def frames() -> dict[str, pl.DataFrame]:
    """A market of 27 pairs: one begins late, one has a hole, one is sparse for a while."""
    bars = market_bars([p for p in PAIRS if p != "audnzd"], "2019-01-29", 2.2, seed=3)
    bars["eurgbp"] = bars["eurgbp"][1500:]
    bars["gbpusd"] = pl.concat([bars["gbpusd"][:2000], bars["gbpusd"][2040:]])
    kept = (np.arange(len(bars["eurchf"])) % 7 > 0) | (np.arange(len(bars["eurchf"])) > 1200)
    bars["eurchf"] = bars["eurchf"].filter(pl.Series(kept))
    return bars


@cache
def computed(domain: DomainName, pairs: tuple[str, ...]) -> tuple[View, dict[str, Floats]]:
    """What the twins read, and the table in float64, NULL as NaN."""
    arrays = {p: bar_arrays(frame) for p, frame in frames().items() if p in pairs}
    around = surroundings(PAIR, arrays, Calendar())
    table = f"correlation_{domain}"
    data = compute_data(registry(), {table: registry().table(table)}, around, exact=True)[table]
    columns = {
        c.column.name: np.where(c.valid, c.values, np.nan)
        for c in data.columns
        if "peers" in c.column.requires
    }
    return View.of(around.slice(*around.rows(PAIR))[domain]), columns


def rows() -> list[int]:
    """Rows around what is odd in the market, and some at random."""
    odd = [61, 90, 95, 150, 1210, 1500, 1520, 1565, 1690, 2010, 2045, 2060, 2100, 2200, 2950, 2999]
    return [*odd, *np.random.default_rng(5).integers(300, 3100, 30).tolist()]


def last_shown(found: Floats) -> int:
    return int(np.flatnonzero(~np.isnan(found[:END]))[-1])


def compare(
    found: Floats, twin: Callable[[int], float], at: list[int], tolerance: float, shown: int
) -> None:
    """Fail where a shown value differs, or where fewer than ``shown`` values are compared."""
    compared = 0
    for t in at:
        truth = twin(t)
        if np.isnan(found[t]):
            continue
        assert found[t] == pytest.approx(truth, rel=tolerance, abs=tolerance), t
        compared += 1
    assert compared >= shown


@EACH_DOMAIN
@pytest.mark.parametrize("group", ["base", "quote", "cross"])
def test_group_correlations(domain: DomainName, group: str) -> None:
    view, table = computed(domain, tuple(frames()))
    for w in (15, 30, 60, 120):
        found = table[f"corr_{group}_pairs_{w}min"]

        def twin(t: int, w: int = w) -> float:
            return slow.group_correlation(view, group, t, w)

        compare(found, twin, rows(), 1e-12, 25)
        due = [t for t in rows() if not np.isnan(twin(t)) and view.age[PAIR][t] <= 5]
        assert np.count_nonzero(~np.isnan(found[due])) >= len(due) - 3


def test_one_peer_against_scipy() -> None:
    view, _ = computed("rate", tuple(frames()))
    x, y = (view.c[p][1000:1060] for p in (PAIR, "usdjpy"))
    assert slow.corr(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-14)


@EACH_DOMAIN
def test_changes_of_the_correlation(domain: DomainName) -> None:
    view, table = computed(domain, tuple(frames()))
    for h in (5, 15, 30, 60, 120, 240):

        def twin(t: int, h: int = h) -> float:
            return slow.mean_correlation(view, t, 60) - slow.mean_correlation(view, t - h, 60)

        compare(table[f"corr_change_{h}min"], twin, rows()[8:40], 2e-12, 10)


@pytest.mark.parametrize(
    ("domain", "group", "w", "trailing"),
    [
        ("rate", "base", 15, 240),
        ("bqx", "quote", 15, 240),
        ("rate", "cross", 15, 240),
        ("bqx", "base", 60, 960),
        ("rate", "quote", 60, 960),
        ("bqx", "cross", 60, 960),
    ],
)
def test_scores(domain: DomainName, group: str, w: int, trailing: int) -> None:
    view, table = computed(domain, tuple(frames()))
    found = table[f"corr_zscore_{group}_{w}min"]
    t = last_shown(found)
    at = range(t - trailing - 1, t + 1)
    values = [slow.group_correlation(view, group, s, w) for s in at]
    for k in range(3):
        past = values[k : k + trailing]
        truth = slow.score(past)
        assert found[at[k] + trailing - 1] == pytest.approx(truth, abs=1e-10, nan_ok=True)


@EACH_DOMAIN
@pytest.mark.parametrize(("w", "trailing"), [(15, 240), (60, 240), (240, 960)])
def test_stability(domain: DomainName, w: int, trailing: int) -> None:
    view, table = computed(domain, tuple(frames()))
    found = table[f"corr_stability_{w}min"]
    t = last_shown(found)
    values = [slow.mean_correlation(view, s, w) for s in range(t - trailing + 1, t + 1)]
    assert found[t] == pytest.approx(slow.stability(values), abs=1e-12)


@EACH_DOMAIN
@pytest.mark.parametrize("group", ["base", "quote"])
def test_divergence_and_strength(domain: DomainName, group: str) -> None:
    view, table = computed(domain, tuple(frames()))
    for w in (15, 60):

        def twin(t: int, w: int = w) -> float:
            return slow.divergence(view, group, t, w) * 1e3

        compare(table[f"divergence_{group}_{w}min"] * 1e3, twin, rows(), 1e-11, 25)
    compare(
        table[f"rel_strength_{group}"], lambda t: slow.strength(view, group, t), rows(), 1e-9, 25
    )


@EACH_DOMAIN
@pytest.mark.parametrize("group", ["base", "quote", "cross"])
def test_volatility_ratio(domain: DomainName, group: str) -> None:
    view, table = computed(domain, tuple(frames()))
    found = table[f"vol_ratio_{group}"]
    compare(found, lambda t: slow.volatility_ratio(view, group, t), rows(), 1e-11, 25)


@EACH_DOMAIN
@pytest.mark.parametrize("group", ["base", "quote"])
def test_lead_and_lag(domain: DomainName, group: str) -> None:
    view, table = computed(domain, tuple(frames()))
    found = table[f"lead_lag_{group}"]
    compare(found, lambda t: slow.lead_lag(view, group, t)[0], rows(), 1e-11, 25)


@EACH_DOMAIN
def test_lead_and_lag_of_the_principal_component(domain: DomainName) -> None:
    view, table = computed(domain, tuple(frames()))
    found = table["lead_lag_cross"]
    # Where the two greatest eigenvalues are near each other, no method finds the vector well.
    clear = [t for t in rows() if slow.lead_lag(view, "cross", t)[1] > 1.2]
    compare(found, lambda t: slow.lead_lag(view, "cross", t)[0], clear, 1e-9, 20)


@EACH_DOMAIN
@pytest.mark.parametrize("group", ["base", "quote", "cross"])
def test_cointegration(domain: DomainName, group: str) -> None:
    view, table = computed(domain, tuple(frames()))
    for end in (1400, END):
        residuals = [slow.residual(view, group, t, models) for t in range(end - 241, end)]
        for k in range(2):
            found = table[f"cointegration_{group}"][end - 2 + k]
            truth = slow.score(residuals[k : k + 240])
            assert found == pytest.approx(truth, abs=1e-8, nan_ok=True)
    assert not np.isnan(table[f"cointegration_{group}"][END - 1])


@EACH_DOMAIN
def test_spreads(domain: DomainName) -> None:
    view, table = computed(domain, tuple(frames()))
    for w in (15, 60, 240):

        def twin(t: int, w: int = w) -> float:
            return slow.spread_score(view, t, w)

        compare(table[f"pair_spread_{w}min"], twin, rows(), 1e-8, 25)


@EACH_DOMAIN
def test_a_small_store_has_values_where_there_are_peers_and_the_same_ones(
    domain: DomainName,
) -> None:
    _, whole = computed(domain, tuple(frames()))
    _, few = computed(domain, NINE)
    for name, values in few.items():
        if "quote" in name:
            assert values.tobytes() == whole[name].tobytes(), name
            assert np.count_nonzero(~np.isnan(values)) > 500
        elif "base" in name or "cross" in name:
            assert np.isnan(values).all(), name
    assert np.count_nonzero(~np.isnan(few["pair_spread_60min"])) > 500


@EACH_DOMAIN
def test_without_peers_all_is_null(domain: DomainName) -> None:
    table = f"correlation_{domain}"
    names = [c.name for c in registry().table(table).columns if "peers" in c.requires]
    assert len(names) == 45
    found = bqx.compute(table, frames()[PAIR][:400], pair=PAIR, columns=names)
    assert found.select(names).null_count().row(0) == (len(found),) * len(names)


def test_a_pair_twice_as_far_moves_with_its_peers() -> None:
    # Each currency against the dollar alone: the quote peers are then 6 copies of one walk.
    walk = np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 1e-4, 400)))
    base = frames()["eurusd"][:400]
    made = {}
    for pair in ("eurusd", "gbpusd", "audusd", "usdjpy"):
        prices = walk**2 if pair == "eurusd" else walk ** (-1.0 if pair == "usdjpy" else 1.0)
        made[pair] = base.with_columns(
            **{c: pl.Series(prices) for c in ("open", "high", "low", "close")}
        )
    found = bqx.compute("correlation_rate", made.pop("eurusd"), pair=PAIR, peers=made)
    last = found.row(-1, named=True)
    assert last["corr_quote_pairs_60min"] == pytest.approx(1.0, abs=1e-6)
    assert last["vol_ratio_quote"] == pytest.approx(2.0, abs=1e-6)
    assert last["corr_base_pairs_60min"] is None

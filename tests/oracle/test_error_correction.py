"""Error correction columns against statsmodels and a slow reference, on 28 pairs of one market."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from functools import cache

import numpy as np
import pytest
import statsmodels.tsa.stattools as tools
from statsmodels import api

import references_cointegration as slow
from bqx import registry
from bqx.domains.domain import Domain, DomainName, Domains
from bqx.domains.grid import BarArrays
from bqx.domains.together import PairBars, Together
from bqx.families.error_correction import NEAR, WINDOW
from bqx.features.family import Columns
from bqx.features.stateless import bar_arrays
from bqx.market import CURRENCIES, PAIRS, Calendar
from bqx.market.systems import SYSTEMS, Regressor, system
from references import Floats, Long, walk
from synthetic import market_bars

DAYS = 6
DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
EACH_SYSTEM = pytest.mark.parametrize("kind", SYSTEMS)
EACH_DOMAIN = pytest.mark.parametrize("name", DOMAINS)


@cache
def market() -> dict[str, BarArrays]:
    frames = market_bars(tuple(PAIRS), "2019-02-04", DAYS, seed=3)
    return {pair: bar_arrays(frame) for pair, frame in frames.items()}


@cache
def quoted_market() -> dict[str, BarArrays]:
    """A market without gaps, in which triangles close but for the digits of quotes."""
    minutes = Calendar().minutes(700_000, 700_000 + 2 * WINDOW)
    value = {c: walk(len(minutes), 7e-5, seed) for seed, c in enumerate(CURRENCIES)}
    volume, bars = np.ones(len(minutes)), {}
    for pair in PAIRS.values():
        price: Floats = np.exp(value[pair.base] - value[pair.quote]).round(5)
        bars[pair.name] = BarArrays(minutes, price, price, price, price, volume)
    return bars


def domain(pair: str, name: DomainName, bars: dict[str, BarArrays] | None = None) -> Domain:
    used = bars or market()
    pairs = {p: PairBars(b, float(b.close[0])) for p, b in used.items()}
    around = Together(pair, pairs, Calendar())
    return around.slice(*around.rows(pair))[name]


def columns(d: Domain, kind: str) -> Columns:
    return registry().family(f"{kind}_correction")().compute_fixed(d)


@cache
def made(pair: str, name: DomainName, kind: str) -> tuple[Domain, Columns]:
    d = domain(pair, name)
    return d, columns(d, kind)


def signed(d: Domain, pair: str) -> Floats:
    """Log index or BQX of any pair."""
    series = d.everyone[pair].series
    return np.asarray(np.log(series)) if d.traits.name == "rate" else series


def regressor(d: Domain, sides: Regressor, present: Collection[str] = PAIRS) -> Floats:
    total = np.zeros(len(d))
    for side in sides:
        known = [(p, sign) for p, sign in side.legs if p in present]
        total += np.mean([sign * signed(d, p) for p, sign in known], axis=0)
    return total


def inputs(d: Domain, kind: str) -> tuple[Floats, Floats, Floats]:
    """The pair and its two regressors, made in another way than the family does."""
    first, second = system(d.pair, kind).regressors
    return signed(d, d.pair), regressor(d, first), regressor(d, second)


def shown_rows(found: Columns, count: int, seed: int) -> list[int]:
    rows = np.flatnonzero(np.isfinite(found["ect"]))
    assert len(rows) > 1000
    chosen = np.random.default_rng(seed).choice(rows, count, replace=False)
    return sorted([int(rows[0]), int(rows[-1]), *chosen.tolist()])


@EACH_DOMAIN
@EACH_SYSTEM
@pytest.mark.parametrize("pair", ["eurusd", "audnzd", "usdjpy"])
def test_every_column_equals_its_slow_reference(pair: str, kind: str, name: DomainName) -> None:
    d, found = made(pair, name, kind)
    series = inputs(d, kind)
    values = np.array(list(found.values()))
    for t in shown_rows(found, 25, seed=1):
        y, x, v = (s[t - WINDOW + 1 : t + 1] for s in series)
        exact, unit = slow.window(y, x, v, NEAR)
        assert (np.isnan(values[:, t]) == np.isnan(exact)).all(), t
        error = np.abs(values[:, t] - exact) / unit
        assert float(np.nanmax(error)) <= 1e-11, (t, error)


@EACH_DOMAIN
@EACH_SYSTEM
def test_statsmodels_agrees(kind: str, name: DomainName) -> None:
    """Two regressions and the augmented Dickey-Fuller test."""
    d, found = made("gbpjpy", name, kind)
    series = inputs(d, kind)
    for t in shown_rows(found, 12, seed=2):
        # Measured from the first row: at the level of the logs statsmodels itself loses digits.
        y, x, v = (s[t - WINDOW + 1 : t + 1] - s[t - WINDOW + 1] for s in series)
        fit = api.OLS(y, api.add_constant(np.column_stack([x, v]))).fit()
        e = fit.resid
        sd = e.std(ddof=1)
        assert found["ect"][t] == pytest.approx(e[-1], abs=1e-8 * sd)
        assert found["weight_1"][t] == pytest.approx(fit.params[1], rel=1e-8)
        assert found["weight_2"][t] == pytest.approx(fit.params[2], rel=1e-8)
        assert found["r2"][t] == pytest.approx(fit.rsquared, abs=1e-10)
        assert found["std"][t] == pytest.approx(sd, rel=1e-8)
        loading = api.OLS(np.diff(y), api.add_constant(e[:-1])).fit()
        assert found["alpha"][t] == pytest.approx(loading.params[1], rel=1e-6, abs=1e-8)
        phi = api.OLS(e[1:], e[:-1]).fit().params[0]
        expected = min(-np.log(2) / np.log(phi), WINDOW) if 0 < phi < 1 else np.nan
        assert found["half_life"][t] == pytest.approx(expected, rel=1e-7, nan_ok=True)
        assert found["adf"][t] == pytest.approx(dickey_fuller(e), rel=1e-7)


def dickey_fuller(e: Floats) -> float:
    with warnings.catch_warnings():
        # Releases differ in what they return, not in its first element.
        warnings.simplefilter("ignore", FutureWarning)
        return float(tools.adfuller(e, maxlag=1, regression="n", autolag=None)[0])


@EACH_DOMAIN
@pytest.mark.parametrize("kind", ["triangle", "cross"])
def test_a_pair_is_the_sum_of_its_legs(kind: str, name: DomainName) -> None:
    """In the rate domain exactly but for noise; BQX of a product is a sum to first order."""
    for pair in PAIRS:
        found = columns(domain(pair, name, quoted_market()), kind)
        assert np.nanmin(found["r2"]) > 0.999, pair
        for weight in (found["weight_1"], found["weight_2"]):
            assert np.nanmax(np.abs(weight - 1.0)) < 0.005, pair


def test_the_residual_of_an_identity_is_the_noise_of_quotes() -> None:
    for name in DOMAINS:
        d = domain("eurusd", name, quoted_market())
        deviation = {k: float(np.nanmedian(columns(d, k)["std"])) for k in SYSTEMS}
        assert 10 * deviation["triangle"] < min(deviation["cluster"], deviation["usd_majors"])
        assert 10 * deviation["cross"] < min(deviation["cluster"], deviation["usd_majors"])


def test_half_of_the_columns_belong_to_each_domain_and_name_it() -> None:
    for name, tag in (("rate", "idx"), ("bqx", "bqx")):
        spec = registry().table(f"error_correction_{name}")
        assert len(spec.columns) == 56
        assert spec.column_names[:14] == (
            f"coint_ect_{tag}_triangle",
            f"coint_deviation_zscore_{tag}_triangle_60",
            f"coint_deviation_zscore_{tag}_triangle_240",
            f"coint_ect_velocity_{tag}_triangle_20",
            f"coint_ect_accel_{tag}_triangle_20",
            f"coint_half_life_{tag}_triangle",
            f"coint_alpha_{tag}_triangle",
            f"coint_adf_{tag}_triangle",
            f"coint_regime_inbound_{tag}_triangle",
            f"coint_bars_since_cross_{tag}_triangle",
            f"coint_vec_weight_{tag}_triangle_1",
            f"coint_vec_weight_{tag}_triangle_2",
            f"coint_resid_std_{tag}_triangle",
            f"coint_r2_{tag}_triangle",
        )
        assert all(c.nullable and c.requires == ("peers",) for c in spec.columns)
        assert {c.history for c in spec.columns} == {WINDOW + (15 if name == "bqx" else 0)}


def without(*missing: str) -> dict[str, BarArrays]:
    return {p: b for p, b in market().items() if p not in missing}


@EACH_SYSTEM
def test_a_pair_alone_in_its_store_has_no_value(kind: str) -> None:
    d = domain("eurusd", "rate", {"eurusd": market()["eurusd"]})
    assert all(np.isnan(column).all() for column in columns(d, kind).values())


def test_a_slice_without_surroundings_has_no_value() -> None:
    grid = domain("eurusd", "rate").grid
    for kind in SYSTEMS:
        found = columns(Domains(grid, 1.0)["rate"], kind)
        assert all(np.isnan(column).all() for column in found.values())


def test_a_missing_leg_takes_its_systems_away_and_no_other() -> None:
    d = domain("eurusd", "bqx", without("eurgbp"))
    assert np.isnan(columns(d, "triangle")["ect"]).all()
    for kind in ("cluster", "cross", "usd_majors"):
        expected = made("eurusd", "bqx", kind)[1]
        for key, column in columns(d, kind).items():
            np.testing.assert_array_equal(column, expected[key])


def test_a_factor_is_the_mean_of_the_pairs_that_there_are() -> None:
    d = domain("eurusd", "rate", without("audusd", "nzdusd", "usdjpy", "eurjpy"))
    found = columns(d, "usd_majors")
    first, second = system("eurusd", "usd_majors").regressors
    series = [signed(d, "eurusd"), *(regressor(d, r, set(d.everyone)) for r in (first, second))]
    t = shown_rows(found, 1, seed=3)[-1]
    y, x, v = (s[t - WINDOW + 1 : t + 1] for s in series)
    weights, _, _ = slow.regression(y, x, v)
    assert found["weight_1"][t] == pytest.approx(float(weights[0]), rel=1e-8)
    assert found["weight_2"][t] == pytest.approx(float(weights[1]), rel=1e-8)


@pytest.mark.parametrize(
    "missing",
    [
        ("usdjpy", "usdchf"),
        ("audusd", "nzdusd", "usdcad"),
        ("gbpusd", "usdcad", "usdchf", "nzdusd"),
    ],
)
def test_a_factor_of_too_few_pairs_is_none(missing: tuple[str, ...]) -> None:
    d = domain("eurusd", "rate", without(*missing))
    assert np.isnan(columns(d, "usd_majors")["ect"]).all()


@EACH_DOMAIN
def test_a_window_needs_nine_tenths_of_its_minutes_in_both_pairs(name: DomainName) -> None:
    bars = dict(market())
    start = int(bars["eurgbp"].minutes[2500])
    own, leg = bars["eurusd"], bars["eurgbp"]
    # Each pair alone is covered well enough; together they are not.
    bars["eurusd"] = own.take((own.minutes < start) | (own.minutes >= start + 70))
    bars["eurgbp"] = leg.take((leg.minutes < start + 300) | (leg.minutes >= start + 390))
    d = domain("eurusd", name, bars)
    found = columns(d, "triangle")["ect"]
    history = WINDOW + d.traits.lead
    fresh = {p: d.valid(history) if p == "eurusd" else d.peers[p].valid(history) for p in bars}
    enough = np.ones(len(d), np.bool_)
    for p in ("eurgbp", "gbpusd"):
        minutes = np.intersect1d(bars["eurusd"].minutes, bars[p].minutes)
        counts = np.convolve(np.isin(d.grid.minutes, minutes), np.ones(history))[: len(d)]
        enough &= 100 * np.rint(counts) >= 90 * history
    both = fresh["eurusd"] & fresh["eurgbp"] & fresh["gbpusd"]
    assert (both & ~enough).any()
    np.testing.assert_array_equal(
        np.isfinite(found)[fresh["eurusd"]], (enough & both)[fresh["eurusd"]]
    )


def test_a_leg_that_falls_silent_is_forgotten_after_five_minutes() -> None:
    bars = dict(market())
    leg, shown = bars["gbpusd"], np.isfinite(made("eurusd", "rate", "triangle")[1]["ect"])
    minutes = domain("eurusd", "rate").grid.minutes
    observed = np.isin(minutes, leg.minutes)
    at = next(t for t in range(3000, len(shown)) if observed[t] and shown[t : t + 6].all())
    bars["gbpusd"] = leg.take(leg.minutes <= minutes[at])
    found = columns(domain("eurusd", "rate", bars), "triangle")["ect"]
    assert np.isnan(found[at + 6 :]).all()
    np.testing.assert_array_equal(np.isfinite(found[: at + 6]), shown[: at + 6])


def test_an_inverted_leg_enters_with_the_opposite_sign() -> None:
    """The pair audnzd over the euro: minus euraud, plus eurnzd."""
    d, found = made("audnzd", "bqx", "triangle")
    t = shown_rows(found, 1, seed=4)[0]
    rows = slice(t - WINDOW + 1, t + 1)
    weights, _, e = slow.regression(
        d.series[rows], -d.everyone["euraud"].series[rows], d.everyone["eurnzd"].series[rows]
    )
    measured: Long = np.array([found["weight_1"][t], found["weight_2"][t]], np.longdouble)
    np.testing.assert_allclose(measured, weights, rtol=1e-10)
    assert found["ect"][t] == pytest.approx(float(e[-1]), abs=1e-9 * float(e.std()))

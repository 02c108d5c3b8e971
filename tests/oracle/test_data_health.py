"""Counts of missing minutes and scores of a day, against row-by-row arithmetic."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import polars as pl
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import zscore

import references
import references_currencies as slow
from bqx import compute, registry
from bqx.domains.domain import Domain, DomainName
from bqx.families.data_health import DAY, DataHealth
from bqx.features.family import Columns
from bqx.kernels.health import looks_unusual
from bqx.market import PAIRS
from references import Floats
from synthetic import market_bars

DOMAINS: tuple[DomainName, ...] = ("rate", "bqx")
STEP = 7
"""Every so many rows are scored by SciPy."""

PAIRS_HERE = ("audcad", "eurusd", "usdjpy")


@cache
def market() -> dict[str, pl.DataFrame]:
    """Three trading days with gaps and still stretches; one pair begins late, one ends early."""
    frames = market_bars(PAIRS_HERE, "2019-02-04", 3, seed=8)
    frames["audcad"] = frames["audcad"].slice(1500)
    frames["usdjpy"] = frames["usdjpy"].slice(0, 3500)
    row = pl.int_range(pl.len())
    lacking = row.is_between(2000, 2010)
    frames["eurusd"] = frames["eurusd"].with_columns(pl.when(~lacking).then(pl.col("ask_close")))
    return frames


def domain(name: DomainName) -> Domain:
    return slow.domain(market(), "eurusd", name)


@cache
def computed(name: DomainName) -> Columns:
    return DataHealth().compute_fixed(domain(name))


def lead(name: DomainName) -> int:
    return 15 if name == "bqx" else 0


@cache
def seen(pair: str) -> list[bool | None]:
    """Whether a pair has a bar in each row of eurusd; None before its first."""
    laid = slow.laid(market(), pair="eurusd")[pair]
    return [None if math.isinf(age) else age == 0 for age in laid.ages.tolist()]


def is_valid(pair: str, t: int, history: int) -> bool:
    """The rule of validity."""
    rows = seen(pair)[max(t - history + 1, 0) : t + 1]
    whole = len(rows) == history and None not in rows
    fresh = any(seen(pair)[max(t - 5, 0) : t + 1])
    return whole and fresh and 10 * sum(map(bool, rows)) >= 9 * history


@cache
def validity(pair: str, history: int) -> tuple[bool, ...]:
    return tuple(is_valid(pair, t, history) for t in range(len(seen(pair))))


def first_row(pair: str) -> int:
    return next(t for t, bar in enumerate(seen(pair)) if bar is not None)


@pytest.mark.parametrize("name", DOMAINS)
def test_missing_rate(name: DomainName) -> None:
    shown = validity("eurusd", 1 + lead(name))
    expected = [math.nan] * len(shown)
    for t in range(19 + lead(name), len(shown)):
        expected[t] = shown[t - 19 : t + 1].count(False) / 20
    np.testing.assert_allclose(computed(name)["missing_rate"], expected, rtol=0, atol=1e-15)
    assert np.nanmax(expected) == 1.0
    assert 0.0 < float(np.nanmean(expected)) < 0.2


@pytest.mark.parametrize("name", DOMAINS)
def test_fills_of_a_day(name: DomainName) -> None:
    bars, before = seen("eurusd"), lead(name)
    rests = [not all(bars[max(t - before, 0) : t + 1]) for t in range(len(bars))]
    expected = [math.nan] * len(bars)
    for t in range(DAY - 1 + before, len(bars)):
        expected[t] = sum(rests[t - DAY + 1 : t + 1])
    np.testing.assert_array_equal(computed(name)["fills"], expected)


@pytest.mark.parametrize("name", DOMAINS)
def test_prices_that_stand_still(name: DomainName) -> None:
    d = domain(name)
    low, high = (d.index.low, d.index.high) if name == "rate" else (d.series, d.series)
    start = 4 + lead(name)
    expected = np.full(len(d), np.nan)
    for t in range(start, len(d)):
        rows = slice(t - 4, t + 1)
        expected[t] = float(high[rows].max() == low[rows].min())
    found = computed(name)["stale"]
    np.testing.assert_array_equal(found, expected)
    assert 20 < np.nansum(found) < 400


@pytest.mark.parametrize("name", DOMAINS)
def test_quality(name: DomainName) -> None:
    c = computed(name)
    expected = (1 - c["missing_rate"]) * (1 - c["fills"] / DAY) * (1 - c["stale"])
    np.testing.assert_allclose(c["quality"], expected, rtol=0, atol=1e-15)
    assert 0.0 <= float(np.nanmin(c["quality"])) < float(np.nanmax(c["quality"])) < 1.0


def scores(values: Floats, start: int) -> Floats:
    """Standard score among the last 1,440 values, by SciPy; NaN where 10 % are missing."""
    found = []
    for rows in sliding_window_view(values, DAY)[start - DAY + 1 :: STEP]:
        known = not np.isnan(rows[-1]) and np.isnan(rows).mean() <= 0.1
        found.append(zscore(rows, ddof=1, nan_policy="omit")[-1] if known else math.nan)
    return np.array(found)


def behind(name: DomainName, key: str) -> Floats:
    """What the scores are of."""
    d = domain(name)
    if key == "z_spread":
        ask, bid = (slow.laid(market(), f"{side}_close", "eurusd") for side in ("ask", "bid"))
        return np.round(ask["eurusd"].values - bid["eurusd"].values, 9)
    if key == "z_bend":
        return np.asarray(references.quadratic(d.series, 60)[0], np.float64)
    series = np.diff(np.log(d.series), prepend=np.nan) if name == "rate" else d.series
    return np.asarray(references.trailing(series, 60).std(axis=1, ddof=1))


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("key", ["z_volatility", "z_bend", "z_spread"])
def test_scores_of_a_day(name: DomainName, key: str) -> None:
    column = next(c for c in DataHealth.columns(name) if c.key == key)
    start = column.history - 1
    expected = scores(behind(name, key), start)
    found = computed(name)[key][start::STEP]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert np.count_nonzero(~np.isnan(expected)) > 1000 // STEP


@pytest.mark.parametrize("name", DOMAINS)
def test_unusual_rows(name: DomainName) -> None:
    c = computed(name)
    beyond = [np.abs(c[key]) > 3 for key in ("z_volatility", "z_bend", "z_spread")]
    known = [~np.isnan(c[key]) for key in ("z_volatility", "z_bend", "z_spread")]
    expected = np.where(np.sum(known, axis=0) > 1, np.sum(beyond, axis=0) > 1, np.nan)
    np.testing.assert_array_equal(c["unusual"], expected)


def test_two_of_three_scores_decide() -> None:
    nan = math.nan
    rows = [(4, -4, 0), (4, 0, 0), (nan, 4, -4), (nan, 4, 0), (nan, nan, 9), (3, -3, 3), (4, 4, 4)]
    out = np.empty(len(rows))
    looks_unusual(np.array(rows, np.float64).T.copy(), 3.0, out)
    np.testing.assert_array_equal(out, [1, 0, 1, 0, nan, 0, 1])


@pytest.mark.parametrize("name", DOMAINS)
def test_unhealthy_pairs(name: DomainName) -> None:
    history = 20 + lead(name)
    expected = np.zeros(len(seen("eurusd")))
    for pair in PAIRS_HERE:
        healthy = validity(pair, history)
        for t in range(first_row(pair) + history - 1, len(expected)):
            expected[t] += not healthy[t]
    found = computed(name)["unhealthy"]
    np.testing.assert_array_equal(found, expected)
    # The pair whose bars have ended stays unhealthy.
    assert (found[-100:] >= 1.0).all()
    assert found[:100].min() == 0.0


def test_without_quotes_two_scores_are_left() -> None:
    names = [c for c in market()["eurusd"].columns if not c.startswith(("bid", "ask"))]
    bars = market()["eurusd"].select(names)
    found = compute("data_health_rate", bars, pair="eurusd")
    rows = len(found)
    assert found["drift_z_spread"].null_count() == rows
    assert found["unhealthy_pairs_count"].null_count() == rows
    assert 500 < found["regime_looks_unusual_flag"].count() < rows


def test_bad_hours_are_counted_and_not_hidden() -> None:
    """Half of the minutes of an hour are missing: every minute with a bar says so."""
    bars = market()["eurusd"]
    row = pl.int_range(pl.len())
    holed = bars.filter(~(row.is_between(1600, 1659) & (row % 2 == 0)))
    found = compute("data_health_rate", holed, pair="eurusd", peers={})
    ends = found.filter(pl.col("ts_utc") == bars["ts_utc"][1659])
    assert ends["missing_rate_idx_20"].item() == pytest.approx(0.5)
    assert ends["ffill_count_idx"].item() >= 30
    assert ends["data_quality_score"].item() < 0.5


def test_columns() -> None:
    for name, tag in (("data_health_rate", "idx"), ("data_health_bqx", "bqx")):
        table = registry().table(name)
        assert table.column_names == (
            f"missing_rate_{tag}_20",
            f"ffill_count_{tag}",
            "stale_tick_flag",
            f"drift_z_vol_{tag}",
            f"drift_z_a2_{tag}",
            "drift_z_spread",
            "regime_looks_unusual_flag",
            "unhealthy_pairs_count",
            "data_quality_score",
        )
    assert set(PAIRS_HERE) <= set(PAIRS)

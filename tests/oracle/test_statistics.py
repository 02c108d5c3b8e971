"""Every statistics column against a slow reference, and against libraries."""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Any

import bottleneck as bn
import numpy as np
import pytest
import statsmodels.stats.stattools as tools
from scipy import stats

import references_statistics as reference
from bqx.domains.domain import DomainName
from bqx.families.statistics import (
    Autocorrelation,
    BqxVariation,
    HourPercentiles,
    IndexVariation,
    Normality,
    SampleMoments,
    SampleSpread,
    ShortPercentiles,
    StandardScore,
    WindowEntropy,
)
from references import Floats, Long

FAMILIES = (
    SampleMoments,
    SampleSpread,
    ShortPercentiles,
    HourPercentiles,
    IndexVariation,
    BqxVariation,
    WindowEntropy,
    Normality,
    StandardScore,
    Autocorrelation,
)
TOLERANCE = {
    "mean": 1e-15,
    "std": 1e-13,
    "skew": 1e-12,
    "kurt": 1e-12,
    "p": 1e-15,
    "range": 1e-15,
    "iqr": 1e-15,
    "mad": 1e-15,
    "cv": 1e-13,
    "entropy": 1e-14,
    "jb_stat": 1e-12,
    "z_score": 1e-10,
    "autocorr_lag": 1e-12,
}
"""Greatest error by kind of column, relative to ``unit``."""

SPARSE = 10
EACH_DOMAIN = pytest.mark.parametrize("name", ["rate", "bqx"])


@cache
def table(name: DomainName) -> dict[str, Floats]:
    return reference.shown(FAMILIES, reference.domain(name))


def parts(column: str) -> tuple[str, int]:
    """Kind and number of a column: std_60min is std and 60, p5_15min is p5 and 15."""
    match = re.fullmatch(r"(\w+?)_?(\d+)(?:min)?", column)
    assert match
    return match[1], int(match[2])


@cache
def moments(name: DomainName, w: int) -> tuple[Long, Long]:
    """Skewness and excess kurtosis; NaN where the window is flat."""
    views = reference.windows(reference.shaped(reference.domain(name)), w)
    d = views - views[:, -1:]
    d -= d.mean(axis=1, keepdims=True)
    two, three, four = ((d * d * e).mean(axis=1) for e in (np.ones_like(d), d, d * d))
    two[np.ptp(views, axis=1) == 0] = np.nan
    return three / two**1.5, four / two**2 - 3


def entropy(y: Floats, w: int) -> Floats:
    """In every tenth row, for NumPy takes its time."""
    out = np.full(len(y), np.nan)
    for t in range(-(-w // SPARSE) * SPARSE, len(y), SPARSE):
        window = y[t - w + 1 : t + 1]
        if np.ptp(window) > 0:
            out[t] = stats.entropy(np.histogram(window, 10)[0], base=2)
    return out


def autocorrelation(y: Floats, w: int, lag: int) -> Long:
    now = reference.windows(y, w)
    past = np.full_like(now, np.nan)
    past[lag:] = now[:-lag]
    varies = (np.ptp(now, axis=1) > 0) & (np.ptp(past, axis=1) > 0)
    now = now - now.mean(axis=1, keepdims=True)
    past = past - past.mean(axis=1, keepdims=True)
    size = np.sqrt((now**2).sum(axis=1) * (past**2).sum(axis=1))
    size[~varies] = np.nan
    return np.asarray((now * past).sum(axis=1) / size)


def spread(kind: str, views: Long) -> Floats | Long:
    """Columns made from a sorted window."""
    if kind == "range":
        return np.asarray(np.ptp(views, axis=1))
    if kind == "mad":
        return np.asarray(np.median(np.abs(views - np.median(views, axis=1)[:, None]), axis=1))
    if kind == "iqr":
        low, high = np.quantile(views, [0.25, 0.75], axis=1)
        return np.asarray(high - low)
    return np.asarray(np.quantile(views, int(kind[1:]) / 100, axis=1))


def level(kind: str, name: DomainName, w: int) -> Floats | Long:
    """Columns of the series itself."""
    u = reference.domain(name).series
    views = reference.windows(u, w)
    if kind in {"range", "mad", "iqr"} or kind.startswith("p"):
        return spread(kind, views)
    mean, std = views.mean(axis=1), views.std(axis=1, ddof=1)
    std[np.ptp(views, axis=1) == 0] = 0.0
    if kind == "cv":
        size = mean if name == "rate" else np.abs(views).mean(axis=1)
        return np.asarray(std / np.where(size == 0, np.nan, size))
    if kind == "z_score":
        return np.asarray((u - mean) / np.where(std == 0, np.nan, std))
    return np.asarray(mean if kind == "mean" else std)


def slow(column: str, name: DomainName) -> Floats | Long:
    kind, w = parts(column)
    r = reference.shaped(reference.domain(name))
    if kind == "autocorr_lag":
        return autocorrelation(r, 60 if w < 30 else 240, w)
    if kind == "entropy":
        return entropy(r, w)
    if kind in {"skew", "kurt"}:
        return moments(name, w)[kind == "kurt"]
    if kind == "jb_stat":
        skew, kurt = moments(name, w)
        return w / 6 * (skew**2 + kurt**2 / 4)
    return level(kind, name, w)


def unit(kind: str, exact: Floats | Long, name: DomainName) -> Floats | Long | float:
    """What an error is measured in: the level, or the value where that is its own scale."""
    if kind in {"skew", "kurt", "jb_stat"}:
        return 1.0 + np.abs(exact)
    if kind in {"std", "cv"}:
        return np.where(exact > 0, exact, 1.0)
    own = kind in {"entropy", "z_score", "autocorr_lag"}
    return 1.0 if own or name == "bqx" else 100.0


@EACH_DOMAIN
def test_there_are_56_columns(name: DomainName) -> None:
    assert len(table(name)) == 56


@EACH_DOMAIN
@pytest.mark.parametrize("kind", TOLERANCE)
def test_against_windows_in_extended_precision(kind: str, name: DomainName) -> None:
    columns = [c for c in table(name) if re.sub(r"^p\d+$", "p", parts(c)[0]) == kind]
    assert columns
    for column in columns:
        exact = slow(column, name)
        scale = np.broadcast_to(unit(parts(column)[0], exact, name), exact.shape)
        rows = slice(None, None, SPARSE if kind == "entropy" else 1)
        found = table(name)[column][rows]
        assert reference.error(found, exact[rows], scale[rows]) <= TOLERANCE[kind], column


@EACH_DOMAIN
def test_null_where_the_window_is_flat_and_only_there(name: DomainName) -> None:
    d = reference.domain(name)
    for column in ("skew_15min", "entropy_30min", "jb_stat_30min", "z_score_5min"):
        w = parts(column)[1]
        y = d.series if column.startswith("z") else reference.shaped(d)
        history = w + (not column.startswith("z")) + d.traits.lead
        flat = np.ptp(reference.windows(y, w), axis=1) == 0
        assert flat.any()
        shown = reference.valid(d, history) & ~flat
        assert np.array_equal(~np.isnan(table(name)[column]), shown), column


@EACH_DOMAIN
def test_bottleneck(name: DomainName) -> None:
    u, found = reference.domain(name).series, table(name)
    scale = 100.0 if name == "rate" else 1.0
    for w in (5, 15, 30, 60, 120):
        assert reference.error(found[f"mean_{w}min"], bn.move_mean(u, w), scale) <= 1e-14
        # Its running sums leave about 4e-7 in flat windows at level 100, where 0 is exact.
        tolerance = 1e-6 if name == "rate" else 1e-8
        assert reference.error(found[f"std_{w}min"], bn.move_std(u, w, ddof=1)) <= tolerance
    for w in (15, 60):
        assert reference.error(found[f"p50_{w}min"], bn.move_median(u, w), scale) <= 1e-15


def sampled(y: Floats, w: int, found: Floats) -> list[tuple[Floats, float]]:
    """Some windows with the column's value, where there is one."""
    rows = np.flatnonzero(~np.isnan(found))[::40]
    return [(y[t - w + 1 : t + 1], float(found[t])) for t in rows]


@EACH_DOMAIN
def test_scipy(name: DomainName) -> None:
    d, found = reference.domain(name), table(name)
    u, r = d.series, reference.shaped(d)
    for window, value in sampled(r, 60, found["skew_60min"]):
        assert value == pytest.approx(stats.skew(window), rel=1e-10, abs=1e-12)
    for window, value in sampled(r, 60, found["kurt_60min"]):
        assert value == pytest.approx(stats.kurtosis(window), rel=1e-10, abs=1e-11)
    for window, value in sampled(u, 30, found["iqr_30min"]):
        assert value == pytest.approx(stats.iqr(window), abs=1e-13)
    for window, value in sampled(u, 30, found["mad_30min"]):
        assert value == pytest.approx(stats.median_abs_deviation(window), abs=1e-13)
    for window, value in sampled(u, 15, found["z_score_15min"]):
        assert value == pytest.approx(stats.zscore(window, ddof=1)[-1], abs=1e-9)
    if name == "rate":
        for window, value in sampled(u, 60, found["cv_60min"]):
            assert value == pytest.approx(stats.variation(window, ddof=1), rel=1e-9)


@EACH_DOMAIN
@pytest.mark.parametrize("lag", [1, 5, 15, 30, 60])
def test_scipy_correlations(lag: int, name: DomainName) -> None:
    w = 60 if lag < 30 else 240
    r = reference.shaped(reference.domain(name))
    for window, value in sampled(r, w + lag, table(name)[f"autocorr_lag{lag}"]):
        expected: Any = stats.pearsonr(window[lag:], window[:-lag])
        assert value == pytest.approx(expected.statistic, abs=1e-12)


@EACH_DOMAIN
@pytest.mark.parametrize("w", [30, 60, 120])
def test_statsmodels(w: int, name: DomainName) -> None:
    r = reference.shaped(reference.domain(name))
    for window, value in sampled(r, w, table(name)[f"jb_stat_{w}min"]):
        assert value == pytest.approx(tools.jarque_bera(window)[0], rel=1e-10, abs=1e-11)


@EACH_DOMAIN
def test_identities(name: DomainName) -> None:
    found = table(name)
    for w in (15, 30, 60):
        rows = ~np.isnan(found[f"range_{w}min"])
        assert (found[f"iqr_{w}min"][rows] <= found[f"range_{w}min"][rows]).all()
    chain = [found[f"p{p}_15min"] for p in (5, 10, 25, 50, 75, 90, 95)]
    for low, high in itertools.pairwise(chain):
        assert not (low > high).any()

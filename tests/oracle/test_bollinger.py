"""Bollinger bands against slow references and TA-Lib."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import talib
from scipy import stats

import references_statistics as reference
from bqx.domains.domain import DomainName
from bqx.families.bollinger import Bollinger
from bqx.families.statistics import SampleMoments
from references import Floats

WINDOWS = Bollinger.windows
EACH_DOMAIN = pytest.mark.parametrize("name", ["rate", "bqx"])


@cache
def table(name: DomainName) -> dict[str, Floats]:
    return reference.shown((Bollinger, SampleMoments), reference.domain(name))


@EACH_DOMAIN
def test_there_are_56_columns(name: DomainName) -> None:
    assert sum(c.startswith("bb_") for c in table(name)) == 56


@EACH_DOMAIN
@pytest.mark.parametrize("w", WINDOWS)
def test_against_windows_in_extended_precision(w: int, name: DomainName) -> None:
    u, found = reference.domain(name).series, table(name)
    views = reference.windows(u, w)
    middle, deviation = views.mean(axis=1), views.std(axis=1)
    deviation[np.ptp(views, axis=1) == 0] = 0.0
    upper, lower, width = middle + 2 * deviation, middle - 2 * deviation, 4 * deviation
    scale = 100.0 if name == "rate" else 1.0
    assert reference.error(found[f"bb_middle_{w}"], middle, scale) <= 1e-15
    assert reference.error(found[f"bb_upper_{w}"], upper, scale) <= 1e-15
    assert reference.error(found[f"bb_lower_{w}"], lower, scale) <= 1e-15
    own = np.where(width > 0, width, 1.0)
    assert reference.error(found[f"bb_width_{w}"], width, own) <= 1e-13
    place = (u - lower) / np.where(width > 0, width, np.nan)
    assert reference.error(found[f"bb_percent_b_{w}"], place) <= 1e-10
    slope = np.full_like(upper, np.nan)
    slope[5:] = (upper[5:] - upper[:-5]) / 5
    assert reference.error(found[f"bb_slope_{w}"], slope, scale) <= 1e-15


@EACH_DOMAIN
@pytest.mark.parametrize("w", WINDOWS)
def test_breach_says_where_the_value_lies(w: int, name: DomainName) -> None:
    u, found = reference.domain(name).series, table(name)
    breach = found[f"bb_breach_{w}"]
    shown = ~np.isnan(breach)
    assert np.array_equal(breach[shown] == 1, (u > found[f"bb_upper_{w}"])[shown])
    assert np.array_equal(breach[shown] == -1, (u < found[f"bb_lower_{w}"])[shown])
    assert set(np.unique(breach[shown])) == {-1.0, 0.0, 1.0}
    # Where both are shown, the place between the bands says the same.
    place = found[f"bb_percent_b_{w}"]
    clear = shown & (np.abs(place - 0.5) > 0.5 + 1e-9)
    assert np.array_equal(breach[clear], np.sign(place[clear] - 0.5))


@EACH_DOMAIN
@pytest.mark.parametrize("w", WINDOWS)
def test_squeeze_ranks_the_widths(w: int, name: DomainName) -> None:
    d = reference.domain(name)
    out = Bollinger().compute(d, w)
    found = table(name)[f"bb_squeeze_{w}"]
    for t in np.flatnonzero(~np.isnan(found))[::25]:
        rank = stats.rankdata(out["width"][t - 239 : t + 1])[-1]
        assert found[t] == (rank - 1) / 239


@EACH_DOMAIN
def test_flat_windows(name: DomainName) -> None:
    u, found = reference.domain(name).series, table(name)
    flat = (np.ptp(reference.windows(u, 20), axis=1) == 0) & ~np.isnan(found["bb_middle_20"])
    assert flat.any()
    for column in ("upper", "middle", "lower"):
        assert np.array_equal(found[f"bb_{column}_20"][flat], u[flat])
    assert not found["bb_width_20"][flat].any()
    assert not found["bb_breach_20"][flat].any()
    assert np.isnan(found["bb_percent_b_20"][flat]).all()
    shown = ~np.isnan(found["bb_middle_20"])
    assert np.array_equal(np.isnan(found["bb_percent_b_20"][shown]), flat[shown])


@EACH_DOMAIN
def test_middle_is_the_mean_of_the_statistics(name: DomainName) -> None:
    for w in (30, 60, 120):
        np.testing.assert_array_equal(table(name)[f"bb_middle_{w}"], table(name)[f"mean_{w}min"])


@EACH_DOMAIN
@pytest.mark.parametrize("w", WINDOWS)
def test_talib(w: int, name: DomainName) -> None:
    d, found = reference.domain(name), table(name)
    lead = d.traits.lead
    bands = np.full((3, len(d)), np.nan)
    bands[:, lead:] = talib.BBANDS(d.series[lead:], timeperiod=w, nbdevup=2.0, nbdevdn=2.0)
    for column, expected in zip(("upper", "middle", "lower"), bands, strict=True):
        # TA-Lib carries its sums along, so it loses digits at level 100.
        tolerance = 1e-11 if name == "rate" else 1e-14
        assert reference.error(found[f"bb_{column}_{w}"], expected) <= tolerance

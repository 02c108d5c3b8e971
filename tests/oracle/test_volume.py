"""Every volume column against NumPy, SciPy and statsmodels on the observed rows of its window."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from bqx import compute
from bqx.domains.domain import Domain, Domains
from bqx.domains.grid import BarArrays, fill
from bqx.families.volume import VolumeRate
from bqx.families.volume_bqx import VolumeBeta, VolumeBqx, VolumeFlow, VolumeWeightedBqx
from bqx.families.volume_condition import VolumeCondition
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar
from references import Floats
from synthetic import random_walk_bars

FAMILIES = {
    "rate": (VolumeRate,),
    "bqx": (VolumeWeightedBqx, VolumeFlow, VolumeBqx, VolumeBeta, VolumeCondition),
}
TOLERANCE = 1e-12
"""In units of a column's greatest value."""


def bars() -> BarArrays:
    """Five days with gaps; some volumes repeat, some differ much."""
    frame = random_walk_bars("eurusd", "2019-01-28", 4, seed=2)
    volume = np.round(np.random.default_rng(7).gamma(1.5, 12.0, len(frame)) + 1.0)
    return bar_arrays(frame.with_columns(pl.Series("volume", volume)))


def domains(data: BarArrays) -> Domains:
    calendar = Calendar()
    first, last = (int(r) for r in calendar.row_at_or_after(data.minutes[[0, -1]]))
    return Domains(fill(data, calendar, first, last + 1, first), float(data.close[0]))


def columns_of(d: Domain) -> dict[str, Floats]:
    """All columns of the domain's table, with every digit, by their names."""
    found: dict[str, Floats] = {}
    for cls in FAMILIES[d.traits.name]:
        features, family = cls.features, cls()
        for w in cls.windows:
            for key, values in family.compute(d, w).items():
                found[features[key].name.format(w=w)] = values
        if not all(f.windowed for f in features.values()):
            for key, values in family.compute_fixed(d).items():
                found[features[key].name] = values
    return found


@cache
def domain(name: Any) -> Domain:
    return domains(bars())[name]


@cache
def found(name: str) -> dict[str, Floats]:
    return columns_of(domain(name))


class Row:
    """One row of a domain, with the rows of its windows that have a bar."""

    def __init__(self, d: Domain, t: int) -> None:
        self.d, self.t = d, t
        self.own = d.volume[t] if d.grid.observed[t] else np.nan

    def rows(self, w: int) -> Any:
        at = np.arange(self.t - w + 1, self.t + 1)
        return at[self.d.grid.observed[at]]

    def volume(self, w: int) -> Any:
        return self.d.volume[self.rows(w)]

    def series(self, w: int) -> Any:
        return self.d.series[self.t - w + 1 : self.t + 1]

    def share(self, w: int, sign: int) -> float:
        v, r = self.volume(w), self.d.change[self.rows(w)]
        return float(v[np.sign(r) == sign].sum())

    def weighted(self, y: Floats, w: int) -> float:
        v = self.volume(w)
        return float(np.average(y[self.rows(w)], weights=v)) if v.sum() > 0 else np.nan

    def correlation(self, y: Floats, w: int) -> float:
        a, b = y[self.rows(w)], self.volume(w)
        # Near level 100 SciPy's own sums would lose digits.
        a = a - a[-1]
        return float(stats.pearsonr(a, b)[0]) if np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan

    def slope(self, w: int) -> float:
        return float(stats.linregress(self.rows(w) - self.t, self.volume(w)).slope)


def z_score(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float((values[-1] - known.mean()) / known.std(ddof=1))


def rate_row(row: Row) -> dict[str, float]:
    """The sixteen columns of the rate table, from the catalogue's words."""
    d, v, r = row.d, row.volume(60), row.d.change
    typical = (d.index.high + d.index.low + d.index.close) / 3
    up, down = row.share(60, 1), row.share(60, -1)
    return {
        **{f"w{w}_volume_ratio": row.own / row.volume(w).mean() for w in (15, 30, 60)},
        "volume_spike": float(row.own > 2 * v.mean()) if row.own == row.own else np.nan,
        "volume_trend_slope": row.slope(60),
        "cumulative_volume_60min": v.sum(),
        "volume_weighted_return": row.weighted(r, 60),
        "volume_price_correlation_60min": row.correlation(np.abs(r), 60),
        "relative_volume_position": (row.own - v.min()) / np.ptp(v),
        "volume_volatility_60min": v.std(ddof=1),
        "vwap_15min": row.weighted(typical, 15),
        "vwap_60min": row.weighted(typical, 60),
        "rate_vol_corr_60min": row.correlation(r, 60),
        "uptick_ratio_60min": up / v.sum(),
        "cumulative_delta_60min": up - down,
        "vol_imbalance_60min": (up - down) / v.sum(),
    }


def divergence(row: Row, w: int) -> float:
    d, t = row.d, row.t
    growth = np.array(
        [mean_or_nan(d, s, w) - mean_or_nan(d, s - w, w) for s in range(t - 239, t + 1)]
    )
    moves = np.array([abs(d.series[s] - d.series[s - w]) for s in range(t - 239, t + 1)])
    return z_score(growth) - z_score(moves)


def mean_or_nan(d: Domain, t: int, w: int) -> float:
    volume = Row(d, t).volume(w)
    return float(volume.mean()) if len(volume) else np.nan


def bqx_row(row: Row) -> dict[str, float]:
    """The windowed columns of the BQX table, from the catalogue's words."""
    d, x, out = row.d, row.d.series, {}
    for w in (5, 15, 30, 60, 120):
        out[f"vw_bqx_{w}min"] = row.weighted(x, w)
    for w in (5, 15, 30, 60):
        v = row.volume(w).sum()
        out[f"vol_momentum_div_{w}min"] = divergence(row, w)
        out[f"uptick_ratio_{w}min"] = row.share(w, 1) / v if v else np.nan
        out[f"downtick_ratio_{w}min"] = row.share(w, -1) / v if v else np.nan
    for w in (15, 30, 60):
        v, delta = row.volume(w), row.share(w, 1) - row.share(w, -1)
        out[f"bqx_vol_corr_{w}min"] = row.correlation(x, w)
        out[f"vol_volatility_{w}min"] = v.mean() * row.series(w).std(ddof=1)
        out[f"vol_trend_{w}min"] = row.slope(w) / v.mean()
        out[f"vol_spike_{w}min"] = (row.own - v.mean()) / v.std(ddof=1)
        out[f"cumulative_delta_{w}min"] = delta
        out[f"vol_imbalance_{w}min"] = delta / v.sum()
    for w in (15, 30, 60, 120):
        v, size = row.volume(w), np.abs(d.change[row.rows(w)])
        varies = np.ptp(size) > 0
        scaled = [a / a.std(ddof=1) if varies else a for a in (v, size)]
        fit = sm.OLS(scaled[1], sm.add_constant(scaled[0])).fit()
        out[f"bqx_vol_beta_{w}min"] = float(fit.params[1]) if varies else np.nan
    return out


def condition_row(row: Row) -> dict[str, float]:
    """The other columns of the BQX table."""
    d, t, x, at = row.d, row.t, row.d.series, row.rows(60)
    v, z = row.volume(60), (x[at] - row.series(60).mean()) / row.series(60).std(ddof=1)
    larger = abs(x[t]) > abs(x[t - 15])
    quarter, hour = mean_or_nan(d, t, 15), v.mean()
    limits = np.quantile(row.volume(240), 0.8), np.quantile(np.abs(row.series(240)), 0.8)
    both = row.own > limits[0] and abs(x[t]) > limits[1]
    low, high = np.quantile(3 * v, [1 / 3, 2 / 3]) / 3
    return {
        "vol_bqx_corr_20": row.correlation(x, 20),
        "vol_during_bqx_surge": v[z > 1].mean() / hour if (z > 1).any() else np.nan,
        "vol_during_bqx_drop": v[z < -1].mean() / hour if (z < -1).any() else np.nan,
        "bqx_per_volume_20": abs(x[t] - x[t - 20]) / row.volume(20).sum(),
        "volume_confirms_bqx_flag": float(larger and quarter > hour),
        "volume_diverges_bqx_flag": float(larger and quarter < hour),
        "high_vol_high_bqx_flag": float(both) if row.own == row.own else np.nan,
        "bqx_high_vol_avg": x[at][v >= high - 1e-9].mean(),
        "bqx_low_vol_avg": x[at][v <= low + 1e-9].mean(),
    }


def assert_rows(name: str, step: int, make: Callable[[Row], dict[str, float]]) -> set[str]:
    d, columns = domain(name), found(name)
    valid = d.valid(120 + 255)
    # Rows with filled minutes in their windows are the interesting ones.
    gappy = valid & (np.convolve(~d.grid.observed, np.ones(30))[: len(d)] > 0)
    shown = np.union1d(np.flatnonzero(valid)[::step], np.flatnonzero(gappy)[::step])
    rows = [make(Row(d, int(t))) for t in shown]
    for key in rows[0]:
        expected = np.array([row[key] for row in rows])
        assert np.isfinite(expected).any()
        scale = float(np.nanmax(np.abs(expected))) or 1.0
        np.testing.assert_allclose(
            columns[key][shown], expected, rtol=0, atol=TOLERANCE * scale, err_msg=key
        )
    return set(rows[0])


def test_every_column_of_the_rate_table() -> None:
    assert assert_rows("rate", 41, rate_row) == set(found("rate"))
    assert len(found("rate")) == 16


def test_every_column_of_the_bqx_table() -> None:
    known = assert_rows("bqx", 151, bqx_row) | assert_rows("bqx", 29, condition_row)
    assert known == set(found("bqx"))
    assert len(known) == 48


OWN = ("w15_volume_ratio", "volume_spike", "relative_volume_position", "vol_spike_30min")


def test_a_minute_without_a_bar_has_no_volume_of_its_own() -> None:
    for name in ("rate", "bqx"):
        missing, valid = ~domain(name).grid.observed, domain(name).valid(60)
        for key in set(OWN) & set(found(name)):
            values = found(name)[key]
            assert np.isnan(values[missing]).all()
            assert np.isfinite(values[~missing & valid]).all()


def test_directions_share_the_volume_when_no_row_stands_still() -> None:
    columns, d = found("bqx"), domain("bqx")
    still = pl.Series((d.change == 0.0).astype(float)).rolling_sum(30).to_numpy() > 0
    both = columns["uptick_ratio_30min"] + columns["downtick_ratio_30min"]
    moving = ~still & np.isfinite(both)
    np.testing.assert_allclose(both[moving], 1.0, rtol=1e-14)
    assert (both[still & np.isfinite(both)] <= 1.0).all()
    np.testing.assert_array_equal(
        columns["cumulative_delta_30min"][moving] > 0, columns["vol_imbalance_30min"][moving] > 0
    )


WHOLE_HOUR = (
    "cumulative_volume_60min",
    "relative_volume_position",
    "vw_bqx_60min",
    "bqx_low_vol_avg",
)


def test_a_bar_of_unknown_volume_spoils_the_windows_that_contain_it() -> None:
    data = bars()
    volume = data.volume.copy()
    volume[2000] = np.nan
    holed = BarArrays(data.minutes, data.open, data.high, data.low, data.close, volume)
    for name in ("rate", "bqx"):
        d: Domain = domains(holed)[name]
        at = int(np.flatnonzero(np.isnan(d.volume))[0])
        for key, values in columns_of(d).items():
            w = 60 if key in WHOLE_HOUR else 5
            assert np.isnan(values[at : at + w]).all(), key
            np.testing.assert_array_equal(values[:at], found(name)[key][:at])
            np.testing.assert_array_equal(values[at + 400 :], found(name)[key][at + 400 :])


@pytest.mark.parametrize("table", ["volume_rate", "volume_bqx"])
def test_without_volume_every_value_is_null(table: str) -> None:
    frame = random_walk_bars("eurusd", "2019-01-29", 1, seed=3).drop("volume")
    result = compute(table, frame, pair="eurusd")
    assert len(result.columns) > 16
    for column in result.columns[1:]:
        assert result[column].null_count() == len(result)

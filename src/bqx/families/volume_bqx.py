"""Tick volume over the BQX domain: weighted means, direction, correlation and divergence."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import PRIMARY_WINDOW, Domain
from bqx.domains.grid import FloatArray
from bqx.families.volume import (
    FILLED,
    FLAT,
    SILENT,
    UNKNOWN,
    directed_volume,
    over,
    own_volume,
    size_of_change,
    volume_correlation,
    volume_feature,
    volume_moments,
    volume_slope,
    volume_sum,
    volume_weighted,
)
from bqx.features.family import Columns, Family
from bqx.kernels.elementwise import change
from bqx.kernels.marked import marked_mean_std
from bqx.kernels.moments import mean_std

SCORED = 240
"""Rows behind z-scores and percentiles."""


def _with_change(w: int) -> int:
    """Rows behind the changes of ``w`` rows."""
    return w + PRIMARY_WINDOW


def _divergence(w: int) -> int:
    """Rows behind 240 differences of two adjoining means."""
    return 2 * w + SCORED - 1


def series_moments(d: Domain, w: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of x over the last ``w`` rows."""

    def make() -> tuple[FloatArray, FloatArray]:
        mean, std = d.block(2)
        mean_std(d.series, w, d.first, mean, std)
        return mean, std

    return d.memo(("series_moments", w), make)


def size_of_move(d: Domain, k: int) -> FloatArray:
    """Size of the change of x over ``k`` rows."""
    out: FloatArray = d.block(1)[0]
    change(d.series, k, out)
    return np.abs(out, out=out)


class VolumeWeightedBqx(Family):
    """Volume-weighted BQX."""

    table = "volume_{domain}"
    domains = ("bqx",)
    windows = (5, 15, 30, 60, 120)

    weighted = volume_feature(
        "vw_bqx_{w}min",
        "Mean of x over {w} minutes, weighted with the volume.",
        unit="series",
        formula="sum of x V / sum of V",
        history=None,
        null_rule=SILENT,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The mean."""
        return {"weighted": volume_weighted(d, d.series, w)}


class VolumeFlow(Family):
    """Volume of rising and falling BQX, and divergence of volume and BQX.

    A row is up or down by the sign of r, the 15-row change of x.
    """

    table = "volume_{domain}"
    domains = ("bqx",)
    windows = (5, 15, 30, 60)

    divergence = volume_feature(
        "vol_momentum_div_{w}min",
        "Growth of the mean volume less size of the change of x, both as z-scores of 240 minutes.",
        unit="deviations",
        formula="z_240(mean_{w}(V) - mean_{w}(V) at t-{w}) - z_240(abs(x_t - x_(t-{w})))",
        history=_divergence,
        null_rule=f"{UNKNOWN}, or a deviation is 0, or one of the two means has no bar",
    )
    uptick_ratio = volume_feature(
        "uptick_ratio_{w}min",
        "Share of rows with r > 0 in the volume of {w} minutes.",
        low=0.0,
        high=1.0,
        history=_with_change,
        null_rule=SILENT,
    )
    downtick_ratio = volume_feature(
        "downtick_ratio_{w}min",
        "Share of rows with r < 0 in the volume of {w} minutes.",
        low=0.0,
        high=1.0,
        history=_with_change,
        null_rule=SILENT,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All three columns of one window."""
        total = volume_sum(d, w)
        up, down = directed_volume(d, w)
        return {
            "divergence": _growth_score(d, w) - _move_score(d, w),
            "uptick_ratio": over(up, total),
            "downtick_ratio": over(down, total),
        }


def _growth_score(d: Domain, w: int) -> FloatArray:
    """Z-score of the growth of the mean volume, among the rows where there is one."""
    means = volume_moments(d, w)[0]
    growth, mean, std = d.block(3)
    change(means, w, growth)
    # Without a bar there is no mean, and the sum is 0; with an unknown volume the sum is NaN.
    silent = np.isnan(growth) & ~np.isnan(volume_sum(d, 2 * w))
    growth[silent] = 0.0
    marked_mean_std(growth, (~silent).astype(np.float64), SCORED, d.first, mean, std)
    score = over(growth - mean, std)
    score[silent] = np.nan
    return score


def _move_score(d: Domain, w: int) -> FloatArray:
    """Z-score of the size of the change of x over ``w`` rows."""
    move, (mean, std) = size_of_move(d, w), d.block(2)
    mean_std(move, SCORED, d.first, mean, std)
    return over(move - mean, std)


class VolumeBqx(Family):
    """Correlation, variability, trend and direction of the volume beside BQX."""

    table = "volume_{domain}"
    domains = ("bqx",)
    windows = (15, 30, 60)

    correlation = volume_feature(
        "bqx_vol_corr_{w}min",
        "Correlation of x with the volume over {w} minutes.",
        formula="corr(x, V)",
        low=-1.0,
        high=1.0,
        history=None,
        null_rule=FLAT,
    )
    volatility = volume_feature(
        "vol_volatility_{w}min",
        "Mean volume times standard deviation (ddof 1) of x over {w} minutes.",
        unit="ticks series",
        formula="mean_{w}(V) SD_{w}(x)",
        low=0.0,
        history=None,
        null_rule=UNKNOWN,
    )
    trend = volume_feature(
        "vol_trend_{w}min",
        "OLS slope of the volume on the row number, relative to the mean volume of {w} minutes.",
        unit="per minute",
        history=None,
        null_rule=SILENT,
    )
    spike = volume_feature(
        "vol_spike_{w}min",
        "Z-score of the volume in {w} minutes.",
        unit="deviations",
        formula="(V_t - mean_{w}(V)) / SD_{w}(V)",
        history=None,
        null_rule=f"{FILLED}, or all volumes are equal",
    )
    cumulative_delta = volume_feature(
        "cumulative_delta_{w}min",
        "Volume of rows with r > 0 less that of rows with r < 0 over {w} minutes.",
        unit="ticks",
        formula="sum of sign(r) V",
        history=_with_change,
        null_rule=UNKNOWN,
    )
    imbalance = volume_feature(
        "vol_imbalance_{w}min",
        "Volume of rows with r > 0 less that of rows with r < 0, relative to that of {w} minutes.",
        formula="sum of sign(r) V / sum of V",
        low=-1.0,
        high=1.0,
        history=_with_change,
        null_rule=SILENT,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All six columns of one window."""
        mean, std = volume_moments(d, w)
        up, down = directed_volume(d, w)
        return {
            "correlation": volume_correlation(d, "series", d.series, w),
            "volatility": mean * series_moments(d, w)[1],
            "trend": over(volume_slope(d, w), mean),
            "spike": over(own_volume(d) - mean, std),
            "cumulative_delta": up - down,
            "imbalance": over(up - down, volume_sum(d, w)),
        }


class VolumeBeta(Family):
    """Standardised response of the size of BQX changes to the volume.

    A slope between two series that are divided by their standard deviations is their correlation.
    """

    table = "volume_{domain}"
    domains = ("bqx",)
    windows = (15, 30, 60, 120)

    beta = volume_feature(
        "bqx_vol_beta_{w}min",
        "OLS slope of abs(r) on V over {w} minutes, both divided by their standard deviations.",
        formula="corr(abs(r), V)",
        low=-1.0,
        high=1.0,
        history=_with_change,
        null_rule=FLAT,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The slope."""
        return {"beta": volume_correlation(d, "size", size_of_change(d), w)}

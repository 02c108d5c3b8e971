"""Tick volume under conditions on BQX, BQX under conditions on the volume, and flags of both."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import PRIMARY_WINDOW, Domain
from bqx.domains.grid import FloatArray
from bqx.families.volume import (
    FILLED,
    FLAT,
    SILENT,
    UNKNOWN,
    exceeds,
    flag,
    marks,
    over,
    own_volume,
    volume_correlation,
    volume_feature,
    volume_moments,
    volume_sum,
)
from bqx.families.volume_bqx import SCORED, series_moments, size_of_move
from bqx.features.family import Columns, Family
from bqx.kernels.conditional import count_below, excursion_means, tercile_means
from bqx.kernels.elementwise import change
from bqx.kernels.sums import moving_sum

HOUR = 60
SHORT = 20


class VolumeCondition(Family):
    """Volume while BQX is far from its mean, BQX while the volume is, and flags of both."""

    table = "volume_{domain}"
    domains = ("bqx",)

    correlation = volume_feature(
        "vol_bqx_corr_20",
        "Correlation of the volume with x over 20 minutes.",
        formula="corr(V, x)",
        low=-1.0,
        high=1.0,
        history=SHORT,
        null_rule=FLAT,
    )
    during_surge = volume_feature(
        "vol_during_bqx_surge",
        "Mean volume of those of the last 60 minutes with x above mean plus deviation, relative.",
        formula="mean(V where x > mean_60(x) + SD_60(x)) / mean_60(V), moments of the row t",
        low=0.0,
        null_rule=f"{SILENT}, or no bar lies above",
    )
    during_drop = volume_feature(
        "vol_during_bqx_drop",
        "Mean volume of those of the last 60 minutes with x below mean less deviation, relative.",
        formula="mean(V where x < mean_60(x) - SD_60(x)) / mean_60(V), moments of the row t",
        low=0.0,
        null_rule=f"{SILENT}, or no bar lies below",
    )
    per_volume = volume_feature(
        "bqx_per_volume_20",
        "Size of the 20-minute change of x per tick.",
        unit="series per tick",
        formula="abs(x_t - x_(t-20)) / sum of V over 20 rows",
        low=0.0,
        history=SHORT + 1,
        null_rule=SILENT,
    )
    confirms = flag(
        "volume_confirms_bqx_flag",
        "Whether x has grown in size and the volume of 15 minutes is above that of an hour.",
        formula="abs(x_t) > abs(x_(t-15)) and mean_15(V) > mean_60(V)",
        history=HOUR,
        null_rule=f"{UNKNOWN}, or the last 15 minutes have no bar",
    )
    diverges = flag(
        "volume_diverges_bqx_flag",
        "Whether x has grown in size and the volume of 15 minutes is below that of an hour.",
        formula="abs(x_t) > abs(x_(t-15)) and mean_15(V) < mean_60(V)",
        history=HOUR,
        null_rule=f"{UNKNOWN}, or the last 15 minutes have no bar",
    )
    high_both = flag(
        "high_vol_high_bqx_flag",
        "Whether volume and size of x both exceed their 80th percentile of 240 minutes.",
        formula="V_t > q80_240(V) and abs(x_t) > q80_240(abs(x)), quantiles of type 7",
        history=SCORED,
        null_rule=FILLED,
    )
    high_volume_average = volume_feature(
        "bqx_high_vol_avg",
        "Mean x of those of the last 60 minutes in the top tercile of their volumes.",
        unit="series",
        formula="mean(x where V >= q_2/3(V)), quantile of type 7",
        null_rule=UNKNOWN,
    )
    low_volume_average = volume_feature(
        "bqx_low_vol_avg",
        "Mean x of those of the last 60 minutes in the bottom tercile of their volumes.",
        unit="series",
        formula="mean(x where V <= q_1/3(V)), quantile of type 7",
        null_rule=UNKNOWN,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All nine columns."""
        surge, drop = _excursions(d)
        top, bottom = terciles = d.block(2)
        tercile_means(d.series, _volume_or_infinite(d), HOUR, terciles)
        confirms, diverges = _agreement(d)
        return {
            "correlation": volume_correlation(d, "series", d.series, SHORT),
            "during_surge": surge,
            "during_drop": drop,
            "per_volume": over(size_of_move(d, SHORT), volume_sum(d, SHORT)),
            "confirms": confirms,
            "diverges": diverges,
            "high_both": _high_both(d),
            "high_volume_average": top,
            "low_volume_average": bottom,
        }


def _volume_or_infinite(d: Domain) -> FloatArray:
    """The minute's volume; infinity, which is below nothing, where there is no bar."""
    return np.where(d.grid.observed, d.volume, np.inf)


def _excursions(d: Domain) -> FloatArray:
    """Mean volume while x was high and while it was low, relative to the mean."""
    out = d.block(2)
    mean, std = series_moments(d, HOUR)
    excursion_means(d.series, d.volume, marks(d), mean - std, mean + std, HOUR, out)
    return out


def _agreement(d: Domain) -> tuple[FloatArray, FloatArray]:
    """Flags of growing size of x with growing and with shrinking volume."""
    growth: FloatArray = d.block(1)[0]
    change(np.abs(d.series), PRIMARY_WINDOW, growth)
    quarter, hour = volume_moments(d, PRIMARY_WINDOW)[0], volume_moments(d, HOUR)[0]
    grown = exceeds(growth, np.zeros(1))
    return grown * exceeds(quarter, hour), grown * exceeds(hour, quarter)


def _high_both(d: Domain) -> FloatArray:
    """Flag of volume and size of x that both exceed their 80th percentiles.

    A member of a sample exceeds a quantile of type 7 if and only if at least one value more than
    the whole part of the quantile's position lies below it.
    """
    own, (volumes, sizes, bars) = own_volume(d), d.block(3)
    count_below(_volume_or_infinite(d), SCORED, volumes)
    count_below(np.abs(d.series), SCORED, sizes)
    moving_sum(marks(d), SCORED, d.first, bars)
    high_volume = exceeds(volumes, np.floor(4.0 * (bars - 1.0) / 5.0))
    high_size = exceeds(sizes, np.floor(4.0 * (np.full(1, SCORED) - 1.0) / 5.0))
    return np.where(np.isnan(own), np.nan, high_volume * high_size)

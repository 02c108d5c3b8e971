"""Tick volume over the rate domain, and what both domains make of the volume.

A minute without a bar has no volume: it adds nothing to sums, and means, deviations, extremes,
correlations and slopes leave it out. A bar whose volume is unknown makes every window that contains
it NULL.
"""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, History
from bqx.kernels.extrema import minmax
from bqx.kernels.marked import marked_correlation, marked_products
from bqx.kernels.sums import moving_sum
from bqx.kernels.weighted import weighted_mean

WINDOW = 60
"""Rows of the columns whose name carries no other window."""

UNKNOWN = "the window has a bar of unknown volume"
SILENT = f"{UNKNOWN}, or its volume is 0"
FILLED = f"{UNKNOWN}, or the minute has no bar"
FLAT = f"{UNKNOWN}, or one of the two series is constant over it"


def volume_feature(
    name: str,
    description: str,
    *,
    null_rule: str,
    unit: str = "ratio",
    formula: str = "",
    low: float | None = None,
    high: float | None = None,
    history: History | None = WINDOW,
) -> Feature:
    """A feature that needs tick volume."""
    return Feature(
        name,
        description,
        unit=unit,
        formula=formula,
        low=low,
        high=high,
        history=history,
        null_rule=null_rule,
        requires=("volume",),
    )


def flag(name: str, description: str, *, formula: str, null_rule: str, history: int) -> Feature:
    """A flag that needs tick volume."""
    return Feature(
        name,
        description,
        unit="flag",
        formula=formula,
        low=0.0,
        high=1.0,
        history=history,
        null_rule=null_rule,
        kind="flag",
        requires=("volume",),
    )


def marks(d: Domain) -> FloatArray:
    """1 where a minute has a bar, else 0."""
    return d.memo("volume_marks", lambda: d.grid.observed.astype(np.float64))


def own_volume(d: Domain) -> FloatArray:
    """The minute's volume; NaN where there is no bar."""
    return d.memo("own_volume", lambda: np.where(d.grid.observed, d.volume, np.nan))


def volume_sum(d: Domain, w: int) -> FloatArray:
    """Volume of the last ``w`` rows."""
    return d.memo(("volume_sum", w), lambda: _sum(d, d.volume, w))


def volume_moments(d: Domain, w: int) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the volume over the observed rows of the last ``w``."""

    def make() -> tuple[FloatArray, FloatArray]:
        products = _row_products(d, w)
        count, squares = products[0], products[3]
        # From the sum, which is exact for whole numbers: equal means of two windows compare equal.
        return over(volume_sum(d, w), count), np.sqrt(over(squares, count - 1.0))

    return d.memo(("volume_moments", w), make)


def volume_products(d: Domain, name: str, x: FloatArray, w: int) -> FloatArray:
    """Sums of products of a series and the volume over the observed rows of the last ``w``.

    Args:
        d: The domain.
        name: Of the series, for sharing.
        x: The series.
        w: Rows in the window.

    Returns:
        Array of shape (5, rows), as of ``marked_products``.
    """

    def make() -> FloatArray:
        out = d.block(5)
        marked_products(x, d.volume, marks(d), w, d.first, out)
        return out

    return d.memo(("volume_products", name, w), make)


def volume_correlation(d: Domain, name: str, x: FloatArray, w: int) -> FloatArray:
    """Pearson correlation of a series with the volume over the observed rows of the last ``w``."""
    out: FloatArray = d.block(1)[0]
    marked_correlation(volume_products(d, name, x, w), out)
    return out


def volume_slope(d: Domain, w: int) -> FloatArray:
    """OLS slope of the volume on the row number over the observed rows of the last ``w``."""
    products = _row_products(d, w)
    return over(products[4], products[2])


def _row_products(d: Domain, w: int) -> FloatArray:
    rows = d.memo("row_numbers", lambda: np.arange(len(d), dtype=np.float64))
    return volume_products(d, "rows", rows, w)


def volume_weighted(d: Domain, y: FloatArray, w: int) -> FloatArray:
    """Mean of a series over the last ``w`` rows, weighted with the volume."""
    out: FloatArray = d.block(1)[0]
    weighted_mean(y, d.volume, w, d.first, out)
    return out


def directed_volume(d: Domain, w: int) -> tuple[FloatArray, FloatArray]:
    """Volume of the last ``w`` rows on up bars and on down bars, by the sign of the change."""

    def split() -> tuple[FloatArray, FloatArray]:
        # Zero times NaN is NaN: a row whose change or volume is unknown spoils its windows.
        nothing = 0.0 * d.change * d.volume
        up = np.where(d.change > 0.0, d.volume, nothing)
        return up, np.where(d.change < 0.0, d.volume, nothing)

    def make() -> tuple[FloatArray, FloatArray]:
        up, down = d.memo("directed_volume", split)
        return _sum(d, up, w), _sum(d, down, w)

    return d.memo(("directed_volume", w), make)


def size_of_change(d: Domain) -> FloatArray:
    """The change without its sign."""
    return d.memo("size_of_change", lambda: np.abs(d.change))


def over(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient; NaN where the denominator is 0."""
    out = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0.0)
    return out


def exceeds(value: FloatArray, limit: FloatArray) -> FloatArray:
    """1 where the value is greater, 0 where it is not, NaN where one of the two is."""
    return np.where(np.isnan(value) | np.isnan(limit), np.nan, value > limit)


def _sum(d: Domain, y: FloatArray, w: int) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    moving_sum(y, w, d.first, out)
    return out


class VolumeRate(Family):
    """Tick volume, its relation to one-minute returns of the index, and volume-weighted prices.

    V is the number of ticks, r the one-minute log return; up and down bars go by the sign of r.
    """

    table = "volume_{domain}"
    domains = ("rate",)
    windows = (15, 30, 60)

    ratio = volume_feature(
        "w{w}_volume_ratio",
        "Volume relative to its mean over {w} minutes.",
        formula="V_t / mean_{w}(V)",
        low=0.0,
        history=None,
        null_rule=f"{FILLED}, or the mean is 0",
    )
    spike = flag(
        "volume_spike",
        "Whether the volume is more than twice its mean over 60 minutes.",
        formula="V_t > 2 mean_60(V)",
        history=WINDOW,
        null_rule=FILLED,
    )
    trend_slope = volume_feature(
        "volume_trend_slope",
        "OLS slope of the volume on the row number over 60 minutes.",
        unit="ticks per minute",
        null_rule=UNKNOWN,
    )
    cumulative = volume_feature(
        "cumulative_volume_60min",
        "Volume of 60 minutes.",
        unit="ticks",
        low=0.0,
        null_rule=UNKNOWN,
    )
    weighted_return = volume_feature(
        "volume_weighted_return",
        "Mean return over 60 minutes, weighted with the volume.",
        unit="log return",
        formula="sum of r V / sum of V",
        history=WINDOW + 1,
        null_rule=SILENT,
    )
    price_correlation = volume_feature(
        "volume_price_correlation_60min",
        "Correlation of the volume with the size of the return over 60 minutes.",
        formula="corr(V, abs(r))",
        low=-1.0,
        high=1.0,
        history=WINDOW + 1,
        null_rule=FLAT,
    )
    relative_position = volume_feature(
        "relative_volume_position",
        "Position of the volume between its extremes of 60 minutes.",
        formula="(V_t - MIN_60) / (MAX_60 - MIN_60)",
        low=0.0,
        high=1.0,
        null_rule=f"{FILLED}, or all volumes are equal",
    )
    volatility = volume_feature(
        "volume_volatility_60min",
        "Standard deviation (ddof 1) of the volume over 60 minutes.",
        unit="ticks",
        low=0.0,
        null_rule=UNKNOWN,
    )
    vwap_15 = volume_feature(
        "vwap_15min",
        "Volume-weighted average of the typical price over 15 minutes.",
        unit="index",
        formula="sum of TP V / sum of V, TP = (H + L + C) / 3",
        low=0.0,
        history=15,
        null_rule=SILENT,
    )
    vwap_60 = volume_feature(
        "vwap_60min",
        "Volume-weighted average of the typical price over 60 minutes.",
        unit="index",
        formula="sum of TP V / sum of V, TP = (H + L + C) / 3",
        low=0.0,
        null_rule=SILENT,
    )
    return_correlation = volume_feature(
        "rate_vol_corr_60min",
        "Correlation of the return with the volume over 60 minutes.",
        formula="corr(r, V)",
        low=-1.0,
        high=1.0,
        history=WINDOW + 1,
        null_rule=FLAT,
    )
    uptick_ratio = volume_feature(
        "uptick_ratio_60min",
        "Share of up bars in the volume of 60 minutes.",
        low=0.0,
        high=1.0,
        history=WINDOW + 1,
        null_rule=SILENT,
    )
    cumulative_delta = volume_feature(
        "cumulative_delta_60min",
        "Volume of up bars less that of down bars over 60 minutes.",
        unit="ticks",
        formula="sum of sign(r) V",
        history=WINDOW + 1,
        null_rule=UNKNOWN,
    )
    imbalance = volume_feature(
        "vol_imbalance_60min",
        "Volume of up bars less that of down bars, relative to the volume of 60 minutes.",
        formula="sum of sign(r) V / sum of V",
        low=-1.0,
        high=1.0,
        history=WINDOW + 1,
        null_rule=SILENT,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """Volume relative to its mean."""
        return {"ratio": over(own_volume(d), volume_moments(d, w)[0])}

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns over 60 minutes, and the average price over 15."""
        mean, std = volume_moments(d, WINDOW)
        total = volume_sum(d, WINDOW)
        up, down = directed_volume(d, WINDOW)
        typical = (d.bars.high + d.bars.low + d.bars.close) / 3.0
        return {
            "spike": exceeds(own_volume(d), 2.0 * mean),
            "trend_slope": volume_slope(d, WINDOW),
            "cumulative": total,
            "weighted_return": volume_weighted(d, d.change, WINDOW),
            "price_correlation": volume_correlation(d, "size", size_of_change(d), WINDOW),
            "relative_position": _position(d, WINDOW),
            "volatility": std,
            "vwap_15": volume_weighted(d, typical, 15),
            "vwap_60": volume_weighted(d, typical, WINDOW),
            "return_correlation": volume_correlation(d, "change", d.change, WINDOW),
            "uptick_ratio": over(up, total),
            "cumulative_delta": up - down,
            "imbalance": over(up - down, total),
        }


def _position(d: Domain, w: int) -> FloatArray:
    """Position of the volume between its extremes; minutes without a bar are not among them."""
    own, (low, high, unused) = own_volume(d), d.block(3)
    missing = np.isnan(own)
    minmax(np.where(missing, np.inf, own), w, d.first, low, unused)
    minmax(np.where(missing, -np.inf, own), w, d.first, unused, high)
    # A bar of unknown volume counts as missing above, but it makes the sum NaN.
    unknown = np.isnan(volume_sum(d, w))
    return np.where(unknown, np.nan, over(own - low, high - low))

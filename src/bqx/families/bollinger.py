"""Bollinger bands of both domains' series."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.families.statistics import mean_and_deviation
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.bands import band_slope, bollinger_bands
from bqx.kernels.order import percentile_rank

SLOPE_ROWS = 5
SQUEEZE_ROWS = 240
SOURCE = "Bollinger 2001, Bollinger on Bollinger Bands"


def _with_slope(w: int) -> int:
    """The window, and the rows to the window that it is compared with."""
    return w + SLOPE_ROWS


def _with_squeeze(w: int) -> int:
    """The window, and the rows over which widths are ranked."""
    return w + SQUEEZE_ROWS


class Bollinger(Family):
    """Bollinger bands: mean and two population standard deviations (ddof 0) on either side."""

    table = "bollinger_{domain}"
    windows = (20, 30, 50, 60, 90, 120, 240)

    upper = Feature(
        "bb_upper_{w}", "Upper band.", formula="mean(u, {w}) + 2 sd(u, {w})", source=SOURCE
    )
    middle = Feature("bb_middle_{w}", "Middle of the bands.", formula="mean(u, {w})", source=SOURCE)
    lower = Feature(
        "bb_lower_{w}", "Lower band.", formula="mean(u, {w}) - 2 sd(u, {w})", source=SOURCE
    )
    width = Feature(
        "bb_width_{w}",
        "Upper minus lower band, not divided by the middle, which is about 0 for BQX.",
        formula="4 sd(u, {w})",
        low=0.0,
        source=SOURCE,
    )
    percent_b = Feature(
        "bb_percent_b_{w}",
        "Place of the newest value between the bands: 0 at the lower, 1 at the upper.",
        unit="ratio",
        formula="(u_t - lower) / (upper - lower)",
        null_rule="the series has equal values over the window",
        source=SOURCE,
    )
    slope = Feature(
        "bb_slope_{w}",
        "Slope of the upper band over 5 rows.",
        unit="series per row",
        formula="(upper_t - upper_(t-5)) / 5",
        history=_with_slope,
    )
    breach = Feature(
        "bb_breach_{w}",
        "1 when the newest value is above the upper band, -1 below the lower, else 0.",
        unit="code",
        formula="[u_t > upper] - [u_t < lower]",
        low=-1.0,
        high=1.0,
        kind="category",
    )
    squeeze = Feature(
        "bb_squeeze_{w}",
        "Percentile rank of the width among the last 240 widths; 0.5 when all are equal.",
        unit="ratio",
        formula="(average rank of width_t - 1) / 239",
        low=0.0,
        high=1.0,
        history=_with_squeeze,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All eight measures of one window."""
        mean, std = mean_and_deviation(d, w)
        bands, (slope, squeeze) = d.block(5), d.block(2)
        bollinger_bands(d.series, mean, std, w, bands)
        upper, lower, width, percent_b, breach = bands
        band_slope(upper, SLOPE_ROWS, slope)
        percentile_rank(width, SQUEEZE_ROWS, squeeze)
        return {
            "upper": upper,
            "middle": mean,
            "lower": lower,
            "width": width,
            "percent_b": percent_b,
            "slope": slope,
            "breach": breach,
            "squeeze": squeeze,
        }

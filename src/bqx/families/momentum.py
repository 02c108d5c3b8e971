"""Momentum over the windows of the regression, over both domains."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

from bqx.domains.domain import TRAITS, Domain
from bqx.domains.grid import FloatArray
from bqx.families.regression import WINDOWS
from bqx.families.shared.columns import later, ratio
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.correlation import correlation
from bqx.kernels.elementwise import change, log_change
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.order import percentile_rank
from bqx.kernels.recursive import ema, ema_rows
from bqx.kernels.runs import positive_share
from bqx.kernels.trend import efficiency_ratio, linear_trend

BARS = 5
"""Bars of the variance ratio's longer change."""

STEP = TRAITS["bqx"].step
"""Rows of a bar in the BQX domain."""

RANKED = 1440
"""Values among which a momentum is ranked: one day."""

Measured = Literal["change", "series"]


def moved(d: Domain, rows: int) -> FloatArray:
    """Change of the series over ``rows`` rows: log return of the index, difference of BQX."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        (log_change if d.traits.name == "rate" else change)(d.series, rows, out)
        return out

    return d.memo(("moved", rows), make)


def moments(d: Domain, of: Measured, w: int) -> FloatArray:
    """Mean and standard deviation of the bar changes or of the series, of shape (2, rows)."""

    def make() -> FloatArray:
        out = d.block(2)
        mean_std(d.change if of == "change" else d.series, w, d.first, out[0], out[1])
        return out

    return d.memo(("moments", of, w), make)


def deviation(d: Domain, of: Measured, w: int) -> FloatArray:
    """Standard deviation of the bar changes or of the series."""
    std: FloatArray = moments(d, of, w)[1]
    return std


def scale(d: Domain, w: int, rows: int) -> FloatArray:
    """Standard deviation that a change over ``rows`` rows is measured by.

    That of the one-row returns over ``w`` rows times the root of ``rows`` in the rate domain; that
    of the series itself, which is stationary, in the BQX domain.
    """
    if d.traits.name == "bqx":
        return deviation(d, "series", w)
    return deviation(d, "change", w) * math.sqrt(rows)


def autocorrelation(d: Domain, w: int) -> FloatArray:
    """Correlation of the last ``w`` bar changes with those one bar earlier."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        correlation(d.change, later(d.change, d.traits.step), w, d.first, out)
        return out

    return d.memo(("autocorrelation", w), make)


def _extrema(values: FloatArray, d: Domain, w: int) -> FloatArray:
    out = d.block(2)
    minmax(values, w, d.first, out[0], out[1])
    return out


def _range(d: Domain, w: int) -> dict[str, FloatArray]:
    """Distances from the extrema of the window."""
    low, high = _extrema(d.series, d, w)
    position = ratio(d.series - low, high - low)
    if d.traits.name == "bqx":
        return {"runup": d.series - low, "drawdown": d.series - high, "rangepos": position}
    least, greatest = _extrema(d.index.low, d, w)[0], _extrema(d.index.high, d, w)[1]
    return {
        "runup": (d.series - least) / least,
        "drawdown": (d.series - greatest) / greatest,
        "rangepos": position,
    }


def _trend(d: Domain, w: int) -> dict[str, FloatArray]:
    slope, stderr, r2 = d.block(3)
    linear_trend(d.series, w, d.first, slope, stderr, r2)
    return {"slope": slope, "slope_t": ratio(slope, stderr)}


def _variance_ratio(d: Domain, w: int) -> FloatArray:
    """Variance of 5-bar changes over 5 times that of one-bar changes."""
    longer = moved(d, BARS * d.traits.step)
    mean, std = moments(d, "change", w)
    long_mean, long_std = d.block(2)
    if d.traits.name == "bqx":
        mean_std(longer, w, d.first, long_mean, long_std)
        return ratio(long_std * long_std, BARS * (std * std))
    count = w - BARS + 1
    mean_std(longer, count, d.first, long_mean, long_std)
    drift = long_mean - BARS * mean
    squares = (count - 1) * (long_std * long_std) + count * (drift * drift)
    return ratio(squares, BARS * count * (1.0 - BARS / w) * (std * std))


def _average_difference(d: Domain, w: int) -> FloatArray:
    fast, slow = d.block(2)
    ema(d.series, w // 3, d.first, ema_rows(w // 3), fast)
    ema(d.series, w, d.first, ema_rows(w), slow)
    return ratio(fast - slow, deviation(d, "series", w))


def _rank(values: FloatArray, d: Domain) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    percentile_rank(values, RANKED, out)
    return out


def _with_row_before(w: int) -> int:
    return w + 1


_feature = partial(Feature, unit="ratio", history=_with_row_before)


class Momentum(Family):
    """Momentum, trend, path and autocorrelation over the windows of the regression.

    With P the rate index, L and H the low and high index, x the BQX series, u the domain's series
    and r its change over one bar: one-row log returns of P, 15-row differences of x.
    """

    table = "momentum_{domain}"
    windows = WINDOWS

    mom = _feature(
        "mom_{d}_w{w}",
        "Change over the last {w} rows.",
        formula="rate: ln(P_t / P_(t-{w})); BQX: x_t - x_(t-{w})",
        unit="return",
        source="Jegadeesh and Titman 1993; Moskowitz, Ooi and Pedersen 2012",
    )
    norm = _feature(
        "mom_norm_{d}_w{w}",
        "Change over the last {w} rows in units of its standard deviation.",
        formula="mom / s; rate: s = sd(r over {w} rows) sqrt({w}); BQX: s = sd(x over {w} rows)",
        null_rule="the deviation is 0",
        source="Moskowitz, Ooi and Pedersen 2012",
    )
    accel = _feature(
        "mom_accel_{d}_w{w}",
        "Change over the newer half of the window minus that over the older half.",
        formula="change over {w}/2 rows at t - the same at t - {w}/2",
        unit="return",
    )
    slope = _feature(
        "mom_slope_{d}_w{w}",
        "Least-squares slope of the series on the row number.",
        formula="cov(i, u) / var(i) over {w} rows",
        unit="series per row",
    )
    slope_t = _feature(
        "mom_slope_t_{d}_w{w}",
        "Slope over its ordinary standard error.",
        formula="slope / sqrt(SSE / ({w} - 2) / sum (i - mean i)²)",
        null_rule="the window is flat or exactly a straight line",
    )
    eff = _feature(
        "mom_eff_{d}_w{w}",
        "Efficiency ratio: net change over the sum of one-row changes.",
        formula="abs(u_t - u_(t-{w})) / sum of abs(u_s - u_(s-1)) over {w} rows",
        low=0.0,
        high=1.0,
        null_rule="the series did not move",
        source="Kaufman 1995",
    )
    upfrac = _feature(
        "mom_upfrac_{d}_w{w}",
        "Share of positive bar changes among those that are not 0.",
        formula="count(r > 0) / count(r != 0) over {w} rows",
        low=0.0,
        high=1.0,
        null_rule="all changes are 0",
        history=by_step(lambda step: lambda w: w + step),
    )
    runup = _feature(
        "mom_runup_{d}_w{w}",
        "Rise from the window's minimum.",
        formula="rate: P_t / min(L over {w} rows) - 1; BQX: x_t - min(x over {w} rows)",
        unit="return",
        low=0.0,
    )
    drawdown = _feature(
        "mom_drawdown_{d}_w{w}",
        "Fall from the window's maximum.",
        formula="rate: P_t / max(H over {w} rows) - 1; BQX: x_t - max(x over {w} rows)",
        unit="return",
        high=0.0,
    )
    rangepos = _feature(
        "mom_rangepos_{d}_w{w}",
        "Position of the series in its range.",
        formula="(u_t - min u) / (max u - min u) over {w} rows",
        low=0.0,
        high=1.0,
        null_rule="the range is 0",
    )
    autocorr1 = Feature(
        "mom_autocorr1_{d}_w{w}",
        "Autocorrelation of the bar changes at a lag of one bar.",
        unit="ratio",
        formula="corr(r_s, r one bar before s) over the last {w} rows s",
        low=-1.0,
        high=1.0,
        history=by_step(lambda step: lambda w: w + 2 * step),
        null_rule="the changes, or those one bar earlier, are constant",
    )
    vr = _feature(
        "mom_vr_{d}_w{w}",
        "Variance ratio of changes over five bars to changes over one bar, overlapping. In a random"
        " walk of prices about 1 in the rate domain (unbiased estimator), 1/5 in the BQX domain.",
        formula=(
            "rate: (sum of (P's log change over 5 rows - 5 mean(r))² over {w} - 4 rows"
            " / (5 ({w} - 4) (1 - 5/{w}))) / var(r over {w} rows);"
            " BQX: var(x_s - x_(s-75)) / (5 var(r)) over {w} rows"
        ),
        low=0.0,
        null_rule="the changes are constant",
        source="Lo and MacKinlay 1988",
        history={"rate": _with_row_before, "bqx": lambda w: w + BARS * STEP},
    )
    emadiff = Feature(
        "mom_emadiff_{d}_w{w}",
        "Exponential averages over {w}/3 and {w} rows: difference over the standard deviation.",
        unit="ratio",
        formula="(EMA_({w}/3)(u) - EMA_{w}(u)) / sd(u over {w} rows)",
        history=_with_row_before,
        memory=lambda w: 2 * ema_rows(w),
        null_rule="the deviation is 0",
    )
    pctrank = Feature(
        "mom_pctrank_{d}_w{w}",
        "Rank of the change over {w} rows among its last 1440 values.",
        unit="ratio",
        formula="(average rank of mom - 1) / 1439",
        low=0.0,
        high=1.0,
        history=lambda w: w + RANKED,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All measures of one window."""
        change_over, half = moved(d, w), moved(d, w // 2)
        efficiency, share = d.block(2)
        efficiency_ratio(d.series, w, d.first, efficiency)
        positive_share(d.change, w, share)
        return {
            "mom": change_over,
            "norm": ratio(change_over, scale(d, w, w)),
            "accel": half - later(half, w // 2),
            **_trend(d, w),
            "eff": efficiency,
            "upfrac": share,
            **_range(d, w),
            "autocorr1": autocorrelation(d, w),
            "vr": _variance_ratio(d, w),
            "emadiff": _average_difference(d, w),
            "pctrank": _rank(change_over, d),
        }

"""Quadratic fits over six short windows, compared with each other and between the domains."""

from __future__ import annotations

import math

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.parabolic_domains import (
    END,
    LINEAR,
    PAIRED,
    QUADRATIC,
    R2,
    RESIDUAL,
    RMSE,
    SHORT_WINDOWS,
    TABLE,
    centred_log_weights,
    compared_feature,
    correlated,
    divided,
    short_fits,
    spread,
    weighted,
)
from bqx.families.shared.columns import later
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.elementwise import change

DRIFT = 15
"""Rows over which the drift of the end value is taken."""

FLAT = "a window is flat (SST < 1e-18)"


def _at(values: FloatArray, w: int) -> FloatArray:
    found: FloatArray = values[SHORT_WINDOWS.index(w)]
    return found


def _ratio(d: Domain, values: FloatArray, short: int, long: int) -> FloatArray:
    return divided(d, _at(values, short), _at(values, long))


def _drift(d: Domain, end: FloatArray) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    change(end, DRIFT, out)
    out /= DRIFT
    return out


def _reversion(d: Domain) -> FloatArray:
    """How much a residual is taken back by the bar change that follows it."""
    past = later(_at(short_fits(d, RESIDUAL), 60), d.traits.step)
    return -correlated(d, past, d.change, PAIRED)


def _degraded(r2: FloatArray) -> FloatArray:
    """Whether r2 is less than 15 and than 30 rows ago, as 0 or 1."""
    recent, old = later(r2, 15), later(r2, 30)
    fell = (r2 < recent) & (r2 < old)
    return np.where(np.isnan(r2 + recent + old), np.nan, fell.astype(np.float64))


def _quotient(term: str, short: int, long: int) -> Feature:
    named = "quadratic" if term == "a2" else "linear"
    return compared_feature(
        f"{term}_ratio_w{short}_w{long}_{{d}}",
        f"Coefficient {term} of the {named} term over {short} rows relative to that over {long}.",
        formula=f"{term}_{short} / {term}_{long}",
        history=long,
        null_rule="the size of the divisor is below 1e-12",
    )


def _spread(name: str, description: str, formula: str, unit: str) -> Feature:
    return compared_feature(name, description, formula=formula, history=90, unit=unit, low=0.0)


def _gap(short: int, long: int) -> Feature:
    return compared_feature(
        f"b_gap_w{short}_w{long}_{{d}}",
        f"Fitted value at the current row over {short} rows minus that over {long}.",
        formula=f"end_{short} - end_{long}",
        history=long,
        unit="series",
    )


class ParabolicComparison(Family):
    """Six short parabolas against each other.

    Over the last w rows, w of 15, 30, 45, 60, 75, 90, y_i = a2 i² + a1 i + b is fitted by ordinary
    least squares as in the regression table, i = 0 … w-1 rows; a2 and a1 are per row² and per row,
    end is the fitted value at the current row. Intercepts b stand at different dates, so ends are
    compared in their place. r is the change of the series u over one bar: one-row log returns of
    the index, 15-row differences of BQX.
    """

    table = TABLE

    a2_ratio_15 = _quotient("a2", 15, 60)
    a2_ratio_30 = _quotient("a2", 30, 75)
    a2_ratio_45 = _quotient("a2", 45, 90)
    a1_ratio_15 = _quotient("a1", 15, 60)
    a1_ratio_30 = _quotient("a1", 30, 75)
    a1_ratio_45 = _quotient("a1", 45, 90)
    a2_consistency = _spread(
        "a2_consistency_{d}",
        "Standard deviation of a2 across the six windows; low means that they agree.",
        "sd(a2_w), ddof 1",
        "series per row²",
    )
    a1_consistency = _spread(
        "a1_consistency_{d}",
        "Standard deviation of a1 across the six windows; low means that they agree.",
        "sd(a1_w), ddof 1",
        "series per row",
    )
    r2_consistency = compared_feature(
        "r2_consistency_{d}",
        "1 minus the standard deviation of r2 across the six windows.",
        formula="1 - sd(r2_w), ddof 1",
        history=90,
        low=0.0,
        high=1.0,
        null_rule=FLAT,
    )
    a2_trend_slope = compared_feature(
        "a2_trend_slope_{d}",
        "Least-squares slope of a2 on the logarithm of the window.",
        formula="cov(ln w, a2_w) / var(ln w)",
        history=90,
        unit="series per row²",
    )
    a2_regime_shift = compared_feature(
        "a2_regime_shift_{d}",
        "1 when the curvatures over 15 and 60 rows have different signs.",
        formula="[sign(a2_15) != sign(a2_60)]",
        history=60,
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
    )
    a1_acceleration = compared_feature(
        "a1_acceleration_{d}",
        "Coefficient of the linear term over 15 rows minus that over 60.",
        formula="a1_15 - a1_60",
        history=60,
        unit="series per row",
    )
    a1_momentum = compared_feature(
        "a1_momentum_{d}",
        "Mean of a1 over the six windows with weights 1/w.",
        formula="sum(a1_w / w) / sum(1 / w)",
        history=90,
        unit="series per row",
    )
    b_gap_15 = _gap(15, 45)
    b_gap_30 = _gap(30, 60)
    b_drift_rate = compared_feature(
        "b_drift_rate_{d}",
        "Change per row over 15 rows of the fitted value over 60 rows at the current row.",
        formula="(end_60 - end_60 15 rows ago) / 15",
        history=60 + DRIFT,
        unit="series per row",
    )
    b_reversion_tendency = compared_feature(
        "b_reversion_tendency_{d}",
        "How much the residual of the fit over 60 rows is taken back by the next bar change.",
        formula="-corr(residual_60 one bar before s, r_s) over 60 rows s",
        history=by_step(lambda step: 60 + PAIRED + step - 1),
        low=-1.0,
        high=1.0,
        null_rule="the residuals or the changes are constant",
    )
    r2_spread = compared_feature(
        "r2_spread_w30_w90_{d}",
        "r2 over 30 rows minus that over 90.",
        formula="r2_30 - r2_90",
        history=90,
        low=-1.0,
        high=1.0,
        null_rule=FLAT,
    )
    rmse_ratio = compared_feature(
        "rmse_ratio_w15_w60_{d}",
        "Root mean squared error over 15 rows relative to that over 60.",
        formula="rmse_15 / rmse_60",
        history=60,
        low=0.0,
        null_rule="the divisor is below 1e-12",
    )
    quality_degradation = compared_feature(
        "quality_degradation_flag_{d}",
        "1 when r2 over 60 rows is less than it was 15 rows ago and less than 30 rows ago.",
        formula="[r2_60 < r2_60 15 rows ago and r2_60 < r2_60 30 rows ago]",
        history=90,
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
        null_rule=FLAT,
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All twenty columns."""
        return {**_coefficients(d), **_ends(d), **_quality(d)}


def _coefficients(d: Domain) -> dict[str, FloatArray]:
    a2, a1 = short_fits(d, QUADRATIC, 2), short_fits(d, LINEAR, 1)
    shares = np.array([1.0 / w for w in SHORT_WINDOWS])
    shifted = np.sign(_at(a2, 15)) != np.sign(_at(a2, 60))
    return {
        "a2_ratio_15": _ratio(d, a2, 15, 60),
        "a2_ratio_30": _ratio(d, a2, 30, 75),
        "a2_ratio_45": _ratio(d, a2, 45, 90),
        "a1_ratio_15": _ratio(d, a1, 15, 60),
        "a1_ratio_30": _ratio(d, a1, 30, 75),
        "a1_ratio_45": _ratio(d, a1, 45, 90),
        "a2_consistency": spread(d, a2),
        "a1_consistency": spread(d, a1),
        "a2_trend_slope": weighted(d, a2, centred_log_weights()),
        "a2_regime_shift": shifted.astype(np.float64),
        "a1_acceleration": _at(a1, 15) - _at(a1, 60),
        "a1_momentum": weighted(d, a1, shares / math.fsum(shares)),
    }


def _ends(d: Domain) -> dict[str, FloatArray]:
    end = short_fits(d, END)
    return {
        "b_gap_15": _at(end, 15) - _at(end, 45),
        "b_gap_30": _at(end, 30) - _at(end, 60),
        "b_drift_rate": _drift(d, _at(end, 60)),
        "b_reversion_tendency": _reversion(d),
    }


def _quality(d: Domain) -> dict[str, FloatArray]:
    r2, rmse = short_fits(d, R2), short_fits(d, RMSE)
    return {
        "r2_consistency": 1.0 - spread(d, r2),
        "r2_spread": _at(r2, 30) - _at(r2, 90),
        "rmse_ratio": _ratio(d, rmse, 15, 60),
        "quality_degradation": _degraded(_at(r2, 60)),
    }

"""Quality of the quadratic regressions: against a line, between windows, and over time."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.regression import WINDOWS, fitted_terms
from bqx.families.shared.columns import later
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.across import share_below_across
from bqx.kernels.correlation import correlation
from bqx.kernels.moments import mean_std
from bqx.kernels.quotient import quotient
from bqx.kernels.trend import linear_trend

NOTHING = 1e-10
"""Size below which a divisor counts as 0."""

NEXT = dict(zip(WINDOWS, (*WINDOWS[1:], WINDOWS[-2] + WINDOWS[-1]), strict=True))
"""The next larger window of each; each is the sum of the two before it, and so is the one that
follows the last."""

SHORT = 10
"""Rows over which terms are correlated and r2 may vary."""

LAGGED = 60
"""Pairs of residuals behind their autocorrelation."""

FLAT = "the window is flat (SST < 1e-18)"
QUADRATIC, LINEAR, RESIDUAL, R2, RMSE = 0, 1, 3, 4, 5
"""Rows of the fitted terms."""


def _divided(d: Domain, above: FloatArray, below: FloatArray) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    quotient(above, below, NOTHING, out)
    return out


def _improvement(d: Domain, w: int) -> FloatArray:
    """By how much the parabola's rmse is smaller than the line's, in percent of the latter.

    The rmse of the line follows from its slope's standard error.
    """
    slope, stderr, r2 = d.block(3)
    linear_trend(d.series, w, d.first, slope, stderr, r2)
    linear = stderr * math.sqrt((w - 2) * (w * w - 1.0) / 12.0)
    found = 100.0 * (1.0 - _divided(d, fitted_terms(d, w)[RMSE], linear))
    # A parabola never fits worse; where it fits no better, rounding may say so.
    return np.maximum(found, 0.0)


def _r2_ranks(d: Domain) -> FloatArray:
    """Percentage of the windows with lower r2, one row per window."""

    def make() -> FloatArray:
        r2, out = d.block(len(WINDOWS)), d.block(len(WINDOWS))
        for k, w in enumerate(WINDOWS):
            r2[k] = fitted_terms(d, w)[R2]
        share_below_across(r2, out)
        out *= 100.0
        return out

    return d.memo("r2_ranks", make)


def _term_consistency(d: Domain, w: int) -> FloatArray:
    """Mean correlation of the two moving terms with those of the next larger window."""
    here, there = fitted_terms(d, w), fitted_terms(d, NEXT[w])
    quadratic, linear = d.block(2)
    correlation(here[QUADRATIC], there[QUADRATIC], SHORT, d.first, quadratic)
    correlation(here[LINEAR], there[LINEAR], SHORT, d.first, linear)
    found: FloatArray = 0.5 * (quadratic + linear)
    return found


def _residual_autocorrelation(d: Domain, w: int) -> FloatArray:
    residual: FloatArray = fitted_terms(d, w)[RESIDUAL]
    out: FloatArray = d.block(1)[0]
    correlation(residual, later(residual, 1), LAGGED, d.first, out)
    return out


def _rising(rmse: FloatArray) -> FloatArray:
    """Whether the least-squares slope over five rows is positive, as 0 or 1."""
    rise = 2.0 * (rmse - later(rmse, 4)) + (later(rmse, 1) - later(rmse, 3))
    return np.where(rise > 0.0, 1.0, 0.0)


def _overfitting(r2: FloatArray, rmse: FloatArray) -> FloatArray:
    return np.where(np.isnan(r2), np.nan, np.where(r2 > 0.8, _rising(rmse), 0.0))


def _stability(d: Domain, r2: FloatArray) -> FloatArray:
    mean, std = d.block(2)
    mean_std(r2, SHORT, d.first, mean, std)
    return np.clip(1.0 - _divided(d, std, mean), 0.0, 1.0)


def _with_next(w: int) -> int:
    """Rows behind the terms of the next larger window over ten rows."""
    return NEXT[w] + SHORT - 1


_feature = partial(Feature, unit="ratio")


class EnhancedRmse(Family):
    """How good the quadratic regressions of the series are, beside their r2 and rmse.

    Terms, residual, r2 and rmse are those of the regression table. The next larger window of 60,
    90, 150, 240, 390 is the one after it; that of 630 is 1020, which follows in the same series.
    """

    table = "enhanced_rmse_{domain}"
    windows = WINDOWS

    rmse_improvement = _feature(
        "w{w}_rmse_improvement",
        "By how much the rmse is less than that of a straight line through the same window.",
        formula="100 (1 - rmse / rmse of the linear least-squares fit)",
        unit="percent",
        low=0.0,
        high=100.0,
        null_rule="the straight line's rmse is below 1e-10",
    )
    r2_rank = _feature(
        "w{w}_r2_rank",
        "Share of the six windows that have a lower r2.",
        formula="100 count(r2_v < r2_{w}; v of 60, 90, 150, 240, 390, 630) / 6",
        unit="percent",
        low=0.0,
        high=100.0,
        history=WINDOWS[-1],
        null_rule="one of the six windows is flat (SST < 1e-18)",
    )
    term_consistency = _feature(
        "w{w}_term_consistency",
        "Mean correlation over 10 rows of the quadratic and of the linear term with those of the"
        " next larger window.",
        formula=(
            "(corr(q_{w}, q_next) + corr(l_{w}, l_next)) / 2 over 10 rows; the next of 630 is 1020"
        ),
        low=-1.0,
        high=1.0,
        history=_with_next,
        null_rule="one of the four terms is constant over the 10 rows",
    )
    resid_autocorr = _feature(
        "w{w}_resid_autocorr",
        "Autocorrelation at lag 1 of the residuals at the windows' last rows, 60 pairs.",
        formula="corr(e_s, e_(s-1)) over 60 rows s",
        low=-1.0,
        high=1.0,
        history=lambda w: w + LAGGED,
        null_rule="the residuals, or those one row earlier, are constant",
    )
    pred_error_ratio = _feature(
        "w{w}_pred_error_ratio",
        "Size of the residual at the current row in units of the rmse.",
        formula="abs(e_t) / rmse",
        low=0.0,
        null_rule="the rmse is below 1e-10",
    )
    fit_quality = _feature(
        "w{w}_fit_quality",
        "Weighted sum of r2 and the size of term_consistency.",
        formula="0.7 r2 + 0.3 abs(term_consistency)",
        low=0.0,
        high=1.0,
        history=_with_next,
        null_rule="r2 or term_consistency is",
    )
    overfitting_risk = _feature(
        "w{w}_overfitting_risk",
        "1 when a high r2 comes with a growing rmse.",
        formula="[r2 > 0.8 and slope of rmse over 5 rows > 0]",
        unit="flag",
        low=0.0,
        high=1.0,
        history=lambda w: w + 4,
        kind="flag",
        null_rule=FLAT,
    )
    quad_strength = _feature(
        "w{w}_quad_strength",
        "Size of the quadratic term relative to that of the linear one.",
        formula="abs(quadratic) / abs(linear)",
        low=0.0,
        null_rule="the size of the linear term is below 1e-10",
    )
    trend_curv_ratio = _feature(
        "w{w}_trend_curv_ratio",
        "Parabola's value at the window's start minus that at its vertex.",
        formula="linear² / (4 quadratic)",
        unit="series",
        null_rule="the size of 4 quadratic is below 1e-10",
    )
    model_stability = _feature(
        "w{w}_model_stability",
        "1 minus the coefficient of variation of r2 over 10 rows, not less than 0.",
        formula="min(max(1 - sd(r2) / mean(r2), 0), 1) over 10 rows, ddof 1",
        low=0.0,
        high=1.0,
        history=lambda w: w + SHORT - 1,
        null_rule="one of the windows is flat (SST < 1e-18), or the mean is below 1e-10",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All ten measures of one window."""
        quadratic, linear, _, residual, r2, rmse, _ = fitted_terms(d, w)
        consistency = _term_consistency(d, w)
        return {
            "rmse_improvement": _improvement(d, w),
            "r2_rank": _r2_ranks(d)[WINDOWS.index(w)],
            "term_consistency": consistency,
            "resid_autocorr": _residual_autocorrelation(d, w),
            "pred_error_ratio": _divided(d, np.abs(residual), rmse),
            "fit_quality": 0.7 * r2 + 0.3 * np.abs(consistency),
            "overfitting_risk": _overfitting(r2, rmse),
            "quad_strength": _divided(d, np.abs(quadratic), np.abs(linear)),
            "trend_curv_ratio": _divided(d, linear * linear, 4.0 * quadratic),
            "model_stability": _stability(d, r2),
        }

"""How six short windows agree, in the present row and over the last rows, over both domains."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.momentum import deviation
from bqx.families.parabolic_domains import (
    END,
    LINEAR,
    QUADRATIC,
    R2,
    RESIDUAL,
    RMSE,
    SHORT_WINDOWS,
    centred_log_weights,
    divided,
    short_fits,
    spread,
    weighted,
)
from bqx.families.regime import trend_regime
from bqx.families.shared.columns import later
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.across import greatest_across, weighted_across
from bqx.kernels.elementwise import change, log
from bqx.kernels.sums import moving_sum

TABLE = "lagged_cross_window_{domain}"

ROWS = 240
"""Rows over which shares, means and correlations are taken."""

AHEAD = 15
"""Rows to which fits are extrapolated, and over which a shock may be passed on."""

SHOCK = 2.0
"""Residual in units of the rmse from which it is a shock."""

FLAT = "a window is flat (SST < 1e-18)"
SIX = "w of 15, 30, 45, 60, 75, 90"


def at(values: FloatArray, w: int) -> FloatArray:
    """Values of one of the six windows."""
    found: FloatArray = values[SHORT_WINDOWS.index(w)]
    return found


def end_slopes(d: Domain) -> FloatArray:
    """Slopes m_w of the six parabolas at the current row, per row.

    Returns:
        Array of shape (6, rows), computed once per slice.
    """

    def make() -> FloatArray:
        quadratic, linear = short_fits(d, QUADRATIC), short_fits(d, LINEAR)
        out = d.block(len(SHORT_WINDOWS))
        for k, w in enumerate(SHORT_WINDOWS):
            np.divide(2.0 * quadratic[k] + linear[k], float(w - 1), out=out[k])
        return out

    return d.memo("end_slopes", make)


def summed(d: Domain, values: FloatArray, w: int) -> FloatArray:
    """Sum of the last ``w`` values."""
    out: FloatArray = d.block(1)[0]
    moving_sum(values, w, d.first, out)
    return out


def _logarithm(d: Domain, values: FloatArray) -> FloatArray:
    """Logarithm; NaN where there is nothing to take it of."""
    out: FloatArray = d.block(1)[0]
    log(np.where(values > 0.0, values, np.nan), out)
    return out


def _log_ratio(d: Domain, short: int, long: int) -> FloatArray:
    """Logarithm of the quotient of two deviations of the bar changes."""
    above, below = (deviation(d, "change", w) for w in (short, long))
    return _logarithm(d, divided(d, above, below))


def _unit(d: Domain, w: int) -> FloatArray:
    """Deviation of a bar change over ``w`` rows, in the series' unit."""
    found = deviation(d, "change", w)
    return found * d.series if d.traits.name == "rate" else found


def _sign_spread(d: Domain) -> FloatArray:
    return spread(d, np.sign(end_slopes(d)))


def _curvature_consistency(d: Domain) -> FloatArray:
    count = len(SHORT_WINDOWS)
    return np.abs(weighted(d, np.sign(short_fits(d, QUADRATIC)), np.ones(count))) / count


def _share_equal(d: Domain, x: FloatArray, y: FloatArray) -> FloatArray:
    """Share of the last 240 rows in which two values are equal; NaN where one is missing."""
    same = np.where(np.isnan(x + y), np.nan, (x == y).astype(np.float64))
    return summed(d, same, ROWS) / ROWS


def _persistence(d: Domain) -> FloatArray:
    slopes = end_slopes(d)
    past = later(np.sign(at(slopes, 15)), 15)
    return _share_equal(d, past, np.sign(at(slopes, 60)))


def _weight(d: Domain, r2: FloatArray) -> FloatArray:
    """Mean window, each with its r2 as weight, over the longest."""
    above, below = d.block(2)
    weighted_across(r2, np.array(SHORT_WINDOWS, np.float64), above)
    weighted_across(r2, np.ones(len(SHORT_WINDOWS)), below)
    longest = float(SHORT_WINDOWS[-1])
    # A mean of equal windows may be rounded past them.
    return np.clip(divided(d, above, below) / longest, SHORT_WINDOWS[0] / longest, 1.0)


def _dominant(d: Domain, r2: FloatArray) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    greatest_across(r2, out)
    return out


def _shock_transmission(d: Domain) -> FloatArray:
    """Mean relative residual over 60 rows in the rows after a shock at 15 rows."""
    residual, rmse = short_fits(d, RESIDUAL), short_fits(d, RMSE)
    relative = divided(d, np.abs(at(residual, 60)), at(rmse, 60))
    after = summed(d, relative, AHEAD) / AHEAD
    shock = np.abs(at(residual, 15)) > SHOCK * at(rmse, 15)
    past = later(shock.astype(np.float64), AHEAD)
    # A shock counts once the rows that it may be passed on to are over.
    passed = np.where(past == 0.0, 0.0, past * after)
    found: FloatArray = np.full(len(d), np.nan)
    count = summed(d, past, ROWS)
    np.divide(summed(d, passed, ROWS), count, out=found, where=count > 0.0)
    return found


def _forecast_consistency(d: Domain) -> FloatArray:
    slopes, end, a2 = end_slopes(d), short_fits(d, END), short_fits(d, QUADRATIC, 2)
    forecasts = end + AHEAD * slopes + AHEAD**2 * a2
    return 1.0 - divided(d, spread(d, forecasts), _unit(d, 60))


def _structure_change(d: Domain) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    change(_log_ratio(d, 15, 90), 15, out)
    return out


lagged_feature = partial(Feature, unit="ratio")
"""Unit of most columns of the table."""


class LaggedCrossWindow(Family):
    """How the short windows agree.

    Over the last w rows, w of 15, 30, 45, 60, 75, 90, y_i = a2 i² + a1 i + b is fitted by ordinary
    least squares as in the regression table; m_w = 2 a2 (w-1) + a1 is its slope at the current row,
    e_w the residual there. r is the change of the series u over one bar (one-row log returns of the
    index P, 15-row differences of BQX), s_w its standard deviation over w rows; S_w is s_w in the
    unit of the series: s_w P_t in the rate domain, s_w in the BQX domain.
    """

    table = TABLE

    momentum_persistence = lagged_feature(
        "momentum_persistence_w15_w60_{d}",
        "Share of 240 rows in which the slope over 60 rows has the sign that the one over 15 rows"
        " had 15 rows before.",
        formula="count(sign(m_15 15 rows before s) = sign(m_60 at s)) / 240 over 240 rows s",
        history=60 + ROWS - 1,
        low=0.0,
        high=1.0,
    )
    momentum_acceleration = lagged_feature(
        "momentum_acceleration_w45_w90_{d}",
        "Slope over 45 rows minus that over 90, in deviations of a bar change.",
        formula="(m_45 - m_90) / S_90",
        history=by_step(lambda step: 90 + step),
        null_rule="the deviation is below 1e-12",
    )
    momentum_divergence = lagged_feature(
        "momentum_divergence_{d}",
        "Standard deviation of the signs of the six slopes; 0 when they agree.",
        formula=f"sd(sign(m_w)), {SIX}, ddof 1",
        history=90,
        low=0.0,
        high=1.1,
    )
    vol_ratio_cascade = lagged_feature(
        "vol_ratio_cascade_{d}",
        "Logarithm of the volatility over 15 rows relative to that over 60.",
        formula="ln(s_15 / s_60), which is ln(s_15 / s_30) + ln(s_30 / s_60)",
        history=by_step(lambda step: 60 + step),
        null_rule="the changes are constant over 15 rows",
    )
    vol_term_structure_change = lagged_feature(
        "vol_term_structure_change_{d}",
        "Change over 15 rows of the logarithm of the volatility over 15 rows relative to 90.",
        formula="ln(s_15 / s_90) - the same 15 rows ago",
        history=by_step(lambda step: 90 + step + 15),
        null_rule="the changes are constant over 15 rows, now or 15 rows ago",
    )
    r2_stability = lagged_feature(
        "r2_stability_cross_window_{d}",
        "1 minus the standard deviation of r2 across the six windows.",
        formula=f"1 - sd(r2_w), {SIX}, ddof 1; equal to r2_consistency of the parabolic comparison",
        history=90,
        low=0.0,
        high=1.0,
        null_rule=FLAT,
    )
    curvature_consistency = lagged_feature(
        "curvature_consistency_{d}",
        "Size of the mean sign of the six curvatures; 1 when they agree.",
        formula=f"abs(mean(sign(a2_w))), {SIX}",
        history=90,
        low=0.0,
        high=1.0,
    )
    slope_evolution = lagged_feature(
        "slope_evolution_{d}",
        "Least-squares slope of the six slopes on the logarithm of the window.",
        formula=f"cov(ln w, m_w) / var(ln w), {SIX}",
        history=90,
        unit="series per row",
    )
    temporal_regime_consistency = lagged_feature(
        "temporal_regime_consistency_{d}",
        "Share of 240 rows in which trend_regime is the same at 60 and 240 rows.",
        formula="count(trend_regime_w60 = trend_regime_w240) / 240 over 240 rows",
        history=6 * 240 + 1 + ROWS - 1,
        low=0.0,
        high=1.0,
        null_rule="trend_regime is in one of the 240 rows",
    )
    window_dominance = lagged_feature(
        "window_dominance_{d}",
        "Which of the six windows has the greatest r2, from 1 for 15 rows to 6 for 90.",
        formula=f"arg max of r2_w, {SIX}; the shortest of equal ones",
        history=90,
        unit="category",
        low=1.0,
        high=6.0,
        kind="category",
        null_rule=FLAT,
    )
    adaptive_window_weight = lagged_feature(
        "adaptive_window_weight_{d}",
        "Mean of the six windows with r2 as weights, over 90.",
        formula=f"sum(w r2_w) / sum(r2_w) / 90, {SIX}",
        history=90,
        low=15.0 / 90.0,
        high=1.0,
        null_rule=f"{FLAT}, or the sum of r2 is below 1e-12",
    )
    cross_window_shock_transmission = lagged_feature(
        "cross_window_shock_transmission_{d}",
        "Mean relative residual over 60 rows in the 15 rows after a great residual over 15 rows.",
        formula=(
            "mean over shocks s of mean(abs(e_60) / rmse_60, rows s+1 … s+15); shocks: abs(e_15) >"
            " 2 rmse_15; those that were over in the last 240 rows"
        ),
        history=60 + AHEAD - 1 + ROWS - 1,
        low=0.0,
        null_rule="no shock was over in the last 240 rows",
    )
    multi_horizon_forecast_consistency = lagged_feature(
        "multi_horizon_forecast_consistency_{d}",
        "1 minus the standard deviation of the six fits, extrapolated by 15 rows, in deviations of"
        " a bar change.",
        formula=f"1 - sd(end_w + 15 m_w + 225 a2_w) / S_60, {SIX}, ddof 1",
        history=by_step(lambda step: 60 + step),
        high=1.0,
        null_rule="the deviation is below 1e-12",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns of this class."""
        slopes, r2 = end_slopes(d), short_fits(d, R2)
        return {
            "momentum_persistence": _persistence(d),
            "momentum_acceleration": divided(d, at(slopes, 45) - at(slopes, 90), _unit(d, 90)),
            "momentum_divergence": _sign_spread(d),
            "vol_ratio_cascade": _log_ratio(d, 15, 60),
            "vol_term_structure_change": _structure_change(d),
            "r2_stability": 1.0 - spread(d, r2),
            "curvature_consistency": _curvature_consistency(d),
            "slope_evolution": weighted(d, slopes, centred_log_weights()),
            "temporal_regime_consistency": _share_equal(
                d, trend_regime(d, 60), trend_regime(d, 240)
            ),
            "window_dominance": _dominant(d, r2),
            "adaptive_window_weight": _weight(d, r2),
            "cross_window_shock_transmission": _shock_transmission(d),
            "multi_horizon_forecast_consistency": _forecast_consistency(d),
        }

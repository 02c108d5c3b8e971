"""How realized volatility over 20 rows moves: its own variation, acceleration and regimes."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.realized_volatility import return_powers
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.ewma import ewma
from bqx.kernels.moments import mean_std
from bqx.kernels.order import quantile
from bqx.kernels.recursive import ema_rows
from bqx.kernels.runs import changes_in, rows_since_change
from bqx.kernels.sums import moving_sum
from bqx.kernels.variation import skewness

W = 20
DAY = 1_440
"""Rows with which today's volatility is compared: one trading day."""

HIGH = 0.8
FORGOTTEN = ema_rows(W)
"""Rows after which the start of an average over 20 rows is forgotten."""


def _sum_of_squares(d: Domain) -> FloatArray:
    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        moving_sum(return_powers(d)[0], W, d.first, out)
        return out

    return d.memo("sum_of_squares_20", make)


def realized_vol(d: Domain) -> FloatArray:
    """Realized volatility over 20 rows, per row; once per slice."""

    def make() -> FloatArray:
        found: FloatArray = np.sqrt(_sum_of_squares(d) / (W * d.traits.step))
        return found

    return d.memo("realized_vol_20", make)


def _skewness(d: Domain) -> FloatArray:
    out = d.block(2)
    moving_sum(d.change * return_powers(d)[0], W, d.first, out[0])
    skewness(_sum_of_squares(d), out[0], W, out[1])
    found: FloatArray = out[1]
    return found


def _acceleration(vol: FloatArray) -> FloatArray:
    out = np.full_like(vol, np.nan)
    out[W:] = vol[W:] - 2.0 * vol[W // 2 : -W // 2] + vol[:-W]
    return out


def _ewma_ratio(d: Domain) -> FloatArray:
    short, long = d.block(2)
    squares = return_powers(d)[0]
    ewma(squares, 5, d.first, FORGOTTEN, short)
    ewma(squares, W, d.first, FORGOTTEN, long)
    long[long == 0.0] = np.nan
    found: FloatArray = np.sqrt(short / long)
    return found


def _regimes(d: Domain) -> Columns:
    """The flag of high volatility, how long it stands and how often it changes."""
    vol = realized_vol(d)
    threshold, duration, changes = d.block(3)
    quantile(vol, DAY, HIGH, threshold)
    flag = np.where(np.isnan(threshold), np.nan, vol > threshold)
    rows_since_change(flag, DAY + 1, duration)
    changes_in(flag, DAY, changes)
    return {
        "regime_high": flag,
        "regime_duration": duration - 1.0,
        "transition_prob": (changes + 1.0) / (DAY + 2.0),
    }


class VolatilityDynamics(Family):
    """Dynamics of the realized volatility of 20 one-minute returns, or 15-row changes of BQX.

    The changes of BQX overlap.
    """

    table = "realized_volatility_{domain}"

    vol = Feature(
        "realized_vol_{d}_20_1m",
        "Realized volatility of the last 20 returns, per row.",
        unit="return",
        formula={"rate": "sqrt(sum(r^2)/20)", "bqx": "sqrt(sum(r^2)/20/15)"},
        low=0.0,
        history=by_step(lambda step: W + step),
    )
    skew = Feature(
        "realized_skewness_{d}_20",
        "Realized skewness of the last 20 returns.",
        unit="ratio",
        formula="sqrt(20) sum(r^3) / sum(r^2)^(3/2)",
        history=by_step(lambda step: W + step),
        null_rule="all 20 returns are 0",
        source="Amaya, Christoffersen, Jacobs and Vasquez 2015",
    )
    vol_of_vol = Feature(
        "vol_of_vol_{d}_20",
        "Standard deviation (ddof 1) of the last 20 values of realized_vol_{d}_20_1m.",
        unit="return",
        low=0.0,
        history=by_step(lambda step: 2 * W + step - 1),
    )
    acceleration = Feature(
        "vol_acceleration_{d}_20",
        "Second difference over 10 rows of realized_vol_{d}_20_1m.",
        unit="return",
        formula="RVol_t - 2 RVol_(t-10) + RVol_(t-20)",
        history=by_step(lambda step: 2 * W + step),
    )
    ewma_ratio = Feature(
        "ewma_vol_ratio_{d}_5_20",
        "Volatility by an exponential average over 5 rows, relative to one over 20 rows.",
        unit="ratio",
        formula="sqrt(EMA_5(r^2) / EMA_20(r^2))",
        low=0.0,
        history=by_step(lambda step: W + step),
        memory=by_step(lambda step: 2 * FORGOTTEN + step),
        null_rule="EMA_20(r^2) is 0",
    )
    regime_high = Feature(
        "vol_regime_high_{d}",
        "1 where realized_vol_{d}_20_1m lies above its 80th percentile of the last 1,440 rows.",
        unit="flag",
        low=0.0,
        high=1.0,
        history=by_step(lambda step: DAY + W + step - 1),
        kind="flag",
    )
    regime_duration = Feature(
        "vol_regime_duration_{d}",
        "Rows since vol_regime_high_{d} changed, at most 1,440; 0 in the row of the change.",
        unit="rows",
        low=0.0,
        high=float(DAY),
        history=by_step(lambda step: 2 * DAY + W + step - 1),
        kind="count",
    )
    transition_prob = Feature(
        "vol_regime_transition_prob_{d}",
        "Share of the last 1,440 rows in which vol_regime_high_{d} changed, by the rule of"
        " succession.",
        unit="ratio",
        formula="(changes + 1)/(1440 + 2)",
        low=0.0,
        high=1.0,
        history=by_step(lambda step: 2 * DAY + W + step - 1),
        source="Laplace 1814",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All eight columns."""
        vol = realized_vol(d)
        mean, deviation = d.block(2)
        mean_std(vol, W, d.first, mean, deviation)
        return {
            "vol": vol,
            "skew": _skewness(d),
            "vol_of_vol": deviation,
            "acceleration": _acceleration(vol),
            "ewma_ratio": _ewma_ratio(d),
            **_regimes(d),
        }

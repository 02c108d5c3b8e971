"""How the fits over short windows lead and follow each other in time, over both domains."""

from __future__ import annotations

import itertools
import math

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.lagged_cross_window import ROWS, TABLE, at, end_slopes, lagged_feature
from bqx.families.momentum import deviation
from bqx.families.parabolic_domains import END, RESIDUAL, correlated, short_fits
from bqx.families.shared.columns import later
from bqx.features.family import Columns, Family
from bqx.features.feature import by_step
from bqx.kernels.correlation import slope
from bqx.kernels.multiple import explained_in_turn
from bqx.kernels.order import quantiles
from bqx.kernels.transfer import transfer_entropy

ORDER = 5
"""Lags of each series in the test of Granger causality."""

LONGEST_LAG = 30
LAGS = (15, 30, 45)
SYNCHRONOUS = (15, 30, 60, 90)

EXACT = 1e-12
"""Share of a sum of squares below which what is left of it is rounding."""


def _lagged(d: Domain, w: int, rows: int) -> FloatArray:
    """Slope m_w that many rows earlier."""
    return later(at(end_slopes(d), w), rows)


def _explained(d: Domain, series: list[FloatArray]) -> FloatArray:
    """See ``explained_in_turn``; the dependent series comes last."""
    out: FloatArray = d.block(len(series) + 1)
    explained_in_turn(np.array(series), ROWS, d.first, out)
    return out


def _residual_squares(found: FloatArray) -> FloatArray:
    """Residual sum of squares; NaN where the fit is exact."""
    rest, total = found[-2], found[-1]
    return np.where(rest > EXACT * total, rest, np.nan)


def _spillover(d: Domain) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    past = later(deviation(d, "change", 15), 15)
    slope(deviation(d, "change", 60), past, ROWS, d.first, out)
    return out


def _dickey_fuller(d: Domain) -> FloatArray:
    """The t-statistic of the level in a regression of the gap's changes, with one lag."""
    end = short_fits(d, END)
    gap = at(end, 15) - at(end, 90)
    before = later(gap, 1)
    moved = gap - before
    found = _explained(d, [later(moved, 1), before, moved])
    error = np.sqrt(_residual_squares(found) / (ROWS - 3))
    statistic: FloatArray = found[1] / error
    return statistic


def _dependency(d: Domain) -> FloatArray:
    found = _explained(d, [*(_lagged(d, 15, k) for k in LAGS), at(end_slopes(d), 60)])
    share = 1.0 - found[-2] / np.where(found[-1] > 0.0, found[-1], np.nan)
    bounded: FloatArray = np.clip(share, 0.0, 1.0)
    return bounded


def _best_lag(d: Domain) -> FloatArray:
    """The lag with the greatest correlation in size; the least of equal ones."""
    now = at(end_slopes(d), 60)
    best, greatest = np.full(len(d), np.nan), np.full(len(d), -1.0)
    for lag in range(1, LONGEST_LAG + 1):
        size = np.abs(correlated(d, _lagged(d, 15, lag), now, ROWS))
        better = size > greatest
        best[better], greatest[better] = lag, size[better]
    # A lag whose correlation is not known might have been the best one.
    return np.where(np.isnan(correlated(d, _lagged(d, 15, LONGEST_LAG), now, ROWS)), np.nan, best)


def _levels_and_changes(values: FloatArray) -> list[FloatArray]:
    """Span of the last five values before a row, as the newest and the changes up to it."""
    moved = values - later(values, 1)
    return [later(values, 1), *(later(moved, k) for k in range(1, ORDER))]


def _granger(d: Domain) -> FloatArray:
    """F statistic of five lags of m_15 added to five of m_60."""
    led, leading = at(end_slopes(d), 60), at(end_slopes(d), 15)
    regressors = [*_levels_and_changes(led), *_levels_and_changes(leading)]
    found = _explained(d, [*regressors, led - later(led, 1)])
    gained = np.zeros(len(d))
    for k in range(ORDER, 2 * ORDER):
        gained += found[k] * found[k]
    return gained / ORDER / (_residual_squares(found) / (ROWS - 2 * ORDER - 1))


def _information_flow(d: Domain) -> FloatArray:
    led, leading = at(end_slopes(d), 60), at(end_slopes(d), 15)
    edges, out = d.block(4), d.block(1)[0]
    thirds = np.array([1.0 / 3.0, 2.0 / 3.0])
    quantiles(led, ROWS, thirds, edges[:2])
    quantiles(leading, ROWS, thirds, edges[2:])
    transfer_entropy(led, leading, (ROWS, 15), edges, out)
    found: FloatArray = out
    return found


def _synchrony(d: Domain) -> FloatArray:
    slopes = end_slopes(d)
    total = np.zeros(len(d))
    pairs = list(itertools.combinations(SYNCHRONOUS, 2))
    for a, b in pairs:
        total += correlated(d, at(slopes, a), at(slopes, b), ROWS)
    return total / len(pairs)


class LaggedDependence(Family):
    """Dependence between the short windows over 240 rows.

    m_w is the slope of the parabola over w rows at the current row, e_w the residual there, s_w the
    standard deviation of the bar changes r; see LaggedCrossWindow. Neighbouring values share most
    of their windows, so all of these are far from those of independent values without any
    predictability: they compare with each other, not with tables of significance.
    """

    table = TABLE

    momentum_transfer = lagged_feature(
        "momentum_transfer_w30_w75_{d}",
        "Correlation over 240 rows of the slope over 30 rows, 30 rows earlier, with that over 75.",
        formula="corr(m_30 30 rows before, m_75)",
        history=75 + ROWS - 1,
        low=-1.0,
        high=1.0,
        null_rule="one of the two is constant",
    )
    momentum_clustering = lagged_feature(
        "momentum_clustering_{d}",
        "Autocorrelation over 240 rows of the size of the slope over 15 rows, at a lag of 15.",
        formula="corr(abs(m_15), abs(m_15) 15 rows before)",
        history=30 + ROWS - 1,
        low=-1.0,
        high=1.0,
        null_rule="the size of the slope is constant",
    )
    vol_transmission = lagged_feature(
        "vol_transmission_short_long_{d}",
        "Correlation over 240 rows of the volatility over 15 rows, 15 rows earlier, with that over"
        " 60.",
        formula="corr(s_15 15 rows before, s_60)",
        history=by_step(lambda step: 60 + step + ROWS - 1),
        low=-1.0,
        high=1.0,
        null_rule="one of the two is constant",
    )
    vol_spillover = lagged_feature(
        "vol_spillover_{d}",
        "Least-squares slope over 240 rows of the volatility over 60 rows on that over 15 rows, 15"
        " rows earlier.",
        formula="slope of s_60 on s_15 15 rows before",
        history=by_step(lambda step: 60 + step + ROWS - 1),
        null_rule="the volatility over 15 rows is constant",
    )
    prediction_error_propagation = lagged_feature(
        "prediction_error_propagation_{d}",
        "Correlation over 240 rows of the residual over 15 rows, 15 rows earlier, with that over"
        " 60.",
        formula="corr(e_15 15 rows before, e_60)",
        history=60 + ROWS - 1,
        low=-1.0,
        high=1.0,
        null_rule="one of the two is constant",
    )
    cross_window_cointegration = lagged_feature(
        "cross_window_cointegration_{d}",
        "Augmented Dickey-Fuller statistic over 240 rows of the gap between the values fitted over"
        " 15 and over 90 rows.",
        formula=(
            "g = end_15 - end_90; t of rho in dg_s = c + rho g_(s-1) + gamma dg_(s-1), 240 rows s"
        ),
        history=90 + 1 + ROWS,
        unit="t-statistic",
        null_rule="the gap is constant or follows the equation exactly",
        source="Said and Dickey 1984",
    )
    temporal_dependency_strength = lagged_feature(
        "temporal_dependency_strength_{d}",
        "R² over 240 rows of the slope over 60 rows regressed on that over 15 rows 15, 30 and 45"
        " rows earlier.",
        formula="1 - SSE/SST of m_60 on m_15 15, 30, 45 rows before",
        history=60 + ROWS - 1,
        low=0.0,
        high=1.0,
        null_rule="one of the series is constant, or the lagged ones are collinear",
    )
    lag_structure_optimal = lagged_feature(
        "lag_structure_optimal_{d}",
        "Lag of 1 … 30 rows at which the slope over 15 rows correlates most, in size, with that"
        " over 60, over 240 rows.",
        formula="arg max over k of abs(corr(m_15 k rows before, m_60)); the least of equal ones",
        history=60 + ROWS - 1,
        unit="rows",
        low=1.0,
        high=float(LONGEST_LAG),
        kind="count",
        null_rule="one of the two is constant",
    )
    granger_causality = lagged_feature(
        "granger_causality_w15_w60_{d}",
        "F statistic of five lags of the slope over 15 rows, added to five lags of that over 60,"
        " over 240 rows.",
        formula=(
            "((SSE_5 - SSE_10) / 5) / (SSE_10 / 229) for m_60 on its lags 1 … 5, and those of m_15"
        ),
        history=60 + ORDER + ROWS - 1,
        unit="F-statistic",
        low=0.0,
        null_rule="the lags are collinear, or the fit is exact",
        source="Granger 1969",
    )
    information_flow = lagged_feature(
        "information_flow_{d}",
        "Transfer entropy from the slope over 15 rows to that over 60 at a lag of 15, in 240 rows.",
        formula=(
            "H(y | y before) - H(y | y before, x before), y = m_60, x = m_15, 15 rows before; each "
            "in thirds of its 240 values"
        ),
        history=60 + 15 + ROWS - 1,
        unit="bits",
        low=0.0,
        high=math.log2(3.0) + 1e-12,
        source="Schreiber 2000",
    )
    predictive_power_decay = lagged_feature(
        "predictive_power_decay_{d}",
        "Correlation over 240 rows of the slope over 15 rows, 15 rows earlier, with the bar change"
        " now, minus the same 60 rows earlier.",
        formula="corr(m_15 15 rows before, r) - corr(m_15 60 rows before, r)",
        history=15 + 60 + ROWS - 1,
        low=-2.0,
        high=2.0,
        null_rule="the slope or the bar change is constant",
    )
    cross_window_synchrony = lagged_feature(
        "cross_window_synchrony_{d}",
        "Mean correlation over 240 rows of the slopes over 15, 30, 60 and 90 rows, by pairs.",
        formula="mean of corr(m_v, m_w) over the six pairs",
        history=90 + ROWS - 1,
        low=-1.0,
        high=1.0,
        null_rule="one of the four is constant",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns of this class."""
        slopes, residual = end_slopes(d), short_fits(d, RESIDUAL)
        size, r = np.abs(at(slopes, 15)), d.change
        short, long = later(deviation(d, "change", 15), 15), deviation(d, "change", 60)
        decay = (correlated(d, _lagged(d, 15, k), r, ROWS) for k in (15, 60))
        return {
            "momentum_transfer": correlated(d, _lagged(d, 30, 30), at(slopes, 75), ROWS),
            "momentum_clustering": correlated(d, size, later(size, 15), ROWS),
            "vol_transmission": correlated(d, short, long, ROWS),
            "vol_spillover": _spillover(d),
            "prediction_error_propagation": correlated(
                d, later(at(residual, 15), 15), at(residual, 60), ROWS
            ),
            "cross_window_cointegration": _dickey_fuller(d),
            "temporal_dependency_strength": _dependency(d),
            "lag_structure_optimal": _best_lag(d),
            "granger_causality": _granger(d),
            "information_flow": _information_flow(d),
            "predictive_power_decay": next(decay) - next(decay),
            "cross_window_synchrony": _synchrony(d),
        }

"""Regimes of trend, volatility, momentum and mean reversion at four scales, over both domains."""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray
from bqx.families.momentum import autocorrelation, deviation, moved, scale
from bqx.families.shared.columns import ratio
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.elementwise import log
from bqx.kernels.levels import grade
from bqx.kernels.order import percentile_rank
from bqx.kernels.runs import changes_in, rows_since_change
from bqx.kernels.trend import efficiency_ratio, linear_slope

SCALES = (60, 120, 240, 480)

LONG = 6
"""The reference window, in windows."""

SHORT = 4
"""How many times the short window fits into the window."""

SETTLED = 2
"""Windows after which a range is a breakout candidate whatever its volatility."""

DOWN, RANGING, UP = 0, 1, 2
"""Values of ``trend_regime``."""


def _at_least(level: float) -> float:
    """The edge that the level itself passes."""
    return float(np.nextafter(level, -np.inf))


TREND_EDGES = (_at_least(-1.0), 1.0)
VOLATILITY_EDGES = (0.7, 1.5)
MOMENTUM_EDGES = (_at_least(-1.5), _at_least(-0.5), 0.5, 1.5)

REVERTING = {"rate": -0.2, "bqx": -0.7}
"""Autocorrelation below which changes are taken back: 0.2 below that of a random walk of prices.

That is 0 for one-row returns. It is -1/2 for 15-row differences of BQX, because values 15 rows
apart have no price change in common.
"""


def _graded(values: FloatArray, edges: tuple[float, ...], d: Domain) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    grade(values, edges, out)
    return out


def _known(given: FloatArray, values: FloatArray | BoolArray) -> FloatArray:
    """The values; NaN where what they were taken from is."""
    return np.where(np.isnan(given), np.nan, values)


def trend_regime(d: Domain, w: int) -> FloatArray:
    """Direction of the trend: its rise over the window in units of the long deviation."""

    def make() -> FloatArray:
        slope, log_index = d.block(2)
        series = d.series
        if d.traits.name == "rate":
            log(d.series, log_index)
            series = log_index
        linear_slope(series, w, d.first, slope)
        return _graded(ratio(slope * w, scale(d, LONG * w, w)), TREND_EDGES, d)

    return d.memo(("trend_regime", w), make)


def _score(d: Domain, w: int) -> FloatArray:
    """Momentum over a quarter of the window and over the window, in long deviations."""
    short = ratio(moved(d, w // SHORT), scale(d, LONG * w, w // SHORT))
    return 0.6 * short + 0.4 * ratio(moved(d, w), scale(d, LONG * w, w))


def _run(state: FloatArray, cap: int, d: Domain) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    rows_since_change(state, cap, out)
    return out


def _confidence(
    trend: FloatArray, volatility: FloatArray, momentum: FloatArray, reverting: FloatArray
) -> FloatArray:
    """Half for a trend that momentum confirms, half for a quiet market without reversals."""
    confirmed = ((trend == UP) & (momentum >= 3.0)) | ((trend == DOWN) & (momentum <= 1.0))
    quiet = (volatility == 0.0) & (reverting == 0.0)
    return _known(trend + volatility + momentum + reverting, 0.5 * confirmed + 0.5 * quiet)


def _breakout(d: Domain, w: int, trend: FloatArray, volatility: FloatArray) -> FloatArray:
    run = _run(trend, SETTLED * w, d)
    score = np.minimum(1.0, run / (w / 2) * (volatility / 2.0 + 0.3))
    return _known(run + volatility, np.where(trend == RANGING, score, 0.0))


def _quality(
    trend: FloatArray, volatility: FloatArray, strength: FloatArray, reversion: FloatArray
) -> FloatArray:
    trending = strength / 100.0 * (1.0 - volatility / 2.0)
    return _known(trend, np.where(trend == RANGING, reversion / 100.0, trending))


def _with_row_before(w: int) -> int:
    """Rows behind the one-row changes of the long window."""
    return LONG * w + 1


BAR_CHANGES = by_step(lambda step: lambda w: LONG * w + step)
"""Rows behind the bar changes of the long window."""

_feature = partial(Feature, unit="ratio", low=0.0, history=_with_row_before)


class Regime(Family):
    """Regimes of trend, volatility, momentum and mean reversion, and scores made from them.

    With W = {w} the window, P the rate index, x the BQX series, u the domain's series, r its change
    over one bar (one-row log returns of P, 15-row differences of x) and sd_n a standard deviation
    over n rows. Changes are measured by the deviation S_h that the last 6 W rows suggest for h
    rows: sd(r) sqrt(h) in the rate domain, sd(x) in the BQX domain.
    """

    table = "regime_{domain}"
    windows = SCALES

    trend_regime = _feature(
        "trend_regime_{d}_w{w}",
        "Direction of the trend: 0 down, 1 ranging, 2 up.",
        formula=(
            "s = slope of (rate: ln P; BQX: x) over W rows, times W / S_W; 2 if s > 1, 0 if s < -1"
        ),
        high=2.0,
        unit="category",
        kind="category",
        null_rule="the long deviation is 0",
    )
    volatility_regime = _feature(
        "volatility_regime_{d}_w{w}",
        "Short-term against long-term volatility: 0 low, 1 normal, 2 high.",
        formula="v = sd_(W/4)(r) / sd_(6 W)(r); 2 if v > 1.5, 0 if v <= 0.7",
        high=2.0,
        unit="category",
        kind="category",
        null_rule="the long deviation is 0",
        history=BAR_CHANGES,
    )
    momentum_regime = _feature(
        "momentum_regime_{d}_w{w}",
        "Momentum in five steps, 0 strongly down to 4 strongly up.",
        formula=(
            "m = momentum_score; 4 if m > 1.5; 3 if m > 0.5; 2 if m >= -0.5; 1 if m >= -1.5; else 0"
        ),
        high=4.0,
        unit="category",
        kind="category",
        null_rule="the long deviation is 0",
    )
    mean_reversion_regime = _feature(
        "mean_reversion_regime_{d}_w{w}",
        "Whether bar changes are taken back more often than in a random walk of prices.",
        formula=(
            "corr(r_s, r one bar before s) over W rows; rate: < -0.2, BQX: < -0.7 (0.2 below -1/2)"
        ),
        high=1.0,
        unit="flag",
        kind="flag",
        null_rule="the changes of the window are constant",
    )
    composite_regime = _feature(
        "composite_regime_{d}_w{w}",
        "Weighted sum of the four regimes.",
        formula="2.5 trend + 1.5 volatility + 1.0 momentum + 0.5 mean reversion",
        high=12.5,
        unit="score",
        null_rule="one of the four regimes is",
        history=BAR_CHANGES,
    )
    regime_confidence = _feature(
        "regime_confidence_{d}_w{w}",
        "Share of two agreements: momentum confirms a trend; low volatility without reversals.",
        formula=(
            "((trend = 2 and momentum >= 3 or trend = 0 and momentum <= 1)"
            " + (volatility = 0 and mean reversion = 0)) / 2"
        ),
        high=1.0,
        null_rule="one of the four regimes is",
        history=BAR_CHANGES,
    )
    regime_persistence = _feature(
        "regime_persistence_{d}_w{w}",
        "Rows in a row with the present trend_regime, this one included.",
        formula="min(6 W, length of the run)",
        high=float(LONG * max(SCALES)),
        low=1.0,
        unit="rows",
        kind="count",
        history=lambda w: 2 * LONG * w,
        null_rule="trend_regime is in one of the last 6 W rows",
    )
    regime_transition_probability = _feature(
        "regime_transition_probability_{d}_w{w}",
        "Share of rows in which trend_regime changed, with one success and one failure added.",
        formula="(changes among the last 6 W rows + 1) / (6 W + 2)",
        high=1.0,
        history=lambda w: 2 * LONG * w + 1,
        null_rule="trend_regime is in one of the last 6 W + 1 rows",
    )
    trend_strength = _feature(
        "trend_strength_{d}_w{w}",
        "Efficiency ratio over a quarter of the window, in percent (Kaufman 1995).",
        formula="100 abs(u_t - u_(t-W/4)) / sum of abs(u_s - u_(s-1)) over W/4 rows",
        high=100.0,
        unit="percent",
        null_rule="the series did not move in W/4 rows",
    )
    volatility_percentile = Feature(
        "volatility_percentile_{d}_w{w}",
        "Rank of the short-term volatility among its last 6 W values.",
        unit="percent",
        formula="100 (average rank of sd_(W/4)(r) - 1) / (6 W - 1)",
        low=0.0,
        high=100.0,
        history=by_step(lambda step: lambda w: LONG * w + w // SHORT + step - 1),
    )
    momentum_score = _feature(
        "momentum_score_{d}_w{w}",
        "Change over W/4 and W rows in long deviations, weighted.",
        formula="0.6 z(W/4) + 0.4 z(W); z(h) = (rate: ln(P_t / P_(t-h)); BQX: x_t - x_(t-h)) / S_h",
        low=None,
        null_rule="the long deviation is 0",
    )
    mean_reversion_score = _feature(
        "mean_reversion_score_{d}_w{w}",
        "Negative autocorrelation of the bar changes, in percent.",
        formula="100 max(0, -corr(r_s, r one bar before s)) over W rows",
        high=100.0,
        unit="percent",
        null_rule="the changes of the window are constant",
    )
    breakout_probability = _feature(
        "breakout_probability_{d}_w{w}",
        "Score of a range that has lasted, higher with volatility; not a probability. 0 in trends.",
        formula=(
            "if trend_regime = 1: min(1, regime_persistence / (W/2)"
            " (volatility_regime / 2 + 0.3)); else 0"
        ),
        high=1.0,
        history=lambda w: (LONG + SETTLED) * w,
        null_rule="volatility_regime is, or trend_regime in one of the last 2 W rows",
    )
    regime_quality = _feature(
        "regime_quality_{d}_w{w}",
        "How clean the regime is: efficiency of a quiet trend, or reversion of a range.",
        formula=(
            "trend_regime != 1: trend_strength / 100 (1 - volatility_regime / 2);"
            " else mean_reversion_score / 100"
        ),
        high=1.0,
        null_rule="trend_regime or what is used of the others is",
        history=BAR_CHANGES,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All columns of one scale."""
        trend, score = trend_regime(d, w), _score(d, w)
        short = deviation(d, "change", w // SHORT)
        relative = ratio(short, deviation(d, "change", LONG * w))
        volatility = _graded(relative, VOLATILITY_EDGES, d)
        momentum = _graded(score, MOMENTUM_EDGES, d)
        rho = autocorrelation(d, w)
        reverting, reversion = (
            _known(rho, rho < REVERTING[d.traits.name]),
            100.0 * np.maximum(0.0, -rho),
        )
        strength, percentile, changes = d.block(3)
        efficiency_ratio(d.series, w // SHORT, d.first, strength)
        strength *= 100.0
        percentile_rank(short, LONG * w, percentile)
        changes_in(trend, LONG * w, changes)
        return {
            "trend_regime": trend,
            "volatility_regime": volatility,
            "momentum_regime": momentum,
            "mean_reversion_regime": reverting,
            "composite_regime": 2.5 * trend + 1.5 * volatility + momentum + 0.5 * reverting,
            "regime_confidence": _confidence(trend, volatility, momentum, reverting),
            "regime_persistence": _run(trend, LONG * w, d),
            "regime_transition_probability": (changes + 1.0) / (LONG * w + 2),
            "trend_strength": strength,
            "volatility_percentile": 100.0 * percentile,
            "momentum_score": score,
            "mean_reversion_score": reversion,
            "breakout_probability": _breakout(d, w, trend, volatility),
            "regime_quality": _quality(trend, volatility, strength, reversion),
        }

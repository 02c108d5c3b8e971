"""Technical measures of half hours and hours against those of minutes, over both domains."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from bqx.domains.domain import TRAITS, Domain, DomainName
from bqx.domains.grid import FloatArray, Int64Array
from bqx.families.momentum import deviation
from bqx.families.regime import VOLATILITY_EDGES
from bqx.families.statistics import mean_and_deviation
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.blocks import DEPTH, MEASURES, block_bars, block_measures, spread_blocks
from bqx.kernels.elementwise import change, log_change
from bqx.kernels.levels import grade
from bqx.kernels.quotient import quotient
from bqx.kernels.trend import efficiency_ratio, linear_trend
from bqx.kernels.true_range import true_range

AVERAGE, EMA, VOLATILITY, RSI, MACD, ATR, SPREAD, SLOPE, ERROR, RELATIVE, EFFICIENCY = range(
    MEASURES
)
"""Rows of the measures of blocks."""

REACH = 4.0 * math.sqrt(19.0 / 20.0)
"""Width of the bands in sample standard deviations: 4 population deviations of 20 values."""

NOTHING = 1e-12
"""Size below which a divisor counts as 0."""

ROWS = 20
"""Rows of one minute whose slope, deviation and efficiency are compared with those of blocks."""

Blocks = tuple[FloatArray, Int64Array]
"""Measures of the blocks, and the number of the newest block at each row."""


def _measured(d: Domain, k: int) -> Blocks:
    """Measures of the blocks of ``k`` minutes that lie in the slice."""

    def make() -> Blocks:
        rate = d.traits.name == "rate"
        rows = (d.index.high, d.index.low, d.series) if rate else (d.series,) * 3
        newest = np.empty(len(d), np.int64)
        high, low, close = block_bars(d.grid.minutes, k, rows, newest)
        moves, ranges, out = (
            np.empty_like(close),
            np.empty_like(close),
            np.empty((MEASURES, len(close))),
        )
        (log_change if rate else change)(close, min(1, len(close)), moves)
        true_range(high, low, close, 1, ranges)
        block_measures(close, moves, ranges, out)
        return out, newest

    return d.memo(("blocks", k), make)


def _last(d: Domain, k: int, measure: int) -> FloatArray:
    """A measure of the newest closed block at every row."""

    def make() -> FloatArray:
        measures, newest = _measured(d, k)
        out: FloatArray = d.block(1)[0]
        spread_blocks(measures[measure], newest, out)
        return out

    return d.memo(("last_block", k, measure), make)


def _divided(d: Domain, above: FloatArray, below: FloatArray) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    quotient(above, below, NOTHING, out)
    return out


def _relative_average(d: Domain, k: int) -> FloatArray:
    """Average of ten rows against that of ten blocks."""
    near, far = mean_and_deviation(d, 10)[0], _last(d, k, AVERAGE)
    if d.traits.name == "rate":
        return _divided(d, near, far)
    return _divided(d, near - far, _last(d, k, VOLATILITY))


def _relative_volatility(d: Domain, k: int) -> FloatArray:
    """Deviation of the bar changes of 20 rows against that of the changes of 20 blocks."""
    rows = k if d.traits.name == "rate" else 1
    return _divided(d, deviation(d, "change", ROWS) * math.sqrt(rows), _last(d, k, VOLATILITY))


def _flag(known: FloatArray, values: FloatArray) -> FloatArray:
    return np.where(np.isnan(known), np.nan, values)


def _trends(d: Domain, k: int) -> dict[str, FloatArray]:
    slope, error, unused = d.block(3)
    linear_trend(d.series, ROWS, d.first, slope, error, unused)
    far, far_error = _last(d, k, SLOPE), _last(d, k, ERROR)
    agree = np.sign(slope) == np.sign(far)
    # Written without a quotient, so that exact lines have their sign.
    clear = (np.abs(slope) > error) & (np.abs(far) > far_error)
    return {
        "trend": _flag(slope + far, agree.astype(np.float64)),
        "divergence": _flag(slope + far, (clear & ~agree).astype(np.float64)),
    }


def _graded(d: Domain, values: FloatArray) -> FloatArray:
    out: FloatArray = d.block(1)[0]
    grade(values, VOLATILITY_EDGES, out)
    return out


def _regimes_agree(d: Domain, k: int) -> FloatArray:
    minute = _divided(d, deviation(d, "change", 15), deviation(d, "change", 360))
    near, far = _graded(d, minute), _graded(d, _last(d, k, RELATIVE))
    return _flag(near + far, (near == far).astype(np.float64))


def _dominance(d: Domain, k: int) -> FloatArray:
    near: FloatArray = d.block(1)[0]
    efficiency_ratio(d.series, ROWS, d.first, near)
    far = _last(d, k, EFFICIENCY)
    return _divided(d, far, far + near)


def _measures(d: Domain, k: int) -> dict[str, FloatArray]:
    index, bqx = (d, d.twin) if d.traits.name == "rate" else (d.twin, d)
    return {
        "rate_sma": _last(index, k, AVERAGE),
        "rate_ema": _last(index, k, EMA),
        "rate_vol": _last(index, k, VOLATILITY),
        "bqx_sma": _last(bqx, k, AVERAGE),
        "bqx_vol": _last(bqx, k, VOLATILITY),
        "rsi": _last(d, k, RSI),
        "macd": _last(d, k, MACD),
        "atr": _last(d, k, ATR),
        "width": REACH * _last(d, k, SPREAD),
        "sma_ratio": _relative_average(d, k),
        "vol_ratio": _relative_volatility(d, k),
        **_trends(d, k),
        "regime": _regimes_agree(d, k),
        "dominance": _dominance(d, k),
    }


def _after(blocks: int) -> Callable[[int], int]:
    """Rows that hold that many whole blocks wherever they begin."""
    return lambda w: (blocks + 1) * w - 1


def _after_lead(blocks: int) -> Mapping[DomainName, Callable[[int], int]]:
    """The same for blocks of BQX, before whose first value more rows lie: both tables show it."""
    after, lead = _after(blocks), TRAITS["bqx"].lead
    return {"rate": lambda w: after(w) + lead, "bqx": after}


RECURSION = _after(DEPTH + 2)
"""Rows behind a recursion over blocks."""

_feature = partial(Feature, unit="ratio")


class HalfHourScale(Family):
    """Measures of half hours of the clock against those of minutes.

    A block counts once it has closed: in the row of its last minute. Its close is the series' last
    value, its high and low are those of the index's bars (rate domain) or the extremes of BQX x. u
    is the domain's series, r its change over one bar: one-row log returns of the index P, 15-row
    differences of x; R is the change from block to block: log returns of P, differences of x. Both
    tables have the columns of P and of x by name. Recursions run over the last 373 blocks.
    """

    table = "multi_scale_30m_{domain}"
    windows = (30,)

    rate_sma = _feature(
        "rate_idx_{w}m_sma_10",
        "Mean of the index at the last 10 closes of blocks.",
        formula="mean of P over 10 blocks",
        history=_after(10),
        unit="index",
        low=0.0,
    )
    rate_ema = _feature(
        "rate_idx_{w}m_ema_20",
        "Exponential average of the index at the closes of blocks.",
        formula="EMA_20 of P over blocks, gain 2/21",
        history=_after(26),
        unit="index",
        low=0.0,
        memory=RECURSION,
    )
    rate_vol = _feature(
        "rate_idx_{w}m_vol_20",
        "Standard deviation of the last 20 log returns of blocks.",
        formula="sd of R of P over 20 blocks, ddof 1",
        history=_after(21),
        unit="return",
        low=0.0,
    )
    bqx_sma = _feature(
        "bqx_{w}m_sma_10",
        "Mean of BQX at the last 10 closes of blocks.",
        formula="mean of x over 10 blocks",
        history=_after_lead(10),
        unit="BQX",
    )
    bqx_vol = _feature(
        "bqx_{w}m_vol_20",
        "Standard deviation of the last 20 changes of BQX from block to block.",
        formula="sd of R of x over 20 blocks, ddof 1",
        history=_after_lead(21),
        unit="BQX",
        low=0.0,
    )
    rsi = _feature(
        "rsi_{w}m_14",
        "Relative strength index over 14 blocks.",
        formula="100 A / (A + B); A, B: Wilder averages of rises and falls of u, 14 blocks",
        history=_after(26),
        unit="percent",
        low=0.0,
        high=100.0,
        memory=RECURSION,
        null_rule="the series was the same at the closes of the last 373 blocks",
        source="Wilder 1978",
    )
    macd = _feature(
        "macd_{w}m",
        "Fast minus slow exponential average of the closes of blocks.",
        formula="EMA_12(u) - EMA_26(u) over blocks",
        history=_after(26),
        unit="series",
        memory=RECURSION,
        source="Appel 1979",
    )
    atr = _feature(
        "atr_{w}m_14",
        "Average true range of blocks.",
        formula="Wilder average of max(H, C before) - min(L, C before) over 14 blocks",
        history=_after(26),
        unit="series",
        low=0.0,
        memory=RECURSION,
        source="Wilder 1978",
    )
    width = _feature(
        "bb_width_{w}m",
        "Distance of the Bollinger bands of the last 20 closes of blocks, not divided.",
        formula="4 sd(u) over 20 blocks, ddof 0",
        history=_after(20),
        unit="series",
        low=0.0,
        source="Bollinger 2001",
    )
    sma_ratio = _feature(
        "sma_1m_vs_{w}m_ratio",
        "Mean of 10 rows against the mean of 10 blocks; in deviations for BQX, whose mean is 0.",
        formula=(
            "rate: mean_10(P) / mean_10 blocks(P); BQX: (mean_10(x) - mean_10 blocks(x)) / sd(R)"
        ),
        history=_after(21),
        null_rule="BQX was the same at the closes of 21 blocks",
    )
    vol_ratio = _feature(
        "vol_1m_vs_{w}m_ratio",
        "Volatility of 20 rows against that of 20 blocks; in a random walk of prices about 1 for"
        " the index and less for BQX, of which 20 rows hold few independent changes.",
        formula="rate: sd_20(r) sqrt({w}) / sd(R); BQX: sd_20(r) / sd(R); R over 20 blocks",
        history=_after(21),
        low=0.0,
        null_rule="the series was the same at the closes of 21 blocks",
    )
    trend = _feature(
        "trend_1m_vs_{w}m_agreement",
        "1 when the slopes of 20 rows and of 10 blocks have the same sign.",
        formula="[sign(slope of u over 20 rows) = sign(slope of u over 10 blocks)]",
        history=_after(10),
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
    )
    regime = _feature(
        "regime_1m_vs_{w}m_agreement",
        "1 when short-term against long-term volatility is in the same class for rows and blocks.",
        formula=(
            "v = sd_15(r) / sd_360(r), sd(R) of 5 / of 25 blocks; 2 if v > 1.5, 0 if v <= 0.7, "
            "else 1"
        ),
        history=_after(26),
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
        null_rule="the changes of 360 rows or of 25 blocks are constant",
    )
    dominance = _feature(
        "scale_{w}m_dominance",
        "Efficiency ratio of 20 blocks over its sum with that of 20 rows.",
        formula="ER of 20 changes of blocks / (the same + ER of 20 changes of rows)",
        history=_after(21),
        low=0.0,
        high=1.0,
        null_rule="the series did not move, or both ratios are 0",
        source="Kaufman 1995",
    )
    divergence = _feature(
        "scale_{w}m_divergence_flag",
        "1 when the slopes of 20 rows and of 10 blocks are both clear and of different sign.",
        formula="[signs differ and abs(slope) > its standard error, of 20 rows and of 10 blocks]",
        history=_after(10),
        unit="flag",
        low=0.0,
        high=1.0,
        kind="flag",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """All columns."""
        return _measures(d, w)


class HourScale(Family):
    """Measures of hours of the clock against those of minutes.

    The columns are those of HalfHourScale, with blocks of 60 minutes.
    """

    table = "multi_scale_60m_{domain}"
    windows = (60,)

    rate_sma = HalfHourScale.rate_sma
    rate_ema = HalfHourScale.rate_ema
    rate_vol = HalfHourScale.rate_vol
    bqx_sma = HalfHourScale.bqx_sma
    bqx_vol = HalfHourScale.bqx_vol
    rsi = HalfHourScale.rsi
    macd = HalfHourScale.macd
    atr = HalfHourScale.atr
    width = HalfHourScale.width
    sma_ratio = HalfHourScale.sma_ratio
    vol_ratio = HalfHourScale.vol_ratio
    trend = HalfHourScale.trend
    regime = HalfHourScale.regime
    dominance = HalfHourScale.dominance
    divergence = HalfHourScale.divergence

    def compute(self, d: Domain, w: int) -> Columns:
        """All columns."""
        return _measures(d, w)

"""Technical indicators against TA-Lib."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.cases import Call, Case, Data, Floats
from bqx.kernels.bands import bollinger_bands
from bqx.kernels.channel import channel
from bqx.kernels.convergence import macd
from bqx.kernels.deviation import mean_deviation
from bqx.kernels.directional import Moves, directional
from bqx.kernels.moments import mean_std
from bqx.kernels.oscillators import above, below, commodity_channel, rate_of_change, typical_price
from bqx.kernels.recursive import ema, ema_rows, wilder, wilder_ratio_rows, wilder_rows
from bqx.kernels.relative_strength import relative_strength
from bqx.kernels.sums import moving_mean
from bqx.kernels.trend import linear_slope
from bqx.kernels.true_range import directional_movement, true_range

BAR = 1.2
"""How many times as long as TA-Lib a kernel may take."""


def indicators(d: Data) -> Iterator[Case]:
    """Technical indicators against TA-Lib."""
    import talib

    h, l, c = d.high, d.low, d.close  # noqa: E741 - the usual letters

    def case(name: str, window: int, ours: Call, theirs: Call) -> Case:
        return Case(name, "TA-Lib", window, ours, theirs, BAR)

    yield case("RSI", 14, lambda: _rsi(d, 14), lambda: [talib.RSI(c, 14)])
    yield case("MACD", 26, lambda: _macd(d), lambda: talib.MACD(c, 12, 26, 9))
    yield case("stochastic K, D", 14, lambda: _stochastic(d), lambda: talib.STOCHF(h, l, c, 14, 3))
    yield case("CCI", 20, lambda: _cci(d, 20), lambda: [talib.CCI(h, l, c, 20)])
    yield case("Williams %R", 14, lambda: _williams(d, 14), lambda: [talib.WILLR(h, l, c, 14)])
    yield case("rate of change", 12, lambda: _roc(d, 12), lambda: [talib.ROC(c, 12)])
    yield case("ATR", 14, lambda: _atr(d, 14), lambda: [talib.ATR(h, l, c, 14)])
    yield case(
        "+DI, -DI, ADX",
        14,
        lambda: _adx(d, 14),
        lambda: [f(h, l, c, 14) for f in (talib.PLUS_DI, talib.MINUS_DI, talib.ADX)],
    )
    for w in (14, 60, 240):
        yield case(
            "linear slope",
            w,
            partial(trend, d, w),
            partial(_talib_slope, c, w),
        )
    yield case("bands, width, %b (ours: 6)", 20, lambda: _bands(d)[:5], lambda: _talib_bollinger(c))
    yield case("EMA", 60, lambda: average(d, 60), lambda: [talib.EMA(c, 60)])


def _talib_slope(close: Floats, w: int) -> list[Floats]:
    import talib

    return [talib.LINEARREG_SLOPE(close, w)]


def _talib_bands(close: Floats) -> list[Floats]:
    import talib

    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    return [upper, lower, middle]


def _talib_bollinger(close: Floats) -> list[Floats]:
    """What TA-Lib has not, from its bands in NumPy."""
    upper, lower, middle = _talib_bands(close)
    width = upper - lower
    with np.errstate(divide="ignore", invalid="ignore"):
        place = (close - lower) / width
    return [upper, lower, middle, width, place]


def _rsi(d: Data, n: int) -> list[Floats]:
    relative_strength(d.close, n, d.origin, wilder_ratio_rows(n), d.out[0])
    return [d.out[0]]


def _macd(d: Data) -> list[Floats]:
    macd(d.close, (12, 26, 9), d.origin, ema_rows(26, stages=2), d.out[:3])
    return list(d.out[:3])


def _stochastic(d: Data) -> list[Floats]:
    k, mean, low, high = d.out[:4]
    channel(d.low, d.high, 14, low, high)
    above(d.close, low, high, k)
    moving_mean(k, 3, d.origin, mean)
    return list(d.out[:2])


def _cci(d: Data, n: int) -> list[Floats]:
    out, price, gap, deviation = d.out[:4]
    typical_price(d.high, d.low, d.close, price)
    mean_deviation(price, n, gap, deviation)
    commodity_channel(gap, deviation, out)
    return [out]


def _williams(d: Data, n: int) -> list[Floats]:
    out, low, high = d.out[:3]
    channel(d.low, d.high, n, low, high)
    below(d.close, low, high, out)
    return [out]


def _roc(d: Data, n: int) -> list[Floats]:
    rate_of_change(d.close, n, d.out[0])
    return [d.out[0]]


def _atr(d: Data, n: int) -> list[Floats]:
    out, extent = d.out[:2]
    true_range(d.high, d.low, d.close, 1, extent)
    wilder(extent, n, d.origin, wilder_rows(n), out)
    return [out]


def _adx(d: Data, n: int) -> list[Floats]:
    extent, plus, minus = d.out[3:6]
    true_range(d.high, d.low, d.close, 1, extent)
    directional_movement(d.high, d.low, 1, plus, minus)
    directional(Moves(extent, plus, minus), n, d.origin, wilder_ratio_rows(n, stages=2), d.out[:3])
    return list(d.out[:3])


def trend(d: Data, w: int) -> list[Floats]:
    """Slope of the close."""
    linear_slope(d.close, w, d.origin, d.out[0])
    return [d.out[0]]


def _bands(d: Data) -> list[Floats]:
    mean, deviation = d.out[5:7]
    mean_std(d.close, 20, d.origin, mean, deviation)
    bollinger_bands(d.close, mean, deviation, 20, d.out[:5])
    upper, lower, *rest = d.out[:5]
    return [upper, lower, mean, *rest]


def average(d: Data, n: int) -> list[Floats]:
    ema(d.close, n, d.origin, ema_rows(n), d.out[0])
    return [d.out[0]]

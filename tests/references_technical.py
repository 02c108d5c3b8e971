"""Slow twins of the technical indicators: recursions that never restart, windows one by one."""

from __future__ import annotations

import numpy as np

from references import Floats, trailing

AVERAGES = (7, 9, 14, 21, 25, 30, 60)
STOCHASTICS = (("", 14, 3), ("_60", 60, 13), ("_240", 240, 51))
CHANNELS = (14, 20, 40, 60, 90, 150, 240)
RANGES = (9, 14, 21, 30, 90, 150, 390)
CHANGES = (7, 12, 25, 40, 55, 100, 200)
TRUE_RANGES = (7, 14, 21, 28, 60, 150, 390)


def numbers_from(values: Floats) -> int:
    """Index of the first number."""
    return int(np.isfinite(values).argmax())


def before(values: Floats, rows: int) -> Floats:
    """The values that many rows earlier."""
    return np.concatenate([np.full(rows, np.nan), values[: len(values) - rows]])


def wilder(values: Floats, n: int) -> Floats:
    """Wilder's smoothing, from the mean of the first n numbers."""
    out = np.full(len(values), np.nan)
    start = numbers_from(values) + n - 1
    if start >= len(values):
        return out
    state = values[start - n + 1 : start + 1].mean()
    out[start] = state
    for t in range(start + 1, len(values)):
        state += (values[t] - state) / n
        out[t] = state
    return out


def ema(values: Floats, n: int) -> Floats:
    """Exponential average, from the first number."""
    out = np.full(len(values), np.nan)
    start = numbers_from(values)
    state = out[start] = values[start]
    for t in range(start + 1, len(values)):
        state += 2.0 / (n + 1) * (values[t] - state)
        out[t] = state
    return out


def ratio(a: Floats, b: Floats) -> Floats:
    """NaN where b is 0."""
    zero = b == 0.0
    return np.where(zero, np.nan, a / np.where(zero, 1.0, b))


def rsi(u: Floats, n: int) -> Floats:
    """Relative strength index, in Wilder's own form."""
    change = u - before(u, 1)
    known = np.isfinite(change)
    up = wilder(np.where(known, np.maximum(change, 0.0), np.nan), n)
    down = wilder(np.where(known, np.maximum(-change, 0.0), np.nan), n)
    index = 100.0 - 100.0 / (1.0 + ratio(up, down))
    return np.where((down == 0.0) & (up > 0.0), 100.0, index)


def macd(u: Floats, fast: int, slow: int, signal: int) -> tuple[Floats, Floats, Floats]:
    """Line, signal and histogram."""
    line = ema(u, fast) - ema(u, slow)
    average = ema(line, signal)
    return line, average, line - average


def trailing_max(values: Floats, w: int) -> Floats:
    return np.asarray(trailing(values, w).max(axis=1))


def trailing_mean(values: Floats, w: int) -> Floats:
    return np.asarray(trailing(values, w).mean(axis=1))


def channel(low: Floats, high: Floats, n: int) -> tuple[Floats, Floats]:
    """Lowest low and highest high."""
    return -trailing_max(-low, n), trailing_max(high, n)


def cci(typical: Floats, n: int) -> Floats:
    """Commodity channel index in extended precision."""
    windows = trailing(typical, n).astype(np.longdouble)
    windows -= windows[:, -1:].copy()  # even extended precision loses digits at a level
    mean = windows.mean(axis=1, keepdims=True)
    flat = windows.max(axis=1) == windows.min(axis=1)
    deviation = np.where(flat, np.nan, np.abs(windows - mean).mean(axis=1))
    return np.asarray((windows[:, -1] - mean[:, 0]) / (0.015 * deviation), np.float64)


def true_range(high: Floats, low: Floats, close: Floats, step: int) -> Floats:
    """The greatest of three distances."""
    last = before(close, step)
    return np.maximum(high - low, np.maximum(np.abs(high - last), np.abs(low - last)))


def movements(high: Floats, low: Floats, step: int) -> tuple[Floats, Floats]:
    """Positive and negative directional movement."""
    rise, fall = high - before(high, step), before(low, step) - low
    known = np.isfinite(rise)
    plus = np.where((rise > fall) & (rise > 0), rise, 0.0)
    minus = np.where((fall > rise) & (fall > 0), fall, 0.0)
    return np.where(known, plus, np.nan), np.where(known, minus, np.nan)


def directional(
    bars: tuple[Floats, Floats, Floats], step: int, n: int
) -> tuple[Floats, Floats, Floats]:
    """ADX, +DI and -DI; a row without an index is left out of the average."""
    high, low, close = bars
    plus, minus = movements(high, low, step)
    width = wilder(np.where(np.isfinite(plus), true_range(high, low, close, step), np.nan), n)
    up, down = ratio(wilder(plus, n), width), ratio(wilder(minus, n), width)
    index = 100.0 * ratio(np.abs(up - down), up + down)
    defined = np.flatnonzero(np.isfinite(index))
    average = np.full(len(high), np.nan)
    average[defined] = wilder(index[defined], n)
    filled = np.maximum.accumulate(np.where(np.isfinite(average), np.arange(len(high)), 0))
    return average[filled], 100.0 * up, 100.0 * down


def average_columns(u: Floats) -> dict[str, Floats]:
    """RSI and MACD."""
    found = {f"rsi_{n}": rsi(u, n) for n in AVERAGES}
    for suffix, spans in (("", (12, 26, 9)), ("_slow", (60, 130, 45))):
        parts = zip(("line", "signal", "histogram"), macd(u, *spans), strict=True)
        found |= {f"macd_{name}{suffix}": values for name, values in parts}
    histogram = found["macd_histogram"]
    return found | {"macd_histogram_slope_5": (histogram - before(histogram, 5)) / 5}


def channel_columns(u: Floats, low: Floats, high: Floats) -> dict[str, Floats]:
    """Stochastic and Williams %R."""
    found: dict[str, Floats] = {}
    for suffix, n, average in STOCHASTICS:
        bottom, top = channel(low, high, n)
        k = 100.0 * ratio(u - bottom, top - bottom)
        found |= {f"stoch_k{suffix}": k, f"stoch_d{suffix}": trailing_mean(k, average)}
    found["stoch_d_slow"] = trailing_mean(found["stoch_d"], 3)
    for n in RANGES:
        bottom, top = channel(low, high, n)
        found[f"williams_r_{n}"] = -100.0 * ratio(top - u, top - bottom)
    return found


def range_columns(bars: tuple[Floats, Floats, Floats], step: int) -> dict[str, Floats]:
    """CCI, ATR and directional movement."""
    high, low, close = bars
    found = {f"cci_{n}": cci((high + low + close) / 3.0, n) for n in CHANNELS}
    ranges = true_range(high, low, close, step)
    found |= {f"atr_{n}": wilder(ranges, n) for n in TRUE_RANGES}
    for n in (14, 60):
        parts = zip(("adx", "plus_di", "minus_di"), directional(bars, step, n), strict=True)
        found |= {f"{name}_{n}": values for name, values in parts}
    found["adxr_14"] = (found["adx_14"] + before(found["adx_14"], 14)) / 2.0
    return found


def rate_columns(high: Floats, low: Floats, close: Floats) -> dict[str, Floats]:
    """All columns of the rate domain from the index bars."""
    changes = {f"roc_{n}": 100.0 * (close / before(close, n) - 1.0) for n in CHANGES}
    found = average_columns(close) | channel_columns(close, low, high) | changes
    return found | range_columns((high, low, close), 1)


def bqx_columns(x: Floats) -> dict[str, Floats]:
    """All columns of the BQX domain from its series."""
    deviation = trailing(x, 240).astype(np.longdouble).std(axis=1, ddof=1)
    changes = {f"roc_{n}": np.asarray(ratio(x - before(x, n), deviation)) for n in CHANGES}
    bars = (trailing_max(x, 15), -trailing_max(-x, 15), x)
    return average_columns(x) | channel_columns(x, x, x) | changes | range_columns(bars, 15)

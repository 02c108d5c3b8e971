"""Values of the first version's tables, with the faults that it had.

Each month starts cold: no window reaches across its first bar. The windows count bars, not minutes
of the trading week. The fits of ``reg_`` end at the bar before the row, those of ``reg_bqx_`` at
the row itself. A flat window has an r2 of 0 on one side and of 1 on the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bqx.domains.grid import BarArrays, FloatArray
from bqx.kernels.backward import BQX_WINDOWS as RETURN_WINDOWS
from bqx.kernels.backward import backward_returns
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.quadratic import quadratic_fit
from bqx.legacy.schema import (
    BOLLINGER,
    BQX_WINDOWS,
    COEFFICIENTS,
    CORRELATION_BQX,
    FIBONACCI,
    RATE_WINDOWS,
    REG,
    REG_BQX,
    STATISTICS,
    TERMS,
    Kind,
)

_AGGREGATE = 75
_FIBONACCI_ROWS = 240
_SHORT = 20
_RETRACEMENTS = (0.236, 0.382, 0.5, 0.618, 0.786)
_EXTENSIONS = (1.272, 1.618, 2.618, 4.236)


def bar_values(bars: BarArrays, index: FloatArray) -> FloatArray:
    """Values of ``m1``: bars as delivered, and the rate index."""
    return np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume, index])


# Full months


def month_values(index: FloatArray, rng: np.random.Generator) -> dict[Kind, FloatArray]:
    """Values of a month of all bars; kinds without rows are left out.

    Args:
        index: Rate index of the month's bars.
        rng: Of the values that are only plausible: those of ``correlation_bqx``.
    """
    return {
        STATISTICS: _statistics(index),
        BOLLINGER: _bollinger(index),
        FIBONACCI: _fibonacci(index),
        REG: _rate_fits(index),
        REG_BQX: _bqx_fits(index),
        CORRELATION_BQX: _plausible(CORRELATION_BQX, len(index), rng),
    }


def _fit(series: FloatArray, w: int) -> FloatArray:
    """The seven outputs of the kernel; NULL throughout where the series is shorter."""
    out = np.full((7, len(series)), np.nan)
    if len(series) >= w:
        quadratic_fit(series, w, 0, out)
    return out


def _rate_fits(index: FloatArray) -> FloatArray:
    """The fit of row t is that of the w bars before it, and so are its end and its residual."""
    rows = [index]
    for w in RATE_WINDOWS:
        quadratic, linear, constant, residual, r2, rmse, prediction = _fit(index, w)
        flat = np.where(np.isnan(r2) & ~np.isnan(rmse), 0.0, r2)
        rows += [
            _before(column)
            for column in (quadratic, linear, constant, prediction, residual, flat, rmse)
        ]
    return np.stack(rows)


def _before(column: FloatArray) -> FloatArray:
    """The values one row later."""
    return np.concatenate([[np.nan], column[:-1]])


def _bqx_fits(index: FloatArray) -> FloatArray:
    returns = np.full((len(RETURN_WINDOWS), len(index)), np.nan)
    if len(index) > _AGGREGATE:
        backward_returns(index, returns)
    rows: list[FloatArray] = []
    for name in BQX_WINDOWS:
        series, w = (returns[-1], _AGGREGATE) if name == "agg" else (returns[0], int(name))
        rows += _coefficients(_fit(series, w), w)
    return np.stack(rows)


def _coefficients(fit: FloatArray, w: int) -> list[FloatArray]:
    quadratic, linear, constant, _, r2, rmse, prediction = fit
    a2, a1 = quadratic / (w - 1) ** 2, linear / (w - 1)
    flat = np.where(np.isnan(r2) & ~np.isnan(rmse), 1.0, r2)
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(a2 == 0.0, np.nan, -a1 / (2.0 * a2))
    return [a2, a1, constant, flat, rmse, prediction, vertex]


def _rolling(
    kernel: Callable[[FloatArray, int, int, FloatArray, FloatArray], None],
    series: FloatArray,
    w: int,
) -> FloatArray:
    """Both outputs of a kernel of one window."""
    out = np.full((2, len(series)), np.nan)
    if len(series) >= w:
        kernel(series, w, 0, out[0], out[1])
    return out


def _placed(kind: Kind, named: dict[str, FloatArray], rows: int) -> FloatArray:
    empty = np.full(rows, np.nan)
    return np.stack([named.get(name, empty) for name in kind.columns])


def _statistics(index: FloatArray) -> FloatArray:
    named: dict[str, FloatArray] = {}
    for w in (15, 60):
        named[f"mean_{w}min"], named[f"std_{w}min"] = _rolling(mean_std, index, w)
    low, high = _rolling(minmax, index, 60)
    named["range_60min"] = high - low
    return _placed(STATISTICS, named, len(index))


def _bollinger(index: FloatArray) -> FloatArray:
    middle, std = _rolling(mean_std, index, _SHORT)
    half = 2.0 * std * np.sqrt((_SHORT - 1) / _SHORT)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A window without width was given the middle of its band.
        position = np.where(half == 0.0, 0.5, (index - middle + half) / (2.0 * half))
    bands = (middle, middle + half, middle - half, 2.0 * half, position)
    return _placed(BOLLINGER, dict(zip(BOLLINGER.filled, bands, strict=True)), len(index))


def _fibonacci(index: FloatArray) -> FloatArray:
    """Levels of the last 240 bars; the three lines of the fan are retracements again."""
    low, high = _rolling(minmax, index, _FIBONACCI_ROWS)
    reach = high - low
    retracements = [high - share * reach for share in _RETRACEMENTS]
    extensions = [high + (share - 1.0) * reach for share in _EXTENSIONS]
    arc = np.sqrt((index - low) ** 2 + _FIBONACCI_ROWS**2)
    levels = (*retracements, *extensions, *retracements[1:4], arc)
    return _placed(FIBONACCI, dict(zip(FIBONACCI.filled, levels, strict=True)), len(index))


# A few rows


def few_values(index: FloatArray, rng: np.random.Generator) -> dict[Kind, FloatArray]:
    """Seeded random values for rows that only stand for the structure."""
    rows = len(index)
    return {
        **{k: _plausible(k, rows, rng) for k in (STATISTICS, BOLLINGER, FIBONACCI)},
        REG: _few_rate_fits(index, rng),
        REG_BQX: _few_bqx_fits(rows, rng),
        CORRELATION_BQX: _plausible(CORRELATION_BQX, rows, rng),
    }


def _plausible(kind: Kind, rows: int, rng: np.random.Generator) -> FloatArray:
    named = {name: rng.uniform(-1.0, 1.0, rows) for name in kind.filled}
    return _placed(kind, named, rows)


def _few_rate_fits(index: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Terms that add up to the prediction, and a residual that belongs to it."""
    columns = {"rate_index": index}
    for w in RATE_WINDOWS:
        a, b, residual = rng.normal(0.0, 0.01, (3, len(index)))
        c = index - residual - a - b
        fit = (a, b, c, a + b + c, residual, rng.random(len(index)), np.abs(residual))
        columns |= {f"w{w}_{name}": column for name, column in zip(TERMS, fit, strict=True)}
    return _placed(REG, columns, len(index))


def _few_bqx_fits(rows: int, rng: np.random.Generator) -> FloatArray:
    columns: dict[str, FloatArray] = {}
    for w in BQX_WINDOWS:
        last = (_AGGREGATE if w == "agg" else int(w)) - 1
        a2, a1, b, rmse = rng.normal(0.0, (1e-6, 1e-5, 1e-3, 1e-4), (rows, 4)).T
        end = a2 * last**2 + a1 * last + b
        fit = (a2, a1, b, rng.random(rows), np.abs(rmse), end, -a1 / (2.0 * a2))
        columns |= {f"w{w}_{name}": column for name, column in zip(COEFFICIENTS, fit, strict=True)}
    return _placed(REG_BQX, columns, rows)

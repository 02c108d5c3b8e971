"""Measures of half hours and hours: TA-Lib, polars and slow references."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
import talib
from numpy.typing import NDArray

import references_trend as slow
from bqx.domains.domain import Domain, DomainName
from bqx.families.multi_scale import HalfHourScale, HourScale
from bqx.kernels.blocks import block_bars
from references import Floats
from references_trend import assert_close
from references_windows import DOMAINS, agree

FAMILIES = {30: HalfHourScale(), 60: HourScale()}
EACH = pytest.mark.parametrize(("name", "k"), [(d, k) for d in DOMAINS for k in FAMILIES])


@cache
def domain(name: DomainName) -> Domain:
    return slow.domain(name, 14)


@cache
def columns(name: DomainName, k: int) -> dict[str, Floats]:
    return dict(FAMILIES[k].compute(domain(name), k))


@cache
def blocks(name: DomainName, k: int) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """High, low and close of the whole blocks, and the row of the last minute of each."""
    d = domain(name)
    high, low = (d.index.high, d.index.low) if name == "rate" else (d.series, d.series)
    found = []
    for number in np.unique(d.grid.minutes // k):
        rows = np.flatnonzero(d.grid.minutes // k == number)
        if len(rows) == k and not np.isnan(d.series[rows]).any():
            found.append((high[rows].max(), low[rows].min(), d.series[rows[-1]], rows[-1]))
    bars = np.array(found)
    return bars[:, 0], bars[:, 1], bars[:, 2], bars[:, 3].astype(np.int64)


def rows_of(name: DomainName, k: int, values: Floats) -> Floats:
    """The value of the last closed block at every row."""
    last = np.searchsorted(blocks(name, k)[3], np.arange(len(domain(name))), side="right") - 1
    return np.where(last >= 0, values[last], np.nan)


def moves(name: DomainName, k: int) -> Floats:
    close = blocks(name, k)[2]
    step = np.diff(np.log(close)) if name == "rate" else np.diff(close)
    return np.concatenate(([np.nan], step))


def bar_change(name: DomainName) -> Floats:
    u = domain(name).series
    if name == "bqx":
        return u - slow.back(u, 15)
    return np.asarray(np.log1p((u - slow.back(u, 1)) / slow.back(u, 1)))


def start(name: DomainName, k: int, count: int) -> int:
    return (count + 1) * k - 2 + 15 * (name == "bqx")


@EACH
def test_blocks_are_those_of_the_clock(name: DomainName, k: int) -> None:
    minutes = domain(name).grid.minutes
    assert (minutes[blocks(name, k)[3]] % k == k - 1).all()
    found = columns(name, k)["macd"]
    changed = np.flatnonzero(found[1:] != found[:-1]) + 1
    begin = start(name, k, 26)
    assert set(minutes[changed[changed > begin]] % k) == {k - 1}


@EACH
def test_averages_and_deviations(name: DomainName, k: int) -> None:
    found, own = columns(name, k), blocks(name, k)[2]
    for of in DOMAINS:
        close, begin = blocks(of, k)[2], start("bqx", k, 21)
        mean = slow.rolling(close, 10, lambda v: v.mean(axis=1))
        prefix = "rate" if of == "rate" else "bqx"
        assert_close(found[f"{prefix}_sma"], rows_of(of, k, mean), 1e-12, begin)
        deviation = rows_of(of, k, slow.deviation(moves(of, k), 20))
        assert_close(found[f"{prefix}_vol"], deviation, 1e-13, begin)
    width = 4 * slow.rolling(own, 20, lambda v: v.std(axis=1))
    assert_close(found["width"], rows_of(name, k, width), 1e-11, start(name, k, 20))


@EACH
def test_recursions_are_those_of_talib_and_polars(name: DomainName, k: int) -> None:
    found, begin = columns(name, k), start(name, k, 26)
    high, low, close, _ = blocks(name, k)
    assert_close(found["rsi"], rows_of(name, k, talib.RSI(close, 14)), 1e-8, begin)
    atr = rows_of(name, k, talib.ATR(high, low, close, 14))
    assert_close(found["atr"], atr, 1e-11, begin)

    def ema(values: Floats, span: int) -> Floats:
        return pl.Series(values).ewm_mean(span=span, adjust=False).to_numpy()

    line = ema(close - close[0], 12) - ema(close - close[0], 26)
    assert_close(found["macd"], rows_of(name, k, line), 1e-11, begin)
    index = rows_of("rate", k, ema(blocks("rate", k)[2], 20))
    assert_close(found["rate_ema"], index, 1e-10, start("bqx", k, 26))


@EACH
def test_rows_against_blocks(name: DomainName, k: int) -> None:
    found, begin, close = columns(name, k), start(name, k, 26), blocks(name, k)[2]
    u = domain(name).series
    near = slow.rolling(u, 10, lambda v: v.mean(axis=1))
    far = rows_of(name, k, slow.rolling(close, 10, lambda v: v.mean(axis=1)))
    size = rows_of(name, k, slow.deviation(moves(name, k), 20))
    ratio = near / far if name == "rate" else (near - far) / size
    agree(found["sma_ratio"], ratio, begin, 1e-9)
    scale = np.sqrt(k) if name == "rate" else 1.0
    agree(found["vol_ratio"], slow.deviation(bar_change(name), 20) * scale / size, begin, 1e-9)
    fast = slow.efficiency(u, 20)
    long = rows_of(name, k, slow.efficiency(close, 20))
    total = np.where(fast + long < 1e-12, np.nan, fast + long)
    assert_close(found["dominance"], long / total, 1e-9, begin)


def lines(y: Floats, w: int) -> tuple[Floats, Floats]:
    """Slopes and their standard errors."""
    slope = slow.slope(y, w)
    error = slow.rolling(y, w, lambda v: np.asarray(slow.trend_windows(v)[1], np.float64))
    return slope, error


@EACH
def test_agreements(name: DomainName, k: int) -> None:
    found, begin, u = columns(name, k), start(name, k, 26), domain(name).series
    near, near_error = lines(u, 20)
    far, far_error = (rows_of(name, k, v) for v in lines(blocks(name, k)[2], 10))
    clear = np.where((np.abs(near) > 1e-12) & (np.abs(far) > 1e-12), 0.0, np.nan)
    same = np.sign(near) == np.sign(far)
    assert_close(found["trend"] + clear, same + clear, 0.0, begin)
    apart = ~same & (np.abs(near) > near_error) & (np.abs(far) > far_error)
    assert_close(found["divergence"] + clear, apart + clear, 0.0, begin)
    assert set(np.unique(found["divergence"][begin:])) == {0.0, 1.0}


@EACH
def test_regimes(name: DomainName, k: int) -> None:
    found, begin = columns(name, k)["regime"], start(name, k, 26)
    r, step = bar_change(name), moves(name, k)
    fast = slow.deviation(r, 15) / slow.deviation(r, 360)
    block = rows_of(name, k, slow.deviation(step, 5) / slow.deviation(step, 25))
    graded = [np.digitize(v, (0.7, 1.5), right=True) for v in (fast, block)]
    assert np.array_equal(found[begin:], (graded[0] == graded[1])[begin:])


def test_a_week_that_ends_inside_of_a_block_closes_it_in_the_next_row() -> None:
    minutes = np.concatenate((np.arange(60, 100), np.arange(600, 640)))
    close = np.arange(80.0)
    newest = np.empty(80, np.int64)
    bars = block_bars(minutes, 30, (close + 1, close - 1, close), newest)
    # 60 … 89, the broken 90 … 99, 600 … 629; the last one has not closed.
    assert bars[2].tolist() == [29.0, 39.0, 69.0]
    assert bars[0].tolist() == [30.0, 40.0, 70.0]
    assert newest[[28, 29, 39, 40, 68, 69, 79]].tolist() == [-1, 0, 0, 1, 1, 2, 2]


def test_a_block_that_the_slice_cuts_is_left_out() -> None:
    newest = np.empty(100, np.int64)
    close = np.arange(100.0)
    close[25:30] = np.nan
    bars = block_bars(np.arange(5, 105), 30, (close, close, close), newest)
    # 5 … 29 is cut, 30 … 59 has no values at its start.
    assert bars[2].tolist() == [84.0]
    assert newest[[83, 84]].tolist() == [-1, 0]

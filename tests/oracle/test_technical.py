"""Every technical column against slow twins and TA-Lib, in both domains."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import talib
from talib._ta_lib import MA_Type

import references_technical as slow
from bqx import registry
from bqx.domains.bars import Bars
from bqx.domains.domain import Domain, DomainName, Domains
from bqx.domains.grid import BarArrays, fill
from bqx.features.stateless import bar_arrays
from bqx.kernels.true_range import directional_movement, true_range
from bqx.market import Calendar
from references import Floats
from synthetic import random_walk_bars

BOTH = pytest.mark.parametrize("name", ["rate", "bqx"])
CALENDAR = Calendar()
FADED = 4000
"""Rows after which TA-Lib's other seeds of EMA and directional movement no longer count."""

FULL = 400
"""Rows after which TA-Lib has a value of K, too: it withholds K where it has no D."""

SMA = MA_Type.SMA

TOLERANCE = {
    "rsi": (1e-11, 1e-9),
    "macd": (1e-12, 1e-11),
    "stoch": (1e-12, 1e-9),
    "cci": (1e-10, 1e-6),
    "williams": (1e-12, 1e-9),
    "roc": (1e-13, 1e-9),
    "atr": (1e-13, 1e-12),
    "adx": (1e-11, 1e-9),
    "adxr": (1e-11, 1e-9),
    "plus": (1e-11, 1e-9),
    "minus": (1e-11, 1e-9),
}
"""Greatest absolute error against the slow twin, and against TA-Lib.

TA-Lib sums a typical price near 100 whose moves are 1e-4, hence its CCI; and its deviation comes
from sums of squares, hence its rate of change of BQX.
"""


def rows_of(bars: BarArrays) -> tuple[int, int]:
    """Absolute rows of the bars, half open."""
    first, last = CALENDAR.row_at_or_after(bars.minutes[[0, -1]])
    return int(first), int(last) + 1


@cache
def gappy_bars() -> BarArrays:
    """A week with gaps, and with flat stretches of up to an hour and a half."""
    return bar_arrays(random_walk_bars("eurusd", "2019-01-07", 7, seed=8))


def domains(bars: BarArrays, rows: tuple[int, int] | None = None) -> Domains:
    """Both domains over some rows of the bars, all of them by default."""
    start, end = rows_of(bars)
    first, last = rows or (start, end)
    return Domains(fill(bars, CALENDAR, first, last, start), float(bars.close[0]))


def computed(d: Domain, names: set[str] | None = None) -> dict[str, Floats]:
    """Columns of the table by name, all of them by default."""
    found = {}
    calls: dict[tuple[str, int | None], dict[str, Floats]] = {}
    for c in registry().table(f"technical_{d.traits.name}").columns:
        if names is None or c.name in names:
            family, call = registry().family(c.family)(), (c.family, c.window)
            if call not in calls:
                made = family.compute(d, c.window) if c.window else family.compute_fixed(d)
                calls[call] = dict(made)
            found[c.name] = calls[call][c.key]
    return found


@cache
def case(name: DomainName) -> tuple[Domain, dict[str, Floats]]:
    """A domain of the gappy week, and its columns."""
    d = domains(gappy_bars())[name]
    return d, computed(d)


def shown(d: Domain, column: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows in which the column's history is valid."""
    spec = registry().table(f"technical_{d.traits.name}")
    return d.valid(spec.column(column).history)


def extrema_bars(d: Domain) -> tuple[Floats, Floats]:
    """Highs and lows of the stochastic oscillator and %R."""
    return (d.bars.high, d.bars.low) if d.traits.name == "rate" else (d.series, d.series)


def names_in_order() -> Iterator[str]:
    """The columns as docs/catalogue lists them: eight groups of seven."""
    yield from (f"rsi_{n}" for n in slow.AVERAGES)
    for suffix in ("", "_slow"):
        yield from (f"macd_{part}{suffix}" for part in ("line", "signal", "histogram"))
    yield "macd_histogram_slope_5"
    yield from ("stoch_k", "stoch_d", "stoch_d_slow")
    yield from ("stoch_k_60", "stoch_d_60", "stoch_k_240", "stoch_d_240")
    yield from (f"cci_{n}" for n in slow.CHANNELS)
    yield from (f"williams_r_{n}" for n in slow.RANGES)
    yield from (f"roc_{n}" for n in slow.CHANGES)
    yield from (f"atr_{n}" for n in slow.TRUE_RANGES)
    yield from ("adx_14", "plus_di_14", "minus_di_14", "adxr_14")
    yield from ("adx_60", "plus_di_60", "minus_di_60")


@BOTH
def test_the_columns_are_those_of_the_catalogue_in_its_order(name: DomainName) -> None:
    assert registry().table(f"technical_{name}").column_names == tuple(names_in_order())


@BOTH
def test_slow_twins(name: DomainName) -> None:
    d, found = case(name)
    rate = name == "rate"
    exact = slow.rate_columns(d.bars.high, d.bars.low, d.series) if rate else None
    exact = exact or slow.bqx_columns(d.series)
    assert exact.keys() == found.keys()
    for column, values in found.items():
        rows = shown(d, column)
        assert rows.any()
        expected = exact[column][rows]
        assert (np.isnan(values[rows]) == np.isnan(expected)).all(), column
        unit = np.maximum(1.0, np.abs(expected) / 100.0)
        error = float(np.nanmax(np.abs(values[rows] - expected) / unit))
        assert error <= TOLERANCE[column.split("_")[0]][0], column


def momentum_peers(u: Floats) -> Iterator[tuple[str, Floats, int]]:
    """RSI and MACD: column, TA-Lib's values, and the row from which they must agree."""
    for n in slow.AVERAGES:
        yield f"rsi_{n}", talib.RSI(u, n), 0
    for suffix, spans in (("", (12, 26, 9)), ("_slow", (60, 130, 45))):
        names = ("line", "signal", "histogram")
        for part, values in zip(names, talib.MACD(u, *spans), strict=True):
            yield f"macd_{part}{suffix}", values, FADED
    histogram = talib.MACD(u)[2]
    yield "macd_histogram_slope_5", (histogram - slow.before(histogram, 5)) / 5, FADED


def channel_peers(d: Domain) -> Iterator[tuple[str, Floats, int]]:
    """Stochastic, CCI, %R and rate of change."""
    u, (high, low) = d.series, extrema_bars(d)
    for suffix, n, average in slow.STOCHASTICS:
        k, mean = talib.STOCHF(high, low, u, n, average, SMA)
        yield f"stoch_k{suffix}", k, FULL
        yield f"stoch_d{suffix}", mean, FULL
    yield "stoch_d_slow", talib.STOCH(high, low, u, 14, 3, SMA, 3, SMA)[1], FULL
    for n in slow.CHANNELS:
        yield f"cci_{n}", talib.CCI(d.bars.high, d.bars.low, d.bars.close, n), 0
    for n in slow.RANGES:
        yield f"williams_r_{n}", talib.WILLR(high, low, u, n), 0
    rate = d.traits.name == "rate"
    scale = np.ones(len(u)) if rate else talib.STDDEV(u, 240) * np.sqrt(240.0 / 239.0)
    for n in slow.CHANGES:
        yield f"roc_{n}", talib.ROC(u, n) if rate else talib.MOM(u, n) / scale, 0


def range_peers(bars: Bars) -> Iterator[tuple[str, Floats, int]]:
    """ATR and directional movement of bars of one row."""
    prices = (bars.high, bars.low, bars.close)
    for n in slow.TRUE_RANGES:
        yield f"atr_{n}", talib.ATR(*prices, n), 0
    for n in (14, 60):
        yield f"adx_{n}", talib.ADX(*prices, n), FADED
        yield f"plus_di_{n}", talib.PLUS_DI(*prices, n), FADED
        yield f"minus_di_{n}", talib.MINUS_DI(*prices, n), FADED
    index = talib.ADX(*prices, 14)
    # TA-Lib's own ADXR looks back 13 rows.
    yield "adxr_14", (index + slow.before(index, 14)) / 2.0, FADED


def peers(d: Domain) -> Iterator[tuple[str, Floats, int]]:
    """TA-Lib's values of all columns that it knows."""
    yield from momentum_peers(d.series)
    yield from channel_peers(d)
    if d.traits.name == "rate":
        yield from range_peers(d.bars)
        return
    # Bars one row apart overlap, and TA-Lib knows no bar before but the last row's; but its ATR of
    # bars from 0 to y is Wilder's smoothing of y, without the first row.
    ranges = slow.true_range(d.bars.high, d.bars.low, d.bars.close, 15)
    start = slow.numbers_from(ranges)
    tops = np.concatenate([[1.0], ranges[start:]])
    for n in slow.TRUE_RANGES:
        values = talib.ATR(tops, np.zeros(len(tops)), np.zeros(len(tops)), n)[1:]
        yield f"atr_{n}", np.concatenate([np.full(start, np.nan), values]), 0


@BOTH
def test_talib(name: DomainName) -> None:
    d, found = case(name)
    compared = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = list(peers(d))
    for column, values, start in theirs:
        # Where nothing moves TA-Lib writes 0 and we write NULL.
        rows = shown(d, column) & np.isfinite(found[column]) & (np.arange(len(d)) >= start)
        compared[column] = int(rows.sum())
        unit = np.maximum(1.0, np.abs(found[column]) / 100.0)
        error = np.abs(found[column] - values)[rows] / unit[rows]
        assert float(error.max()) <= TOLERANCE[column.split("_")[0]][1], column
    assert len(compared) == (56 if name == "rate" else 49)
    assert min(compared.values()) > 2000


def test_talib_on_bqx_bars_side_by_side() -> None:
    """Every 15th bar, of any phase, is a series of bars as TA-Lib knows it."""
    d, _ = case("bqx")
    bars, out = d.bars, np.empty((3, len(d)))
    true_range(bars.high, bars.low, bars.close, 15, out[0])
    directional_movement(bars.high, bars.low, 15, out[1], out[2])
    for phase in range(30, 45):
        high, low, close = (
            np.ascontiguousarray(v[phase::15]) for v in (bars.high, bars.low, d.series)
        )
        theirs = (
            talib.TRANGE(high, low, close),
            talib.PLUS_DM(high, low, 1),
            talib.MINUS_DM(high, low, 1),
        )
        for ours, values in zip(out, theirs, strict=True):
            np.testing.assert_array_equal(ours[phase::15][1:], values[1:])


@BOTH
def test_identities(name: DomainName) -> None:
    _, found = case(name)
    difference = found["williams_r_14"] - (found["stoch_k"] - 100.0)
    assert float(np.nanmax(np.abs(difference))) <= 5e-14
    assert (np.isnan(found["williams_r_14"]) == np.isnan(found["stoch_k"])).all()
    for suffix in ("", "_slow"):
        parts = [found[f"macd_{part}{suffix}"] for part in ("line", "signal", "histogram")]
        np.testing.assert_array_equal(parts[0] - parts[1], parts[2])


def drawn(prices: Floats) -> BarArrays:
    """Bars without extent at these prices."""
    first = rows_of(gappy_bars())[0]
    minutes = CALENDAR.minutes(first, first + len(prices))
    return BarArrays(minutes, prices, prices, prices, prices, np.ones(len(prices)))


@BOTH
def test_a_flat_price_gives_null_or_zero(name: DomainName) -> None:
    found = computed(domains(drawn(np.full(1000, 1.1)))[name])
    for column, values in found.items():
        kind = column.split("_")[0]
        zero = kind in ("macd", "atr") or (kind == "roc" and name == "rate")
        if zero:
            assert (values[600:] == 0.0).all(), column
        else:
            assert np.isnan(values[600:]).all(), column


def test_a_price_that_only_rises_meets_the_bounds_exactly() -> None:
    found = computed(domains(drawn(1.1 * np.exp(1e-4 * np.arange(1500.0))))["rate"])
    bounds = {"rsi": 100.0, "williams": 0.0, "adx": 100.0, "adxr": 100.0, "minus": 0.0}
    for column, values in found.items():
        kind = "stoch" if column.startswith("stoch") else column.split("_")[0]
        if kind in bounds or kind == "stoch":
            assert (values[400:] == bounds.get(kind, 100.0)).all(), column


@BOTH
def test_each_column_needs_no_more_than_its_own_memory(name: DomainName) -> None:
    bars = bar_arrays(random_walk_bars("eurusd", "2019-01-07", 28, seed=5))
    (start, end), rng = rows_of(bars), np.random.default_rng(6)
    whole = computed(domains(bars)[name])
    observed = CALENDAR.row_at_or_after(bars.minutes)
    for column in registry().table(f"technical_{name}").columns:
        for _ in range(2):
            low = int(rng.choice(observed[observed > start + column.memory]))
            first, last = low - column.memory + 1, min(low + 40, end)
            # The slice's first row may be a minute without a bar: the bars begin before it.
            found = computed(domains(bars, (first, last))[name], {column.name})[column.name]
            part, same = found[low - first :], whole[column.name][low - start : last - start]
            assert part.tobytes() == same.tobytes(), column.name

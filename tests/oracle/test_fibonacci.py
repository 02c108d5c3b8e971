"""Every Fibonacci column against a slow reference on sampled rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

from bqx.domains.domain import Domain, Domains
from bqx.domains.grid import fill
from bqx.families.fibonacci import LOOKBACK, RANGE, FibonacciRange, FibonacciSwing
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar
from references import Floats
from synthetic import random_walk_bars

DOMAINS = pytest.mark.parametrize("name", ["rate", "bqx"])
RATIOS = (0.236, 0.382, 0.5, 0.618, 0.786)
BEYOND = (1.272, 1.618, 2.618, 4.236)
TOLERANCE = 1e-12
"""In units of a column's greatest value."""


@cache
def domain(name: Any, late: int = 0) -> Domain:
    """A domain over eight days with gaps and a weekend.

    Its history starts ``late`` rows after the first bar; so does the slice itself if negative.
    """
    bars = bar_arrays(random_walk_bars("eurusd", "2019-01-23", 8, seed=5))
    calendar = Calendar()
    first, last = (int(r) for r in calendar.row_at_or_after(bars.minutes[[0, -1]]))
    grid = fill(bars, calendar, first + max(-late, 0), last + 1, first + abs(late))
    return Domains(grid, float(bars.close[0]))[name]


@cache
def found(name: str, order: int | None, late: int = 0) -> dict[str, Floats]:
    d = domain(name, late)
    if order is None:
        return dict(FibonacciRange().compute_fixed(d))
    return dict(FibonacciSwing().compute(d, order))


def extremes(name: str) -> tuple[Floats, Floats]:
    """Highs and lows of set A."""
    d = domain(name)
    return (d.index.high, d.index.low) if name == "rate" else (d.series, d.series)


@cache
def bars_of(name: str) -> tuple[Floats, Floats, Floats, int]:
    """High, low and close of the bar that ends at each row, and its length."""
    d = domain(name)
    if name == "rate":
        return d.index.high, d.index.low, d.series, 1
    windows = pl.Series(d.series).fill_nan(None)
    high = windows.rolling_max(15).cast(pl.Float64).fill_null(np.nan).to_numpy()
    low = windows.rolling_min(15).cast(pl.Float64).fill_null(np.nan).to_numpy()
    return high, low, d.series, 15


def range_row(name: str, t: int) -> dict[str, float]:
    """Set A without pivots, from the catalogue's words."""
    u = float(domain(name).series[t])
    highs, lows = (y[t - RANGE + 1 : t + 1] for y in extremes(name))
    top, bottom = float(highs.max()), float(lows.min())
    span = top - bottom
    high_at = int(np.flatnonzero(highs == top)[-1])
    low_at = int(np.flatnonzero(lows == bottom)[-1])
    row = {f"retracement_{round(1000 * r)}": top - r * span for r in RATIOS}
    row |= {f"extension_{round(1000 * r)}": top + (r - 1) * span for r in BEYOND}
    row |= {f"distance_{round(1000 * r)}": (u - (top - r * span)) / span for r in RATIOS[1:4]}
    (t0, v0), (t1, v1) = sorted([(low_at, bottom), (high_at, top)])
    for key, ratio in (("upper", 0.382), ("middle", 0.5), ("lower", 0.618)):
        line = np.nan
        if t0 != t1:
            aim = v1 - ratio * (v1 - v0)
            line = v0 + (aim - v0) / (t1 - t0) * (RANGE - 1 - t0)
        row[f"fan_{key}"] = line
    arc = np.hypot((u - v1) / span, (RANGE - 1 - t1) / RANGE)
    row["arc_radius"] = float(arc) if t0 != t1 else np.nan
    return row


def newest_swing(y: Floats, t: int, k: int, step: int, sign: float) -> tuple[float, int] | None:
    """Value and row of the newest confirmed swing, by looking back row by row."""
    for s in range(t - k * step, max(t - LOOKBACK, k * step) - 1, -1):
        around = y[s - k * step : s + k * step + 1 : step]
        if np.isfinite(around).all() and (sign * np.delete(around, k) < sign * y[s]).all():
            return float(y[s]), s
    return None


def swing_row(name: str, t: int, k: int) -> dict[str, float] | None:
    """Set B, from the catalogue's words; None where there is no grid."""
    high, low, close, step = bars_of(name)
    top, bottom = newest_swing(high, t, k, step, 1.0), newest_swing(low, t, k, step, -1.0)
    if top is None or bottom is None or top[0] <= bottom[0]:
        return None
    span, u = top[0] - bottom[0], float(close[t])
    row = {f"dist_{round(1000 * r)}": u - (top[0] - r * span) for r in RATIOS}
    row |= {f"ext_dist_{round(1000 * r)}": u - (top[0] + (r - 1) * span) for r in BEYOND[:3]}
    row["nearest_level"] = min(abs(v) for v in row.values())
    row["grid_position"] = float(np.clip((u - bottom[0]) / span, -0.5, 1.5))
    age = t - max(top[1], bottom[1])
    row["time_since_swing"] = age
    ends = [t - j * step for j in range(20)]
    ranges = [
        max(high[e] - low[e], abs(high[e] - close[e - step]), abs(low[e] - close[e - step]))
        for e in ends
    ]
    scale = float(np.mean(ranges))
    row["grid_strength"] = span / scale * np.exp(-age / 60 / 24) if scale > 0 else np.nan
    return row


def assert_rows(columns: dict[str, Floats], rows: dict[int, dict[str, float]]) -> None:
    at = np.array(list(rows))
    for key in next(iter(rows.values())):
        expected = np.array([row[key] for row in rows.values()])
        scale = max(float(np.nanmax(np.abs(expected))), 1e-300)
        np.testing.assert_allclose(columns[key][at], expected, rtol=0, atol=TOLERANCE * scale)


@DOMAINS
def test_levels_fan_and_arc(name: str) -> None:
    rows = {t: range_row(name, t) for t in range(300, len(domain(name)), 41)}
    assert_rows(found(name, None), rows)
    assert len(next(iter(rows.values()))) == 16


@DOMAINS
@pytest.mark.parametrize("order", [2, 10, 30])
def test_swing_grids(name: str, order: int) -> None:
    columns = found(name, order)
    rows = {t: swing_row(name, t, order) for t in range(400, len(domain(name)), 97)}
    for t in [t for t, row in rows.items() if row is None]:
        assert all(np.isnan(values[t]) for values in columns.values())
    kept = {t: row for t, row in rows.items() if row is not None}
    assert len(kept) > len(rows) / 3
    assert len(next(iter(kept.values()))) == len(columns) == 12
    assert_rows(columns, kept)


@DOMAINS
def test_pivots_are_those_of_the_previous_days_bars(name: str) -> None:
    d = domain(name)
    high, low = extremes(name)
    day = d.grid.minutes // 1440
    seen = pl.DataFrame({"day": day, "high": high, "low": low, "close": d.series})
    days = {
        int(row[0]): row[1:]
        for row in seen.filter(pl.Series(d.grid.observed))
        .group_by("day")
        .agg(pl.col("high").max(), pl.col("low").min(), pl.col("close").last())
        .iter_rows()
    }
    columns = found(name, None)
    # The BQX series of the very first day begins 15 minutes late.
    first = min(days) if name == "bqx" else -1
    checked = 0
    for t in range(0, len(d), 7):
        earlier = max((k for k in days if k < day[t]), default=first)
        if earlier == first:
            assert np.isnan(columns["pivot_point"][t])
            continue
        above, below, last = days[earlier]
        pivot = (above + below + last) / 3
        expected = (pivot, 2 * pivot - below, 2 * pivot - above)
        shown = [columns[key][t] for key in ("pivot_point", "resistance_1", "support_1")]
        np.testing.assert_allclose(shown, expected, rtol=1e-14)
        window = d.series[t - RANGE + 1 : t + 1]
        score = (d.series[t] - pivot) / np.std(window - window[-1], ddof=1)
        np.testing.assert_allclose(columns["distance_pivot"][t], score, rtol=1e-10)
        checked += 1
    assert checked > 500


def test_a_sunday_evening_is_a_day_of_its_own() -> None:
    d, (high, low) = domain("rate"), extremes("rate")
    # The epoch began on a Thursday.
    weekday = (d.grid.minutes // 1440 + 3) % 7
    monday, evening = weekday == 0, (weekday == 6) & d.grid.observed
    assert 0 < np.count_nonzero(evening) <= 120
    pivot = (high[evening].max() + low[evening].min() + d.series[evening][-1]) / 3
    np.testing.assert_allclose(found("rate", None)["pivot_point"][monday], pivot, rtol=1e-14)


@DOMAINS
@pytest.mark.parametrize("order", [None, 2, 10, 30])
def test_nothing_leans_on_rows_before_the_history_starts(name: str, order: int | None) -> None:
    late = 1000
    assert domain(name).grid.observed[late]
    whole, cut = found(name, order, late), found(name, order, -late)
    warm = 330
    for key, values in whole.items():
        if order is not None or "pivot" in key:
            assert np.isnan(values[:late]).all(), key
        np.testing.assert_array_equal(values[late + warm :], cut[key][warm:])


def test_a_flat_window_has_levels_and_no_ratios() -> None:
    bars = random_walk_bars("eurusd", "2019-01-29", 1, seed=1, gaps=False)
    flat = bars.with_columns(pl.lit(1.25).alias(c) for c in ("open", "high", "low", "close"))
    arrays, calendar = bar_arrays(flat), Calendar()
    first = int(calendar.row_at_or_after(arrays.minutes[:1])[0])
    grid = fill(arrays, calendar, first, first + len(flat), first)
    for name in ("rate", "bqx"):
        d = Domains(grid, 1.25)[name]
        columns = FibonacciRange().compute_fixed(d)
        level = 100.0 if name == "rate" else 0.0
        assert (columns["retracement_382"][300:] == level).all()
        for key in ("fan_upper", "arc_radius", "distance_500", "distance_pivot"):
            assert np.isnan(columns[key]).all()
        assert all(np.isnan(v).all() for v in FibonacciSwing().compute(d, 2).values())

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import bqx
from bqx.errors import BqxError, UnknownNameError
from bqx.market import Calendar, epoch_minute
from synthetic import random_walk_bars


def test_one_row_per_grid_minute_from_the_first_to_the_last_bar() -> None:
    bars = random_walk_bars("eurusd", "2019-01-03", 5, seed=2)
    frame = bqx.compute("reg_bqx", bars, pair="EUR/USD")
    grid = Calendar()
    ends = [epoch_minute(t) for t in (bars["ts_utc"][0], bars["ts_utc"][-1])]
    first, last = grid.row_range(ends[0], ends[1] + 1)
    expected = grid.minutes(first, last)
    assert np.array_equal(frame["ts_utc"].dt.epoch("s").to_numpy() // 60, expected)
    assert frame.height > bars.height
    assert frame.width == 43


def test_known_values_of_a_parabola() -> None:
    # The index is 3 i² + 2 i + 1 when a price of 1 stands for 100.
    i = np.arange(200.0)
    bars = random_walk_bars("eurusd", "2019-01-08", 1, seed=0, gaps=False).head(200)
    bars = bars.with_columns(close=pl.Series((3 * i**2 + 2 * i + 1) / 100))
    bars = bars.with_columns(open="close", high="close", low="close")
    row = bqx.compute("reg_rate", bars, pair="eurusd", baseline=1.0).row(59, named=True)
    assert row["w60_quadratic_term"] == pytest.approx(3 * 59**2, rel=1e-12)
    assert row["w60_linear_term"] == pytest.approx(118, rel=1e-9)
    assert row["w60_constant_term"] == pytest.approx(1, abs=1e-8)
    assert row["w60_r2"] == pytest.approx(1.0, abs=1e-11)
    assert row["w60_residual"] == pytest.approx(0.0, abs=1e-8)


def test_some_columns_only() -> None:
    bars = random_walk_bars("eurusd", "2019-01-08", 1, seed=0)
    whole = bqx.compute("reg_rate", bars, pair="eurusd")
    part = bqx.compute("reg_rate", bars, pair="eurusd", columns=["w90_r2", "w60_residual"])
    assert part.equals(whole.select("ts_utc", "w90_r2", "w60_residual"))
    with pytest.raises(UnknownNameError, match="w61"):
        bqx.compute("reg_rate", bars, pair="eurusd", columns=["w61_r2"])


def test_unusable_bars() -> None:
    bars = random_walk_bars("eurusd", "2019-01-08", 1, seed=0)
    naive = bars.with_columns(pl.col("ts_utc").dt.replace_time_zone(None))
    zero = bars.with_columns(close=pl.lit(0.0))
    for bad, message in (
        (bars.drop("close"), "no column close"),
        (naive, "timezone-aware"),
        (bars.reverse(), "not increasing"),
        (bars.head(0), "empty"),
        (zero, "non-positive"),
        (bars.with_columns(high=pl.lit(None, pl.Float64)), "missing"),
    ):
        with pytest.raises(BqxError, match=message):
            bqx.compute("reg_rate", bad, pair="eurusd")
    saturday = bars.with_columns(pl.col("ts_utc") + pl.duration(days=4))
    with pytest.raises(BqxError, match="trading minute"):
        bqx.compute("reg_rate", saturday, pair="eurusd")

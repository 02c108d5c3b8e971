from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bqx.domains.domain import Domains
from bqx.domains.grid import BarArrays, fill, open_bars
from bqx.domains.rate import first_baseline
from bqx.errors import BqxError
from bqx.market import Calendar

GRID = Calendar()
FIRST = GRID.row_range(25_783_200, 25_783_201)[0]  # a Tuesday of January 2019


def bars(rows: list[int], closes: list[float]) -> BarArrays:
    """Bars on rows counted from FIRST; open, high and low stand 0.1, 0.2 and 0.3 off the close."""
    minutes = GRID.minutes(FIRST, FIRST + max(rows) + 1)[rows]
    close = np.array(closes)
    return BarArrays(minutes, close - 0.1, close + 0.2, close - 0.3, close, np.full(len(rows), 7.0))


def test_a_missing_minute_takes_the_previous_close() -> None:
    grid = fill(bars([0, 1, 4], [1.0, 2.0, 3.0]), GRID, FIRST, FIRST + 5, FIRST)
    assert grid.observed.tolist() == [True, True, False, False, True]
    assert grid.age.tolist() == [0, 0, 1, 2, 0]
    for prices in (grid.open, grid.high, grid.low, grid.close):
        assert prices[2:4].tolist() == [2.0, 2.0]
    assert grid.close.tolist() == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert grid.open[4] == pytest.approx(2.9)
    assert grid.volume.tolist() == [7.0, 7.0, 0.0, 0.0, 7.0]


def test_an_earlier_bar_fills_the_start() -> None:
    grid = fill(bars([0, 6], [1.0, 2.0]), GRID, FIRST + 4, FIRST + 8, FIRST)
    assert grid.close.tolist() == [1.0, 1.0, 2.0, 2.0]
    assert grid.age.tolist() == [4, 5, 0, 1]


def test_nothing_before_a_missing_start_is_an_error() -> None:
    with pytest.raises(BqxError, match="no bar at or before"):
        fill(bars([3], [1.0]), GRID, FIRST, FIRST + 5, FIRST)


def test_bars_in_closed_minutes_have_no_row() -> None:
    friday = GRID.spans[1][1500] - 1  # the last minute of a week, then two closed ones
    minutes = np.array([friday, friday + 1, friday + 2])
    ones = np.ones(3)
    kept = open_bars(BarArrays(minutes, ones, ones, ones, ones, ones), GRID)
    assert kept.minutes.tolist() == [friday]


def test_the_index_is_100_at_the_baseline() -> None:
    data = bars([0, 1, 2], [1.07356, 1.08, 1.06])
    base = first_baseline(data)
    assert base is not None
    rate = Domains(fill(data, GRID, FIRST, FIRST + 3, FIRST), base.rate)["rate"]
    assert rate.series[0] == 100.0
    assert np.all(rate.index.low <= rate.index.close)
    assert np.all(rate.index.close <= rate.index.high)
    ratio = rate.index.high / rate.index.open
    assert ratio == pytest.approx((data.high / data.open).tolist(), rel=1e-12)


def test_the_baseline_may_start_later() -> None:
    data = bars([0, 1, 5], [1.0, 2.0, 3.0])
    base = first_baseline(data, int(data.minutes[1]) + 1)
    assert base is not None
    assert (base.minute, base.rate) == (data.minutes[2], 3.0)
    assert first_baseline(data, int(data.minutes[2]) + 1) is None


def series(closes: NDArray[np.float64]) -> NDArray[np.float64]:
    data = bars(list(range(len(closes))), closes.tolist())
    return Domains(fill(data, GRID, FIRST, FIRST + len(closes), FIRST), closes[0])["bqx"].series


def test_bqx_is_positive_when_the_price_has_fallen() -> None:
    falling = np.linspace(1.1, 1.1 - 39e-4, 40)
    found = series(falling)
    assert np.isnan(found[:15]).all()
    # W (W+1)/2 steps of d over I_t: the closed form for a linear price.
    expected = 15 * 16 / 2 * 1e-4 / falling[15:]
    assert found[15:] == pytest.approx(expected.tolist(), rel=1e-9)


def test_bqx_of_a_constant_price_is_zero() -> None:
    assert (series(np.full(30, 1.23456))[15:] == 0.0).all()

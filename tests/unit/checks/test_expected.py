"""The second implementation against slow loops, and against the first one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bqx.checks.expected import Truth, constant, truth
from bqx.domains.domain import Domains
from bqx.domains.grid import BarArrays, fill
from bqx.domains.validity import Validity
from bqx.market import Calendar, TradingWeek, epoch_minute, moment_of

MONDAY = 25_771_680 + 6 * 1440  # 2019-01-07 00:00 UTC


def walk(rows: int, seed: int, *, missing: float = 0.05, jumps: bool = True) -> Truth:
    """Bars on consecutive trading minutes with random gaps, one of them long."""
    rng = np.random.default_rng(seed)
    minutes = Calendar().minutes(*Calendar().row_range(MONDAY - 3 * 1440, MONDAY + 9 * 1440))[:rows]
    keep = rng.random(rows) >= missing
    if jumps:
        keep[rows // 2 : rows // 2 + 25] = False
    keep[[0, -1]] = True
    closes = np.round(1.1 * np.exp(np.cumsum(rng.normal(0, 1e-4, rows))), 5)[keep]
    bars = {"2019_01": (minutes[keep], closes)}
    found = truth("eurusd", bars, Calendar(), (int(minutes[keep][0]), float(closes[0])))
    assert found is not None
    return found


def bars_of(known: Truth) -> BarArrays:
    """The same bars as the families see them."""
    c = known.closes
    return BarArrays(known.minutes[known.bars], open=c, high=c, low=c, close=c, volume=c)


def slow_valid(known: Truth, history: int) -> NDArray[np.bool_]:
    """The NULL rule, row by row, in words."""
    bars = set(known.bars.tolist())
    valid = []
    for t in range(len(known.minutes)):
        window = range(t - history + 1, t + 1)
        observed = sum(row in bars for row in window)
        recent = any(row in bars for row in range(t - 5, t + 1))
        begun = t - history + 1 >= known.start
        valid.append(begun and observed * 10 >= 9 * history and recent)
    return np.array(valid)


@pytest.mark.parametrize("history", [1, 2, 10, 16, 60, 75])
@pytest.mark.parametrize("seed", [1, 2])
def test_validity_agrees_with_a_loop(history: int, seed: int) -> None:
    known = walk(400, seed, missing=0.08)
    expected = slow_valid(known, history)
    assert np.array_equal(known.valid(history, 0, 400), expected)
    assert np.array_equal(known.valid(history, 130, 260), expected[130:260])
    assert 0 < expected.sum() < 400


def test_exactly_90_percent_suffice_and_age_5_is_the_last() -> None:
    minutes = np.arange(MONDAY, MONDAY + 60)
    bars = np.delete(minutes, [20, 21])  # 18 of 20 observed around there
    known = truth("eurusd", {"2019_01": (bars, np.ones(58))}, Calendar(), (MONDAY, 1.0))
    assert known is not None
    assert known.valid(20, 21, 22).all()
    gap = np.delete(minutes, range(30, 37))
    known = truth("eurusd", {"2019_01": (gap, np.ones(53))}, Calendar(), (MONDAY, 1.0))
    assert known is not None
    # The newest bar is at 29: ages 1 … 5 are at 30 … 34. One row of history needs a bar itself.
    assert known.valid(100, 30, 37).sum() == 0
    known_long = Truth("eurusd", np.arange(100), np.arange(90), np.ones(90), 0, 1.0)
    assert known_long.valid(60, 85, 100).tolist() == [True] * 10 + [False] * 5


def test_history_counts_from_the_baseline() -> None:
    known = walk(200, 3, missing=0.0, jumps=False)
    later = Truth("eurusd", known.minutes, known.bars, known.closes, 50, known.baseline)
    assert known.valid(10, 0, 200).argmax() == 9
    assert later.valid(10, 0, 200).argmax() == 59


def test_both_implementations_of_validity_agree() -> None:
    known = walk(6000, 4)
    calendar = Calendar()
    minutes = known.minutes[known.bars]
    arrays = bars_of(known)
    first, last = calendar.row_range(int(minutes[0]), int(minutes[-1]) + 1)
    validity = Validity(fill(arrays, calendar, first, last, first))
    for history in (1, 16, 60, 75, 134, 630, 645, 1259, 1274):
        assert np.array_equal(validity.mask(history), known.valid(history, 0, len(known.minutes)))


def test_positions_skip_closed_minutes() -> None:
    known = walk(9000, 5)
    assert np.array_equal(known.minutes, Calendar().minutes(*_rows(known)))
    friday = int(np.flatnonzero(np.diff(known.minutes) > 1)[0])
    ends = [moment_of(int(known.minutes[friday + k])) for k in (0, 1)]
    assert [f"{e:%a %H:%M}" for e in ends] == ["Fri 21:59", "Sun 22:00"]


def _rows(known: Truth) -> tuple[int, int]:
    return Calendar().row_range(int(known.minutes[0]), int(known.minutes[-1]) + 1)


def test_series_agree_with_the_domains() -> None:
    known = walk(3000, 6)
    calendar = Calendar()
    arrays = bars_of(known)
    first, last = _rows(known)
    domains = Domains(fill(arrays, calendar, first, last, first), known.baseline)
    assert np.array_equal(domains["rate"].series, known.series("rate"))
    np.testing.assert_allclose(known.series("bqx"), domains["bqx"].series, rtol=0, atol=1e-14)


def test_bqx_is_the_sum_of_the_relative_ways_back() -> None:
    known = walk(100, 7)
    index = known.index
    for t in range(15, 100):
        way = sum((index[t - i] - index[t]) / index[t] for i in range(1, 16))
        assert known.bqx[t] == pytest.approx(way, abs=1e-13)
    assert np.isnan(known.bqx[:15]).all()


def slow_flat(values: NDArray[np.float64], window: int) -> NDArray[np.bool_]:
    out = np.zeros(len(values), np.bool_)
    for t in range(window - 1, len(values)):
        part = values[t - window + 1 : t + 1]
        out[t] = ((part - part.mean()) ** 2).sum() < 1e-18
    return out


def test_flat_windows_agree_with_a_loop() -> None:
    known = walk(600, 8, missing=0.0, jumps=False)
    closes = known.closes.copy()
    closes[100:200] = closes[100]
    closes[300:340] = closes[300]
    closes[400:500] = closes[400] + np.arange(100) * 1e-14  # flat but for noise
    still = Truth("eurusd", known.minutes, known.bars, closes, 0, known.baseline)
    for domain in ("rate", "bqx"):
        for window in (20, 60):
            expected = slow_flat(still.series(domain), window)
            assert np.array_equal(still.flat(domain, window, 0, 600), expected), (domain, window)
            assert np.array_equal(still.flat(domain, window, 150, 470), expected[150:470])
    assert still.flat("rate", 60, 0, 600).sum() >= 41 + 41
    assert not known.flat("rate", 60, 0, 600).any()


def test_constant_windows() -> None:
    values = np.array([1.0, 2, 2, 2, 3, np.nan, np.nan, 0.0, -0.0, 0.0])
    assert constant(values, 3).tolist() == [False] * 3 + [True] + [False] * 5 + [True]
    assert constant(values, 2).sum() == 4


def test_a_week_of_its_own_and_bars_outside_it() -> None:
    calendar = Calendar(TradingWeek.parse("Mon 08:00 - Mon 09:00 UTC"))
    minutes = np.array([MONDAY + 470, MONDAY + 480, MONDAY + 530, MONDAY + 540 + 7 * 1440])
    known = truth("eurusd", {"2019_01": (minutes, np.ones(4))}, calendar, (MONDAY + 480, 1.0))
    assert known is not None
    assert known.outside == {"2019_01": 2}
    assert len(known.minutes) == 51
    assert known.bars.tolist() == [0, 50]
    nothing = {"2019_01": (minutes[:1], np.ones(1))}
    assert truth("eurusd", nothing, calendar, (MONDAY, 1.0)) is None


def test_months_are_cut_at_utc_midnight() -> None:
    start = epoch_minute(moment_of(MONDAY).replace(month=1, day=31, hour=23))
    minutes = np.arange(start, start + 120)
    bars = {"2019_01": (minutes[:60], np.ones(60)), "2019_02": (minutes[60:], np.ones(60))}
    known = truth("eurusd", bars, Calendar(), (start, 1.0))
    assert known is not None
    assert known.span("2019_01") == (0, 60)
    assert known.span("2019_02") == (60, 120)

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqx.errors import ConfigError
from bqx.market import FX_WEEK, Calendar, Closure, TradingWeek, calendar, epoch_minute, moment_of


def at(text: str) -> int:
    return epoch_minute(datetime.fromisoformat(text).replace(tzinfo=UTC))


def is_open(grid: Calendar, text: str) -> bool:
    return bool(grid.is_open(np.array([at(text)]))[0])


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("2019-01-06T22:00", "2019-01-11T22:00"),  # winter: UTC-5
        ("2019-07-07T21:00", "2019-07-12T21:00"),  # summer: UTC-4
        ("2019-03-10T21:00", "2019-03-15T21:00"),  # US summer time begins that Sunday
        ("2019-03-17T21:00", "2019-03-22T21:00"),  # Europe still has winter time
        ("2019-11-03T22:00", "2019-11-08T22:00"),  # US summer time ends that Sunday
    ],
)
def test_the_week_follows_new_york(opens: str, closes: str) -> None:
    grid = Calendar()
    minute = timedelta(minutes=1)
    first, end = datetime.fromisoformat(opens), datetime.fromisoformat(closes)
    assert is_open(grid, opens)
    assert not is_open(grid, (first - minute).isoformat())
    assert is_open(grid, (end - minute).isoformat())
    assert not is_open(grid, closes)


def test_every_week_has_7200_minutes() -> None:
    starts, ends = Calendar().spans
    assert set(ends - starts) == {7200}
    assert set(np.diff(starts)) <= {10020, 10080, 10140}


def test_rows_are_running_numbers_of_trading_minutes() -> None:
    grid = Calendar()
    first, last = grid.row_range(at("2019-01-04T21:58"), at("2019-01-06T22:02"))
    assert last - first == 4  # two minutes on Friday, two on Sunday
    minutes = grid.minutes(first, last)
    assert [f"{moment_of(int(m)):%a %H:%M}" for m in minutes] == [
        "Fri 21:58",
        "Fri 21:59",
        "Sun 22:00",
        "Sun 22:01",
    ]


@given(st.integers(at("1990-01-08T00:00"), at("2090-01-01T00:00")))
def test_rows_and_minutes_invert_each_other(minute: int) -> None:
    grid = Calendar()
    row = int(grid.row_at_or_after(np.array([minute]))[0])
    found = int(grid.minutes(row, row + 1)[0])
    assert found >= minute
    assert (found == minute) == bool(grid.is_open(np.array([minute]))[0])


def test_order_does_not_matter() -> None:
    grid = Calendar()
    minutes = at("2019-01-01T00:00") + np.random.default_rng(0).permutation(40_000)
    rows, flags = grid.row_at_or_after(minutes), grid.is_open(minutes)
    order = np.argsort(minutes)
    assert np.array_equal(rows[order], grid.row_at_or_after(minutes[order]))
    assert np.array_equal(flags[order], grid.is_open(minutes[order]))
    alone = [int(grid.row_at_or_after(minutes[[k]])[0]) for k in range(50)]
    assert rows[:50].tolist() == alone


def test_a_holiday_has_no_rows() -> None:
    plain, grid = Calendar(), calendar(holidays=["2018-12-25"])
    day = (at("2018-12-25T00:00"), at("2018-12-26T00:00"))
    assert grid.row_range(*day)[0] == grid.row_range(*day)[1]
    assert plain.row_range(*day)[1] - plain.row_range(*day)[0] == 1440
    assert not is_open(grid, "2018-12-25T12:00")
    assert is_open(grid, "2018-12-24T23:59")
    assert is_open(grid, "2018-12-26T00:00")


def test_holidays_may_be_spans_and_may_overlap() -> None:
    grid = calendar(holidays=["2018-12-25", "2018-12-24T22:00/2018-12-25T22:00"])
    first, last = grid.row_range(at("2018-12-24T00:00"), at("2018-12-27T00:00"))
    assert last - first == 22 * 60 + 24 * 60


def test_a_shorter_week() -> None:
    grid = calendar("Mon 00:00 - Fri 21:00 UTC")
    starts, ends = grid.spans
    assert set(ends - starts) == {5 * 1440 - 180}
    assert not is_open(grid, "2019-01-06T22:00")
    assert grid.identity != Calendar().identity


def test_texts_read_back() -> None:
    for text in (str(FX_WEEK), "Mon 00:00 - Fri 21:00 UTC", "Sun 22:00 - Fri 22:00 UTC"):
        assert str(TradingWeek.parse(text)) == text
    closure = Closure.parse("2018-12-25")
    assert Closure.parse(str(closure)) == closure


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon-Fri",
        "Xyz 00:00 - Fri 21:00 UTC",
        "Mon 25:00 - Fri 21:00 UTC",
        "Mon 00:00 - Fri 21:00 Mars/Base",
    ],
)
def test_unreadable_weeks(text: str) -> None:
    with pytest.raises(ConfigError, match="unreadable trading week"):
        TradingWeek.parse(text)


@pytest.mark.parametrize("text", ["", "25 Dec", "2018-12-26/2018-12-25", "2018-02-30"])
def test_unreadable_holidays(text: str) -> None:
    with pytest.raises(ConfigError, match="unreadable holiday"):
        Closure.parse(text)

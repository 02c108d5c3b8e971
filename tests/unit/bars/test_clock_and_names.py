"""Clocks by name, their daylight saving, and pairs in file names."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from bqx.bars.clock import BROKER, UTC_CLOCK, Clock, parse_clock, place
from bqx.bars.names import pair_in, settle_pair
from bqx.errors import ClockError, InputFileError, UnknownNameError


@pytest.mark.parametrize(
    ("text", "clock", "shown"),
    [
        ("UTC", UTC_CLOCK, "UTC"),
        ("gmt", UTC_CLOCK, "UTC"),
        ("UTC+3", Clock("UTC", 180), "UTC+03:00"),
        ("UTC-05:30", Clock("UTC", -330), "UTC-05:30"),
        ("utc +2", Clock("UTC", 120), "UTC+02:00"),
        ("New York +7", BROKER, "America/New_York +07:00"),
        ("America/New_York +7", BROKER, "America/New_York +07:00"),
        ("Europe/London -05:00", Clock("Europe/London", -300), "Europe/London -05:00"),
        ("Etc/GMT+3", Clock("Etc/GMT+3"), "Etc/GMT+3"),
        ("Asia/Tokyo", Clock("Asia/Tokyo"), "Asia/Tokyo"),
    ],
)
def test_clocks_are_read_and_shown(text: str, clock: Clock, shown: str) -> None:
    assert parse_clock(text) == clock
    assert str(clock) == shown
    assert parse_clock(shown) == clock


@pytest.mark.parametrize("text", ["", "Mars/Olympus", "UTC+", "../etc/passwd", "New Yrk +7"])
def test_unknown_clocks_are_errors(text: str) -> None:
    with pytest.raises(ClockError, match="unknown time zone"):
        parse_clock(text)


def _utc(clock: Clock, wall: datetime) -> datetime | None:
    frame = pl.DataFrame({"wall": [wall.replace(tzinfo=None)]})
    value: datetime | None = frame.select(clock.to_utc(pl.col("wall"))).item()
    return value


@pytest.mark.parametrize(
    ("month", "hour"),
    [(1, 22), (3, 21), (7, 21), (10, 21), (11, 22)],  # 2024-03-15 and 2024-10-28: New York summer
)
def test_midnight_of_the_broker_clock_is_the_new_york_close(month: int, hour: int) -> None:
    day = {1: 16, 3: 16, 7: 16, 10: 29, 11: 16}[month]
    expected = datetime(2024, month, day - 1, hour, tzinfo=UTC)
    assert _utc(BROKER, datetime(2024, month, day, tzinfo=UTC)) == expected


def test_an_hour_that_never_was_is_unreadable() -> None:
    rows = pl.DataFrame(
        {
            "wall": [datetime(2024, 3, 10, 2, 30), datetime(2024, 3, 10, 3, 30)],  # noqa: DTZ001
            "reason": [None, None],
            "detail": [None, None],
        },
        schema_overrides={"reason": pl.String, "detail": pl.String},
    )
    placed = place(rows, Clock("America/New_York"))
    assert placed["reason"].to_list() == ["unreadable", None]
    assert placed["detail"][0] == "the clock America/New_York skips this hour"
    assert placed["ts_utc"].to_list() == [None, datetime(2024, 3, 10, 7, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    "name",
    [
        "DAT_ASCII_EURUSD_M1_2018.csv",
        "frxEURUSD_M1_201901.csv.gz",
        "EURUSD1.csv",
        "eurusd.parquet",
        "EUR_USD.csv",
        "bars of EUR-USD 2020.csv",
        "EURUSD_Candlestick_1_M_BID_01.07.2018-08.07.2018.csv",
    ],
)
def test_pairs_in_names(name: str) -> None:
    assert pair_in(name) == "eurusd"


@pytest.mark.parametrize("name", ["bars.csv", "XAUUSD.csv", "MYEURUSDX.csv", "EUR.csv"])
def test_names_without_a_pair(name: str) -> None:
    assert pair_in(name) is None


def test_the_pair_is_settled_between_user_and_file() -> None:
    assert settle_pair("f", None, "eurusd") == "eurusd"
    assert settle_pair("f", "EUR/USD", None) == "eurusd"
    assert settle_pair("f", "EUR/USD", "eurusd") == "eurusd"
    with pytest.raises(InputFileError, match="gbpusd was asked for"):
        settle_pair("f", "gbpusd", "eurusd")
    with pytest.raises(InputFileError, match="cannot be told"):
        settle_pair("f", None, None)
    with pytest.raises(UnknownNameError, match="other way round"):
        settle_pair("f", "usdeur", None)

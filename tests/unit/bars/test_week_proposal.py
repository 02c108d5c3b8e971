"""A shorter week is proposed where hours never have bars, and only there."""

from __future__ import annotations

from datetime import time

import numpy as np
import polars as pl
import pytest

from barfiles import quiet_bars
from bqx.bars.weekhull import MIN_WEEKS, propose_week
from bqx.market import FX_WEEK, Calendar, TradingWeek

# Ten weeks around the change of New York time on 2024-03-10.
YEAR = quiet_bars("2024-02-04T22:00", 70)


def _keep(week: str) -> pl.DataFrame:
    minutes = YEAR["ts_utc"].dt.epoch("s").to_numpy() // 60
    is_open = Calendar(TradingWeek.parse(week)).is_open(minutes.astype(np.int64))
    return YEAR.filter(pl.Series(is_open))


def test_the_whole_week_needs_no_proposal() -> None:
    assert propose_week(YEAR, FX_WEEK) is None


@pytest.mark.parametrize(
    "week",
    [
        "Mon 00:00 - Fri 20:00 UTC",
        "Mon 06:30 - Fri 17:15 UTC",
        "Sun 19:00 - Fri 16:30 America/New_York",
        "Sun 17:00 - Thu 17:00 America/New_York",
    ],
)
def test_the_week_of_a_source_is_found_in_its_own_zone(week: str) -> None:
    assert propose_week(_keep(week), FX_WEEK) == week


def test_stragglers_and_holidays_do_not_count() -> None:
    day, minute = pl.col("ts_utc").dt.weekday(), pl.col("ts_utc").dt.time()
    straggler = (day == 5) & (minute == time(20, 0)) & (pl.col("ts_utc").dt.week() % 4 != 0)
    bars = (
        pl.concat([_keep("Mon 00:00 - Fri 20:00 UTC"), YEAR.filter(straggler)])
        .unique()
        .sort("ts_utc")
    )
    assert bars.filter(minute == time(20, 0), day == 5).height >= 6
    holiday = bars.filter(pl.col("ts_utc").dt.date() != pl.date(2024, 4, 1))
    assert propose_week(holiday, FX_WEEK) == "Mon 00:00 - Fri 20:00 UTC"


def test_less_than_an_hour_is_not_worth_a_week() -> None:
    assert propose_week(_keep("Sun 17:15 - Fri 16:30 America/New_York"), FX_WEEK) is None


def test_few_weeks_prove_nothing() -> None:
    bars = _keep("Mon 00:00 - Fri 20:00 UTC")
    days = 7 * MIN_WEEKS + 7
    last = bars["ts_utc"][0]
    few = bars.filter(pl.col("ts_utc") < pl.lit(last) + pl.duration(days=days))
    assert propose_week(few, FX_WEEK) is None
    more = bars.filter(pl.col("ts_utc") < pl.lit(last) + pl.duration(days=days + 7))
    assert propose_week(more, FX_WEEK) == "Mon 00:00 - Fri 20:00 UTC"


def test_a_week_that_is_already_short_needs_no_other() -> None:
    week = "Mon 00:00 - Fri 20:00 UTC"
    assert propose_week(_keep(week), TradingWeek.parse(week)) is None


def test_no_bars_no_proposal() -> None:
    assert propose_week(YEAR.clear(), FX_WEEK) is None

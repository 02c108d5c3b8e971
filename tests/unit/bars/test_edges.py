"""A clock is proven, or disproven, by the open and close of weeks."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from bqx.bars.clock import Clock, parse_clock
from bqx.bars.edges import contradictions, edges, segments, suspicion, verify
from bqx.errors import ClockError

NEW_YORK = ZoneInfo("America/New_York")


def _weeks(first: str, count: int, opens: str = "17:00", closes: str = "16:59") -> pl.Series:
    """Bars every half hour of New York weeks; ``first`` is a Sunday."""
    times = []
    for week in range(count):
        sunday = datetime.fromisoformat(f"{first}T{opens}") + timedelta(weeks=week)
        friday = datetime.fromisoformat(f"{first}T{closes}") + timedelta(weeks=week, days=5)
        steps = int((friday - sunday) / timedelta(minutes=30))
        times += [sunday + timedelta(minutes=30 * k) for k in range(steps + 1)] + [friday]
    aware = [t.replace(tzinfo=NEW_YORK) for t in times]
    return pl.Series(aware).dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def _misread(truth: pl.Series, written: str, read: str) -> pl.Series:
    """Times written by one clock and read by another."""
    clock, wrong = parse_clock(written), parse_clock(read)
    wall = truth.dt.convert_time_zone(clock.zone).dt.replace_time_zone(None)
    frame = pl.DataFrame({"wall": wall + timedelta(minutes=clock.shift)})
    return frame.select(wrong.to_utc(pl.col("wall"))).to_series()


def test_edges_are_measured_from_the_fx_week() -> None:
    opens, closes = edges(_weeks("2024-01-07", 4, "17:05", "16:29"))
    assert [edge.late for edge in opens] == [5, 5, 5]  # the first open has no gap before it
    assert [edge.late for edge in closes] == [-30, -30, -30]


def test_outages_and_holidays_are_no_edges() -> None:
    truth = _weeks("2024-01-07", 4)
    wall = truth.dt.convert_time_zone("America/New_York")
    outage = (wall.dt.weekday() == 7) & wall.dt.hour().is_between(18, 20)
    holiday = (wall.dt.weekday() == 3) & (wall.dt.day() == 17)
    assert outage.sum() == 24
    assert holiday.sum() == 48
    assert edges(truth.filter(~(outage | holiday))) == edges(truth)


def test_segments_end_where_new_york_or_london_changes() -> None:
    spans = segments(_weeks("2024-01-07", 46))
    counts = [len(span.opens) for span in spans]
    # 2024: New York 10 March, London 31 March, London 27 October, New York 3 November.
    assert counts == [8, 3, 30, 1, 3]
    assert contradictions(spans) == []


def test_a_right_clock_is_silent() -> None:
    assert verify("f", "right", _weeks("2024-01-07", 46)) == ()
    assert suspicion(_weeks("2024-01-07", 46)) == ()


@pytest.mark.parametrize(
    ("written", "read", "wrong"),
    [
        ("UTC-5", "America/New_York", 3),
        ("America/New_York", "UTC-5", 3),
        ("Europe/London -5", "America/New_York", 2),  # four of 46 weeks are wrong
        ("America/New_York", "Europe/London -5", 2),
        ("UTC", "Europe/London", 1),
        ("Europe/London -5", "Europe/London -4", 5),
        ("Europe/London -5", "Europe/London -6", 5),
    ],
)
def test_a_wrong_clock_is_found_in_the_weeks_where_it_is_wrong(
    written: str, read: str, wrong: int
) -> None:
    misread = _misread(_weeks("2024-01-07", 46), written, read)
    assert len(contradictions(segments(misread))) == wrong
    with pytest.raises(ClockError, match="contradict the FX week"):
        verify("f", read, misread)
    assert suspicion(misread)


def test_a_short_week_is_checked_for_constancy() -> None:
    truth = _weeks("2001-01-07", 46, "19:00", "16:29")
    (note,) = verify("f", "America/New_York", truth)
    assert "weeks open Sun 19:00, close Fri 16:30 New York time" in note
    # Read an hour early in summer, the weeks lie inside the FX week but do not stand still.
    winter = _misread(truth, "America/New_York", "UTC-5")
    early = winter.to_frame("t").select(pl.col("t") - pl.duration(hours=1)).to_series()
    assert suspicion(early) == ()
    with pytest.raises(ClockError, match="contradict the FX week"):
        verify("f", "UTC-6", early)


def test_a_late_open_on_a_holiday_contradicts_nothing() -> None:
    truth = _weeks("2024-01-07", 46)
    holiday = datetime(2024, 10, 27, 21, tzinfo=ZoneInfo("UTC"))  # the one week of its segment
    cut = truth.filter(~truth.is_between(holiday, holiday + timedelta(hours=6)))
    assert verify("f", "right", cut) == ()


def test_bars_without_a_weekend_prove_nothing() -> None:
    (note,) = verify("f", "UTC", _weeks("2024-01-07", 1))
    assert note == "the clock UTC is unverified: the file holds no open or close of a week"
    assert verify("f", str(Clock("UTC")), pl.Series([], dtype=pl.Datetime("us", "UTC"))) == (note,)

"""Groups of rows: known at t, with borders from training rows alone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError
from bqx.market.week import Calendar, epoch_minute, moment_of
from bqx.models.grouping import Bins, by_month, by_session

CALENDAR = Calendar()
FIRST, LAST = CALENDAR.row_range(
    epoch_minute(datetime(2019, 1, 30, tzinfo=UTC)), epoch_minute(datetime(2019, 2, 3, tzinfo=UTC))
)
ROWS = np.arange(FIRST, LAST)
TIMES = [moment_of(int(m)) for m in CALENDAR.minutes(FIRST, LAST)]


def test_months_and_sessions_are_those_of_the_clock() -> None:
    order = np.random.default_rng(0).permutation(len(ROWS))
    months = by_month(CALENDAR, ROWS[order])
    assert months.labels == ("2019_01", "2019_02")
    assert [months.labels[c] for c in months.codes] == [f"{TIMES[k]:%Y_%m}" for k in order]
    sessions = by_session(CALENDAR, ROWS)
    hours = {label: {TIMES[k].hour for k in np.flatnonzero(mask)} for label, mask in sessions}
    assert hours == {
        "Asia": set(range(8)),
        "London": set(range(8, 13)),
        "London and New York": {13, 14, 15},
        "New York": set(range(16, 21)),
        "quiet": {21, 22, 23},
    }
    assert sessions.outside == 0


def test_terciles_are_fitted_on_training_rows_and_say_so() -> None:
    rng = np.random.default_rng(1)
    volatility = rng.exponential(size=len(ROWS))
    volatility[:5] = np.nan
    train = Ranges.of((FIRST, FIRST + 2000))
    bins = Bins.volatility(ROWS, volatility, train)
    assert bins.rows == Ranges.of((FIRST + 5, FIRST + 2000))
    later = np.where(train.mask(ROWS), volatility, 1e9)
    assert Bins.volatility(ROWS, later, train) == bins
    groups = bins.groups(volatility[:2000])
    assert groups.outside == 5
    assert [int(mask.sum()) for _, mask in groups] == pytest.approx([665] * 3, abs=1)


def test_trend_is_flat_around_zero() -> None:
    strength = np.linspace(-2.0, 4.0, len(ROWS))
    bins = Bins.trend(ROWS, strength, Ranges.of((FIRST, LAST)))
    assert bins.edges[0] == -bins.edges[1]
    groups = {label: strength[mask] for label, mask in bins.groups(strength)}
    assert groups["down"].max() < bins.edges[0] <= groups["flat"].min()
    assert groups["flat"].max() < bins.edges[1] <= groups["up"].min()
    assert len(groups["flat"]) == pytest.approx(len(ROWS) / 3, abs=2)


def test_nothing_to_group_is_refused() -> None:
    with pytest.raises(ConfigError, match="no rows"):
        by_session(CALENDAR, np.empty(0, np.int64))
    with pytest.raises(ConfigError, match="no training rows"):
        Bins.trend(ROWS, np.zeros(len(ROWS)), Ranges())

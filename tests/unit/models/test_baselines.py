"""Baselines: what they forecast, and that they see nothing outside of their fold."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.dataset.fitscope import Fitted
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError
from bqx.market.week import Calendar
from bqx.models.baselines import Climatology, Known, Persistence, fit_baselines, week_minute

CALENDAR = Calendar()
WEEK = 7200
FIRST = CALENDAR.row_range(25_000_000, 25_000_001)[0] // WEEK * WEEK
ROWS = np.arange(FIRST, FIRST + 6 * WEEK)
TRAIN = Ranges.of((FIRST, FIRST + 5 * WEEK))


def values() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    rng = np.random.default_rng(0)
    return 0.01 * week_minute(CALENDAR, ROWS) + rng.normal(size=len(ROWS))


def test_all_baselines_forecast_and_know_their_rows() -> None:
    y = values()
    known = Known(ROWS, expected=y + 1.0, now=y + 2.0)
    found = fit_baselines(ROWS, y, "level", CALENDAR, TRAIN)
    assert list(found) == ["martingale", "persistence", "zero", "climatology"]
    for baseline in found.values():
        assert isinstance(baseline, Fitted)
        assert baseline.rows.minus(TRAIN) == Ranges()
        assert baseline.forecast(known).shape == ROWS.shape
    assert np.array_equal(found["martingale"].forecast(known), y + 1.0)
    assert np.array_equal(found["persistence"].forecast(known), y + 2.0)
    assert not found["zero"].forecast(known).any()
    assert not Persistence("change").forecast(known).any()


def test_climatology_is_the_mean_by_minute_of_the_week_of_training_rows_alone() -> None:
    y = values()
    fitted = Climatology.fit(ROWS, y, CALENDAR, TRAIN, least=5)
    slot = 4321
    inside = TRAIN.mask(ROWS) & (week_minute(CALENDAR, ROWS) == slot)
    assert fitted.means[slot] == pytest.approx(y[inside].mean())
    assert fitted.rows == TRAIN
    changed = np.where(TRAIN.mask(ROWS), y, 1e9)
    again = Climatology.fit(ROWS, changed, CALENDAR, TRAIN, least=5)
    assert np.array_equal(fitted.means, again.means)


def test_minutes_with_few_targets_get_the_overall_mean_and_are_counted() -> None:
    y = values()
    y[:3] = np.nan
    fitted = Climatology.fit(ROWS, y, CALENDAR, TRAIN, least=5)
    assert fitted.fallbacks(ROWS[:10]) == 3
    known = Known(ROWS[:10], y[:10], y[:10])
    assert np.all(fitted.forecast(known)[:3] == fitted.overall)
    assert fitted.rows == TRAIN.minus(Ranges.of((FIRST, FIRST + 3)))
    short = Climatology.fit(ROWS, y, CALENDAR, Ranges.of((FIRST, FIRST + 100)), least=1)
    assert short.fallbacks(ROWS[50:150]) == 50
    assert short.forecast(Known(ROWS[100:101], y[:1], y[:1]))[0] == short.overall


def test_minutes_of_the_week_follow_the_opening_through_daylight_saving() -> None:
    slots = week_minute(CALENDAR, np.arange(FIRST, FIRST + 60 * WEEK, 61))
    assert slots.min() >= 0
    assert slots.max() < WEEK
    assert np.array_equal(slots, np.arange(0, 60 * WEEK, 61) % WEEK)
    assert len(week_minute(CALENDAR, np.empty(0, np.int64))) == 0


def test_nothing_to_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="climatology of 0 targets"):
        Climatology.fit(ROWS, values(), CALENDAR, Ranges())

"""Forecasts that need no model: the martingale, persistence, zero, climatology.

Each is an object that says on which rows it was fitted, like a model, so the same checks apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import Ranges
from bqx.dataset.target import Kind
from bqx.errors import ConfigError
from bqx.market.week import Calendar

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOTHING = Ranges()
"""What a rule without parameters has seen."""


@dataclass(frozen=True, eq=False)
class Known:
    """What a baseline may use, all of it known at row t.

    Args:
        rows: Absolute grid row t, shape (n,).
        expected: Conditional mean of the target under the martingale, shape (n,).
        now: B_W(t), the value of the target's series at t, shape (n,).
    """

    rows: Ints
    expected: Floats
    now: Floats


class Baseline(Protocol):
    """A forecast rule that was fitted on some rows, and knows them."""

    @property
    def rows(self) -> Ranges:
        """The rows whose targets it has seen."""

    def forecast(self, known: Known) -> Floats:
        """A forecast of the target of each row, shape (n,)."""


@dataclass(frozen=True)
class Martingale:
    """The conditional mean if prices cannot be forecast: what overlap alone gives."""

    rows: Ranges = NOTHING

    def forecast(self, known: Known) -> Floats:
        """The expected column."""
        return known.expected.copy()


@dataclass(frozen=True)
class Persistence:
    """What is, stays: B_W(t) for the level, no change for the kinds that are differences.

    Args:
        kind: Kind of the target.
        rows: The rows that it has seen: none.
    """

    kind: Kind
    rows: Ranges = NOTHING

    def forecast(self, known: Known) -> Floats:
        """B_W(t) for the level, otherwise 0: no change, no direction, nothing unknown."""
        return known.now.copy() if self.kind == "level" else np.zeros(len(known.rows))


@dataclass(frozen=True)
class Zero:
    """Always 0."""

    rows: Ranges = NOTHING

    def forecast(self, known: Known) -> Floats:
        """Zeros."""
        return np.zeros(len(known.rows))


@dataclass(frozen=True, eq=False)
class Climatology:
    """The mean of the target by minute of the trading week, over the training rows.

    Attributes:
        rows: The rows that it was fitted on.
        calendar: Numbers the minutes of a week, from its opening.
        means: Mean by minute of the week; the overall mean where there are too few.
        counts: Training targets behind each minute of the week.
        overall: Mean of all training targets.
        least: Targets that a minute needs for a mean of its own.
    """

    rows: Ranges
    calendar: Calendar
    means: Floats
    counts: Ints
    overall: float
    least: int

    @classmethod
    def fit(
        cls, rows: Ints, values: Floats, calendar: Calendar, within: Ranges, *, least: int = 4
    ) -> Self:
        """Fit inside a fold.

        Args:
            rows: Absolute grid rows; several pairs may follow each other.
            values: Their targets; NaN where masked.
            calendar: The grid of the rows.
            within: The training rows; targets of other rows are not read.
            least: Targets that a minute of the week needs for a mean of its own.

        Raises:
            ConfigError: If no training row has a target, or ``least`` is below 1.
        """
        used = within.mask(rows) & np.isfinite(values)
        if not used.any() or least < 1:
            raise ConfigError(
                f"a climatology of {np.count_nonzero(used)} targets, at least {least} a minute",
                expected="a target in the training rows, and at least 1",
            )
        slots = week_minute(calendar, rows[used])
        size = int(slots.max()) + 1
        counts = np.bincount(slots, minlength=size)
        sums = np.bincount(slots, weights=values[used], minlength=size)
        overall = float(values[used].mean())
        enough = counts >= least
        means = np.divide(sums, counts, out=np.full(size, overall), where=enough)
        return cls(Ranges.from_rows(rows[used]), calendar, means, counts, overall, least)

    def forecast(self, known: Known) -> Floats:
        """The mean of each row's minute of the week, or the overall mean."""
        slots = week_minute(self.calendar, known.rows)
        inside = slots < len(self.means)
        return np.where(inside, self.means[np.where(inside, slots, 0)], self.overall)

    def fallbacks(self, rows: Ints) -> int:
        """How many of the rows get the overall mean, for want of targets in their minute."""
        slots = week_minute(self.calendar, rows)
        inside = slots < len(self.counts)
        enough = inside & (self.counts[np.where(inside, slots, 0)] >= self.least)
        return int(np.count_nonzero(~enough))


def week_minute(calendar: Calendar, rows: Ints) -> Ints:
    """Minutes from the opening of the trading week to each row, so daylight saving is followed."""
    if not len(rows):
        return np.empty(0, np.int64)
    first = int(rows.min())
    minutes = calendar.minutes(first, int(rows.max()) + 1)[rows - first]
    opens, _ = calendar.week.sessions()
    return np.asarray(minutes - opens[np.searchsorted(opens, minutes, side="right") - 1])


def fit_baselines(
    rows: Ints, values: Floats, kind: Kind, calendar: Calendar, within: Ranges
) -> dict[str, Baseline]:
    """All baselines of a target, fitted inside a fold; see `Climatology.fit` for the arguments."""
    return {
        "martingale": Martingale(),
        "persistence": Persistence(kind),
        "zero": Zero(),
        "climatology": Climatology.fit(rows, values, calendar, within),
    }

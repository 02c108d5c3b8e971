"""Groups of rows by which scores are broken down: session, volatility, trend, month.

A group is known at row t: it never depends on the target. Borders that data determine are fitted
on training rows and remember them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError
from bqx.families.time import ASIA, DAY, LONDON, NEW_YORK, OVERLAP, QUIET
from bqx.market.week import Calendar, moment_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SESSIONS = ("Asia", "London", "London and New York", "New York", "quiet")
_OPENINGS = (ASIA, LONDON, OVERLAP, NEW_YORK, QUIET)
TERCILES = ("low volatility", "middle volatility", "high volatility")
TRENDS = ("down", "flat", "up")


@dataclass(frozen=True, eq=False)
class Groups:
    """A division of rows.

    Attributes:
        name: What divides them.
        labels: Names of the groups.
        codes: Index of each row's group, shape (n,); -1 where it has none.
    """

    name: str
    labels: tuple[str, ...]
    codes: Ints

    def __iter__(self) -> Iterator[tuple[str, Bools]]:
        """Label and mask of each group that has rows."""
        for code, label in enumerate(self.labels):
            mask = self.codes == code
            if mask.any():
                yield label, mask

    @property
    def outside(self) -> int:
        """Rows in no group."""
        return int(np.count_nonzero(self.codes < 0))


def by_session(calendar: Calendar, rows: Ints) -> Groups:
    """The trading session of each row, by the times in UTC of the `time` table."""
    minute_of_day = _minutes(calendar, rows) % DAY
    codes = np.searchsorted(_OPENINGS, minute_of_day, side="right") - 1
    return Groups("session", SESSIONS, np.asarray(codes, np.int64))


def by_month(calendar: Calendar, rows: Ints) -> Groups:
    """The calendar month of each row in UTC, ``yyyy_mm``."""
    days, place = np.unique(_minutes(calendar, rows) // DAY, return_inverse=True)
    names = [f"{moment_of(int(day) * DAY):%Y_%m}" for day in days]
    labels = sorted(set(names))
    of_day = np.array([labels.index(name) for name in names], np.int64)
    return Groups("month", tuple(labels), of_day[place])


@dataclass(frozen=True)
class Bins:
    """Bins of a quantity known at t, with edges fitted on training rows.

    Attributes:
        name: What is binned.
        labels: Names of the bins, from low to high.
        edges: Inner borders, ascending; a value on a border belongs to the bin above it.
        rows: The rows that they were fitted on.
    """

    name: str
    labels: tuple[str, ...]
    edges: tuple[float, ...]
    rows: Ranges

    @classmethod
    def volatility(cls, rows: Ints, values: Floats, within: Ranges) -> Self:
        """Terciles of a volatility over the training rows.

        Args:
            rows: Absolute grid row of each value.
            values: The volatility; NaN where it is not known.
            within: The training rows; values of other rows are not read.

        Raises:
            ConfigError: If no training row has a value.
        """
        used = _used(rows, values, within, "volatility")
        edges = np.quantile(values[used], [1.0 / 3.0, 2.0 / 3.0])
        return cls("volatility", TERCILES, tuple(edges.tolist()), Ranges.from_rows(rows[used]))

    @classmethod
    def trend(cls, rows: Ints, values: Floats, within: Ranges) -> Self:
        """Down, flat and up: flat is the third of the training rows nearest to 0.

        Args:
            rows: Absolute grid row of each value.
            values: A signed strength of trend, positive when prices rise; NaN where not known.
            within: The training rows; values of other rows are not read.

        Raises:
            ConfigError: If no training row has a value.
        """
        used = _used(rows, values, within, "trend")
        edge = float(np.quantile(np.abs(values[used]), 1.0 / 3.0))
        return cls("trend", TRENDS, (-edge, edge), Ranges.from_rows(rows[used]))

    def groups(self, values: Floats) -> Groups:
        """The bin of each value; none for NaN."""
        codes = np.searchsorted(self.edges, values, side="right")
        return Groups(self.name, self.labels, np.where(np.isnan(values), -1, codes))


def _used(rows: Ints, values: Floats, within: Ranges, name: str) -> Bools:
    used = within.mask(rows) & np.isfinite(values)
    if not used.any():
        raise ConfigError(f"bins of {name} from no training rows", expected="at least one value")
    return np.asarray(used)


def _minutes(calendar: Calendar, rows: Ints) -> Ints:
    """Epoch minute of each row; rows in any order."""
    if not len(rows):
        raise ConfigError("groups of no rows", expected="at least one row")
    first = int(rows.min())
    return calendar.minutes(first, int(rows.max()) + 1)[rows - first]

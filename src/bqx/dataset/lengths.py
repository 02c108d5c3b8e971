"""Lengths of training and test blocks: grid rows, or days and months of the calendar in UTC."""

from __future__ import annotations

import calendar as dates
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from bqx.errors import ConfigError
from bqx.market import Calendar, epoch_minute, moment_of

Unit = Literal["rows", "days", "months"]

WHOLE = 0.9
"""Part of a period's trading minutes that must be there for it to count as whole.

Months begin and end with holidays on which nobody trades.
"""

_FORM = re.compile(r"^(\d+)([DM]?)$")
_UNITS: dict[str, Unit] = {"": "rows", "D": "days", "M": "months"}


@dataclass(frozen=True)
class Length:
    """A number of grid rows, days or months.

    Args:
        count: How many, at least one.
        unit: Of what.
    """

    count: int
    unit: Unit

    @classmethod
    def parse(cls, value: int | str) -> Length:
        """Read ``6M``, ``30D``, or a number of rows.

        Raises:
            ConfigError: If it is none of these, or zero.
        """
        match = _FORM.match(str(value).strip().upper())
        if match is None or int(match[1]) < 1:
            raise ConfigError(
                f"unreadable length {value!r}",
                expected="months, days or rows, at least one",
                hint="for example 6M, 30D or 43200",
            )
        return cls(int(match[1]), _UNITS[match[2]])

    def __str__(self) -> str:
        """The form that ``parse`` reads."""
        return f"{self.count}{ {'rows': '', 'days': 'D', 'months': 'M'}[self.unit] }"

    def shift(self, position: int, times: int = 1) -> int:
        """A position that many lengths later; earlier where ``times`` is negative.

        Args:
            position: A row, where the length is in rows; else an epoch minute. From a day that the
                other month does not have, months lead to its last day.
            times: How many lengths.
        """
        steps = self.count * times
        if self.unit == "rows":
            return position + steps
        moment = moment_of(position)
        if self.unit == "days":
            return epoch_minute(moment + timedelta(days=steps))
        return epoch_minute(_months_later(moment, steps))

    def begin(self, minute: int) -> int:
        """First epoch minute of the day or month that an epoch minute lies in."""
        moment = moment_of(minute)
        day = 1 if self.unit == "months" else moment.day
        return epoch_minute(datetime(moment.year, moment.month, day, tzinfo=UTC))


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, dates.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def row_of(calendar: Calendar, minute: int) -> int:
    """Row of the first trading minute at or after an epoch minute."""
    return int(calendar.row_at_or_after(np.array([minute], np.int64))[0])


def minute_of(calendar: Calendar, row: int) -> int:
    """Epoch minute of a row."""
    return int(calendar.minutes(row, row + 1)[0])


def is_whole(period: tuple[int, int], first: int, stop: int) -> bool:
    """Whether enough of a period's rows lie within ``[first, stop)``.

    Args:
        period: Its rows, half-open.
        first: First row that there is.
        stop: One after the last.
    """
    low, high = period
    present = min(high, stop) - max(low, first)
    return present >= WHOLE * (high - low) and present > 0

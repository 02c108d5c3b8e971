"""Calendar months in UTC, written ``yyyy_mm`` as in partition names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bqx.errors import ConfigError
from bqx.market.week import epoch_minute, moment_of

_MONTH = re.compile(r"^(\d{4})[-_](0[1-9]|1[0-2])$")


def parse_month(text: str) -> str:
    """Read ``2019-01`` or ``2019_01``.

    Raises:
        ConfigError: If the text is no month.
    """
    match = _MONTH.match(text.strip())
    if match is None:
        raise ConfigError(
            f"unreadable month {text!r}", expected="YYYY-MM", hint="for example 2019-01"
        )
    return f"{match[1]}_{match[2]}"


def select_months(spec: str | Sequence[str] | None, available: Iterable[str]) -> tuple[str, ...]:
    """The available months that a selection names.

    Args:
        spec: ``2019-01``, a range ``2019-01:2019-03`` with both ends included and either end
            optional, several of these separated by commas or as a list; None for all.
        available: Months that exist, ``yyyy_mm``.

    Raises:
        ConfigError: If a part cannot be read, or a range ends before it starts.
    """
    months = sorted(available)
    if spec is None:
        return tuple(months)
    parts = spec.split(",") if isinstance(spec, str) else list(spec)
    ranges = [_range(part) for part in parts]
    return tuple(m for m in months if any(low <= m <= high for low, high in ranges))


def _range(part: str) -> tuple[str, str]:
    low, colon, high = part.strip().partition(":")
    if not colon:
        return parse_month(low), parse_month(low)
    first = parse_month(low) if low else "0000_00"
    last = parse_month(high) if high else "9999_99"
    if last < first:
        raise ConfigError(f"month range {part!r} ends before it starts", expected="FIRST:LAST")
    return first, last


def month_bounds(month: str) -> tuple[int, int]:
    """First epoch minute of a month, and of the next one."""
    year, number = int(month[:4]), int(month[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return _minute(year, number), _minute(*following)


def _minute(year: int, month: int) -> int:
    return epoch_minute(datetime(year, month, 1, tzinfo=UTC))


def month_of(minute: int) -> str:
    """The month of an epoch minute."""
    return f"{moment_of(minute):%Y_%m}"


def months_between(first: int, last: int) -> tuple[str, ...]:
    """The months from that of epoch minute ``first`` to that of ``last``, both included."""
    months = [month_of(first)]
    while months[-1] < month_of(last):
        months.append(month_of(month_bounds(months[-1])[1]))
    return tuple(months)

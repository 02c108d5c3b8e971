"""Estimating a broker's server clock from the weeks in its bars."""

from __future__ import annotations

import polars as pl

from bqx.bars.clock import BROKER, Clock
from bqx.bars.edges import TOLERANCE, describe, describe_usual, segments
from bqx.errors import ClockError

CANDIDATES: tuple[Clock, ...] = (BROKER, *(Clock("UTC", 60 * h) for h in range(-12, 15)))
"""The clocks that are tried: New York +7, and every fixed offset of whole hours."""


def estimate_clock(label: str, wall: pl.Series) -> tuple[Clock, tuple[str, ...]]:
    """The clock under which the weeks in the bars are FX weeks.

    Args:
        label: Name of the file, for messages.
        wall: Times by the unknown clock.

    Returns:
        The clock, and a note that it was estimated.

    Raises:
        ClockError: If no clock fits, or several that disagree about these bars.
    """
    wall = wall.drop_nulls().unique().sort()
    fits = [(clock, ts) for clock in CANDIDATES if _fits(ts := _convert(wall, clock))]
    distinct = [clock for k, (clock, ts) in enumerate(fits) if not _known(ts, fits[:k])]
    if len(distinct) == 1:
        names = " and ".join(str(clock) for clock, _ in fits)
        return fits[-1][0], (f"the clock was estimated from the weeks: {names}",)
    raise _undecided(label, wall, distinct)


def _convert(wall: pl.Series, clock: Clock) -> pl.Series:
    return wall.to_frame("wall").select(clock.to_utc(pl.col("wall"))).to_series()


def _known(ts: pl.Series, others: list[tuple[Clock, pl.Series]]) -> bool:
    return any(ts.equals(other) for _, other in others)


def _fits(ts_utc: pl.Series) -> bool:
    """Whether the weeks of every segment open and close with the FX week.

    Both ends must fit: a week that is an hour too short fits two clocks, and so proves none.
    """
    spans = segments(ts_utc)
    ends = [late for span in spans for late in (span.open_late, span.close_late)]
    complete = None not in describe_usual(spans)
    return complete and all(abs(late) < TOLERANCE for late in ends if late is not None)


def _undecided(label: str, wall: pl.Series, distinct: list[Clock]) -> ClockError:
    spans = segments(wall.dt.replace_time_zone("UTC"))
    measured = describe(*describe_usual(spans)) if spans else "have no open or close in it"
    tried = " and ".join(str(clock) for clock in distinct) or "none of the usual broker clocks"
    return ClockError(
        f"{label}: the broker's clock cannot be told: {tried} fits; read as UTC, weeks {measured}",
        expected="weeks of the whole FX week, or a named time zone",
        hint="name the time zone: 'New York +7' is the usual server time; or UTC+3, UTC, ...",
    )

"""Checking a clock against the one thing that all FX sources share: the week's open and close.

Bars stop for the weekend. The minutes before and after that gap, seen in New York time, tell
whether a clock was read rightly: nobody trades before Sunday 17:00 or after Friday 17:00.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.errors import ClockError
from bqx.market import FX_WEEK, moment_of

TOLERANCE = 30
"""Minutes by which a week may seem to open or close wrongly: half of the smallest clock error."""
_GAP = 24 * 60
_NEAR = 12 * 60
_ZONES = ("America/New_York", "Europe/London")


@dataclass(frozen=True)
class Edge:
    """One open or close of a week.

    Attributes:
        minute: Epoch minute of the first bar, or the end of the last bar.
        late: Minutes after the open or close of the FX week; negative is early.
    """

    minute: int
    late: int


@dataclass(frozen=True)
class Segment:
    """A span between two changes of New York or London time, with the edges in it."""

    opens: tuple[Edge, ...]
    closes: tuple[Edge, ...]

    @property
    def open_late(self) -> float | None:
        """Median lateness of the opens, or None without any."""
        return median(e.late for e in self.opens) if self.opens else None

    @property
    def close_late(self) -> float | None:
        """Median lateness of the closes, or None without any."""
        return median(e.late for e in self.closes) if self.closes else None

    def __str__(self) -> str:
        """Dates, and what was measured."""
        minutes = [e.minute for e in (*self.opens, *self.closes)]
        days = [f"{moment_of(m):%Y-%m-%d}" for m in (min(minutes), max(minutes))]
        return f"{days[0]} to {days[1]}: weeks {describe(self.open_late, self.close_late)}"


def describe(open_late: float | None, close_late: float | None) -> str:
    """Measured open and close in words, as New York wall time."""
    texts = []
    if open_late is not None:
        texts.append(f"open {_wall('Sun', open_late)}")
    if close_late is not None:
        texts.append(f"close {_wall('Fri', close_late)}")
    return ", ".join(texts) + " New York time"


def _wall(day: str, late: float) -> str:
    total = 17 * 60 + round(late)
    return f"{day} {total // 60 % 24:02d}:{total % 60:02d}"


def edges(ts_utc: pl.Series) -> tuple[list[Edge], list[Edge]]:
    """The opens and closes of weeks in a series of bar times.

    Only bars beside a gap of a day or more count, and only within half a day of the FX week's own
    open or close; holidays and the ends of the file therefore drop out.
    """
    minutes = np.sort(ts_utc.drop_nulls().dt.epoch("s").to_numpy() // 60)
    gaps = np.flatnonzero(np.diff(minutes) >= _GAP)
    starts, ends = FX_WEEK.sessions()
    return _near(minutes[gaps + 1], starts), _near(minutes[gaps] + 1, ends)


def _near(found: NDArray[np.int64], truth: NDArray[np.int64]) -> list[Edge]:
    after = np.clip(np.searchsorted(truth, found), 1, len(truth) - 1)
    late = [found - truth[after - 1], found - truth[after]]
    nearest = np.where(np.abs(late[0]) < np.abs(late[1]), late[0], late[1])
    kept = np.abs(nearest) <= _NEAR
    return [Edge(int(m), int(d)) for m, d in zip(found[kept], nearest[kept], strict=True)]


def segments(ts_utc: pl.Series) -> list[Segment]:
    """The edges of a series, grouped by the spans between clock changes."""
    opens, closes = edges(ts_utc)
    marks = sorted(
        [(e.minute, "open", e) for e in opens] + [(e.minute, "close", e) for e in closes],
        key=lambda mark: mark[:2],
    )
    if not marks:
        return []
    regimes = [_regime(minute) for minute, _, _ in marks]
    cuts = [0, *(k for k, (a, b) in enumerate(pairwise(regimes), 1) if a != b), len(marks)]
    return [_segment(marks[a:b]) for a, b in pairwise(cuts)]


def _segment(marks: list[tuple[int, str, Edge]]) -> Segment:
    return Segment(
        tuple(e for _, kind, e in marks if kind == "open"),
        tuple(e for _, kind, e in marks if kind == "close"),
    )


def _regime(minute: int) -> tuple[str, ...]:
    moment = moment_of(minute)
    return tuple(str(moment.astimezone(ZoneInfo(zone)).utcoffset()) for zone in _ZONES)


def contradictions(spans: list[Segment]) -> list[Segment]:
    """The segments in which the clock is wrong.

    It is wrong where weeks begin before the FX week does or end after it. A source whose weeks are
    shorter never does so; there both the open and the close must lie off the file's other segments
    in the same direction.
    """
    outside = [span for span in spans if _outside(span)]
    usual = describe_usual(spans)
    # Where some segments are wrong beyond doubt, the others differ from them by being right.
    return outside or [span for span in spans if _moved(span, *usual)]


def describe_usual(spans: list[Segment]) -> tuple[float | None, float | None]:
    """Median lateness of all opens and of all closes."""
    opens = [e.late for span in spans for e in span.opens]
    closes = [e.late for span in spans for e in span.closes]
    return (median(opens) if opens else None, median(closes) if closes else None)


def _outside(span: Segment) -> bool:
    early = span.open_late is not None and span.open_late <= -TOLERANCE
    late = span.close_late is not None and span.close_late >= TOLERANCE
    return early or late


def _moved(span: Segment, usual_open: float | None, usual_close: float | None) -> bool:
    if None in (span.open_late, span.close_late, usual_open, usual_close):
        return False
    moves = (span.open_late or 0) - (usual_open or 0), (span.close_late or 0) - (usual_close or 0)
    return min(moves) >= TOLERANCE or max(moves) <= -TOLERANCE


def verify(label: str, clock: str, ts_utc: pl.Series) -> tuple[str, ...]:
    """Check converted times against the FX week.

    Returns:
        A note where the file cannot prove its clock; nothing where it does.

    Raises:
        ClockError: If the clock contradicts what the bars show.
    """
    spans = segments(ts_utc)
    usual_open, usual_close = describe_usual(spans)
    if usual_open is None and usual_close is None:
        return (f"the clock {clock} is unverified: the file holds no open or close of a week",)
    wrong = contradictions(spans)
    if wrong:
        raise ClockError(
            f"{label}: read as {clock}, the bars contradict the FX week. "
            + "; ".join(str(span) for span in wrong),
            expected="weeks from Sun 17:00 to Fri 17:00 New York time, or inside them",
            hint="name the time zone of the file if you know it",
        )
    slack = max(usual_open or 0, -(usual_close or 0))
    if slack > 2 * TOLERANCE:
        found = describe(usual_open, usual_close)
        return (f"the clock {clock} could only be checked for constancy: weeks {found}",)
    return ()


def suspicion(ts_utc: pl.Series) -> tuple[str, ...]:
    """A note if weeks begin before the FX week or end after it; nothing otherwise."""
    spans = [span for span in segments(ts_utc) if _outside(span)]
    texts = "; ".join(str(span) for span in spans)
    return (f"is the time zone right? {texts}",) if spans else ()

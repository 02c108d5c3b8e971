"""Walk-forward folds: learn from a stretch of time, be tested on the next one, move on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from bqx.dataset.folds import Splitter
from bqx.dataset.lengths import Length, is_whole, minute_of, row_of
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError
from bqx.market import Calendar

Span = tuple[int, int]


@dataclass(frozen=True)
class PurgedWalkForward(Splitter):
    """Train on a block, test on what follows, go on by a step; the default.

    Lengths are rows, or days (``30D``) and months (``6M``) in UTC, but not rows and time together.
    In time, training begins with a day or month; one at the beginning or a test block at the end
    counts as whole if 90 % of its trading minutes are there. The purge is taken from the end of
    the training block. Within rows with holes, rolling blocks that a hole interrupts are left out.

    Args:
        train: Length of the training block; of the first one when expanding.
        test: Length of a test block.
        step: From one test block to the next; the test length when None, and not less.
        expanding: Whether training always begins at the first row.
        incomplete: Whether a last test block is used that is not whole.

    Raises:
        ConfigError: If a length cannot be read, or rows and time are mixed.
    """

    train: int | str
    test: int | str
    step: int | str | None = None
    expanding: bool = False
    incomplete: bool = False

    def __post_init__(self) -> None:
        if len({length.unit == "rows" for length in self._lengths}) > 1:
            raise ConfigError(
                "lengths in rows and in time together: " + ", ".join(map(str, self._lengths)),
                expected="rows only, or days and months only",
            )

    @property
    def _lengths(self) -> tuple[Length, Length, Length]:
        step = self.test if self.step is None else self.step
        return Length.parse(self.train), Length.parse(self.test), Length.parse(step)

    def _blocks(self, rows: Ranges, calendar: Calendar | None) -> list[tuple[Ranges, Ranges]]:
        found = []
        newest = rows.first
        for low, (begin, end) in self._cuts(rows, calendar):
            if begin < newest:
                raise ConfigError(
                    f"a step of {self.step} is shorter than a test block of {self.test}",
                    expected="test blocks that do not overlap: no row is scored twice",
                )
            newest = end
            test = rows.intersect(Ranges.of((begin, end)))
            around = rows.intersect(Ranges.of((low, begin)))
            # A rolling block has its full length, or is interrupted by rows that are not there.
            if test and around and (self.expanding or around.count == begin - low):
                found.append((test, around))
        return found

    def _cuts(self, rows: Ranges, calendar: Calendar | None) -> Iterator[tuple[int, Span]]:
        """First training row and test block, fold by fold."""
        train, test, step = self._lengths
        place = self._place(calendar)
        first_test = _first_test(rows, train, step, calendar)
        for number in count():
            begin = step.shift(first_test, number)
            block = (place(begin), place(test.shift(begin)))
            if block[0] >= rows.stop or not self._usable(block, rows):
                return
            low = rows.first if self.expanding else max(place(train.shift(begin, -1)), rows.first)
            if block[0] < block[1]:
                yield low, (block[0], min(block[1], rows.stop))

    def _usable(self, block: Span, rows: Ranges) -> bool:
        if self.incomplete or block[1] <= rows.stop:
            return True
        return self._lengths[1].unit != "rows" and is_whole(block, rows.first, rows.stop)

    def _place(self, calendar: Calendar | None) -> Callable[[int], int]:
        """The row of a position: the position itself, or that of an epoch minute."""
        if self._lengths[0].unit == "rows":
            return int
        grid = _needed(calendar)
        return lambda minute: row_of(grid, minute)


def _first_test(rows: Ranges, train: Length, step: Length, calendar: Calendar | None) -> int:
    """Where the first test block begins: a row, or an epoch minute that begins a step's unit."""
    if train.unit == "rows":
        return train.shift(rows.first)
    grid = _needed(calendar)
    begin = train.begin(minute_of(grid, rows.first))
    following = Length(1, train.unit).shift(begin)
    if not is_whole((row_of(grid, begin), row_of(grid, following)), rows.first, rows.stop):
        begin = following
    test = train.shift(begin)
    aligned = step.begin(test)
    return test if aligned == test else Length(1, step.unit).shift(aligned)


def _needed(calendar: Calendar | None) -> Calendar:
    if calendar is None:
        raise ConfigError(
            "lengths in days or months without a calendar",
            expected="the calendar of the store",
            hint="give it to split, or give lengths in rows",
        )
    return calendar

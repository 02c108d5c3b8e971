"""A fold, the margins around its test blocks, and what all splitters share.

Literature: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapters 7 and 12.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from bqx.dataset.ranges import Ranges
from bqx.dataset.reach import Reach
from bqx.errors import ConfigError, LeakError
from bqx.market import Calendar


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows to be tested on; the same for all pairs.

    Attributes:
        number: Number of the fold, from 1.
        train: Training rows, without those purged and embargoed.
        test: Test rows.
        purge: Rows left out of the training before every test block.
        embargo: Rows left out of the training after every test block.
        calendar: The grid, for inner splits by days or months.
    """

    number: int
    train: Ranges
    test: Ranges
    purge: int
    embargo: int
    calendar: Calendar | None = field(default=None, compare=False, repr=False)

    def inner(self, splitter: Splitter) -> tuple[Fold, ...]:
        """Folds within the training rows, for tuning; with the same purge and embargo or more.

        Raises:
            ConfigError: If no fold fits, or a length needs a calendar that the fold has not.
            LeakError: If the splitter's own purge or embargo is smaller than the fold's.
        """
        return splitter.within(self.train, Margins(self.purge, self.embargo), self.calendar)

    def to_json(self) -> dict[str, Any]:
        """The fold as plain values."""
        return {
            "fold": self.number,
            "train": self.train.to_json(),
            "test": self.test.to_json(),
            "train_rows": self.train.count,
            "test_rows": self.test.count,
            "purge": self.purge,
            "embargo": self.embargo,
        }


@dataclass(frozen=True)
class Margins:
    """Rows that training keeps away from a test block.

    Attributes:
        purge: Before it.
        embargo: After it.
    """

    purge: int
    embargo: int

    def enlarged(self, purge: int | None, embargo: int | None) -> Margins:
        """The margins with those that a user asks for.

        Raises:
            LeakError: If one is smaller than needed.
        """
        for name, asked, least in (
            ("purge", purge, self.purge),
            ("embargo", embargo, self.embargo),
        ):
            if asked is not None and asked < least:
                raise LeakError(
                    f"{name} of {asked} rows",
                    expected=f"at least {least}, which targets and look-backs need",
                    hint="leave it out; it can only be enlarged",
                )
        return Margins(
            self.purge if purge is None else purge, self.embargo if embargo is None else embargo
        )


@dataclass(frozen=True, kw_only=True)
class Splitter(ABC):
    """Makes folds out of rows.

    Attributes:
        purge: Rows before a test block, where they shall be more than needed.
        embargo: Rows after a test block, where they shall be more than needed.
        strict: Whether training features, too, keep clear of the labels of earlier test rows.
    """

    purge: int | None = None
    embargo: int | None = None
    strict: bool = True

    def __str__(self) -> str:
        """Its name and what differs from the defaults: ``PurgedKFold(folds=6)``."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        default = {f.name: f.default for f in fields(self)}
        shown = [f"{name}={value}" for name, value in given.items() if value != default[name]]
        return f"{type(self).__name__}({', '.join(shown)})"

    def split(
        self, first: int, stop: int, reach: Reach, calendar: Calendar | None = None
    ) -> tuple[Fold, ...]:
        """Folds of the rows ``[first, stop)``.

        Args:
            first: First absolute grid row.
            stop: One after the last.
            reach: Of the targets and features together; purge and embargo follow from it.
            calendar: The grid, for lengths in days or months.

        Raises:
            ConfigError: If no fold fits.
            LeakError: If a purge or embargo is smaller than needed.
        """
        margins = Margins(reach.purge, reach.embargo(strict=self.strict))
        return self.within(Ranges.of((first, stop)), margins, calendar)

    def within(
        self, rows: Ranges, margins: Margins, calendar: Calendar | None = None
    ) -> tuple[Fold, ...]:
        """Folds of a set of rows.

        Args:
            rows: The rows.
            margins: The least purge and embargo.
            calendar: The grid, for lengths in days or months.

        Raises:
            ConfigError: If no fold fits.
            LeakError: If a purge or embargo is smaller than needed.
        """
        if not rows:
            raise ConfigError("no rows to split", expected="at least two rows")
        wide = margins.enlarged(self.purge, self.embargo)
        found: list[Fold] = []
        for test, around in self._blocks(rows, calendar):
            train = around.minus(test.widen(wide.purge, wide.embargo))
            if not train:
                raise self._too_short(rows, wide)
            number = len(found) + 1
            found.append(Fold(number, train, test, wide.purge, wide.embargo, calendar))
        if not found:
            raise self._too_short(rows, wide)
        return tuple(found)

    @abstractmethod
    def _blocks(self, rows: Ranges, calendar: Calendar | None) -> Sequence[tuple[Ranges, Ranges]]:
        """Test rows of every fold, and the rows from which its training may be taken."""

    def _too_short(self, rows: Ranges, margins: Margins) -> ConfigError:
        return ConfigError(
            f"{rows.count:,} rows are too few for {self}",
            expected=f"training rows beside a purge of {margins.purge:,} "
            f"and an embargo of {margins.embargo:,} rows",
            hint="use more rows, shorter blocks or fewer folds",
        )

"""Folds of equal blocks: each tested once (k-fold), or in all combinations.

Literature: Lopez de Prado, "Advances in Financial Machine Learning" (2018), chapters 7 and 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

from bqx.dataset.folds import Splitter
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError
from bqx.market import Calendar


def blocks_of(rows: Ranges, number: int) -> tuple[Ranges, ...]:
    """Blocks of rows that follow each other and differ by one row at most.

    Raises:
        ConfigError: If there are fewer rows than blocks.
    """
    if rows.count < number:
        raise ConfigError(f"{rows.count} rows in {number} blocks", expected="a row in each")
    starts = [rows.row_at(k * rows.count // number) for k in range(number)]
    spans = pairwise([*starts, rows.stop])
    return tuple(rows.intersect(Ranges.of(span)) for span in spans)


@dataclass(frozen=True)
class PurgedKFold(Splitter):
    """Blocks that follow each other; each is tested once, and training takes the others.

    Training then lies after the test as well as before it: for tuning, not for a track record.

    Args:
        folds: Number of blocks.

    Raises:
        ConfigError: If they are fewer than two.
    """

    folds: int

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ConfigError(f"{self.folds} folds", expected="at least two")

    def _blocks(self, rows: Ranges, calendar: Calendar | None) -> list[tuple[Ranges, Ranges]]:
        del calendar
        return [(block, rows) for block in blocks_of(rows, self.folds)]


@dataclass(frozen=True)
class Path:
    """One backtest path: every row exactly once, each group forecast by one fold.

    Attributes:
        number: Number of the path, from 1.
        parts: For each group in time order, the number of the fold and the group's rows.
    """

    number: int
    parts: tuple[tuple[int, Ranges], ...]


@dataclass(frozen=True)
class CombinatorialPurged(Splitter):
    """All choices of ``tested`` among ``groups`` blocks as the test, the others for training.

    There are ``C(groups, tested)`` folds, and each group is tested in ``C(groups - 1, tested - 1)``
    of them, which make as many backtest paths.

    Args:
        groups: Number of blocks.
        tested: Blocks in a test.

    Raises:
        ConfigError: If no group is tested, or none is left for training.
    """

    groups: int
    tested: int

    def __post_init__(self) -> None:
        if not 1 <= self.tested < self.groups:
            raise ConfigError(
                f"{self.tested} of {self.groups} groups tested",
                expected="at least one tested and one left for training",
            )

    def _blocks(self, rows: Ranges, calendar: Calendar | None) -> list[tuple[Ranges, Ranges]]:
        del calendar
        groups = blocks_of(rows, self.groups)
        return [
            (Ranges(tuple(span for k in chosen for span in groups[k])), rows)
            for chosen in self._choices()
        ]

    def paths(self, first: int, stop: int) -> tuple[Path, ...]:
        """The backtest paths of the folds that `split` makes of the same rows.

        Path j takes for each group the forecast of the j-th fold in which that group is tested.

        Args:
            first: First absolute grid row.
            stop: One after the last.
        """
        groups = blocks_of(Ranges.of((first, stop)), self.groups)
        choices = self._choices()
        tested_in = [
            [number for number, chosen in enumerate(choices, 1) if k in chosen]
            for k in range(self.groups)
        ]
        return tuple(
            Path(number, tuple(zip(numbers, groups, strict=True)))
            for number, numbers in enumerate(zip(*tested_in, strict=True), 1)
        )

    def _choices(self) -> list[tuple[int, ...]]:
        return list(combinations(range(self.groups), self.tested))

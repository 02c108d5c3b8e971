"""The report of an audit of folds, with a line for each fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bqx.checks.report import Report

HEAD = (
    "fold",
    "train rows",
    "test rows",
    "purged",
    "embargoed",
    "to next test",
    "from last test",
    "violations",
)


@dataclass(frozen=True)
class FoldAccount:
    """What was found in one fold.

    Attributes:
        fold: Its number.
        train_rows: Training rows.
        test_rows: Test rows.
        purged: Rows in neither, before a test block and within the declared purge.
        embargoed: The same after a test block.
        distance_before: Least distance in rows from a training row to a later test row.
        distance_after: Least distance in rows from a test row to a later training row.
        violations: Training rows that break a rule, by the name of the check.
    """

    fold: int
    train_rows: int
    test_rows: int
    purged: int
    embargoed: int
    distance_before: int | None
    distance_after: int | None
    violations: dict[str, int]


@dataclass(frozen=True)
class FoldReport(Report):
    """A report with an account of each fold.

    Attributes:
        folds: The accounts.
    """

    folds: tuple[FoldAccount, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The report as plain values that JSON can carry."""
        return {**super().to_json(), "folds": [asdict(account) for account in self.folds]}

    def to_text(self) -> str:
        """The report as plain text, with a line per fold."""
        return "\n".join([super().to_text(), "", *_lines(self.folds)])


def _lines(accounts: Sequence[FoldAccount]) -> list[str]:
    """One line per fold, under a heading."""
    rows = [HEAD, *(_cells(account) for account in accounts)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEAD))]
    return ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]


def _cells(account: FoldAccount) -> tuple[str, ...]:
    numbers = (
        account.fold,
        account.train_rows,
        account.test_rows,
        account.purged,
        account.embargoed,
        account.distance_before,
        account.distance_after,
        sum(account.violations.values()),
    )
    return tuple("none" if number is None else f"{number:,}" for number in numbers)

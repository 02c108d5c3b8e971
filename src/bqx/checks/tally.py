"""Counting: one tally per check, pair and month, summed into results."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bqx.checks.report import MAX_FINDINGS, Cell, CheckResult, Finding

if TYPE_CHECKING:
    from bqx.checks.unit import Unit


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check as it is declared.

    Attributes:
        name: Short name.
        title: What it checks, in one sentence.
        unit: What it counts, in the plural.
        tolerance: Deviation that is allowed, where the check is numeric.
    """

    name: str
    title: str
    unit: str = "values"
    tolerance: float | None = None


@dataclass(frozen=True, kw_only=True)
class PartitionCheck(Check):
    """A check of stored partitions.

    Attributes:
        run: Looks at one pair and month and fills the tally.
        tables: Tables that it looks at; where one is missing, the check cannot pass.
    """

    run: Callable[[Unit, Tally], None]
    tables: tuple[str, ...] = ()


@dataclass
class Tally:
    """What one check has counted on one pair and month."""

    check: str
    pair: str
    month: str
    units: int = 0
    failures: int = 0
    worst: float | None = None
    found: int = 0
    expected: int = 0
    size: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    dull: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def count(self, units: int) -> None:
        """Count units that were checked."""
        self.units += units

    def fail(
        self, table: str | None, column: str | None, found: str, expected: str, failures: int = 1
    ) -> None:
        """Count failed units, and say where and why."""
        self.failures += failures
        place = (self.check, table, self.pair, self.month, column)
        self.findings.append(Finding(*place, found, expected, failures))

    def block(self, missing: int) -> None:
        """Count partitions that could not be looked at as failures; another check names them."""
        self.units += missing
        self.failures += missing
        self.note(missing, "partitions not checked, because they cannot be read")

    def deviate(self, worst: float) -> None:
        """Keep the greatest deviation; one that is not a number counts as infinite."""
        worst = float("inf") if worst != worst else worst  # noqa: PLR0124
        self.worst = worst if self.worst is None else max(self.worst, worst)

    def cover(self, found: int, expected: int, size: int) -> None:
        """Count values: not NULL, expected not to be NULL, and all of them."""
        self.found += found
        self.expected += expected
        self.size += size

    def note(self, number: int, text: str) -> None:
        """Say something about a number of things; equal texts are summed over all months."""
        if number:
            self.notes[text] += number

    def name_dull(self, table: str, column: str, what: str) -> None:
        """Name a column that says nothing, although nothing is wrong with it."""
        self.dull[table, what, column] += 1

    def cell(self) -> Cell:
        """The tally as a cell of the report."""
        counted = (self.units, self.failures, self.found, self.expected, self.size)
        return Cell(self.check, self.pair, self.month, *counted)


def worst_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with the most failures, the greatest first."""
    return tuple(heapq.nlargest(MAX_FINDINGS, findings, key=lambda f: f.failures))


def summarise(check: Check, tallies: Sequence[Tally]) -> CheckResult:
    """The result of a check over all pairs and months."""
    deviations = [t.worst for t in tallies if t.worst is not None]
    notes: Counter[str] = Counter()
    dull: Counter[tuple[str, str, str]] = Counter()
    for tally in tallies:
        notes.update(tally.notes)
        dull.update(tally.dull)
    return CheckResult(
        name=check.name,
        title=check.title,
        unit=check.unit,
        units=sum(t.units for t in tallies),
        failures=sum(t.failures for t in tallies),
        worst=max(deviations, default=None),
        tolerance=check.tolerance,
        findings=worst_of(f for t in tallies for f in t.findings),
        notes=(
            *_coverage_note(tallies),
            *(f"{n:,} {text}" for text, n in notes.items()),
            *_dull_notes(dull),
        ),
    )


def _dull_notes(dull: Counter[tuple[str, str, str]]) -> list[str]:
    """One line per table and kind, with all of its columns."""
    lines: dict[tuple[str, str], dict[str, int]] = {}
    for (table, what, column), number in dull.items():
        lines.setdefault((table, what), {})[column] = number
    return [
        f"{table}: {len(columns)} columns {what}, in up to {max(columns.values())} partitions: "
        + ", ".join(columns)
        for (table, what), columns in lines.items()
    ]


def _coverage_note(tallies: Sequence[Tally]) -> list[str]:
    found, expected, size = (
        sum(getattr(t, name) for t in tallies) for name in ("found", "expected", "size")
    )
    if not size:
        return []
    shares = [f"{100 * part / size:.4f} %" for part in (found, expected)]
    return [f"{found:,} of {size:,} values are not NULL: {shares[0]} found, {shares[1]} expected"]

"""The result of a check run: what was checked, what failed, and where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bqx.checks.example import Example

MAX_FINDINGS = 20
"""Findings that a check keeps; the number of failures is never capped."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where.

    Attributes:
        check: Name of the check.
        table: Table name without pair and month, or None where no table is concerned.
        pair: Pair.
        month: ``yyyy_mm``, or None.
        column: Column, or None where the whole partition is concerned.
        found: What was met.
        expected: What would have been right.
        failures: Failed units behind the finding.
    """

    check: str
    table: str | None
    pair: str
    month: str | None
    column: str | None
    found: str
    expected: str
    failures: int = 1

    @property
    def place(self) -> str:
        """Where it is: ``reg_rate eurusd 2019_01 w60_r2``."""
        return " ".join(p for p in (self.table, self.pair, self.month, self.column) if p)


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check over everything that was selected.

    Attributes:
        name: Short name.
        title: What it checks, in one sentence.
        unit: What it counts, in the plural: rows, values, partitions.
        units: Things checked.
        failures: Those that failed.
        worst: Greatest deviation, where the check is numeric.
        tolerance: Deviation that is allowed.
        findings: The worst offenders, at most `MAX_FINDINGS`.
        notes: What a reader should know although it is no failure.
    """

    name: str
    title: str
    unit: str
    units: int
    failures: int
    worst: float | None = None
    tolerance: float | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool | None:
        """Whether nothing failed; None when there was nothing to check."""
        if self.failures:
            return False
        return True if self.units else None


@dataclass(frozen=True)
class Cell:
    """One check on one pair and month.

    Attributes:
        check: Name of the check.
        pair: Pair.
        month: ``yyyy_mm``.
        units: Things checked.
        failures: Those that failed.
        found: Values that are not NULL (coverage only).
        expected: Values that should not be NULL (coverage only).
        size: All values, NULL or not (coverage only).
    """

    check: str
    pair: str
    month: str
    units: int
    failures: int
    found: int = 0
    expected: int = 0
    size: int = 0

    @property
    def score(self) -> float:
        """Percent of the units that passed; 0 when there were none."""
        return 100.0 * (self.units - self.failures) / self.units if self.units else 0.0


@dataclass(frozen=True)
class Report:
    """The outcome of a run of checks.

    Attributes:
        title: What was run.
        checks: Results, one per check.
        cells: The same by pair and month; checks that had nothing to look at have no cell.
        facts: What was looked at: store, pairs, months, rows, values, synthetic, version, time.
        example: A week of both domains to look at, if there is one.
    """

    title: str
    checks: tuple[CheckResult, ...]
    cells: tuple[Cell, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    example: Example | None = None

    @property
    def units(self) -> int:
        """Things checked, over all checks."""
        return sum(c.units for c in self.checks)

    @property
    def failures(self) -> int:
        """Failed units, over all checks."""
        return sum(c.failures for c in self.checks)

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed."""
        return self.units > 0 and self.failures == 0

    @property
    def score(self) -> float:
        """Percent of the cells (check, pair, month) without a failure.

        It is 100 only if something was checked and nothing failed: an empty store scores 0.
        """
        if self.passed:
            return 100.0
        good = sum(c.failures == 0 for c in self.cells)
        percent = 100.0 * good / len(self.cells) if self.cells else 0.0
        return min(percent, math.nextafter(100.0, 0.0))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The worst offenders of all checks."""
        return tuple(f for check in self.checks for f in check.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as plain values that JSON can carry, without the example."""
        checks = [{**asdict(c), "worst": _finite(c.worst), "passed": c.passed} for c in self.checks]
        return {
            "title": self.title,
            "passed": self.passed,
            "score": self.score,
            "units": self.units,
            "failures": self.failures,
            "facts": dict(self.facts),
            "checks": checks,
            "cells": [asdict(c) for c in self.cells],
        }

    def to_text(self) -> str:
        """The report as plain text, for a terminal."""
        from bqx.checks.text import render_text

        return render_text(self)

    def to_html(self) -> str:
        """The report as one HTML page that needs nothing else."""
        from bqx.checks.html import render_html

        return render_html(self)


def _finite(value: float | None) -> float | str | None:
    """A number as JSON can carry it."""
    return value if value is None or math.isfinite(value) else str(value)


def percent(value: float) -> str:
    """A percentage with two decimals that shows 100 only when it is 100."""
    if value == 100.0:
        return "100 %"
    return f"{math.floor(value * 100) / 100:.2f} %"

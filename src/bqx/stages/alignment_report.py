"""The alignment report of a PostgreSQL database: cells, defects, conditions, verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from bqx.checks.report import percent
from bqx.stages.mapping import CELLS
from bqx.stages.stage import Condition

DEFECTS = {
    "partition": "a month has no proper partition",
    "column": "a canonical feature has no column",
    "type": "a column has another type",
    "offset": "the window ends one row early",
    "identity": "an identity between values is broken",
    "nulls": "values are missing, or stand where none may be",
    "extra": "a column that no one declared",
    "rows": "rows are lost",
    "grid": "a trading minute has no row",
    "join": "times or comparable rows are missing on one side",
    "covariance": "a term covariance is missing or wrong",
    "comment": "a comment is missing or differs",
}
"""Kinds of defects, and what they say."""


@dataclass(frozen=True)
class Defect:
    """Why one cell is not aligned.

    Attributes:
        cell: Name of the cell: a column, ``rows``, ``partition``, …
        kind: One of `DEFECTS`.
        found: What was met.
        expected: What would have been right.
    """

    cell: str
    kind: str
    found: str
    expected: str


@dataclass(frozen=True)
class PartitionResult:
    """One partition of one side.

    Attributes:
        table: Kind of its parent, ``reg`` or ``reg_bqx``.
        pair: Pair.
        month: ``yyyy_mm``.
        cells: Cells that must be aligned.
        rows: Rows found.
        stored: Canonical features that have a column.
        canonical: Those of them whose column has the canonical name.
        defects: At most one per cell.
    """

    table: str
    pair: str
    month: str
    cells: int
    rows: int
    stored: int
    canonical: int
    defects: tuple[Defect, ...] = ()

    @property
    def name(self) -> str:
        """Name of the partition."""
        return f"{self.table}_{self.pair}_{self.month}"

    @property
    def aligned(self) -> int:
        """Cells without a defect."""
        return self.cells - len(self.defects)

    @property
    def features(self) -> int:
        """Canonical features without a defect."""
        names = {f"w{window}_{feature}" for window, feature in CELLS}
        return len(CELLS) - sum(defect.cell in names for defect in self.defects)

    def has(self, *kinds: str) -> bool:
        """Whether it has a defect of one of the kinds."""
        return any(defect.kind in kinds for defect in self.defects)


@dataclass(frozen=True)
class Group:
    """Defects of one kind in one place: what a reader wants instead of 28,000 lines."""

    kind: str
    found: str
    expected: str
    cells: tuple[str, ...]
    partitions: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class AlignmentReport:
    """What was found in a database.

    Attributes:
        facts: What was looked at: database, pairs, months, rows, version, time.
        partitions: All partitions of both sides, whether they are there or not.
        current: The state of the old programme's list: one condition per item.
        queries: The five validation queries, over all partitions.
        checklist: The ten items of alignment.
        readiness: The seven items of readiness for models.
        preflight: What must hold before the remediation starts; None where it was not asked for.
    """

    facts: Mapping[str, object]
    partitions: tuple[PartitionResult, ...]
    current: tuple[Condition, ...] = ()
    queries: tuple[Condition, ...] = ()
    checklist: tuple[Condition, ...] = ()
    readiness: tuple[Condition, ...] = ()
    preflight: tuple[Condition, ...] | None = field(default=None)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What must hold for 100 %: the cells, the queries and the two lists."""
        cells = Condition(
            "cells aligned",
            share(self.aligned, self.cells),
            "every cell of both sides",
            self.aligned,
            self.cells,
            "the report names each defect and its place",
        )
        return (cells, *self.queries, *self.checklist, *self.readiness)

    @cached_property
    def cells(self) -> int:
        """Cells of all partitions."""
        return sum(part.cells for part in self.partitions)

    @cached_property
    def aligned(self) -> int:
        """Cells without a defect."""
        return sum(part.aligned for part in self.partitions)

    @property
    def passed(self) -> bool:
        """Whether everything was looked at and nothing is wrong."""
        return all(condition.passed for condition in self.conditions)

    @property
    def score(self) -> float:
        """Percent of the cells that are aligned; 100 only if every condition holds too."""
        share = 100.0 * self.aligned / self.cells if self.cells else 0.0
        return share if self.passed else min(share, math.nextafter(100.0, 0.0))

    @property
    def verdict(self) -> str:
        """``aligned``, ``go`` or ``no-go``; ``not aligned`` where the start was not examined."""
        if self.passed:
            return "aligned"
        if self.preflight is None:
            return "not aligned"
        return "go" if all(c.passed for c in self.preflight) else "no-go"

    @cached_property
    def layers(self) -> dict[str, tuple[int, int]]:
        """How many canonical features there are: by any name, by theirs, and aligned; of all."""
        every = len(CELLS) * len(self.partitions)
        return {
            "stored under a declared name": (sum(p.stored for p in self.partitions), every),
            "stored under the canonical name": (sum(p.canonical for p in self.partitions), every),
            "aligned": (sum(p.features for p in self.partitions), every),
        }

    @cached_property
    def kinds(self) -> dict[str, int]:
        """Cells by kind of defect."""
        found = Counter(d.kind for part in self.partitions for d in part.defects)
        return {kind: found[kind] for kind in DEFECTS if kind in found}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The defects, those of equal words together; the most frequent first."""
        places: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
        for part in self.partitions:
            for d in part.defects:
                places.setdefault((d.kind, d.found, d.expected), []).append((d.cell, part.name))
        groups = [
            Group(*words, _unique(cell for cell, _ in at), _unique(p for _, p in at), len(at))
            for words, at in places.items()
        ]
        return tuple(sorted(groups, key=lambda g: -g.count))

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        sections = ("current", "queries", "checklist", "readiness")
        return {
            "passed": self.passed,
            "score": self.score,
            "verdict": self.verdict,
            "cells": self.cells,
            "aligned": self.aligned,
            "layers": {name: list(counts) for name, counts in self.layers.items()},
            "defects": self.kinds,
            "facts": dict(self.facts),
            **{name: [_plain(c) for c in getattr(self, name)] for name in sections},
            "preflight": None if self.preflight is None else [_plain(c) for c in self.preflight],
            "groups": [asdict(group) for group in self.groups],
            "partitions": [
                {
                    "name": p.name,
                    "cells": p.cells,
                    "aligned": p.aligned,
                    "rows": p.rows,
                    "defects": dict(Counter(d.kind for d in p.defects)),
                }
                for p in self.partitions
            ],
        }

    def to_text(self) -> str:
        """The report as plain text, for a terminal."""
        from bqx.stages.alignment_text import to_text

        return to_text(self)

    def to_markdown(self) -> str:
        """The report as Markdown."""
        from bqx.stages.alignment_text import to_markdown

        return to_markdown(self)

    def to_html(self) -> str:
        """The report as one HTML page that needs nothing else."""
        from bqx.stages.alignment_html import to_html

        return to_html(self)


def render(report: AlignmentReport, form: str) -> str:
    """The report as ``text``, ``markdown``, ``html`` or ``json``."""
    if form == "json":
        import json

        return json.dumps(report.to_json(), indent=2, allow_nan=False, default=str)
    forms = {"markdown": report.to_markdown, "html": report.to_html}
    return forms.get(form, report.to_text)()


def share(done: int, total: int) -> str:
    """A share as text: ``3 of 12 (25.00 %)``."""
    return f"{done:,} of {total:,} ({percent(100.0 * done / total if total else 0.0)})"


def _plain(condition: Condition) -> dict[str, Any]:
    return {**asdict(condition), "passed": condition.passed}


def _unique(names: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

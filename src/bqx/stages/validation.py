"""Validating the alignment of both sides, and writing what the tables document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bqx.features.registry import registry
from bqx.stages.alignment_catalog import catalogue
from bqx.stages.alignment_comments import Comment, generated, present, write
from bqx.stages.alignment_report import AlignmentReport
from bqx.stages.alignment_run import alignment
from bqx.stages.estimate import estimate
from bqx.stages.locks import patient
from bqx.stages.rates import rates
from bqx.stages.runner import Clock, require
from bqx.stages.stage import Condition, Facts, Monitor, Operation, Plan, Selection, Stage
from bqx.stages.target import SCHEMA, PostgresTarget


class Validation(Stage[PostgresTarget]):
    """The alignment report; once everything else holds, the comments of tables and columns."""

    code = "BQX-2.15"
    title = "Validate the alignment and document the tables"
    summary = "Every item of the alignment is computed; tables and columns get their comments."
    facts = Facts(planned="1 hour", cost=0.33)

    def report(self, target: PostgresTarget, selection: Selection) -> AlignmentReport:
        """The alignment report; what a start must fulfil is in it while there is work left."""
        return alignment(target, selection, preflight=True)

    def plan(self, target: PostgresTarget, selection: Selection) -> Plan:
        """The comments that are missing; everything else must hold already."""
        changes = _changes(target, selection)
        operations = _operations([wanted for _, wanted in changes])
        cost = estimate(rates(target), operations)
        conditions = _without_comments(alignment(target, selection)) if changes else ()
        return Plan(self.code, selection, operations, cost, conditions)

    def apply(self, target: PostgresTarget, plan: Plan, monitor: Monitor) -> Mapping[str, Any]:
        """Write the comments; one transaction."""
        clock = Clock()
        tables = sorted({wanted.table for _, wanted in _changes(target, plan.selection)})
        with patient(target, tables):
            changes = _changes(target, plan.selection)
            target.remember(
                self.code,
                {
                    "before": [asdict(old) for old, _ in changes],
                    "after": [asdict(wanted) for _, wanted in changes],
                },
            )
            written = write(target, [wanted for _, wanted in changes])
            clock.lap("comments")
            monitor(1, 2, "checks")
            require([_documented(target, [wanted for _, wanted in changes])])
            clock.lap("checks")
        clock.lap("commit")
        monitor(2, 2, f"{written:,} comments")
        return {"relations": len(tables), "comments": written, "seconds": clock.seconds}

    def verify(self, target: PostgresTarget, selection: Selection) -> Sequence[Condition]:
        """The cells, the five queries, and the lists of ten and seven items."""
        return alignment(target, selection).conditions

    def rollback(self, target: PostgresTarget, monitor: Monitor) -> Mapping[str, Any]:
        """Give tables and columns the comments that they had, where ours still stand."""
        number, manifest = target.remembered(self.code) or (0, {"before": [], "after": []})
        before, after = ([Comment(**c) for c in manifest[k]] for k in ("before", "after"))
        clock = Clock()
        with patient(target, sorted({comment.table for comment in before})):
            now = present(target, after)
            standing = [a.text == n.text for a, n in zip(after, now, strict=True)]
            ours = [b for b, still in zip(before, standing, strict=True) if still]
            written = write(target, ours)
            require([_documented(target, ours)] if ours else [])
            target.forget(number)
        clock.lap("comments")
        monitor(1, 1, f"{written:,} comments as they were")
        return {"comments": written, "left": len(before) - written, "seconds": clock.seconds}


def _changes(target: PostgresTarget, selection: Selection) -> list[tuple[Comment, Comment]]:
    """Comments as they are and as they must be, where these differ."""
    wanted = generated(registry(), catalogue(target, selection))
    pairs = zip(present(target, wanted), wanted, strict=True)
    return [(now, then) for now, then in pairs if now.text != then.text]


def _operations(wanted: Sequence[Comment]) -> tuple[Operation, ...]:
    if not wanted:
        return ()
    tables = len({comment.table for comment in wanted})
    example = f"COMMENT ON TABLE {SCHEMA}.{wanted[0].table} IS …"
    words = f"{tables} tables of {SCHEMA} and their columns"
    return (
        Operation("comment", words, len(wanted), lock="SHARE UPDATE EXCLUSIVE", statement=example),
    )


def _without_comments(report: AlignmentReport) -> tuple[Condition, ...]:
    """Everything that must hold before the tables may say that they are aligned."""
    wrong = report.kinds.get("comment", 0)
    cells = Condition(
        "cells aligned, comments aside",
        f"{report.aligned + wrong:,}",
        f"{report.cells:,}",
        report.aligned + wrong,
        report.cells,
        "`bqx stage verify BQX-2.15` names what is wrong",
    )
    others = (c for c in report.conditions[1:] if c.name != "documentation")
    return (cells, *others)


def _documented(target: PostgresTarget, wanted: Sequence[Comment]) -> Condition:
    right = sum(
        now.text == then.text for now, then in zip(present(target, wanted), wanted, strict=True)
    )
    return Condition("comments as written", f"{right:,}", f"{len(wanted):,}", right, len(wanted))

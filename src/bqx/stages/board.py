"""The ledger as a board: one row per stage with the fields of a project tracker."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from bqx.stages.ledger import DONE, Run, Target
from bqx.stages.runner import Runner
from bqx.stages.status import Status, statuses

FIELDS = (
    "stage_id",
    "stage_code",
    "status",
    "description",
    "duration",
    "estimated_cost",
    "workers",
    "features_added",
    "partitions_affected",
    "backup_required",
    "validation_queries",
)


def board_rows(target: Target) -> list[dict[str, Any]]:
    """One row per stage, looked up now."""
    runner = Runner(target)
    applied = {}
    for run in reversed(runner.history()):
        if run.action == "apply" and run.status == DONE:
            applied[run.code] = run
    return [_row(status, applied.get(status.stage.code)) for status in statuses(runner)]


def _row(status: Status, applied: Run | None) -> dict[str, Any]:
    stage = status.stage
    number = stage.code.split("-", 1)[1]
    outcome = applied.outcome if applied else {}
    values = (
        f"{number} - {stage.title}",
        stage.code,
        status.text,
        stage.summary,
        f"{applied.seconds:,.1f} s" if applied and applied.seconds else stage.facts.planned,
        stage.facts.cost,
        int(outcome.get("workers", 1)),
        stage.facts.features,
        int(outcome.get("partitions", outcome.get("relations", _planned(status)))),
        stage.facts.backup,
        len(status.conditions),
    )
    return dict(zip(FIELDS, values, strict=True))


def _planned(status: Status) -> int:
    """Relations that the largest operation of the plan changes."""
    operations = status.plan.operations if status.plan else ()
    return max((op.count for op in operations), default=0)


def export(rows: list[dict[str, Any]], form: str) -> str:
    """The board as ``csv``, ``json`` or ``markdown``."""
    if form == "json":
        return json.dumps(rows, indent=2) + "\n"
    return _csv(rows) if form == "csv" else _markdown(rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _markdown(rows: list[dict[str, Any]]) -> str:
    lines = [_line(list(FIELDS)), _line(["---"] * len(FIELDS))]
    lines += [_line([row[field] for field in FIELDS]) for row in rows]
    return "\n".join(lines) + "\n"


def _line(values: list[Any]) -> str:
    return f"| {' | '.join(str(v).replace('|', chr(92) + '|') for v in values)} |"

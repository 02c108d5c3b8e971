"""The programme's checklist of ten items, each computed."""

from __future__ import annotations

from bqx.checks.contract import PER_WINDOW, WINDOWS
from bqx.stages.alignment_evidence import Evidence, windows_of
from bqx.stages.alignment_report import PartitionResult, share
from bqx.stages.ledger import DONE, Run, ledger_of
from bqx.stages.mapping import BQX, COVARIANCES, SIDES, TERMS
from bqx.stages.stage import Condition

KINDS = tuple(side.kind for side in SIDES)
REBUILDS = ("BQX-2.12", "BQX-2.12-rate")
"""Stages that replace tables and keep the old ones."""
REMEDIATION = (*REBUILDS, "BQX-2.14")
"""Stages that lead to alignment. 2.11 is superseded by the rebuild, 2.13 is optional."""


def checklist(e: Evidence) -> tuple[Condition, ...]:
    """The ten items, over all partitions of both sides."""
    return (
        _windows(e),
        _without(
            e,
            "schema aligned",
            ("partition", "column", "type", "extra"),
            f"the {len(PER_WINDOW)} features of every window and nothing else",
            "apply BQX-2.12 and BQX-2.12-rate",
        ),
        _features(e, "terms, not coefficients", TERMS),
        _features(e, "residuals", ("residual",)),
        _without(
            e,
            "covariance features",
            ("covariance", "partition"),
            f"{len(COVARIANCES)} columns, filled wherever history allows",
            "apply BQX-2.14",
            tables=(BQX.kind,),
        ),
        _without(
            e,
            "data integrity",
            ("identity", "offset", "nulls", "grid", "partition", "column"),
            "identities hold, windows end in their own row, NULLs and rows as the bars ask",
            "rebuild the side that is wrong",
        ),
        _without(
            e,
            "cross-domain join",
            ("join", "partition"),
            "every time on both sides, comparable wherever history allows",
            "rebuild the side that lacks rows",
        ),
        _without(
            e,
            "no rows lost",
            ("rows", "partition"),
            "a row for each bar, and each row of before",
            "roll the rebuild back, or apply it again",
        ),
        _without(
            e,
            "documentation",
            ("comment",),
            "the comments that the registry generates",
            "apply BQX-2.15",
        ),
        _tracker(e),
    )


def _windows(e: Evidence) -> Condition:
    wanted = {f"w{window}" for window in WINDOWS}
    done = sum(
        windows_of(e.columns(side, facts, month)) == wanted
        for facts, month in e.months
        for side in SIDES
    )
    total = len(e.partitions)
    return Condition(
        "windows aligned",
        f"{share(done, total)} partitions",
        f"the windows {', '.join(map(str, WINDOWS))} and no others",
        done,
        total,
        "apply BQX-2.12",
    )


def _without(
    e: Evidence,
    name: str,
    kinds: tuple[str, ...],
    expected: str,
    hint: str,
    *,
    tables: tuple[str, ...] = KINDS,
) -> Condition:
    parts = [p for p in e.partitions if p.table in tables]
    good = sum(not p.has(*kinds) for p in parts)
    found = f"{share(good, len(parts))} partitions{_first(parts, kinds)}"
    return Condition(name, found, expected, good, len(parts), hint)


def _first(parts: list[PartitionResult], kinds: tuple[str, ...]) -> str:
    """The first defect of one of the kinds, and its place."""
    for part in parts:
        for defect in part.defects:
            if defect.kind in kinds:
                return f"; {part.name} {defect.cell}: {defect.found}"
    return ""


def _features(e: Evidence, name: str, features: tuple[str, ...]) -> Condition:
    done = sum(
        e.there(side, facts, month)
        and all((w, f) in facts.stored[side.kind] for w in WINDOWS for f in features)
        for facts, month in e.months
        for side in SIDES
    )
    total = len(e.partitions)
    expected = f"{', '.join(features)} in every window of both sides"
    return Condition(
        name, f"{share(done, total)} partitions", expected, done, total, "apply BQX-2.12"
    )


def _tracker(e: Evidence) -> Condition:
    """The ledger's newest word on each stage, and whether the change is still in place."""
    newest: dict[str, Run] = {}
    for run in reversed(ledger_of(e.target).runs()):
        newest[run.code] = run
    good = [code for code in REMEDIATION if _applied(newest.get(code))]
    open_ones = [code for code in REMEDIATION if code not in good]
    found = f"{len(good)} of {len(REMEDIATION)} stages applied"
    return Condition(
        "tracker",
        f"{found}; not {', '.join(open_ones)}" if open_ones else found,
        f"{', '.join(REMEDIATION)} done in the ledger",
        len(good),
        len(REMEDIATION),
        "apply them with `bqx stage apply`",
    )


def _applied(run: Run | None) -> bool:
    return run is not None and run.action == "apply" and run.status == DONE

"""The state of a database, as the programme listed it before its remediation."""

from __future__ import annotations

import math

from bqx.checks.contract import WINDOWS
from bqx.stages.alignment_evidence import Evidence, windows_of
from bqx.stages.alignment_report import share
from bqx.stages.mapping import BQX, CORRELATION, COVARIANCES, RATE, SIDES, TERMS, Side, column
from bqx.stages.stage import Condition

RETURN_SCALE = 1.0
"""Size below which values are returns, and above which they are an index of about 100."""


def current_state(e: Evidence) -> tuple[Condition, ...]:
    """What the programme said of its state before the remediation, looked up."""
    shared = [_both_sides_have(e, f"w{window}") for window in WINDOWS]
    covered = e.without(BQX, "covariance", "partition")
    return (
        _normalised(e),
        Condition(
            "windows overlap",
            f"{sum(shared)} of {len(WINDOWS)} windows on both sides everywhere: "
            f"{', '.join(f'w{w}' for w, there in zip(WINDOWS, shared, strict=True) if there)}",
            f"all of {', '.join(f'w{w}' for w in WINDOWS)}",
            sum(shared),
            len(WINDOWS),
            "rebuild the BQX side (BQX-2.12)",
        ),
        _stored(e, "both sides hold terms, not coefficients", SIDES, TERMS, "BQX-2.12"),
        _canonical(e, RATE, "constant_term", "BQX-2.11"),
        _stored(e, "the BQX side holds residuals", (BQX,), ("residual",), "BQX-2.12"),
        Condition(
            "covariance features are there",
            share(covered, e.size),
            f"{len(COVARIANCES)} right columns in every {CORRELATION} partition",
            covered,
            e.size,
            "add them (BQX-2.14)",
        ),
    )


def _normalised(e: Evidence) -> Condition:
    """The rate side is on an index that its bars confirm; the BQX side is a return."""
    known = [facts for facts in e.facts.values() if facts.bars]
    scales = {side.kind: _scale(e, side) for side in SIDES}
    index = [not facts.strangers and scales[RATE.kind] > RETURN_SCALE for facts in known]
    returns = scales[BQX.kind] < RETURN_SCALE
    strangers = sum(facts.strangers for facts in known)
    return Condition(
        "both sides use normalised series",
        f"{strangers:,} bars with a wrong index; mean size of a fit: rate {scales[RATE.kind]:.4g}, "
        f"BQX {scales[BQX.kind]:.4g}",
        "an index that the bars confirm, and a return",
        sum(index) if returns else 0,
        len(known),
    )


def _scale(e: Evidence, side: Side) -> float:
    scans = [facts.scanned(side.kind, month) for facts, month in e.months]
    known = [(s.scale, s.rows) for s in scans if s.scale is not None]
    rows = sum(count for _, count in known)
    return sum(scale * count for scale, count in known) / rows if rows else math.nan


def _both_sides_have(e: Evidence, window: str) -> bool:
    return bool(e.months) and all(
        window in windows_of(e.columns(side, facts, month))
        for facts, month in e.months
        for side in SIDES
    )


def _stored(
    e: Evidence, name: str, sides: tuple[Side, ...], features: tuple[str, ...], code: str
) -> Condition:
    """Partitions in which features have a column, by any declared name, in all windows."""
    done = {side.kind: 0 for side in sides}
    for facts, month in e.months:
        for side in sides:
            cells = facts.stored.get(side.kind, {})
            every = all((w, f) in cells for w in WINDOWS for f in features)
            done[side.kind] += every and e.there(side, facts, month)
    found = ", ".join(f"{kind}_*: {share(count, e.size)}" for kind, count in done.items())
    total = len(sides) * e.size
    expected = f"{', '.join(features)} for every window"
    return Condition(name, found, expected, sum(done.values()), total, f"apply {code}")


def _canonical(e: Evidence, side: Side, feature: str, code: str) -> Condition:
    done, other = 0, 0
    for facts, month in e.months:
        columns = e.columns(side, facts, month)
        own = all(column(w, feature) in columns for w in WINDOWS)
        done += own
        stored = all(column(w, side.names[feature]) in columns for w in WINDOWS)
        other += stored and not own
    found = f"{share(done, e.size)}; {other:,} hold it as {side.names[feature]}"
    expected = f"{feature} for every window"
    name = f"{side.kind}_* has {feature}"
    return Condition(name, found, expected, done, e.size, f"apply {code}")

"""The five validation queries of the programme, each over all partitions."""

from __future__ import annotations

import math

from bqx.checks.contract import PER_WINDOW, WINDOWS
from bqx.checks.identity import TOLERANCE
from bqx.stages.alignment_evidence import Evidence, windows_of
from bqx.stages.alignment_report import share
from bqx.stages.mapping import BQX, CORRELATION, COVARIANCES, SIDES
from bqx.stages.stage import Condition


def queries(e: Evidence) -> tuple[Condition, ...]:
    """The five validation queries, each over all partitions."""
    return (
        _same_columns(e),
        _same_windows(e),
        _integrity(e),
        _coverage(e),
        _comparable(e),
    )


def _same_columns(e: Evidence) -> Condition:
    done = total = 0
    wrong = ""
    for facts, month in e.months:
        for window in WINDOWS:
            counts = [
                sum(name.startswith(f"w{window}_") for name in e.columns(side, facts, month))
                for side in SIDES
            ]
            total += 1
            if counts == [len(PER_WINDOW)] * len(SIDES):
                done += 1
            else:
                wrong = wrong or f"; {facts.pair} {month} w{window}: {counts[0]} and {counts[1]}"
    return Condition(
        "query 1: equal columns per window",
        share(done, total) + wrong,
        f"{len(PER_WINDOW)} columns on each side in each window",
        done,
        total,
        "apply BQX-2.12 and BQX-2.12-rate",
    )


def _same_windows(e: Evidence) -> Condition:
    done = total = 0
    wrong = ""
    for facts, month in e.months:
        rate, bqx = (windows_of(e.columns(side, facts, month)) for side in SIDES)
        wanted = {f"w{window}" for window in WINDOWS}
        total += len(rate | bqx | wanted)
        done += len(rate & bqx & wanted)
        if rate != bqx and not wrong:
            text = [
                ", ".join(sorted(one - two)) or "none" for one, two in ((rate, bqx), (bqx, rate))
            ]
            wrong = f"; {facts.pair} {month}: only rate {text[0]}, only BQX {text[1]}"
    return Condition(
        "query 2: equal windows",
        share(done, total) + wrong,
        f"on both sides {', '.join(f'w{w}' for w in WINDOWS)} and no others",
        done,
        total,
        "apply BQX-2.12",
    )


def _integrity(e: Evidence) -> Condition:
    done = total = 0
    parts = []
    for name in ("terms", "residual"):
        seen = list(e.identities(name))
        wrong = sum(identity.wrong for *_, identity in seen)
        rows = sum(identity.rows for *_, identity in seen)
        early = sum(identity.ends_early for *_, identity in seen)
        worst = max((_number(i.worst) for *_, i in seen), default=math.nan)
        cause = f", {early:,} windows end one row early" if early else ""
        parts.append(f"{name}: {wrong:,} of {rows:,} wrong, worst {worst:.3g}{cause}")
        done, total = done + rows - wrong, total + rows
    unseen = len(SIDES) * 2 * len(WINDOWS) * e.size - sum(
        1 for name in ("terms", "residual") for _ in e.identities(name)
    )
    if unseen:
        parts.append(f"{unseen:,} cannot be looked at for want of columns or rows")
    return Condition(
        "query 3: data integrity",
        "; ".join(parts),
        f"prediction = sum of terms and residual = source - prediction, within {TOLERANCE:g}",
        min(done, total - 1) if unseen and _columns_missing(e) else done,
        total,
        "rebuild the side that is wrong",
    )


def _columns_missing(e: Evidence) -> bool:
    return any(p.has("column", "partition") for p in e.partitions)


def _number(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _coverage(e: Evidence) -> Condition:
    rows = found = wanted = done = total = 0
    name = COVARIANCES[0]
    for facts, month in e.months:
        due = facts.due.get(CORRELATION, {}).get(month)
        scanned = facts.scanned(CORRELATION, month)
        here = scanned.counts.get(name, 0)
        rows, found = rows + scanned.rows, found + here
        total += 1
        if due is not None:
            expected = due[e.judge.history(CORRELATION, name)]
            wanted += expected
            done += here == expected and name in scanned.counts
    return Condition(
        "query 4: covariance coverage",
        f"{share(found, rows)} of rows; expected {share(wanted, rows)}",
        "a covariance in every row whose history is complete, and in no other",
        done,
        total,
        "apply BQX-2.14",
    )


def _comparable(e: Evidence) -> Condition:
    every = [facts.joined.get(month) for facts, month in e.months]
    found = [joined for joined in every if joined is not None]
    rows, both = sum(j.rows for j in found), sum(j.both for j in found)
    shown = sum(sum(facts.shown.get(m, {}).values()) for facts, m in e.months)
    comparable = sum(sum(j.comparable.values()) for j in found)
    done = sum(p.table == BQX.kind and not p.has("join", "partition") for p in e.partitions)
    return Condition(
        "query 5: both sides comparable",
        f"{share(both, rows)} of times on both sides; r2 on both in {share(comparable, shown)} "
        "of the fits that both show (a flat window has none)",
        "every time on both sides, r2 on both wherever history allows",
        done,
        e.size,
        "rebuild the side that lacks rows",
    )

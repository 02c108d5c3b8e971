"""The programme's seven items of readiness for models, each computed on the server."""

from __future__ import annotations

import math

from bqx.checks.contract import WINDOWS
from bqx.features.counts import count
from bqx.features.table import KEY
from bqx.market import PAIRS
from bqx.stages.alignment_evidence import Evidence
from bqx.stages.alignment_join import (
    BETWEEN,
    ENOUGH,
    common_minutes,
    groups,
    neighbours,
    pair_correlation,
)
from bqx.stages.alignment_report import share
from bqx.stages.mapping import BARS, BQX, COVARIANCES, RATE, SIDES
from bqx.stages.stage import Condition
from bqx.stages.target import SCHEMA

ADVERTISED = 730
"""Features that the programme promises; it never said which."""
_STORED = f"""
SELECT table_name::text, column_name::text FROM information_schema.columns
 WHERE table_schema = '{SCHEMA}' AND column_name <> '{KEY}' AND table_name ~ '_({"|".join(PAIRS)})$'
"""


def readiness(e: Evidence) -> tuple[Condition, ...]:
    """The seven items."""
    return (
        _features(e),
        _between(e, "features", "cross-feature correlations"),
        _pairs(e),
        _between(e, "windows", "cross-window correlations"),
        _between(e, "domains", "cross-domain correlations"),
        _covariances(e),
        _triangulation(e),
    )


def _features(e: Evidence) -> Condition:
    """Columns that are stored, and those that the registry computes from the stored bars."""
    declared = {
        (table, column.name)
        for row in count(e.registry)
        for table, column in row.columns
        if not column.absent
    }
    stored: dict[str, set[tuple[str, str]]] = {pair: set() for pair in e.facts}
    for table, name in e.target.query(_STORED):
        kind, _, pair = table.rpartition("_")
        if pair in stored and kind != BARS:
            stored[pair].add((kind, name))
    available = {
        pair: columns | (declared if e.facts[pair].bars else set())
        for pair, columns in stored.items()
    }
    least = min((len(columns) for columns in stored.values()), default=0)
    return Condition(
        "feature matrix",
        f"{least:,} columns stored per pair; {len(declared):,} computed from the stored bars",
        f"{ADVERTISED} features or more for every pair, stored or computed",
        sum(len(columns) >= ADVERTISED for columns in available.values()),
        len(available),
        "store the bars of every pair",
    )


def _between(e: Evidence, what: str, name: str) -> Condition:
    """Correlations of joined rows, in every month that has rows enough."""
    found: list[float | None] = []
    for facts, month in e.months:
        joined = facts.joined.get(month)
        if joined is not None and _most(facts.shown.get(month, joined.shown)) >= ENOUGH:
            found.append(joined.correlations.get(what))
    names = " with ".join(f"{SIDES[s].kind}.w{w}_{f}" for s, (w, f) in BETWEEN[what])
    return _correlated(name, names, found, "pairs and months")


def _most(counts: dict[int, int]) -> int:
    return max(counts.values(), default=0)


def _correlated(name: str, what: str, found: list[float | None], units: str) -> Condition:
    good = [r for r in found if r is not None and math.isfinite(r) and abs(r) <= 1.0]
    example = f", for example {good[-1]:.4f}" if good else ""
    return Condition(
        name,
        f"{what}: {share(len(good), len(found))} {units}{example}",
        "a number in [-1, 1] from joined rows, wherever there are enough",
        len(good),
        len(found),
        "rebuild both sides, so that they hold the same features at the same times",
    )


def _newest(e: Evidence, pairs: tuple[str, ...]) -> str | None:
    """The newest month in which all of the pairs must have rows enough."""
    for month in reversed(e.found.months):
        if all(_most(e.facts[p].shown.get(month, {})) >= ENOUGH for p in pairs):
            return month
    return None


def _stored(e: Evidence, pairs: tuple[str, ...]) -> bool:
    return all(
        (w, "prediction") in e.facts[p].stored.get(side.kind, {})
        for p in pairs
        for side in SIDES
        for w in WINDOWS
    )


def _ready(e: Evidence) -> tuple[str, ...]:
    """Pairs that must have rows enough in some month."""
    return tuple(pair for pair in e.facts if _newest(e, (pair,)))


def _pairs(e: Evidence) -> Condition:
    found: list[float | None] = []
    cell = (WINDOWS[0], "prediction")
    for pairs in neighbours(_ready(e)):
        month = _newest(e, pairs)
        if month is not None:
            first, second = (e.facts[p].stored[RATE.kind].get(cell) for p in pairs)
            both = (pairs[0], pairs[1]), (first or "", second or "")
            known = first and second
            found.append(pair_correlation(e.target, both[0], month, both[1]) if known else None)
    what = f"{RATE.kind}.w{cell[0]}_{cell[1]} of neighbouring pairs"
    return _correlated("cross-pair correlations", what, found, "pairs of pairs")


def _covariances(e: Evidence) -> Condition:
    parts = [p for p in e.partitions if p.table == BQX.kind]
    good = sum(not p.has("covariance", "partition") for p in parts)
    return Condition(
        "term covariances",
        f"{share(good, len(parts))} partitions",
        f"{len(COVARIANCES)} detectors filled wherever history allows",
        good,
        len(parts),
        "apply BQX-2.14",
    )


def _triangulation(e: Evidence) -> Condition:
    """Both domains and all windows of several pairs, at the same minutes."""
    wanted = found = 0
    example = ""
    stored = {(s.kind, p): f.stored.get(s.kind, {}) for p, f in e.facts.items() for s in SIDES}
    for pairs in groups(_ready(e)):
        month = _newest(e, pairs)
        if month is None:
            continue
        wanted += 1
        minutes = common_minutes(e.target, pairs, month, stored) if _stored(e, pairs) else 0
        if minutes:
            found += 1
            example = f", for example {minutes:,} minutes of {month} in {' '.join(pairs)}"
    return Condition(
        "triangulation",
        f"{share(found, wanted)} groups of pairs meet{example}",
        f"minutes with {len(WINDOWS)} windows in {len(SIDES)} domains of all pairs of a group",
        found,
        wanted,
        "rebuild both sides of these pairs",
    )

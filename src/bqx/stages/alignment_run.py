"""Reading a database for the alignment report: few queries per pair, none per window."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from typing import TypeVar

import numpy as np

from bqx.checks.contract import WINDOWS
from bqx.domains.grid import Int64Array
from bqx.errors import BqxError
from bqx.features.registry import Registry, registry
from bqx.market import Calendar, calendar, month_bounds
from bqx.stages import alignment_comments as comments
from bqx.stages import alignment_scan as scan
from bqx.stages.alignment_catalog import Catalogue, catalogue
from bqx.stages.alignment_evidence import Evidence
from bqx.stages.alignment_expected import Expected, among, key_minutes
from bqx.stages.alignment_join import joined
from bqx.stages.alignment_judge import Judge, PairFacts
from bqx.stages.alignment_queries import queries
from bqx.stages.alignment_readiness import readiness
from bqx.stages.alignment_report import AlignmentReport
from bqx.stages.alignment_state import current_state
from bqx.stages.checklist import REBUILDS, checklist
from bqx.stages.legacy_bars import read_bars
from bqx.stages.mapping import BARS, BQX, CORRELATION, COVARIANCES, RATE, SIDES, column
from bqx.stages.runner import quiet
from bqx.stages.stage import Monitor, Selection
from bqx.stages.swap import KEPT
from bqx.stages.target import UNDO, PostgresTarget

ALL = Selection()
T = TypeVar("T")


def alignment(
    target: PostgresTarget,
    selection: Selection = ALL,
    *,
    preflight: bool = False,
    monitor: Monitor = quiet,
) -> AlignmentReport:
    """The alignment report of a database in any state: the first version's, half-way, or final.

    Args:
        target: The database; nothing in it is changed.
        selection: Pairs and months; all that any of the tables has when empty.
        preflight: Whether to examine what must hold before a remediation starts, where there is
            something to remedy.
        monitor: Told of each pair.

    Raises:
        StoreError: If the server refuses a query.
    """
    started = time.perf_counter()
    families = registry()
    found = catalogue(target, selection)
    reader = _Reader(target, found, families)
    judge = Judge(found, families)
    facts = {}
    for done, pair in enumerate(found.pairs):
        facts[pair] = reader.read(pair)
        monitor(done + 1, len(found.pairs), pair)
    partitions = tuple(
        judge.partition(side, facts[pair], month)
        for pair in found.pairs
        for side in SIDES
        for month in found.months
    )
    evidence = Evidence(target, found, families, judge, facts, partitions)
    report = AlignmentReport(
        facts=_facts(target, found, facts, started),
        partitions=partitions,
        current=current_state(evidence),
        queries=queries(evidence),
        checklist=checklist(evidence),
        readiness=readiness(evidence),
    )
    if report.passed or not preflight:
        return report
    from bqx.stages.alignment_preflight import preflight as examine

    return replace(report, preflight=examine(target, facts, selection))


def _facts(
    target: PostgresTarget, found: Catalogue, facts: Mapping[str, PairFacts], started: float
) -> dict[str, object]:
    rows = {
        kind: sum(s.rows for f in facts.values() for s in f.scans.get(kind, {}).values())
        for kind in (*(side.kind for side in SIDES), CORRELATION)
    }
    return {
        "database": target.name,
        "server": target.query("SELECT current_setting('server_version')")[0][0],
        "pairs": len(found.pairs),
        "months": len(found.months),
        "partitions": len(SIDES) * len(found.pairs) * len(found.months),
        "bars": sum(f.bars for f in facts.values()),
        **{f"rows of {kind}": count for kind, count in rows.items()},
        "bqx": version("bqx-ml"),
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "seconds": round(time.perf_counter() - started, 2),
    }


class _Reader:
    """Reads what the judge needs."""

    def __init__(self, target: PostgresTarget, found: Catalogue, families: Registry) -> None:
        self._target = target
        self._found = found
        self._judge = Judge(found, families)
        self._calendar: Calendar = calendar()
        self._comments = _wrong_comments(target, found, families)
        self._kept = _kept(target)

    def read(self, pair: str) -> PairFacts:
        """Everything about one pair."""
        facts = PairFacts(pair, comments=self._comments.get(pair, []))
        for side in SIDES:
            if columns := self._found.columns(side.kind, pair):
                facts.stored[side.kind] = side.stored(columns)
                found = scan.regression(self._target, side, f"{side.kind}_{pair}", columns)
                facts.scans[side.kind] = self._by_month(found)
        if columns := self._found.columns(CORRELATION, pair):
            found = scan.covariances(self._target, f"{CORRELATION}_{pair}", columns)
            facts.scans[CORRELATION] = self._by_month(found)
        if len(facts.stored) == len(SIDES):
            names = (facts.stored[RATE.kind], facts.stored[BQX.kind])
            facts.joined = self._by_month(joined(self._target, pair, names))
        self._expect(facts)
        return facts

    def _by_month(self, found: Mapping[int, T]) -> dict[str, T]:
        months = self._found.months_of
        return {months[part]: result for part, result in found.items() if part in months}

    def _expect(self, facts: PairFacts) -> None:
        if (BARS, facts.pair) not in self._found.parents:
            facts.problem = f"no {BARS}_{facts.pair}"
            return
        try:
            bars = read_bars(self._target.connection, facts.pair, self._calendar)
            expected = Expected(bars)
        except BqxError as error:
            facts.problem = error.found
            return
        facts.bars, facts.strangers = len(bars.bars.minutes), bars.strangers
        minutes = {}
        for kind, histories in self._histories().items():
            if self._found.columns(kind, facts.pair):
                minutes[kind] = key_minutes(self._target, f"{kind}_{facts.pair}")
                facts.rows[kind] = expected.rows(minutes[kind], self._found.months)
                facts.due[kind] = expected.values(minutes[kind], self._found.months, histories)
        if all(side.kind in minutes for side in SIDES):
            rate, bqx = (minutes[side.kind] for side in SIDES)
            facts.shown = self._shown(expected, rate[among(rate, bqx)])
        self._lost(facts, minutes)

    def _lost(self, facts: PairFacts, minutes: Mapping[str, Int64Array]) -> None:
        """Count rows of replaced tables, which are kept, that the new ones lack."""
        for kind, here in minutes.items():
            schema = self._kept.get(f"{kind}_{facts.pair}")
            if schema is not None:
                before = key_minutes(self._target, f"{KEPT}{kind}_{facts.pair}", schema)
                gone = before[~among(before, here)]
                for month in self._found.months:
                    low, high = np.searchsorted(gone, month_bounds(month))
                    if high > low:
                        facts.gone[kind, month] = int(high - low)

    def _shown(self, expected: Expected, minutes: Int64Array) -> dict[str, dict[int, int]]:
        """Rows that both sides must show, by month and window."""
        needs = {
            w: [self._judge.history(s.table, column(w, "prediction")) for s in SIDES]
            for w in WINDOWS
        }
        return expected.values(minutes, self._found.months, needs)

    def _histories(self) -> dict[str, dict[int, tuple[int, ...]]]:
        names = {side.kind: (side.table, [column(w, "r2") for w in WINDOWS]) for side in SIDES}
        names[CORRELATION] = (CORRELATION, list(COVARIANCES))
        found = {k: {self._judge.history(t, n) for n in some} for k, (t, some) in names.items()}
        return {kind: {h: (h,) for h in histories} for kind, histories in found.items()}


def _kept(target: PostgresTarget) -> dict[str, str]:
    """Schemas in which replaced tables are kept, by their names."""
    if target.query("SELECT to_regclass(%s)", (UNDO,))[0][0] is None:
        return {}
    found = {}
    for code in REBUILDS:
        remembered = target.remembered(code)
        if remembered is not None:
            manifest = remembered[1]
            found.update(dict.fromkeys(manifest["tables"], str(manifest["backup"])))
    return found


def _wrong_comments(
    target: PostgresTarget, found: Catalogue, families: Registry
) -> dict[str, list[tuple[comments.Comment, str]]]:
    wanted = comments.generated(families, found)
    wrong = [
        (comment, now.text or "no comment")
        for comment, now in zip(wanted, comments.present(target, wanted), strict=True)
        if comment.text != now.text
    ]
    wrong.sort(key=lambda pair: pair[0].pair)
    return {pair: list(some) for pair, some in groupby(wrong, key=lambda w: w[0].pair)}

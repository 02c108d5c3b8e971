"""Judging what was read of a partition, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bqx.checks.contract import PER_WINDOW, WINDOWS
from bqx.features.registry import Registry
from bqx.stages.alignment_catalog import Catalogue
from bqx.stages.alignment_comments import Comment
from bqx.stages.alignment_expected import Rows
from bqx.stages.alignment_join import Joined
from bqx.stages.alignment_report import Defect, PartitionResult
from bqx.stages.alignment_scan import Identity, Scanned
from bqx.stages.mapping import (
    BQX,
    CELLS,
    CORRELATION,
    COVARIANCES,
    Cell,
    Side,
    column,
)

DOUBLE = "double precision"
STRUCTURE = ("partition", "extra columns", "rows", "join", "comments")
"""Cells that every partition has beside its features."""
Due = Mapping[str, Mapping[int, int]]
"""Values that must be shown, by month and length of history."""


@dataclass
class PairFacts:
    """What was read of one pair.

    Attributes:
        pair: The pair.
        problem: Why its bars say nothing; empty when they do.
        strangers: Bars whose stored rate index is not what their close says.
        bars: Its bars.
        stored: Stored names of canonical features, by kind of table.
        scans: What partitions hold, by kind of table and month.
        rows: Rows against the trading minutes, by kind of table and month.
        due: Values that must be shown, by kind of table.
        joined: Both sides joined, by month.
        shown: Rows by month and window that both sides must show.
        gone: Rows of before a rebuild that are there no more, by kind of table and month.
        comments: Comments of the pair's tables that are not the generated ones, with these.
    """

    pair: str
    problem: str = ""
    strangers: int = 0
    bars: int = 0
    stored: dict[str, dict[Cell, str]] = field(default_factory=dict)
    scans: dict[str, dict[str, Scanned]] = field(default_factory=dict)
    rows: dict[str, dict[str, Rows]] = field(default_factory=dict)
    due: dict[str, Due] = field(default_factory=dict)
    joined: dict[str, Joined] = field(default_factory=dict)
    shown: dict[str, dict[int, int]] = field(default_factory=dict)
    gone: dict[tuple[str, str], int] = field(default_factory=dict)
    comments: list[tuple[Comment, str]] = field(default_factory=list)

    def scanned(self, kind: str, month: str) -> Scanned:
        """What a partition holds; nothing where it has no rows or is not there."""
        return self.scans.get(kind, {}).get(month) or Scanned(0)


class Judge:
    """Judges partitions of one database.

    Args:
        found: The catalogue.
        registry: Where the histories of columns are declared.
    """

    def __init__(self, found: Catalogue, registry: Registry) -> None:
        self._found = found
        self._registry = registry

    def history(self, table: str, name: str) -> int:
        """History of a column."""
        return self._registry.table(table).column(name).history

    def partition(self, side: Side, facts: PairFacts, month: str) -> PartitionResult:
        """The verdict on one partition of one side."""
        columns = self._found.columns(side.kind, facts.pair)
        stored = facts.stored.get(side.kind, {})
        defects: dict[str, Defect] = {}
        for defect in self._defects(side, facts, month, columns):
            defects.setdefault(defect.cell, defect)
        there = self._found.attached(side.kind, facts.pair, month)
        return PartitionResult(
            table=side.kind,
            pair=facts.pair,
            month=month,
            cells=len(_cells(side)),
            rows=facts.scanned(side.kind, month).rows,
            stored=len(stored) if there else 0,
            canonical=sum(name == column(*cell) for cell, name in stored.items()) if there else 0,
            defects=tuple(defects.values()),
        )

    def _defects(
        self, side: Side, facts: PairFacts, month: str, columns: Mapping[str, str]
    ) -> Iterator[Defect]:
        name = f"{side.kind}_{facts.pair}"
        table = self._found.partitions.get((side.kind, facts.pair, month))
        broken = ["no such table"] if table is None else table.defects(name, month)
        if broken:
            text, wanted = "; ".join(broken), f"the month's partition of {name}, key ts_utc"
            yield Defect("partition", "partition", text, wanted)
        if not self._found.attached(side.kind, facts.pair, month):
            for cell in _cells(side):
                yield Defect(cell, "partition", "no such partition", "a partition with values")
            return
        yield from self._features(side, facts, month, columns)
        if extra := side.undeclared(columns):
            wanted = f"key, {side.source} and {len(CELLS)} features"
            yield Defect("extra columns", "extra", f"{len(extra)}: {_list(extra)}", wanted)
        yield from self._rows(side, facts, month)
        yield from _join(facts, month)
        yield from _comments(side.kind, facts)
        if side is BQX:
            yield from self._covariances(facts, month)

    def _features(
        self, side: Side, facts: PairFacts, month: str, columns: Mapping[str, str]
    ) -> Iterator[Defect]:
        stored, scanned = facts.stored.get(side.kind, {}), facts.scanned(side.kind, month)
        for cell in CELLS:
            name = stored.get(cell, "")
            if not name:
                yield Defect(column(*cell), "column", "no such column", f"a column of {DOUBLE}")
            elif columns[name] != DOUBLE:
                yield Defect(column(*cell), "type", columns[name], DOUBLE)
        for (identity, window), result in scanned.identities.items():
            yield from _identity(identity, window, result)
            shown = scanned.counts[stored[window, "prediction"]]
            if result.rows < shown:
                text = f"{shown - result.rows:,} rows lack a part of the identity"
                name = column(window, "prediction" if identity == "terms" else "residual")
                yield Defect(name, "identity", text, "all of its parts in every row")
        if not facts.problem:
            yield from self._nulls(side, facts, month)

    def _nulls(self, side: Side, facts: PairFacts, month: str) -> Iterator[Defect]:
        scanned, due = facts.scanned(side.kind, month), facts.due[side.kind][month]
        for cell, name in facts.stored[side.kind].items():
            found = scanned.counts.get(name, 0)
            wanted = due[self.history(side.table, side.registered(cell))]
            unexplained = scanned.unexplained.get(name, 0)
            # r2 of a flat window is NULL, which costs values but never adds one.
            fewer = cell[1] == "r2" and found < wanted and not unexplained
            if (found != wanted and not fewer) or unexplained:
                yield Defect(column(*cell), "nulls", f"{found:,} values", f"{wanted:,} values")

    def _rows(self, side: Side, facts: PairFacts, month: str) -> Iterator[Defect]:
        if facts.problem:
            yield Defect("rows", "rows", facts.problem, "bars that say which rows there must be")
            return
        rows = facts.rows[side.kind][month]
        if rows.lost:
            yield Defect("rows", "rows", f"{rows.lost:,} bars without a row", "a row for each bar")
        if gone := facts.gone.get((side.kind, month)):
            text = f"{gone:,} rows of before the rebuild are gone"
            yield Defect("rows", "rows", text, "all rows of before")
        if rows.missing:
            text = f"{rows.missing:,} trading minutes without a row"
            yield Defect("rows", "grid", text, "a row for each minute from first to last bar")

    def _covariances(self, facts: PairFacts, month: str) -> Iterator[Defect]:
        attached = self._found.attached(CORRELATION, facts.pair, month)
        columns = self._found.columns(CORRELATION, facts.pair) if attached else {}
        scanned = facts.scanned(CORRELATION, month)
        for name in COVARIANCES:
            if name not in columns:
                yield Defect(name, "covariance", "no such column", f"it in {CORRELATION}_*")
            elif outside := scanned.outside.get(name):
                yield Defect(name, "covariance", f"{outside:,} values outside [-1, 1]", "[-1, 1]")
            elif not facts.problem:
                yield from self._covered(facts, month, name, scanned)

    def _covered(
        self, facts: PairFacts, month: str, name: str, scanned: Scanned
    ) -> Iterator[Defect]:
        wanted = facts.due[CORRELATION][month][self.history(CORRELATION, name)]
        found, unexplained = scanned.counts.get(name, 0), scanned.unexplained.get(name, 0)
        fewer = name.startswith("corr_") and found < wanted and not unexplained
        if (found != wanted and not fewer) or unexplained:
            yield Defect(name, "covariance", f"{found:,} values", f"{wanted:,} values")


def _cells(side: Side) -> tuple[str, ...]:
    features = tuple(column(*cell) for cell in CELLS)
    return (*features, *STRUCTURE, *(COVARIANCES if side is BQX else ()))


def _identity(name: str, window: int, result: Identity) -> Iterator[Defect]:
    if not result.wrong:
        return
    where = f"{result.wrong:,} of {result.rows:,} rows differ, by up to {result.worst:.3g}"
    if result.ends_early:
        found = "the window ends one row early: its residual is that of the row before"
        for feature in PER_WINDOW:
            cell = column(window, feature)
            yield Defect(cell, "offset", found, "a window that ends in its own row")
    elif name == "terms":
        text = f"{where}, the first at {result.first}"
        yield Defect(column(window, "prediction"), "identity", text, "the sum of the terms")
    else:
        text = f"{where}, the first at {result.first}"
        yield Defect(column(window, "residual"), "identity", text, "source - prediction")


def _join(facts: PairFacts, month: str) -> Iterator[Defect]:
    joined = facts.joined.get(month)
    if joined is None:
        yield Defect("join", "join", "nothing to join", "the same times on both sides")
        return
    if joined.only_rate or joined.only_bqx:
        text = (
            f"{joined.only_rate:,} times only in the rate side, "
            f"{joined.only_bqx:,} only in the BQX side"
        )
        yield Defect("join", "join", text, "the same times on both sides")
    absent = [window for window in WINDOWS if window not in joined.comparable]
    if absent:
        text = f"no r2 on both sides for the windows {absent}"
        yield Defect("join", "join", text, "r2 of every window on both sides")
    for window, shown in joined.shown.items():
        wanted = facts.shown.get(month, {}).get(window, shown)
        if shown != wanted:
            text = f"{shown:,} comparable rows at the window {window}"
            yield Defect("join", "join", text, f"{wanted:,} rows")


def _comments(kind: str, facts: PairFacts) -> Iterator[Defect]:
    kinds = (kind, CORRELATION) if kind == BQX.kind else (kind,)
    wrong = [(comment, found) for comment, found in facts.comments if comment.kind in kinds]
    if wrong:
        names = _list(tuple(f"{c.table}{f'.{c.column}' if c.column else ''}" for c, _ in wrong))
        yield Defect("comments", "comment", f"{len(wrong)} differ: {names}", "the generated ones")


def _list(names: tuple[str, ...], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return f"{shown}, …" if len(names) > most else shown

"""Compare a store with its record: every partition's schema, row count, times, content hash."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from bqx.market import moment_of
from bqx.store.barstore import M1, MINUTES_A_DAY, day_hashes
from bqx.store.base import BaseStore
from bqx.store.partitions import Key
from bqx.store.schema import full_schema
from bqx.store.state import Partition

NOTES = ("outdated",)
"""Kinds of findings that are no failure."""

_REBUILD = "`bqx build --force` makes it again from the bars"
_INGEST = "restore a snapshot, or ingest the vendor file into a new store"
_HINTS = {
    "unrecorded": "`bqx build` replaces what it made; delete what is foreign",
    "leftover": "the next `bqx build` or `bqx ingest` removes it",
    "outdated": "`bqx build` makes it again",
}


@dataclass(frozen=True)
class Finding:
    """One thing that differs from the record.

    Attributes:
        kind: Of `Problem`, or ``days``, ``unrecorded``, ``leftover``, ``outdated``.
        table: Table name without pair and month; None for what lies outside the tables.
        pair: Pair, or None.
        month: ``yyyy_mm``, or None.
        found: What was met.
        expected: What the record says.
        hint: What to do.
    """

    kind: str
    table: str | None
    pair: str | None
    month: str | None
    found: str
    expected: str
    hint: str

    @property
    def place(self) -> str:
        """Where it is: ``reg_rate eurusd 2019_01``, or the store as a whole."""
        return " ".join(part for part in (self.table, self.pair, self.month) if part) or "store"


@dataclass(frozen=True)
class VerifyResult:
    """The account of a verification.

    Attributes:
        partitions: Partitions compared with their record.
        rows: Rows that the record says they have.
        bytes: Bytes that the record says they have.
        deep: Whether all values were read and hashed.
        findings: What differs; those of the kinds `NOTES` are no failures.
    """

    partitions: int
    rows: int
    bytes: int
    deep: bool
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is as recorded."""
        return all(finding.kind in NOTES for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return {"passed": self.passed, **asdict(self)}

    def to_text(self) -> str:
        """A line per finding, outdated months of a table together, and the verdict."""
        lines = [
            f"{f.kind}: {f.place}: {f.found}; expected {f.expected}; {f.hint}"
            for f in self.findings
            if f.kind not in NOTES
        ]
        notes = Counter((f.kind, f.table, f.pair) for f in self.findings if f.kind in NOTES)
        lines += [
            f"note: {table} {pair}: {count} {kind}; {_HINTS[kind]}"
            for (kind, table, pair), count in notes.items()
        ]
        depth = "values, schema, rows and files" if self.deep else "schema, rows and files"
        verdict = "as recorded" if self.passed else "NOT as recorded"
        lines.append(
            f"{self.partitions:,} partitions, {self.rows:,} rows, {self.bytes / 1e6:,.0f} MB:"
            f" {depth} are {verdict}"
        )
        return "\n".join(lines)


def verify(
    store: BaseStore,
    *,
    tables: str | Sequence[str] | None = None,
    pairs: str | Sequence[str] | None = None,
    deep: bool = True,
) -> VerifyResult:
    """Compare every partition with its record, and what there is with both.

    Args:
        store: The store.
        tables: Tables, ``m1`` or families; all when None.
        pairs: Pairs; all when None.
        deep: Whether all values are read and hashed; otherwise rows and times are counted only.

    Raises:
        UnknownNameError: If a table or pair is unknown.
    """
    wanted = _Selection(
        None if tables is None else _resolve(store, tables),
        None if pairs is None else set(store.select_pairs(pairs)),
    )
    recorded = store.state.partitions()
    chosen = [p for p in recorded.values() if wanted.has(p.tbl, p.pair)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = pool.map(lambda p: _partition(store, p, deep=deep), chosen)
        findings = [finding for found in checks for finding in found]
    findings += _strays(store, wanted, recorded)
    rows, size = sum(p.rows for p in chosen), sum(p.bytes for p in chosen)
    return VerifyResult(len(chosen), rows, size, deep, tuple(findings))


@dataclass(frozen=True)
class _Selection:
    tables: set[str] | None
    pairs: set[str] | None

    def has(self, table: str, pair: str) -> bool:
        return (self.tables is None or table in self.tables) and (
            self.pairs is None or pair in self.pairs
        )

    @property
    def everything(self) -> bool:
        return self.tables is None and self.pairs is None


def _resolve(store: BaseStore, tables: str | Sequence[str]) -> set[str]:
    names = tables.split(",") if isinstance(tables, str) else list(tables)
    return {*store.registry.resolve(n for n in names if n != M1), *({M1} & set(names))}


def _key(partition: Partition) -> Key:
    return partition.tbl, partition.pair, partition.month


def _is_current(store: BaseStore, partition: Partition) -> bool:
    """Whether the present code makes, for the present grid, tables like this one."""
    table = partition.tbl
    return table == M1 or (
        table in store.tables and partition.fingerprint == store.fingerprint(table)
    )


def _partition(store: BaseStore, partition: Partition, *, deep: bool) -> list[Finding]:
    current = _is_current(store, partition)
    schema: pa.Schema | None = full_schema(store, partition.tbl) if current else None
    problems = store.parts.inspect(partition, schema, deep=deep)
    hint = _INGEST if partition.tbl == M1 else _REBUILD
    found = [Finding(p.kind, *_key(partition), p.found, p.expected, hint) for p in problems]
    if not current:
        found.append(
            Finding(
                "outdated",
                *_key(partition),
                "made by other code or for another grid",
                "the present code and grid",
                _HINTS["outdated"],
            )
        )
    if partition.tbl == M1 and deep and not problems:
        found += _days(store, partition)
    return found


def _days(store: BaseStore, partition: Partition) -> list[Finding]:
    """Days of a month of bars whose hash is not the recorded one."""
    low, high = partition.first // MINUTES_A_DAY, partition.last // MINUTES_A_DAY
    recorded = {day: h for day, h in store.state.days(partition.pair) if low <= day <= high}
    bars = store.parts.read(_key(partition))
    found = {d.day: d.hash for d in day_hashes(partition.pair, bars)}
    return [
        Finding(
            "days",
            *_key(partition),
            f"{moment_of(day * MINUTES_A_DAY):%Y-%m-%d}: {found.get(day, 'no bars')}",
            recorded.get(day, "no bars"),
            _INGEST,
        )
        for day in sorted(found.keys() | recorded.keys())
        if found.get(day) != recorded.get(day)
    ]


def _strays(store: BaseStore, wanted: _Selection, recorded: Collection[Key]) -> list[Finding]:
    """What there is and belongs to no record."""
    return [
        Finding(s.kind, s.table, s.pair, s.month, s.found, "only what is recorded", _HINTS[s.kind])
        for s in store.parts.strays(recorded)
        if wanted.everything or (s.table and s.pair and wanted.has(s.table, s.pair))
    ]

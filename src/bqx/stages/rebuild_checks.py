"""What must hold of tables that were rebuilt, looked up pair by pair and added up."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from bqx.domains.grid import Int64Array
from bqx.features.table import TableSpec
from bqx.market import month_bounds
from bqx.stages.legacy_tables import MonthlyTable, key_micros
from bqx.stages.pair_features import PairFeatures, micros
from bqx.stages.partition_scan import IDENTITY_TOLERANCE, Found, Scan, scan_table
from bqx.stages.stage import Condition
from bqx.stages.target import SCHEMA, PostgresTarget


@dataclass
class Tally:
    """One condition over many parts.

    Attributes:
        name: Name of the condition.
        expected: What is expected.
        done: Parts for which it holds.
        total: Parts.
        worst: The first part for which it does not.
    """

    name: str
    expected: str
    done: int = 0
    total: int = 0
    worst: str = ""

    def add(self, done: int, total: int, place: str) -> None:
        """Count parts of one place."""
        self.done += done
        self.total += total
        if done != total and not self.worst:
            self.worst = place

    def condition(self, hint: str, seconds: float = 0.0) -> Condition:
        """The condition."""
        found = self.worst or f"{self.done:,}"
        hint = hint if self.done != self.total or not self.total else ""
        return Condition(self.name, found, self.expected, self.done, self.total, hint, seconds)


@dataclass
class Tallies:
    """The conditions of one kind of table, in the order in which they were first counted.

    Attributes:
        label: Stands before their names.
        found: By name.
        started: When counting began.
    """

    label: str = ""
    found: dict[str, Tally] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def add(self, name: str, expected: str, done: int, total: int, place: str) -> None:
        """Count parts of one place."""
        self.found.setdefault(name, Tally(self.label + name, expected)).add(done, total, place)

    def conditions(self, hint: str) -> list[Condition]:
        """All of them."""
        seconds = time.perf_counter() - self.started
        return [t.condition(hint, round(seconds, 3)) for t in self.found.values()]


@dataclass(frozen=True)
class Expected:
    """What one table must hold.

    Attributes:
        table: The table as it is.
        months: Months that it must have.
        spec: Its contract.
        scan: What is looked at.
        features: What makes its values.
        old: Times that were there before, in microseconds.
        built: Rows and hash of its partitions as they were built, as far as that is known.
    """

    table: MonthlyTable
    months: Sequence[str]
    spec: TableSpec
    scan: Scan
    features: PairFeatures
    old: Int64Array
    built: Mapping[str, Sequence[Any]]

    def others(self, month: str) -> Int64Array:
        """Old times of a month that are no rows of the grid."""
        return off_grid(self.features, self.old, month)


def off_grid(features: PairFeatures, old: Int64Array, month: str) -> Int64Array:
    """Times of a month that are no rows of a pair's partition."""
    some = in_months(old, [month])
    return some[~np.isin(some, micros(features.minutes(month)))]


def in_months(times: Int64Array, months: Sequence[str]) -> Int64Array:
    """Those of ascending times in microseconds that lie in some months."""
    parts = [np.zeros(0, np.int64)]
    for month in months:
        low, high = np.searchsorted(times, micros(np.array(month_bounds(month))))
        parts.append(times[low:high])
    return np.concatenate(parts)


def check_table(target: PostgresTarget, expected: Expected, tallies: Tallies) -> None:
    """Count what holds of one table."""
    name = expected.table.name
    found = scan_table(target, name, expected.scan, SCHEMA)
    here = set(expected.table.months)
    for month in expected.months:
        partition = f"{name}_{month}"
        told = f"{partition} is missing"
        tallies.add("partitions are there", "one for each month", int(month in here), 1, told)
        _one_partition(expected, month, found.get(partition) or _nothing(expected.scan), tallies)
    if len(expected.old):
        now = key_micros(target.connection, f"{SCHEMA}.{name}")
        kept = int(np.isin(expected.old, now).sum())
        told = f"{name} lacks {len(expected.old) - kept:,} times"
        tallies.add("every old time is there", "all of them", kept, len(expected.old), told)


def _one_partition(expected: Expected, month: str, found: Found, tallies: Tallies) -> None:
    partition = f"{expected.table.name}_{month}"
    others = len(expected.others(month))
    rows = len(expected.features.minutes(month)) + others
    told = f"{partition} has {found.rows:,} rows instead of {rows:,}"
    tallies.add("rows, counted", "a row for each trading minute", int(found.rows == rows), 1, told)
    _identities(partition, found, tallies)
    source = expected.scan.source is not None
    nulls = expected.features.nulls(expected.spec, month, source=source, others=others)
    columns = expected.scan.columns
    wrong = [c for c in columns if rows - found.counts[c] != nulls[c]]
    told = f"{partition}.{wrong[0]} has other NULLs than its bars ask for" if wrong else ""
    done = len(columns) - len(wrong)
    tallies.add("NULLs, counted", "those of the bars", done, len(columns), told)
    if partition in expected.built:
        same = [found.rows, found.hash] == list(expected.built[partition])
        told = f"{partition} holds other rows"
        tallies.add("contents as built", "equal hashes", int(same), 1, told)


def _identities(partition: str, found: Found, tallies: Tallies) -> None:
    texts = {"prediction": "sum of terms", "residual": "source - prediction"}
    for (window, name), error in found.errors.items():
        told = f"{partition}, w{window}: off by {error:.3g}"
        good = int(error <= IDENTITY_TOLERANCE)
        tallies.add(f"{name} = {texts[name]}", "within 1e-9", good, 1, told)


def _nothing(scan: Scan) -> Found:
    """What is found in a partition that is empty or not there."""
    counts = dict.fromkeys(scan.columns, 0)
    errors = {(w, n): inf for w in scan.windows for n in ("prediction", "residual")}
    return Found(0, "0", counts, errors, dict.fromkeys(scan.ratios, inf))

"""The missing constant terms of the first version's regression, added to its files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bqx.domains.grid import FloatArray
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.embedded_checks import place
from bqx.stages.embedded_stage import NEW, EmbeddedStage, Laid
from bqx.stages.stage import Condition, Estimate, Facts, Monitor, Operation, Plan, Selection
from bqx.store.change import beside, key_of
from bqx.store.embedded import EmbeddedStore
from bqx.store.hashing import content_hash
from bqx.store.parquet import read_file, write_file
from bqx.store.state import Partition

TABLE = "reg"
WINDOWS = (60, 90, 150, 240, 390, 630)
SAME, SUM = 1e-6, 1e-3
"""Greatest deviations that the remediation plan allows."""
BYTES_A_SECOND = 100_000_000
MEMORY = 300 * 2**20
COMMENT = (
    "Quadratic regression of the rate index (100 at the baseline). Its terms at the window's end "
    "are quadratic (a_term), linear (b_term) and constant; their sum is the prediction."
)


@dataclass(frozen=True)
class _Deviations:
    """Rows of one partition in which a rule does not hold."""

    rows: int
    unequal: int
    wrong_sum: int


class FolderConstantTerm(EmbeddedStage):
    """Add the six constant terms, equal to the stored constant coefficients."""

    code = "BQX-2.11"
    title = "Constant terms of the rate side's regression"
    summary = "Add and fill one constant_term column for each window of the first version's reg."
    facts = Facts(features=len(WINDOWS), planned="30 minutes", cost=0.16)

    def plan(self, target: EmbeddedTarget, selection: Selection) -> Plan:
        """The partitions that lack a column."""
        store = target.store
        lacking = [p for p in _partitions(store, selection) if _absent(store, p)]
        rows = sum(p.rows for p in lacking)
        size = sum(p.bytes for p in lacking)
        added = rows * len(WINDOWS) * 8
        what = f"{len(WINDOWS)} columns in {len(lacking)} partitions of {TABLE}"
        operation = Operation("add columns", what, len(lacking), rows, size + added)
        cost = Estimate(round((2 * size + added) / BYTES_A_SECOND, 3), size + added, 0, MEMORY)
        operations = (operation,) if lacking else ()
        return Plan(self.code, selection, operations, cost, _preconditions(store, lacking))

    def lay(self, target: EmbeddedTarget, plan: Plan, monitor: Monitor) -> Laid:
        """Write the files with their new columns beside, and read them again."""
        store = target.store
        old = [p for p in _partitions(store, plan.selection) if _absent(store, p)]
        new = []
        for number, partition in enumerate(old, 1):
            new.append(_widened(store, partition))
            monitor(number, len(old), place(key_of(partition)))
        paths = [beside(store, NEW, key_of(p)) for p in new]
        conditions = (_nothing_lost(old, paths), *_holding(new, paths))
        return Laid(NEW, tuple(new), (), conditions)

    def verify(self, target: EmbeddedTarget, selection: Selection) -> Sequence[Condition]:
        """The columns are there, equal to their coefficients, and the terms add up."""
        store = target.store
        partitions = _partitions(store, selection)
        complete = [p for p in partitions if not _absent(store, p)]
        first = _columns_there(store, partitions, complete)
        if not first.passed:
            return [first]
        return [first, *_holding(complete, [store.path(*key_of(p)) for p in complete])]


def _partitions(store: EmbeddedStore, selection: Selection) -> list[Partition]:
    found = store.state.partitions(TABLE).values()
    return [p for p in found if selection.has(p.pair, p.month)]


def _names(store: EmbeddedStore, partition: Partition) -> set[str]:
    path = store.path(*key_of(partition))
    return set(pq.read_schema(path).names) if path.is_file() else set()


def _absent(store: EmbeddedStore, partition: Partition) -> list[int]:
    """Windows whose constant term a partition lacks."""
    names = _names(store, partition)
    return [w for w in WINDOWS if f"w{w}_constant_term" not in names]


def _preconditions(store: EmbeddedStore, lacking: Sequence[Partition]) -> tuple[Condition, ...]:
    if not lacking:
        return ()
    sources = {f"w{w}_c_coef" for w in WINDOWS}
    without = [p for p in lacking if sources - _names(store, p)]
    condition = Condition(
        name="the coefficients are there",
        found=f"not in {place(key_of(without[0]))}" if without else f"in {len(lacking)} partitions",
        expected="w60_c_coef to w630_c_coef in every partition",
        done=len(lacking) - len(without),
        total=len(lacking),
        hint="is the file there, and is it one of the first version?",
    )
    return (condition,)


def _columns_there(
    store: EmbeddedStore, partitions: Sequence[Partition], complete: Sequence[Partition]
) -> Condition:
    rest = [p for p in partitions if p not in complete]
    first = f"{place(key_of(rest[0]))} lacks {_absent(store, rest[0])}" if rest else ""
    return Condition(
        name="constant terms of all windows",
        found=first or f"{len(complete)} partitions have them",
        expected=f"{len(WINDOWS)} columns in every partition of {TABLE}",
        done=len(complete),
        total=len(partitions),
        hint="apply the stage",
    )


def _widened(store: EmbeddedStore, partition: Partition) -> Partition:
    """Write a partition with the columns that it lacks; its new record."""
    table = read_file(store.path(*key_of(partition)))
    for window in _absent(store, partition):
        comment = f"Constant term of {window} bars: the fit at the window's begin."
        field = pa.field(f"w{window}_constant_term", pa.float64(), metadata={"comment": comment})
        table = table.append_column(field, table.column(f"w{window}_c_coef").cast(pa.float64()))
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), "comment": COMMENT})
    size = write_file(table, beside(store, NEW, key_of(partition)))
    return replace(partition, hash=content_hash(table), bytes=size)


def _nothing_lost(old: Sequence[Partition], paths: Sequence[Path]) -> Condition:
    """All that was there is there: without the new columns, the contents have the old hash."""
    new = {f"w{w}_constant_term" for w in WINDOWS}
    same = 0
    for partition, path in zip(old, paths, strict=True):
        table = read_file(path)
        kept = table.drop_columns([n for n in table.column_names if n in new])
        same += content_hash(kept) == partition.hash or content_hash(table) == partition.hash
    return Condition(
        name="old columns unchanged",
        found=f"{same} of {len(old)} partitions have the old rows and contents",
        expected="all of them, by row count and content hash",
        done=same,
        total=len(old),
        hint="`bqx verify` lists what was damaged before",
    )


def _holding(partitions: Sequence[Partition], paths: Sequence[Path]) -> Iterator[Condition]:
    """The remediation plan's two validations, for all windows and partitions."""
    began = time.perf_counter()
    found = [_deviations(path) for path in paths]
    rows = sum(d.rows for d in found)
    seconds = time.perf_counter() - began
    for name, counts in (
        ("constant_term = c_coef", [d.unequal for d in found]),
        ("prediction = a_term + b_term + constant_term", [d.wrong_sum for d in found]),
    ):
        bad = [p for p, n in zip(partitions, counts, strict=True) if n]
        where = f", the first in {place(key_of(bad[0]))}" if bad else ""
        yield Condition(
            name=name,
            found=f"{sum(counts):,} of {rows:,} values differ{where}",
            expected="0",
            done=rows - sum(counts),
            total=rows,
            hint="the stored coefficients contradict each other; rebuild instead" if bad else "",
            seconds=seconds / 2,
        )


def _deviations(path: Path) -> _Deviations:
    table = read_file(path)
    columns = {name: _values(table, name) for name in table.column_names if name.startswith("w")}
    unequal = wrong_sum = 0
    for window in WINDOWS:
        part = _parts(columns, window)
        unequal += _count(part["constant_term"], part["c_coef"], SAME)
        total = part["a_term"] + part["b_term"] + part["constant_term"]
        wrong_sum += _count(part["yhat_end"], total, SUM)
    return _Deviations(table.num_rows * len(WINDOWS), unequal, wrong_sum)


def _parts(columns: Mapping[str, FloatArray], window: int) -> dict[str, FloatArray]:
    names = ("a_term", "b_term", "constant_term", "c_coef", "yhat_end")
    return {name: columns[f"w{window}_{name}"] for name in names}


def _values(table: pa.Table, name: str) -> FloatArray:
    column = table.column(name).cast(pa.float64()).combine_chunks()
    return np.asarray(column.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _count(left: FloatArray, right: FloatArray, tolerance: float) -> int:
    """Rows in which two columns differ; NULL equals NULL only."""
    both = np.isnan(left) & np.isnan(right)
    return int(np.count_nonzero(~both & ~(np.abs(left - right) <= tolerance)))

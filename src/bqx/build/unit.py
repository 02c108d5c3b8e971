"""One work unit: read bars, compute tables, check them, write their partitions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bqx.build.plan import TableTask, Unit, groups, narrowed
from bqx.errors import PostConditionError
from bqx.features.arrow import to_arrow
from bqx.features.compute import TableData, compute_tables
from bqx.features.family import Family
from bqx.features.registry import Registry
from bqx.store.around import load_slice, surroundings
from bqx.store.base import BaseStore
from bqx.store.hashing import data_hash
from bqx.store.opening import open_base
from bqx.store.slices import extent
from bqx.store.state import Parameters, Partition


@dataclass(frozen=True)
class Receipt:
    """What a unit did.

    Attributes:
        partitions: Partitions that it wrote.
        values: Feature values in them.
        seconds: Wall time.
        parameters: Parameters that were fitted on the way.
    """

    partitions: tuple[Partition, ...]
    values: int
    seconds: float
    parameters: tuple[Parameters, ...] = ()


def build_unit(store: BaseStore, unit: Unit) -> Receipt:
    """Compute and write all tables of a unit.

    Raises:
        PostConditionError: If a table breaks its contract; no file of its group is replaced then.
    """
    began = time.perf_counter()
    span = extent(store, unit.pair)
    if span is None:
        raise PostConditionError(f"{unit.pair} has lost its bars", expected="those of the plan")
    partitions = []
    for tasks in groups(unit.tasks):
        specs = {t.table: narrowed(store.tables[t.table], t.windows) for t in tasks}
        memory = max(spec.memory for spec in specs.values())
        # A new slice per group: what the last one computed on its way is let go.
        piece = load_slice(store, unit.pair, span, unit.rows, memory)
        computed = compute_tables(store.registry, specs, piece)
        partitions += [_write(store, unit, task, computed[task.table]) for task in tasks]
    fitted = surroundings(store).drain()
    return Receipt(tuple(partitions), unit.values, time.perf_counter() - began, fitted)


def _write(store: BaseStore, unit: Unit, task: TableTask, data: TableData) -> Partition:
    expected = unit.rows[1] - unit.rows[0]
    if len(data.minutes) != expected:
        raise PostConditionError(
            f"{task.table} of {unit.pair} {unit.month} has {len(data.minutes)} rows",
            expected=f"{expected}, one for each grid minute",
        )
    metadata = {"fingerprint": task.fingerprint, "inputs": task.inputs}
    table = to_arrow(data, metadata)
    size = store.parts.write((task.table, unit.pair, unit.month), table)
    return Partition(
        tbl=task.table,
        pair=unit.pair,
        month=unit.month,
        rows=table.num_rows,
        hash=data_hash(data),
        bytes=size,
        fingerprint=task.fingerprint,
        inputs=task.inputs,
        first=int(data.minutes[0]),
        last=int(data.minutes[-1]),
    )


def build_remote(address: str, families: Sequence[type[Family]], unit: Unit) -> Receipt:
    """Build a unit in another process, which opens the store for itself."""
    return build_unit(_opened(address, tuple(families)), unit)


@lru_cache(maxsize=1)
def _opened(address: str, families: tuple[type[Family], ...]) -> BaseStore:
    return open_base(address, families=Registry(families), create=False)

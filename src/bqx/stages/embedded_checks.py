"""Files of a folder against their records, for what stages keep, rename and put back."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bqx.stages.stage import Condition
from bqx.store.base import BaseStore
from bqx.store.change import key_of
from bqx.store.current import current_partitions
from bqx.store.inspection import inspect_partition
from bqx.store.partitions import Key
from bqx.store.state import Partition

UNCHANGED = "rows and contents before = after"


def damaged(partitions: Sequence[Partition], paths: Sequence[Path]) -> list[tuple[Partition, str]]:
    """Partitions whose file is not what the record says, each with the first difference.

    Every file is read: rows are counted, and values hashed.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = list(pool.map(inspect_partition, paths, partitions))
    return [
        (partition, f"{found[0].found}, recorded {found[0].expected}")
        for partition, found in zip(partitions, problems, strict=True)
        if found
    ]


def unchanged(partitions: Sequence[Partition], paths: Sequence[Path]) -> Condition:
    """Whether files still hold the rows and contents of their records."""
    began = time.perf_counter()
    wrong = damaged(partitions, paths)
    rows = sum(partition.rows for partition in partitions)
    first = f"{place(key_of(wrong[0][0]))}: {wrong[0][1]}" if wrong else ""
    return Condition(
        name=UNCHANGED,
        found=first or f"{rows:,} rows in {len(partitions):,} partitions",
        expected=f"{rows:,} rows, counted and hashed",
        done=len(partitions) - len(wrong),
        total=len(partitions),
        hint="`bqx verify` lists what is damaged; restore a snapshot" if wrong else "",
        seconds=time.perf_counter() - began,
    )


def place(key: Key) -> str:
    """A partition in words: ``reg_rate eurusd 2019_01``."""
    return " ".join(key)


def named(keys: Sequence[Key]) -> str:
    """The first few of some partitions."""
    return ", ".join(map(place, keys[:5])) + (", …" if len(keys) > 5 else "")


def lasting(store: BaseStore, made: Mapping[Key, tuple[int, str]]) -> list[Key]:
    """Partitions that are no more what a stage made, and that no build makes again.

    Args:
        store: The store.
        made: Rows and content hash of what the stage made.
    """
    recorded = store.state.partitions()
    changed = [
        key
        for key, expected in made.items()
        if key in recorded and (recorded[key].rows, recorded[key].hash) != expected
    ]
    return [key for key in changed if not _can_be_made(store, key)]


def _can_be_made(store: BaseStore, key: Key) -> bool:
    table, pair, month = key
    return table in store.tables and bool(current_partitions(store, table, pair, [month]))

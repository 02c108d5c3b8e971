"""Tables of the first version in a store's folder: other names, other columns, a row per bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqx.api import FolderStore
from bqx.domains.grid import FloatArray, Int64Array
from bqx.features.arrow import timestamps
from bqx.legacy.schema import BQX_WINDOWS, COEFFICIENTS, RATE_WINDOWS, TERMS
from bqx.market import month_bounds
from bqx.stages.embedded import EmbeddedTarget
from bqx.stages.runner import Runner
from bqx.store.hashing import content_hash
from bqx.store.parquet import read_file, write_file
from bqx.store.state import Partition
from damage import Change, store_with_bars

PAIRS = ("eurusd", "gbpusd")
RENAMED = {
    "statistics_features": ("mean_15min", "std_60min"),
    "bollinger_features": ("bb_middle_20", "bb_upper_20"),
    "fibonacci_features": ("fib_retracement_382",),
    "correlation_features": ("corr_base_pairs_15min",),
}
EMPTY = "correlation_features"
Columns = Mapping[str, FloatArray]
Make = Callable[[int, np.random.Generator], Columns]


def legacy_store(root: Path) -> FolderStore:
    """A store of two pairs over the end of a month, with tables as the first version had them."""
    store = store_with_bars(root, *PAIRS)
    for pair in PAIRS:
        for month in store.bars.months(pair):
            for table, names in RENAMED.items():
                put_legacy(store, (table, pair, month), _noise(names), empty=table == EMPTY)
            put_legacy(store, ("reg", pair, month), _regression)
            put_legacy(store, ("reg_bqx", pair, month), _noise(_BQX))
            put_legacy(store, ("correlation_bqx", pair, month), _noise(("corr_base_pairs_15min",)))
    return store


_BQX = tuple(f"w{w}_{name}" for w in BQX_WINDOWS for name in COEFFICIENTS)


def put_legacy(
    store: FolderStore,
    key: tuple[str, str, str],
    make: Make,
    *,
    empty: bool = False,
) -> None:
    """Write and record a partition that no family of bqx made, with a row for each bar."""
    minutes = store.bars.frame(*key[1:])["ts_utc"].dt.epoch("s").to_numpy() // 60
    minutes = minutes[:0] if empty else minutes
    random = np.random.default_rng([*"".join(key).encode()])
    write_partition(store, key, minutes, make(len(minutes), random))


def write_partition(
    store: FolderStore, key: tuple[str, str, str], minutes: Int64Array, columns: Columns
) -> None:
    """Write and record rows as they are."""
    found = pa.table(
        {"ts_utc": timestamps(minutes), **{n: pa.array(v) for n, v in columns.items()}}
    )
    size = write_file(found, store.path(*key))
    first, last = (int(minutes[0]), int(minutes[-1])) if len(minutes) else month_bounds(key[2])
    store.state.record(
        [Partition(*key, found.num_rows, content_hash(found), size, "", "", first, last)]
    )


def _noise(names: tuple[str, ...]) -> Make:
    return lambda rows, random: {name: random.normal(size=rows) for name in names}


def _regression(rows: int, random: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Columns of ``reg``, whose terms add up as the first version's did."""
    found: dict[str, NDArray[np.float64]] = {"rate_index": 100 + random.normal(size=rows)}
    for w in RATE_WINDOWS:
        found |= {f"w{w}_{name}": random.normal(size=rows) for name in TERMS}
        parts = ("a_term", "b_term", "c_coef")
        found[f"w{w}_yhat_end"] = np.sum([found[f"w{w}_{part}"] for part in parts], axis=0)
    return found


def rewritten(store: FolderStore, key: tuple[str, str, str], change: Change) -> None:
    """Change a partition and its record with it."""
    record = store.state.partitions()[key]
    table = change(read_file(store.path(*key)))
    store.path(*key).unlink()
    size = write_file(table, store.path(*key))
    store.state.record([replace(record, rows=table.num_rows, hash=content_hash(table), bytes=size)])


def runner_of(store: FolderStore) -> Runner:
    """What runs stages on a folder."""
    return Runner(EmbeddedTarget(store))

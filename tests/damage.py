"""Small built stores, and ways to damage what they hold behind the store's back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from bqx.api import FolderStore
from bqx.features.registry import Registry
from bqx.store.parquet import read_file, write_table
from stores import FEW, open_store
from synthetic import by_month, random_walk_bars

START, DAYS = "2019-01-29", 9
MONTHS = ("2019_01", "2019_02")
FLAT = (1200, 1450)
"""Bars with one and the same price, long enough for flat windows and constant terms."""

Change = Callable[[pa.Table], pa.Table]


def flat_walk(pair: str, seed: int = 5) -> pl.DataFrame:
    """A random walk over the end of a month, with gaps and a long flat stretch."""
    bars = random_walk_bars(pair, START, DAYS, seed)
    row = pl.int_range(pl.len())
    flat = row.is_between(*FLAT)
    prices = ("open", "high", "low", "close")
    level = bars["close"][FLAT[0]]
    return bars.with_columns(
        pl.when(flat).then(pl.lit(level)).otherwise(pl.col(name)).alias(name) for name in prices
    )


def store_with_bars(root: Path, *pairs: str, families: Registry | None = None) -> FolderStore:
    """A store with bars and nothing built."""
    store = open_store(root, families=families or FEW)
    with store.writing():
        for pair in pairs:
            for month, bars in by_month(flat_walk(pair)).items():
                store.bars.replace(pair, month, bars)
    return store


def copy_store(source: Path, target: Path, families: Registry = FEW) -> FolderStore:
    """A copy that shares the files of its partitions; replacing one leaves the source alone."""
    shutil.copytree(source, target, copy_function=_link)
    return open_store(target, families=families)


def _link(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def edit(store: FolderStore, table: str, pair: str, month: str, change: Change) -> None:
    """Replace a partition's file without telling the state."""
    path = store.path(table, pair, month)
    changed = change(read_file(path))
    path.unlink()
    write_table(changed, path)


def values(column: str, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Change:
    """Change a column's values; NaN stands for NULL before and after."""

    def apply(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(column)
        stored = table.column(at).combine_chunks()
        before = stored.cast(pa.float64()).fill_null(float("nan")).to_numpy()
        after = pa.array(change(np.array(before)), pa.float64(), from_pandas=True)
        return table.set_column(at, table.schema.field(at), after.cast(stored.type))

    return apply


def put(column: str, row: int, value: float) -> Change:
    """Put one value; NaN makes it NULL."""

    def change(array: NDArray[np.float64]) -> NDArray[np.float64]:
        array[row] = value
        return array

    return values(column, change)

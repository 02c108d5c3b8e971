"""Stores for tests: random-walk bars, ingested through files as users do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import overload

import polars as pl

import bqx
from bqx.families.backward_return import BackwardReturn
from bqx.families.covariance import RollingCovariance, TermCovariance
from bqx.families.regression import Regression
from synthetic import random_walk_bars

FEW = bqx.Registry([BackwardReturn, TermCovariance, RollingCovariance, Regression])
"""Families of seven tables: enough for what a store does, whichever families there are."""


@overload
def open_store(
    address: Path, *, settings: bqx.StoreSettings | None = None, families: bqx.Registry = FEW
) -> bqx.FolderStore: ...
@overload
def open_store(
    address: str, *, settings: bqx.StoreSettings | None = None, families: bqx.Registry = FEW
) -> bqx.Store: ...
def open_store(
    address: str | Path, *, settings: bqx.StoreSettings | None = None, families: bqx.Registry = FEW
) -> bqx.Store:
    """A store with `FEW` families, or others."""
    return bqx.open(address, settings=settings, families=families)


def write_bars(folder: Path, pair: str, bars: pl.DataFrame, label: str = "") -> Path:
    """Write bars as a Parquet file whose name says the pair."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pair}{label}.parquet"
    bars.write_parquet(path)
    return path


def filled_store(
    root: Path, pairs: Iterable[str] = ("eurusd",), start: str = "2018-12-24", days: float = 40
) -> bqx.FolderStore:
    """A store with bars of a few pairs; the same arguments give the same bars."""
    store = open_store(root)
    store.ingest(bar_files(root.parent / "vendor", pairs, start, days))
    return store


def bar_files(folder: Path, pairs: Iterable[str], start: str, days: float) -> list[Path]:
    """Files of bars of a few pairs; the same arguments give the same bars."""
    return [write_bars(folder, pair, random_walk_bars(pair, start, days, seed=1)) for pair in pairs]


def content(store: bqx.Store) -> dict[tuple[str, str, str], str]:
    """Content hash of every partition, bars included."""
    return {key: partition.hash for key, partition in store.state.partitions().items()}

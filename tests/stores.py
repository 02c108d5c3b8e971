"""Stores for tests: random-walk bars, ingested through files as users do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

import bqx
from bqx.families.backward_return import BackwardReturn
from bqx.families.covariance import RollingCovariance, TermCovariance
from bqx.families.regression import Regression
from synthetic import random_walk_bars

FEW = bqx.Registry([BackwardReturn, TermCovariance, RollingCovariance, Regression])
"""Families of seven tables: enough for what a store does, whichever families there are."""


def open_store(
    root: Path, *, settings: bqx.StoreSettings | None = None, families: bqx.Registry = FEW
) -> bqx.Store:
    """A store with `FEW` families, or others."""
    return bqx.open(root, settings=settings, families=families)


def write_bars(folder: Path, pair: str, bars: pl.DataFrame, label: str = "") -> Path:
    """Write bars as a Parquet file whose name says the pair."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pair}{label}.parquet"
    bars.write_parquet(path)
    return path


def filled_store(
    root: Path, pairs: Iterable[str] = ("eurusd",), start: str = "2018-12-24", days: float = 40
) -> bqx.Store:
    """A store with bars of a few pairs; the same arguments give the same bars."""
    store = open_store(root)
    store.ingest(
        [
            write_bars(root.parent / "vendor", pair, random_walk_bars(pair, start, days, seed=1))
            for pair in pairs
        ]
    )
    return store


def content(store: bqx.Store) -> dict[tuple[str, str, str], str]:
    """Content hash of every partition, bars included."""
    return {key: partition.hash for key, partition in store.state.partitions().items()}

"""Stores and recipes for the tests of datasets: small families, three pairs that begin apart."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import bqx
from bqx.families.backward_return import BackwardReturn
from bqx.families.regression import Regression
from market_families import Clock, PeerGap
from stores import open_store, write_bars
from synthetic import random_walk_bars

SMALL = bqx.Registry([BackwardReturn, Regression, PeerGap, Clock])
"""Tables of a pair in both domains, of a pair among others, and of the whole store."""

COLUMNS = ["reg_*__w60_r*", "bqx__w15_*", "gap_rate", "clock"]
OPTIONS = {"columns": COLUMNS, "lag_columns": COLUMNS, "lags": (1, 30)}


def make_store(root: Path, *, synthetic: bool = False) -> bqx.FolderStore:
    """Bars of `eurusd`, of `eurgbp` from later on, and of `usdjpy` with no bars for two months."""
    bars = {
        "eurusd": random_walk_bars("eurusd", "2018-12-26", 9, 1),
        "eurgbp": random_walk_bars("eurgbp", "2018-12-28 10:00", 6, 1),
        "usdjpy": pl.concat(
            [
                random_walk_bars("usdjpy", "2018-10-30", 1.5, 1),
                random_walk_bars("usdjpy", "2019-01-01 22:00", 2, 2),
            ]
        ),
    }
    store = open_store(root / "store", families=SMALL)
    files = [write_bars(root / "vendor", pair, frame) for pair, frame in bars.items()]
    store.ingest(files, synthetic=synthetic)
    return store

"""Stores and datasets in which something can be forecast, and how well at best."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bqx.bars.planted import START, Signal, planted_bars
from bqx.dataset.dataset import Dataset
from bqx.dataset.making import build_dataset
from bqx.store.base import BaseStore
from bqx.store.ingest import ingest_files

COLUMNS = (
    "returns_rate,returns_bqx,bqx,reg_rate__w60_*,reg_bqx__w60_*,technical_rate__rsi_*,"
    "momentum_rate__*_w60,time"
)
"""The right columns among many others."""
PEER_COLUMNS = "returns_rate,reg_rate__w60_r*"


def planted_dataset(
    signal: Signal,
    store: BaseStore,
    out: str | Path,
    *,
    start: str = START,
    days: int = 31,
    seed: int = 7,
    targets: str = "60:5,15:level",
    columns: str = COLUMNS,
) -> Dataset:
    """Fill a store with the bars of a signal and make a dataset of the pair that can be forecast.

    Args:
        signal: What is planted; `Signal.right` names the features that hold it.
        store: An empty store; its bars are marked as generated.
        out: Folder of the dataset.
        start: First UTC day.
        days: Calendar days.
        seed: Of the generator.
        targets: Targets.
        columns: Columns of the pair; those of its peers are `PEER_COLUMNS`.

    Raises:
        StoreError: If the folder holds something else, or another process writes to the store.
    """
    with TemporaryDirectory() as folder:
        files = []
        for pair, bars in planted_bars(signal, start, days, seed).items():
            files.append(Path(folder) / f"{pair}.parquet")
            bars.write_parquet(files[-1])
        ingest_files(store, files, synthetic=True)
    return build_dataset(
        store,
        out,
        pairs=[signal.pair],
        columns=columns,
        lags=(),
        peers=signal.peers,
        peer_columns=PEER_COLUMNS if signal.peers else None,
        targets=targets,
    )

"""A trade log from a file, compared with itself and with the bars of a store."""

from __future__ import annotations

from pathlib import Path

from bqx.models.backtest.market import load_market
from bqx.models.backtest.recompute import Recomputation, recompute
from bqx.models.backtest.trades import read_log
from bqx.store.base import BaseStore


def verify_log(path: Path, store: BaseStore | None = None) -> Recomputation:
    """Compute every trade of a log again.

    Args:
        path: The Parquet file, or the folder that holds it.
        store: The bars; without them the money is recomputed from the log's own prices.

    Raises:
        InputFileError: If there is no log.
        UnknownNameError: If the store has no bars of a pair.
    """
    log, settings = read_log(path)
    if store is None or not len(log):
        return recompute(log, settings)
    pairs = log["pair"].unique(maintain_order=True).to_list()
    return recompute(log, settings, load_market(store, pairs))

"""The record of a store as tables: sources, provenance, partitions, runs, quarantine."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from bqx.store.embedded import EmbeddedStore
from bqx.store.folder import QUARANTINE

COMMENTS = {
    "partitions": "Stored partitions: rows, content hash, fingerprint; first and last row as "
    "minutes since 1970-01-01 UTC.",
    "days": "Bars of each pair and UTC day, counted from 1970-01-01, with their content hash.",
    "sources": "Ingested vendor files: hash, format, clock, options and the account of their rows.",
    "provenance": "Bars that each month of a pair took from a source, and those it replaced.",
    "baselines": "The close that stands for a rate index of 100, by pair.",
    "parameters": "Parameters that features fitted on a pair's past: the grid row before which all "
    "bars were used, code and bars they come from, and the float64 values.",
    "runs": "Ledger of builds and restores.",
    "models": "Registered models: the card as JSON, with its hash.",
    "model_history": "What was done with models, by whom, when and why, and the gates with their "
    "figures.",
    QUARANTINE: "Rejected rows of all sources, with the reason.",
}
_TYPES = {"INTEGER": pl.Int64(), "TEXT": pl.String(), "REAL": pl.Float64(), "BLOB": pl.Binary()}


def state_tables(store: EmbeddedStore) -> tuple[str, ...]:
    """Names of the tables of the record."""
    return (*store.state.database.tables(), QUARANTINE)


def state_table(store: EmbeddedStore, name: str) -> pa.Table:
    """One of the tables that `state_tables` names."""
    if name == QUARANTINE:
        return store.parts.rejected()
    schema = {n: _TYPES[kind] for n, kind in store.state.database.columns(name).items()}
    rows = store.state.query(f"SELECT * FROM {name}")
    return pl.DataFrame(rows, schema=schema, orient="row").to_arrow()

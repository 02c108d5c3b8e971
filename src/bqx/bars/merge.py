"""Merging newly read bars into those that are stored."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from bqx.bars.schema import VALUES


@dataclass(frozen=True)
class Merge:
    """The union of stored and incoming bars.

    Attributes:
        bars: All minutes; where both sides have one, the incoming bar.
        accepted: Incoming bars that are new or replace a different one.
        duplicate: Incoming bars that equal the stored one in every column.
        superseded: Stored bars that were replaced.
    """

    bars: pl.DataFrame
    accepted: int
    duplicate: int
    superseded: pl.DataFrame


def merge(existing: pl.DataFrame, incoming: pl.DataFrame) -> Merge:
    """Merge incoming bars into existing ones; where they disagree, the incoming bar wins.

    Args:
        existing: Stored bars (`BAR_SCHEMA`).
        incoming: Accepted bars of a file (`BAR_SCHEMA`).
    """
    both = existing.join(incoming, on="ts_utc", how="inner", suffix="_new")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in VALUES)
    superseded = both.filter(~same).select(existing.columns).sort("ts_utc")
    kept = existing.join(incoming, on="ts_utc", how="anti")
    duplicate = both.height - superseded.height
    return Merge(
        bars=pl.concat([kept, incoming]).sort("ts_utc"),
        accepted=incoming.height - duplicate,
        duplicate=duplicate,
        superseded=superseded,
    )

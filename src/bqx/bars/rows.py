"""Rows on their way from a reader to validation."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from bqx.bars.schema import VALUES

Rows = pl.DataFrame
"""A frame of `ROW_SCHEMA`."""

ROW_VALUES = VALUES

ROW_SCHEMA = pl.Schema(
    {"line": pl.Int64(), "raw": pl.String(), "ts_utc": pl.Datetime("us", "UTC")}
    | dict.fromkeys(VALUES, pl.Float64())
    | {"reason": pl.String(), "detail": pl.String()}
)
"""One row of a file, good or bad; ``reason`` is NULL as long as nothing is wrong with it."""


@dataclass(frozen=True)
class Reading:
    """What a reader found in one member.

    Attributes:
        rows: All rows (`ROW_SCHEMA`), in file order.
        clock: The rule that turned the file's clock into UTC.
        pair: Name of the pair as far as the file tells it.
        notes: What the user should know.
        records: Number of records in the file where rows are made of several, as bars of ticks.
    """

    rows: Rows
    clock: str
    pair: str | None = None
    notes: tuple[str, ...] = ()
    records: int = 0


def complete(rows: pl.DataFrame) -> Rows:
    """Put the columns in the order of `ROW_SCHEMA`; those that a file does not have are NULL."""
    absent = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in ROW_SCHEMA.items()
        if name not in rows.columns
    ]
    return rows.with_columns(absent).select(
        pl.col(name).cast(dtype) for name, dtype in ROW_SCHEMA.items()
    )


def drop_empty_volume(rows: Rows) -> tuple[Rows, tuple[str, ...]]:
    """Turn a volume that is 0 in every row into NULL: the vendor has none."""
    volume = rows["volume"]
    if volume.null_count() == rows.height or not (volume.fill_null(0.0) == 0.0).all():
        return rows, ()
    note = "the volume is 0 in every row and was taken as absent"
    return rows.with_columns(pl.lit(None, pl.Float64).alias("volume")), (note,)


def order_note(rows: Rows) -> tuple[str, ...]:
    """A note on the rows that stand in the file behind later ones."""
    times = rows["ts_utc"].drop_nulls()
    late = (times < times.cum_max()).sum()
    return (f"{late:,} rows out of order were sorted",) if late else ()

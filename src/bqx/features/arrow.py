"""Computed tables as Arrow tables, without copying the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import polars as pl
import pyarrow as pa

from bqx.domains.grid import BoolArray, Int64Array
from bqx.features.compute import NumberArray, TableData
from bqx.features.table import KEY, TableSpec

TIMESTAMP = pa.timestamp("us", tz="UTC")
MICROSECONDS = 60_000_000
TYPES = {"float64": pa.float64(), "float32": pa.float32(), "int16": pa.int16()}
"""Arrow types by the names of the columns' types."""


def schema_of(spec: TableSpec, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """The Arrow schema of a table; comments are field metadata, under ``comment``."""
    fields = [pa.field(KEY, TIMESTAMP, nullable=False, metadata={"comment": "Open minute, UTC."})]
    fields += [
        pa.field(c.name, TYPES[c.dtype], metadata={"comment": c.comment}) for c in spec.columns
    ]
    return pa.schema(fields, metadata={"comment": spec.comment, **(metadata or {})})


def to_arrow(data: TableData, metadata: Mapping[str, str] | None = None) -> pa.Table:
    """The table with its key first; values are shared with ``data``, not copied."""
    bitmaps: dict[int, pa.Buffer] = {}
    arrays = [timestamps(data.minutes)]
    for column in data.columns:
        # Columns of one history share their mask, which the table keeps, and so the bitmap.
        key = id(column.valid)
        if key not in bitmaps:
            bitmaps[key] = bitmap(column.valid)
        arrays.append(number_array(column.values, bitmaps[key], column.nulls))
    return pa.Table.from_arrays(arrays, schema=schema_of(data.spec, metadata))


def to_polars(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a polars frame, which shares its memory."""
    return cast("pl.DataFrame", pl.from_arrow(table))


def timestamps(minutes: Int64Array) -> pa.Array:
    """Epoch minutes as UTC timestamps in microseconds."""
    return pa.array(minutes * MICROSECONDS, pa.int64()).cast(TIMESTAMP)


def minutes_of(table: pa.Table) -> Int64Array:
    """Epoch minutes of a table's key, the inverse of `timestamps`."""
    found: Int64Array = table.column(KEY).cast(pa.int64()).to_numpy() // MICROSECONDS
    return found


def bitmap(valid: BoolArray) -> pa.Buffer:
    """The Arrow validity bitmap of a mask."""
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def number_array(values: NumberArray, validity: pa.Buffer, nulls: int) -> pa.Array:
    """An Arrow array over existing memory."""
    buffers = [validity if nulls else None, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(TYPES[values.dtype.name], len(values), buffers, nulls)

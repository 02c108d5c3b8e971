"""Rows into the first version's tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bqx.domains.grid import FloatArray, Int64Array
from bqx.legacy.schema import SCHEMA, Kind, type_of
from bqx.postgres.connect import Connection
from bqx.postgres.rows import encoded

_MINUTE = 60_000_000
_ARROW = {"bigint": pa.int64(), "double precision": pa.float64()}


def write(
    connection: Connection, kind: Kind, pair: str, minutes: Int64Array, values: FloatArray
) -> int:
    """Add rows to a pair's table; the number of rows.

    Args:
        connection: Of the database.
        kind: The kind of table.
        pair: The pair.
        minutes: Epoch minutes.
        values: One row per column of the kind; NaN is NULL.
    """
    columns = {"ts_utc": pa.array(minutes * _MINUTE, pa.timestamp("us", tz="UTC"))}
    for name, column in zip(kind.columns, values, strict=True):
        null = np.isnan(column)
        whole = np.where(null, 0.0, column)
        columns[name] = pa.array(whole, mask=null).cast(_ARROW[type_of(name)])
    statement = f"COPY {SCHEMA}.{kind.parent(pair)} FROM STDIN (FORMAT BINARY)".encode()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for part in encoded(pa.table(columns)):
            copy.write(part)
    return len(minutes)

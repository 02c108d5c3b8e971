"""Columns of a pair read from its partitions, which must be current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from bqx.dataset.narrow import as_float32
from bqx.errors import StoreError
from bqx.features.arrow import minutes_of
from bqx.features.table import KEY, TableSpec
from bqx.store.base import BaseStore
from bqx.store.current import current_partitions
from bqx.store.slices import extent, month_rows

Rows = tuple[int, int]
SHOWN = 5
"""Partitions that a message names."""


def months_within(store: BaseStore, pair: str, rows: Rows) -> dict[str, Rows]:
    """Months of a pair that have some of the rows, with all the rows of their partitions."""
    span = extent(store, pair)
    if span is None:
        return {}
    bounds = {m: month_rows(store, span, m) for m in store.bars.months(pair)}
    return {m: b for m, b in bounds.items() if max(b[0], rows[0]) < min(b[1], rows[1])}


def read_stored(
    store: BaseStore, pair: str, specs: Mapping[str, TableSpec], rows: Rows
) -> dict[tuple[str, str], pa.Array]:
    """Columns over rows that the pair has.

    Raises:
        StoreError: If a partition lacks columns, or has other rows than the grid.
        IntegrityError: If a partition is missing or unreadable.
    """
    months = months_within(store, pair, rows)
    found = {}
    for name, spec in specs.items():
        parts = [_partition(store, (name, pair, m), spec, (b, rows)) for m, b in months.items()]
        for column in spec.column_names:
            arrays = [part[column] for part in parts]
            found[name, column] = arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
    return found


def _partition(
    store: BaseStore, key: tuple[str, str, str], spec: TableSpec, bounds: tuple[Rows, Rows]
) -> dict[str, pa.Array]:
    """Some rows of a partition, which has one for each grid row of its month."""
    month, rows = bounds
    table = store.parts.read(key, [KEY, *spec.column_names])
    if table.num_columns != len(spec.columns) + 1:
        raise _broken(key, f"{table.num_columns} columns", f"{len(spec.columns) + 1}")
    if not np.array_equal(minutes_of(table), store.calendar.minutes(*month)):
        expected = f"one for each of the {month[1] - month[0]} grid minutes"
        raise _broken(key, f"{table.num_rows} rows, not those of the grid", expected)
    low, high = max(month[0], rows[0]), min(month[1], rows[1])
    part = table.slice(low - month[0], high - low)
    return {name: _narrowed(part.column(name)) for name in spec.column_names}


def _broken(key: tuple[str, str, str], found: str, expected: str) -> StoreError:
    hint = "`bqx verify` lists what is damaged; `bqx build --force` makes it again"
    return StoreError(f"partition {' '.join(key)} has {found}", expected=expected, hint=hint)


def _narrowed(column: pa.ChunkedArray) -> pa.Array:
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    valid = array.is_valid().to_numpy(zero_copy_only=False) if array.null_count else None
    kind = np.dtype(array.type.to_pandas_dtype())
    values = np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]
    return as_float32(values, valid)


def lacking(store: BaseStore, pair: str, table: str, months: Sequence[str]) -> list[str]:
    """Partitions of a table that are missing or stale, in words."""
    current = current_partitions(store, table, pair, months)
    recorded = {month for _, _, month in store.state.partitions(table, pair)}
    return [
        f"{table} {pair} {m} is {'stale' if m in recorded else 'missing'}"
        for m in months
        if m not in current
    ]


def not_current(problems: Sequence[str], tables: Sequence[str]) -> StoreError:
    """The error that names partitions which are missing or stale."""
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return StoreError(
        f"{', '.join(problems[:SHOWN])}{more}",
        expected="current partitions for source='stored'",
        hint=f"bqx build --families {','.join(tables[:SHOWN])}, or source='computed'",
    )

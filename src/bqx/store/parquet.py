"""Partition files: written beside, synced, renamed; read with columns and time pruned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bqx.errors import IntegrityError
from bqx.store.durable import TEMPORARY, sync
from bqx.store.hashing import content_hash

ROW_GROUP = 65_536


def write_file(table: pa.Table, path: Path, *, check: bool = False) -> int:
    """Write a table to ``path`` so that a reader sees the old file or the new one, never a part.

    Floats are stored byte-split with lz4: dictionaries would make them larger and four times
    slower to write.

    Args:
        table: The table.
        path: Where it goes.
        check: Whether the values are read back and compared before the file takes its place.

    Returns:
        Size of the file in bytes.

    Raises:
        IntegrityError: If the file does not hold as many rows as the table, or other values.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    write_table(table, temporary)
    rows = pq.read_metadata(temporary).num_rows
    if rows != table.num_rows:
        raise IntegrityError(f"{temporary} holds {rows} rows", expected=f"{table.num_rows} rows")
    if check and content_hash(read_file(temporary)) != content_hash(table):
        raise IntegrityError(f"{temporary} holds other values", expected="those that were written")
    sync(temporary)
    size = temporary.stat().st_size
    temporary.replace(path)
    return size


def write_table(table: pa.Table, path: Path) -> None:
    """The writer itself, with the settings of every partition."""
    floats = [f.name for f in table.schema if pa.types.is_floating(f.type)]
    pq.write_table(
        table,
        path,
        compression="lz4",
        use_dictionary=False,
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        row_group_size=ROW_GROUP,
        write_statistics=[table.schema.names[0]],
        store_schema=True,
    )


def read_file(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a partition.

    Raises:
        IntegrityError: If the file is missing or not readable.
    """
    try:
        return pq.ParquetFile(path, memory_map=True).read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise IntegrityError(
            f"cannot read {path}: {error}",
            expected="the partition that was written",
            hint="`bqx verify` lists what is damaged; `bqx build --force` makes tables again",
        ) from error


def remove_leftovers(root: Path) -> int:
    """Delete temporary files that a killed process left behind; the number of them."""
    leftovers = list(root.rglob(f"*{TEMPORARY}"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)

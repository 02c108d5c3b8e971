"""Content hashes: equal for equal data, whatever wrote it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash


def content_hash(table: pa.Table) -> str:
    """Hash of names, types, NULLs and values, column by column (XXH3, 128 bits).

    What stands in memory under a NULL does not count, nor do compression, chunks or metadata.
    """
    digest = xxhash.xxh3_128()
    for field in table.schema:
        digest.update(f"{field.name}|{field.type}|{table.num_rows}\n".encode())
        for part in column_bytes(table.column(field.name)):
            digest.update(part)
    return digest.hexdigest()


def column_bytes(column: pa.ChunkedArray) -> tuple[memoryview, memoryview]:
    """A column's NULL flags (one bit per row) and its values, with zeros under the NULLs."""
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if array.null_count == 0:
        return memoryview(b""), memoryview(array.to_numpy()).cast("B")
    valid = np.packbits(array.is_valid().to_numpy(zero_copy_only=False), bitorder="little")
    filled = pc.fill_null(array, 0).to_numpy()
    return memoryview(valid), memoryview(filled).cast("B")

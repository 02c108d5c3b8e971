"""Content hashes: equal for equal data, whatever wrote it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from bqx.features.arrow import MICROSECONDS
from bqx.features.compute import NumberArray, TableData
from bqx.features.table import KEY

CHUNK = 1 << 20


def file_hash(path: Path) -> str:
    """Hash of a file's bytes (XXH3, 128 bits)."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class ContentHash:
    """Hash of a table, column by column: names, NULLs and values (XXH3, 128 bits).

    What stands in memory under a NULL does not count, nor do types, compression, chunks or
    metadata: the schema is compared on its own.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._digest = xxhash.xxh3_128()
        self._packed: dict[int, tuple[NDArray[np.bool_], bytes]] = {}

    def add(
        self, name: str, values: NumberArray | NDArray[np.int64], valid: NDArray[np.bool_] | None
    ) -> None:
        """Add a column; ``valid`` is None when nothing is NULL."""
        self._digest.update(f"{name}|{self._rows}\n".encode())
        if valid is not None:
            self._digest.update(self._pack(valid))
            values = np.where(valid, values, 0)
        self._digest.update(np.ascontiguousarray(values).data.cast("B"))

    def _pack(self, valid: NDArray[np.bool_]) -> bytes:
        # Columns of one history share their mask; keeping it keeps its identity its own.
        if id(valid) not in self._packed:
            self._packed[id(valid)] = (valid, np.packbits(valid).tobytes())
        return self._packed[id(valid)][1]

    def hexdigest(self) -> str:
        """The hash so far."""
        return self._digest.hexdigest()


def content_hash(table: pa.Table) -> str:
    """Content hash of an Arrow table of timestamps and floats."""
    digest = ContentHash(table.num_rows)
    for name in table.schema.names:
        digest.add(name, *_parts(table.column(name)))
    return digest.hexdigest()


def data_hash(data: TableData) -> str:
    """Content hash of a computed table: that of the Arrow table made from it."""
    digest = ContentHash(len(data.minutes))
    digest.add(KEY, data.minutes * MICROSECONDS, None)
    for column in data.columns:
        digest.add(column.column.name, column.values, column.valid if column.nulls else None)
    return digest.hexdigest()


def _parts(
    column: pa.ChunkedArray,
) -> tuple[NumberArray | NDArray[np.int64], NDArray[np.bool_] | None]:
    """Values, with anything under the NULLs, and which of them are valid."""
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    if array.null_count == 0:
        return array.to_numpy(), None
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return pc.fill_null(array, 0).to_numpy(), valid

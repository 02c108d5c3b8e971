"""Rows into PostgreSQL's binary COPY format, without a value passing through Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqx.kernels.jit import jit

TYPES = {
    pa.timestamp("us", tz="UTC"): "timestamp with time zone",
    pa.float64(): "double precision",
    pa.float32(): "real",
    pa.int16(): "smallint",
}
"""PostgreSQL's types by Arrow's, in the words of ``format_type``."""
EPOCH_GAP = 946_684_800_000_000
"""Microseconds from 1970, Arrow's beginning, to 2000, PostgreSQL's."""
CHUNK = 4000
"""Rows that are encoded together: few enough for the cache of a core."""
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_LENGTH = 4
_DOUBLE = 8

Bools = NDArray[np.bool_]
Halves = NDArray[np.uint16]
Words = NDArray[np.uint64]


def encoded(table: pa.Table) -> Iterator[memoryview | bytes]:
    """A table in the binary COPY format, piece by piece; a piece is only good until the next.

    Args:
        table: Columns of the types in `TYPES`.
    """
    columns = [Column(column) for column in table.columns]
    sizes = np.array([column.values.dtype.itemsize for column in columns])
    words = np.empty((len(columns), CHUNK), np.uint64)
    nulls = np.zeros((len(columns), CHUNK), np.bool_)
    # Everything has an even number of bytes: pairs of them are written at once.
    out = np.empty(CHUNK * (2 + int((sizes + _LENGTH).sum())) // 2, np.uint16)
    yield _HEADER
    for start in range(0, table.num_rows, CHUNK):
        count = min(CHUNK, table.num_rows - start)
        for number, column in enumerate(columns):
            words[number, :count] = column.bits[start : start + count]
            nulls[number, :count] = column.nulls[start : start + count]
        used = _write(words[:, :count], nulls[:, :count], sizes, out)
        yield out[:used].view(np.uint8).data
    yield _TRAILER


class Column:
    """Values in PostgreSQL's terms, with anything under the NULLs.

    Attributes:
        values: The values; times are microseconds since 2000.
        nulls: Which of them are NULL.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        array = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
        stamp = pa.types.is_timestamp(array.type)
        kind = np.int64 if stamp else array.type.to_pandas_dtype()
        start = array.offset * np.dtype(kind).itemsize
        values: NDArray[Any] = np.frombuffer(array.buffers()[1], kind, len(array), start)
        self.values = values - EPOCH_GAP if stamp else values
        self.nulls: Bools = np.zeros(len(array), np.bool_)
        if array.null_count:
            self.nulls = np.asarray(array.is_null().to_numpy(zero_copy_only=False))

    @property
    def bits(self) -> NDArray[Any]:
        """The bits of the values as whole numbers of the same size."""
        return self.values.view(f"u{self.values.dtype.itemsize}")


@jit
def _write(words: Words, nulls: Bools, sizes: NDArray[np.int64], out: Halves) -> int:
    """Write rows; the number of pairs of bytes."""
    columns, rows = words.shape
    at = 0
    for row in range(rows):
        out[at] = _turned(np.uint64(columns))
        at += 1
        for column in range(columns):
            if nulls[column, row]:
                out[at] = out[at + 1] = 0xFFFF
                at += 2
            else:
                at = _put(out, at, words[column, row], sizes[column])
    return at


@jit
def _put(out: Halves, at: int, word: np.uint64, size: int) -> int:
    """Write the length of a value and its bytes, the highest first; the place behind them."""
    out[at] = 0
    out[at + 1] = size << 8
    if size == _DOUBLE:
        out[at + 2] = _turned(word >> np.uint64(48))
        out[at + 3] = _turned(word >> np.uint64(32))
        out[at + 4] = _turned(word >> np.uint64(16))
        out[at + 5] = _turned(word)
        return at + 6
    halves = size // 2
    for k in range(halves):
        out[at + 2 + k] = _turned(word >> np.uint64(16 * (halves - 1 - k)))
    return at + 2 + halves


@jit
def _turned(word: np.uint64) -> np.uint64:
    """The lowest two bytes of a word, as they must be kept for the higher one to come first."""
    low = word & np.uint64(0xFFFF)
    return (low >> np.uint64(8)) | ((low << np.uint64(8)) & np.uint64(0xFFFF))

"""A hash of a table's rows that the server computes alike: values are compared where they are.

The server's own function for hash joins on rows is used, ``hash_record_extended`` (PostgreSQL 14
and newer): for each column Jenkins' lookup3, and over the columns ``31 * hash + next``. The hashes
of all rows are joined by exclusive or, so the order of rows does not count; the primary key sees to
it that no row is there twice. Zero and minus zero count as equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqx.kernels.jit import jit
from bqx.postgres.rows import Bools, Column, Words

_WORD = np.uint32(0x9E3779B9 + 3923095 + 4)
_LONG = np.uint32(0x9E3779B9 + 3923095 + 8)
"""Beginnings of lookup3 for keys of 4 and of 8 bytes."""


def rows_hash(table: pa.Table) -> int:
    """The hash of a table's rows, as the query of `hash_query` gives it.

    Args:
        table: Columns of timestamps, floats and small integers.
    """
    result = np.zeros(table.num_rows, np.uint64)
    for stored in table.columns:
        column = Column(stored)
        if pa.types.is_floating(stored.type):
            values = column.values.astype(np.float64, copy=False)
            words = np.where(np.isnan(values), np.nan, values).view(np.uint64)
            _add_floats(result, words, column.nulls)
        elif pa.types.is_timestamp(stored.type):
            _add_longs(result, column.values, column.nulls)
        else:
            _add_longs(result, _as_word(column.values), column.nulls)
    return int(np.bitwise_xor.reduce(result).astype(np.int64))


def hash_query(relation: str, columns: Sequence[str]) -> str:
    """A query for the number of rows and their hash.

    Args:
        relation: Quoted name.
        columns: Quoted names.
    """
    rows = f"(SELECT {', '.join(columns)} FROM {relation}) AS r"
    return f"SELECT count(*), coalesce(bit_xor(hash_record_extended(r, 0)), 0) FROM {rows}"


def _as_word(values: NDArray[np.int16]) -> NDArray[np.int64]:
    """Small integers as the long ones that have the same hash: sign and low half cancel out."""
    words = values.astype(np.int32).view(np.uint32)
    return words.astype(np.int64)


@jit
def _add_floats(result: Words, words: Words, nulls: Bools) -> None:
    """Add a column of doubles, given by their bits, to the hashes of the rows."""
    sign = np.uint64(0x7FFFFFFFFFFFFFFF)
    for row in range(len(result)):
        found = np.uint64(0)
        word = words[row]
        if not nulls[row] and word & sign:
            low = np.uint32(word & np.uint64(0xFFFFFFFF))
            high = np.uint32(word >> np.uint64(32))
            found = _mixed(np.uint32(_LONG + low), np.uint32(_LONG + high), _LONG)
        result[row] = result[row] * np.uint64(31) + found


@jit
def _add_longs(result: Words, values: NDArray[np.int64], nulls: Bools) -> None:
    """Add a column of whole numbers to the hashes of the rows."""
    for row in range(len(result)):
        found = np.uint64(0)
        if not nulls[row]:
            low = np.uint32(values[row] & 0xFFFFFFFF)
            high = np.uint32((values[row] >> 32) & 0xFFFFFFFF)
            word = low ^ (high if values[row] >= 0 else ~high)
            found = _mixed(np.uint32(_WORD + word), _WORD, _WORD)
        result[row] = result[row] * np.uint64(31) + found


@jit
def _mixed(a: np.uint32, b: np.uint32, c: np.uint32) -> np.uint64:
    """The end of lookup3 over three words of 32 bits, as one word of 64."""
    c = np.uint32((c ^ b) - _turned(b, 14))
    a = np.uint32((a ^ c) - _turned(c, 11))
    b = np.uint32((b ^ a) - _turned(a, 25))
    c = np.uint32((c ^ b) - _turned(b, 16))
    a = np.uint32((a ^ c) - _turned(c, 4))
    b = np.uint32((b ^ a) - _turned(a, 14))
    c = np.uint32((c ^ b) - _turned(b, 24))
    return (np.uint64(b) << np.uint64(32)) | np.uint64(c)


@jit
def _turned(word: np.uint32, bits: int) -> np.uint32:
    """A word of 32 bits, turned left."""
    return np.uint32((word << np.uint32(bits)) | (word >> np.uint32(32 - bits)))

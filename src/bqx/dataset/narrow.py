"""Values as datasets keep them: float32, NULL where there is none, and NaN in memory below."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqx.domains.grid import BoolArray
from bqx.errors import PostConditionError
from bqx.features.arrow import bitmap, number_array
from bqx.features.compute import NumberArray

NO_BITMAP = pa.py_buffer(b"")


def as_float32(values: NumberArray, valid: BoolArray | None) -> pa.Array:
    """An Arrow array of float32: NULL, with NaN in memory, where not valid.

    Args:
        values: The values; what stands where they are not valid does not matter.
        valid: Which are valid; all when None.

    Raises:
        PostConditionError: If a value is too great for float32.
    """
    out = np.frombuffer(pa.allocate_buffer(len(values) * 4), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(out, values, casting="same_kind")
    return _masked(out, valid)


def as_float64(values: NDArray[np.float64]) -> pa.Array:
    """An Arrow array of float64 that is NULL where the values are NaN."""
    return _masked(np.ascontiguousarray(values), ~np.isnan(values))


def _masked(out: NDArray[np.float32] | NDArray[np.float64], valid: BoolArray | None) -> pa.Array:
    nulls = 0 if valid is None else len(valid) - int(np.count_nonzero(valid))
    if valid is not None and nulls:
        out[~valid] = np.nan
    if np.isinf(out).any():
        raise PostConditionError(
            f"a value is too great for {out.dtype}",
            expected="numbers that the type can hold",
            hint="leave the column out of the dataset, or scale it",
        )
    return number_array(out, bitmap(valid) if valid is not None and nulls else NO_BITMAP, nulls)


def settled(column: pa.ChunkedArray) -> pa.Array:
    """A float column that was read, with NaN under its NULLs."""
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    if array.null_count == 0:
        return array
    return pa.array(array.to_numpy(zero_copy_only=False), array.type, from_pandas=False)


def raw(array: pa.Array) -> NDArray[np.float32] | NDArray[np.float64]:
    """The memory of a float array, with NaN where it is NULL."""
    found = slice(array.offset, array.offset + len(array))
    if pa.types.is_float32(array.type):
        return np.frombuffer(array.buffers()[1], np.float32)[found]
    return np.frombuffer(array.buffers()[1], np.float64)[found]

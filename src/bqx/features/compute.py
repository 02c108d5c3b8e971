"""Compute tables over a slice: families run, validity is applied, the contract is checked."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqx.domains.domain import Domain, Domains
from bqx.domains.grid import BoolArray, FloatArray, Grid, Int64Array
from bqx.errors import PostConditionError
from bqx.features.family import Columns
from bqx.features.feature import Column
from bqx.features.registry import Registry
from bqx.features.table import TableSpec

NumberArray = NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int16]
"""Values as a table keeps them."""

LOOK_BACKS = (1_024, 4_096, 8_192, 24_576, 65_536)
"""Rows before the first one that is asked for, in one of which every call of a family fits.

Families of about the same memory share a slice and its intermediate results; those that remember
little do not pay for those that remember much.
"""


@dataclass(frozen=True)
class ColumnData:
    """One computed column.

    Attributes:
        column: Its contract.
        values: One value per row, in the column's type; undefined where not valid.
        valid: Whether each value may be shown; False is NULL.
        expected_nulls: NULLs that history and gaps ask for.
        nulls: NULLs that there are; more only where the column's own rule applies.
    """

    column: Column
    values: NumberArray
    valid: BoolArray
    expected_nulls: int
    nulls: int


@dataclass(frozen=True)
class TableData:
    """One computed table over consecutive rows.

    Attributes:
        spec: Its contract.
        minutes: Epoch minute of each row.
        columns: The columns in the order of the contract.
    """

    spec: TableSpec
    minutes: Int64Array
    columns: tuple[ColumnData, ...]


@dataclass(frozen=True)
class Slice:
    """A pair's domains over consecutive grid rows, of which the last ones are asked for.

    Attributes:
        domains: The domains.
        low: First element that is asked for; those before it are look-back.
    """

    domains: Domains
    low: int
    _views: dict[int, Domains] = field(default_factory=dict)
    _masks: dict[int, BoolArray] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def grid(self) -> Grid:
        """The grid of the domains."""
        return self.domains.grid

    def valid(self, history: int) -> BoolArray:
        """Where a value with that history may be shown, on the rows that are asked for."""
        whole = self.domains.validity(history)
        with self._lock:
            if history not in self._masks:
                self._masks[history] = whole[self.low :]
            return self._masks[history]

    def reaching(self, memory: int) -> tuple[Domains, int]:
        """Domains with at least that look-back, and their first element that is asked for.

        Args:
            memory: Rows that can influence a value, its own included.
        """
        rows = next((k for k in LOOK_BACKS if k >= memory), self.low + 1)
        if rows > self.low:
            return self.domains, self.low
        with self._lock:
            if rows not in self._views:
                row = self.grid.first + self.low - rows + 1
                self._views[rows] = self.domains.since(row)
            return self._views[rows], rows - 1


def compute_tables(
    registry: Registry,
    specs: Mapping[str, TableSpec],
    piece: Slice,
    *,
    threads: int = 1,
    exact: bool = False,
) -> dict[str, TableData]:
    """Compute tables over one slice; they share domains and intermediate results.

    Args:
        registry: Where the families of the columns are found.
        specs: The tables, possibly with some of their columns only, by name.
        piece: The slice, with enough look-back.
        threads: Windows that are computed at the same time.
        exact: Whether values stay as they were computed, in float64, instead of taking the types
            of their columns.

    Raises:
        PostConditionError: If a column breaks its contract.
    """
    run = partial(_run, registry, piece, exact=exact)
    tasks = _tasks(specs)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(run, tasks))
    else:
        parts = [run(task) for task in tasks]
    found = {key: column for part in parts for key, column in part.items()}
    minutes = piece.grid.minutes[piece.low :]
    return {
        name: TableData(spec, minutes, tuple(found[name, c.name] for c in spec.columns))
        for name, spec in specs.items()
    }


_Call = tuple[str, int | None]
"""A family and a window: one run of ``compute``."""

_Task = dict[_Call, list[tuple[TableSpec, Column]]]
"""Runs that share intermediate results, with the columns that are wanted of each."""


def _tasks(specs: Mapping[str, TableSpec]) -> list[_Task]:
    """One task per domain and window."""
    tasks: dict[tuple[str, int | None], _Task] = {}
    for spec in specs.values():
        for column in spec.columns:
            task = tasks.setdefault((spec.domain, column.window), {})
            task.setdefault((column.family, column.window), []).append((spec, column))
    return list(tasks.values())


def _run(
    registry: Registry, piece: Slice, task: _Task, *, exact: bool
) -> dict[tuple[str, str], ColumnData]:
    found = {}
    for (name, window), wanted in task.items():
        family = registry.family(name)()
        domains, low = piece.reaching(max(column.memory for _, column in wanted))
        domain = domains[wanted[0][0].domain]
        result = family.compute_fixed(domain) if window is None else family.compute(domain, window)
        for spec, column in wanted:
            values = _values(result, column, domain)[low:]
            # Columns of one history share their mask, and with it its bitmap.
            valid = piece.valid(column.history)
            checked = _checked(spec, column, values, valid)
            found[spec.name, column.name] = checked if exact else _kept(spec, checked)
    return found


def _values(result: Columns, column: Column, domain: Domain) -> FloatArray:
    values = result.get(column.key)
    if values is None or values.shape != (len(domain),) or values.dtype != np.float64:
        raise PostConditionError(
            f"family {column.family} returned no float64 array of {len(domain)} rows for "
            f"{column.key!r}, window {column.window}",
            expected=f"one for each of {list(result)}" if values is None else "one value per row",
            hint="`compute` returns arrays by attribute name",
        )
    return values


def _checked(spec: TableSpec, column: Column, values: FloatArray, valid: BoolArray) -> ColumnData:
    expected = len(valid) - int(np.count_nonzero(valid))
    missing = 0
    if not _surely_finite(values, valid) and (odd := valid & ~np.isfinite(values)).any():
        missing = int(np.count_nonzero(odd))
        infinite = int(np.count_nonzero(np.isinf(values[odd])))
        if infinite or not column.nullable:
            found = f"{missing - infinite} NaN and {infinite} infinite values"
            raise _broken(spec, column, found, "finite values")
        valid = valid & ~odd
    _check_range(spec, column, values, valid)
    return ColumnData(column, values, valid, expected, expected + missing)


def _kept(spec: TableSpec, data: ColumnData) -> ColumnData:
    """The values in the type of the column."""
    column, values = data.column, data.values
    if column.dtype == values.dtype.name:
        return data
    kind = np.dtype(column.dtype)
    out: NumberArray = np.frombuffer(pa.allocate_buffer(len(values) * kind.itemsize), kind)
    if kind.kind == "f":
        np.copyto(out, values, casting="same_kind")
        return replace(data, values=out)
    whole = np.where(data.valid, values, 0.0)
    np.copyto(out, whole, casting="unsafe")
    if not np.array_equal(out, whole):
        raise _broken(spec, column, "fractions or great numbers", f"whole numbers of {kind}")
    return replace(data, values=out)


def _surely_finite(values: FloatArray, valid: BoolArray) -> bool:
    """Whether a cheap look suffices: a finite sum from the first valid row on."""
    return bool(np.isfinite(values[int(valid.argmax()) :].sum()))


def _check_range(spec: TableSpec, column: Column, values: FloatArray, valid: BoolArray) -> None:
    outside = np.zeros(0, np.bool_)
    if column.low is not None:
        outside = values < column.low
    if column.high is not None:
        outside = outside | (values > column.high) if outside.size else values > column.high
    if outside.any() and (outside & valid).any():
        shown = values[valid]
        found = f"values from {shown.min()!r} to {shown.max()!r}"
        raise _broken(spec, column, found, column.comment)


def _broken(spec: TableSpec, column: Column, found: str, expected: str) -> PostConditionError:
    return PostConditionError(
        f"{spec.name}.{column.name} holds {found} where its history is valid",
        expected=expected,
        hint="the declared history or range is wrong, or the family's code is",
    )

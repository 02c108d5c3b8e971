"""Compute tables over a slice: families run, validity is applied, the contract is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray, Grid, Int64Array
from bqx.errors import PostConditionError
from bqx.features.family import Columns
from bqx.features.feature import Column
from bqx.features.registry import Registry
from bqx.features.table import TableSpec
from bqx.features.validity import Validity
from bqx.kernels.summary import publish


@dataclass(frozen=True)
class ColumnData:
    """One computed column.

    Attributes:
        column: Its contract.
        values: One value per row; undefined where not valid.
        valid: Whether each value may be shown; False is NULL.
        expected_nulls: NULLs that history and gaps ask for.
        nulls: NULLs that there are; more only where the column's own rule applies.
    """

    column: Column
    values: FloatArray
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
        domains: Domains by name, all over the same grid.
        low: First element that is asked for; those before it are look-back.
    """

    domains: Mapping[str, Domain]
    low: int

    @property
    def grid(self) -> Grid:
        """The grid of the domains."""
        return self.domains["rate"].grid


def compute_tables(
    registry: Registry, specs: Mapping[str, TableSpec], piece: Slice
) -> dict[str, TableData]:
    """Compute tables over one slice; they share domains and intermediate results.

    Args:
        registry: Where the families of the columns are found.
        specs: The tables, possibly with some of their columns only, by name.
        piece: The slice, with enough look-back.

    Raises:
        PostConditionError: If a column breaks its contract.
    """
    validity = Validity(piece.grid)
    return {name: _table(registry, spec, piece, validity) for name, spec in specs.items()}


def _table(registry: Registry, spec: TableSpec, piece: Slice, validity: Validity) -> TableData:
    domain = piece.domains[spec.domain]
    results: dict[tuple[str, int | None], Columns] = {}
    scratch = np.empty(len(piece.grid) - piece.low)
    columns = []
    for column in spec.columns:
        key = (column.family, column.window)
        if key not in results:
            results[key] = _run(registry, key, domain)
        values = _values(results[key], column, domain)[piece.low :]
        valid = validity.mask(column.history)[piece.low :]
        columns.append(_checked(spec, column, values, valid, scratch))
    return TableData(spec, piece.grid.minutes[piece.low :], tuple(columns))


def _run(registry: Registry, key: tuple[str, int | None], domain: Domain) -> Columns:
    name, window = key
    family = registry.family(name)()
    return family.compute_fixed(domain) if window is None else family.compute(domain, window)


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


def _checked(
    spec: TableSpec, column: Column, values: FloatArray, valid: BoolArray, scratch: FloatArray
) -> ColumnData:
    nans, infinities, low, high = publish(values, valid, scratch)
    expected = len(valid) - int(np.count_nonzero(valid))
    if infinities or (nans and not column.nullable):
        raise _broken(spec, column, f"{nans} NaN and {infinities} infinite values", "finite values")
    if (column.low is not None and low < column.low) or (
        column.high is not None and high > column.high
    ):
        raise _broken(spec, column, f"values from {low!r} to {high!r}", f"{column.comment}")
    if nans:
        valid = valid & ~np.isnan(values)
    return ColumnData(column, values, valid, expected, expected + nans)


def _broken(spec: TableSpec, column: Column, found: str, expected: str) -> PostConditionError:
    return PostConditionError(
        f"{spec.name}.{column.name} holds {found} where its history is valid",
        expected=expected,
        hint="the declared history or range is wrong, or the family's code is",
    )

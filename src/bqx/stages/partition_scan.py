"""One pass over a partition, or over those of a table: rows, hash, NULLs, identities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

import numpy as np
import pyarrow as pa

from bqx.stages.catalog import checked
from bqx.stages.pair_features import Content
from bqx.stages.target import PostgresTarget

ROW_HASH = "coalesce(bit_xor(hash_record_extended(t, 0)), 0)::text"
"""Hash of the rows of a relation called ``t``, which `bqx.postgres.rowhash.rows_hash` gives too."""
IDENTITY_TOLERANCE = 1e-9
"""Greatest difference between both sides of an identity of two columns of double precision."""
_TERMS = ("quadratic_term", "linear_term", "constant_term")


@dataclass(frozen=True)
class Scan:
    """What is looked at.

    Attributes:
        columns: Columns whose values are counted.
        source: Series of the regression; None when the table is no regression.
        windows: Windows of the regression.
        ratios: Columns between -1 and 1.
    """

    columns: tuple[str, ...]
    source: str | None = None
    windows: tuple[int, ...] = ()
    ratios: tuple[str, ...] = ()

    @property
    def expressions(self) -> list[str]:
        """What is selected, from a relation called ``t``."""
        counts = [f"count({checked(name)})" for name in self.columns]
        errors = [e for window in self.windows for e in self._errors(window)]
        ratios = [f"coalesce(max(abs({checked(name)})), 0)" for name in self.ratios]
        return ["count(*)", ROW_HASH, *counts, *errors, *ratios]

    def _errors(self, window: int) -> tuple[str, str]:
        total = " + ".join(f"w{window}_{term}" for term in _TERMS)
        rest = f"{self.source} - w{window}_prediction"
        # A value without the other side of its identity breaks it as well.
        return tuple(
            f"coalesce(max(coalesce(abs({left} - ({right})), 'Infinity'))"
            f" FILTER (WHERE {left} IS NOT NULL), 0)"
            for left, right in ((f"w{window}_prediction", total), (f"w{window}_residual", rest))
        )  # type: ignore[return-value]

    def read(self, values: tuple[object, ...]) -> Found:
        """The row that the expressions gave."""
        numbers = iter(values)
        rows, digest = int(str(next(numbers))), str(next(numbers))
        counts = {name: int(str(next(numbers))) for name in self.columns}
        errors = {
            (window, name): float(str(next(numbers)))
            for window in self.windows
            for name in ("prediction", "residual")
        }
        ratios = {name: float(str(next(numbers))) for name in self.ratios}
        return Found(rows, digest, counts, errors, ratios)


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        rows: Rows.
        hash: Sum of the rows' hashes.
        counts: Values that are not NULL, by column.
        errors: Worst error of an identity, by window and name.
        ratios: Greatest magnitude, by column.
    """

    rows: int
    hash: str
    counts: Mapping[str, int]
    errors: Mapping[tuple[int, str], float]
    ratios: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The worst error of an identity; NaN counts as infinite."""
        return max((inf if isnan(e) else e for e in self.errors.values()), default=0.0)

    @property
    def identities(self) -> int:
        """Identities that hold."""
        return sum(error <= IDENTITY_TOLERANCE for error in self.errors.values())

    @property
    def within(self) -> int:
        """Ratios within their range."""
        return sum(size <= 1.0 for size in self.ratios.values())


def hashes(target: PostgresTarget, names: Sequence[str], schema: str) -> dict[str, list[Any]]:
    """Rows and hash of every partition of tables, by name; an empty partition is left out."""
    found: dict[str, list[Any]] = {}
    for name in names:
        rows = by_partition(target, name, ("count(*)", ROW_HASH), schema)
        found |= {partition: [int(count), str(digest)] for partition, (count, digest) in rows}
    return found


def scan_table(target: PostgresTarget, name: str, scan: Scan, schema: str) -> dict[str, Found]:
    """Look at all partitions of a table, by name."""
    rows = by_partition(target, name, scan.expressions, schema)
    return {partition: scan.read(values) for partition, values in rows}


def by_partition(
    target: PostgresTarget, name: str, aggregates: Sequence[str], schema: str
) -> list[tuple[str, tuple[Any, ...]]]:
    """Names of a table's partitions that have rows, in order, and aggregates of each.

    Args:
        target: The database.
        name: The table.
        aggregates: What is selected, from a relation called ``t``.
        schema: Schema of the table.
    """
    terms = ", ".join(f"{aggregate} AS v{at}" for at, aggregate in enumerate(aggregates))
    rows = target.query(
        f"SELECT c.relname::text, s.* FROM (SELECT tableoid AS id, {terms}"
        f" FROM {checked(schema)}.{checked(name)} t GROUP BY tableoid) s"
        " JOIN pg_class c ON c.oid = s.id ORDER BY 1"
    )
    return [(str(row[0]), row[2:]) for row in rows]


def faults(content: Content, scan: Scan) -> list[str]:
    """What is wrong with a partition's content before it is written."""
    table = content.table
    found = {name: table.column(name).null_count for name in scan.columns}
    wrong = [
        f"{found[name]:,} NULLs in {name} instead of {nulls:,}"
        for name, nulls in content.nulls.items()
        if found[name] != nulls
    ]
    for window in scan.windows:
        for left, right in _identities(table, window, scan):
            known = ~np.isnan(left)
            error = np.abs(left[known] - right[known])
            if not (error <= IDENTITY_TOLERANCE).all():
                wrong.append(f"an identity of window {window} is off by {error.max():.3g}")
    for name in scan.ratios:
        values = table.column(name).to_numpy()
        if (np.abs(values) > 1.0).any():
            wrong.append(f"{name} is not between -1 and 1")
    return wrong


def _identities(table: pa.Table, window: int, scan: Scan) -> Iterator[tuple[Any, Any]]:
    """Both sides of each identity; NaN for NULL."""
    names = (*_TERMS, "prediction", "residual")
    terms = [table.column(f"w{window}_{name}").to_numpy() for name in names]
    quadratic, linear, constant, prediction, residual = terms
    yield prediction, quadratic + linear + constant
    yield residual, table.column(scan.source).to_numpy() - prediction

"""Coverage and identities of whatever tables are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bqx.checks.alignment import (
    BASE_COLUMNS,
    CONTINUITY,
    COVERAGE,
    PARTITIONS,
    RANGES,
    RESIDUALS,
    ROWS,
    TERMS,
)
from bqx.checks.contract import BASE, REGRESSION
from bqx.checks.report import Report
from bqx.checks.scan import Names, scan, select
from bqx.store.embedded import EmbeddedStore


def coverage(
    store: EmbeddedStore,
    *,
    tables: Sequence[str] | None = None,
    pairs: Names = None,
    months: Names = None,
) -> Report:
    """Check rows, NULLs and ranges of any tables against what the bars ask for.

    Args:
        store: The store.
        tables: Names of tables or families; all that are stored for some pair when None.
        pairs: Pairs; all with bars when None.
        months: Months; all with bars when None.

    Raises:
        UnknownNameError: If a table or pair is unknown.
        ConfigError: If a month cannot be read.
    """
    names = stored_tables(store) if tables is None else store.registry.resolve(tables)
    checks = [PARTITIONS, *(replace(c, tables=names) for c in (COVERAGE, CONTINUITY, RANGES, ROWS))]
    return scan(store, "Coverage", checks, select(store, pairs, months, names))


def identities(store: EmbeddedStore, *, pairs: Names = None, months: Names = None) -> Report:
    """Check the identities between stored columns, and between them and the bars.

    Args:
        store: The store.
        pairs: Pairs; all with bars when None.
        months: Months; all with bars when None.

    Raises:
        UnknownNameError: If a pair is unknown or has no bars.
        ConfigError: If a month cannot be read.
    """
    names = tuple(t for t in stored_tables(store) if t in (*REGRESSION, BASE))
    checks = [PARTITIONS, TERMS, RESIDUALS, BASE_COLUMNS]
    return scan(store, "Identities", checks, select(store, pairs, months, names))


def stored_tables(store: EmbeddedStore) -> tuple[str, ...]:
    """Tables that are stored for some pair and month."""
    stored = {table for table, _, _ in store.state.partitions()}
    return tuple(t for t in store.tables if t in stored)

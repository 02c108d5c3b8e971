"""Coverage of whatever tables are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bqx.checks.declared import CONTINUITY, COVERAGE, PARTITIONS, RANGES, ROWS
from bqx.checks.report import Report
from bqx.checks.scan import Names, scan, select, stored_tables
from bqx.store.base import BaseStore


def coverage(
    store: BaseStore,
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

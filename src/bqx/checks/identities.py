"""Identities between stored columns."""

from __future__ import annotations

from bqx.checks.contract import BASE, REGRESSION
from bqx.checks.declared import BASE_COLUMNS, PARTITIONS, RELATIONS, RESIDUALS, TERMS
from bqx.checks.relations import TABLES
from bqx.checks.report import Report
from bqx.checks.scan import Names, scan, select, stored_tables
from bqx.store.base import BaseStore


def identities(store: BaseStore, *, pairs: Names = None, months: Names = None) -> Report:
    """Check the identities between stored columns, and between them and the bars.

    Args:
        store: The store.
        pairs: Pairs; all with bars when None.
        months: Months; all with bars when None.

    Raises:
        UnknownNameError: If a pair is unknown or has no bars.
        ConfigError: If a month cannot be read.
    """
    names = tuple(t for t in stored_tables(store) if t in (*REGRESSION, BASE, *TABLES))
    checks = [PARTITIONS, TERMS, RESIDUALS, BASE_COLUMNS, RELATIONS]
    return scan(store, "Identities", checks, select(store, pairs, months, names))

"""The alignment report: whether both domains are 100 % aligned in what is stored."""

from __future__ import annotations

from bqx.checks.contract import OTHER_TWINS, REQUIRED
from bqx.checks.declared import (
    BASE_COLUMNS,
    COMMENTS,
    CONTINUITY,
    COVARIANCES,
    COVERAGE,
    JOIN,
    PARTITIONS,
    RANGES,
    RESIDUALS,
    ROWS,
    SCHEMA,
    TERMS,
    WINDOWS,
)
from bqx.checks.draw import example_week
from bqx.checks.report import Report
from bqx.checks.scan import Names, scan, select, stored_tables
from bqx.store.base import BaseStore

ALIGNMENT = (
    PARTITIONS,
    SCHEMA,
    WINDOWS,
    TERMS,
    RESIDUALS,
    BASE_COLUMNS,
    COVERAGE,
    CONTINUITY,
    COVARIANCES,
    RANGES,
    JOIN,
    ROWS,
    COMMENTS,
)


def alignment(store: BaseStore, *, pairs: Names = None, months: Names = None) -> Report:
    """Check that the stored tables of both domains are aligned.

    Every pair and month with bars needs a current partition of the regression, covariance and
    base tables, and of both of any further twins of which one is stored; their schemas, windows,
    identities, NULLs, rows and comments are compared with what the bars and the declared contract
    ask for, never with what a build reported.

    Args:
        store: The store.
        pairs: Pairs; all with bars when None.
        months: ``2019-01``, ``2019-01:2019-03`` or a list; all with bars when None.

    Returns:
        A report that passes only at 100 %; that of an empty selection does not.

    Raises:
        UnknownNameError: If a pair is unknown or has no bars.
        ConfigError: If a month cannot be read.
    """
    stored = stored_tables(store)
    others = [table for twins in OTHER_TWINS if not {*twins}.isdisjoint(stored) for table in twins]
    selection = select(store, pairs, months, (*REQUIRED, *others))
    return scan(store, "Alignment of both domains", ALIGNMENT, selection, example=example_week)

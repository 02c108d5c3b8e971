"""Whether a regression's window ends at the row's own bar, or one bar too early."""

from __future__ import annotations

from bqx.checks.contract import SEED_WINDOW
from bqx.features.table import KEY
from bqx.stages import catalog
from bqx.stages.catalog import checked
from bqx.stages.target import SCHEMA, PostgresTarget

ROWS = 20_000
"""Rows of a pair that are looked at: the offset is one of the code, not of a row."""
TOLERANCE = 1e-7
MOST = 0.9
"""Share of the rows for which it must be true."""
_NAMES = (("residual", "prediction"), ("resid_end", "yhat_end"))


def window_offset(
    target: PostgresTarget, pair: str, kind: str = "reg", source: str = "rate_index"
) -> int | None:
    """How many rows before its own a row's window ends, told by residual and prediction.

    A residual is the last value of the window minus the prediction. Which row's value makes that
    true?

    Args:
        target: The database.
        pair: The pair.
        kind: What stands before the pair in the table's name.
        source: Column of the series that the regression is fitted to.

    Returns:
        0 for the row's own, 1 for the row before, None when neither holds or nothing is there.
    """
    name = f"{checked(kind)}_{checked(pair)}"
    columns = {column.name for column in catalog.columns(target, name)}
    for end, fit in _NAMES:
        residual, prediction = f"w{SEED_WINDOW}_{end}", f"w{SEED_WINDOW}_{fit}"
        if {residual, prediction, source} <= columns:
            return _offset(target, name, residual, f"{residual} + {prediction}", source)
    return None


def _offset(target: PostgresTarget, name: str, residual: str, last: str, source: str) -> int | None:
    rows = target.query(
        f"SELECT count(*), count(*) FILTER (WHERE abs({last} - {source}) <= {TOLERANCE}),"
        f" count(*) FILTER (WHERE abs({last} - earlier) <= {TOLERANCE}) FROM"
        f" (SELECT *, lag({source}) OVER (ORDER BY {KEY}) AS earlier FROM {SCHEMA}.{name}"
        f" ORDER BY {KEY} LIMIT {ROWS}) t WHERE {residual} IS NOT NULL"
    )
    found, own, before = rows[0]
    # Where the series stands still both are true, and single rows may be damaged.
    if own > before and own >= MOST * found:
        return 0
    return 1 if before > own and before >= MOST * found else None

"""The checks of stored tables, each with its name, its sentence and what it needs."""

from __future__ import annotations

from bqx.checks import identity, nulls, rows, schema
from bqx.checks.contract import BASE, CORRELATION, COVARIANCE, REGRESSION, REQUIRED
from bqx.checks.tally import Check

PARTITIONS = Check(
    "partitions",
    "Every partition is there, readable and current",
    "partitions",
    rows.partitions,
)
ROWS = Check(
    "rows",
    "One row for every trading minute: no bar is lost, none stands twice",
    "rows",
    rows.rows,
    REQUIRED,
)
COVERAGE = Check(
    "coverage",
    "NULL exactly where history, gaps or a column's own rule ask for it",
    "values",
    nulls.coverage,
    REQUIRED,
)
CONTINUITY = Check("continuity", "No month starts cold", "values", nulls.continuity, REQUIRED)
RANGES = Check("ranges", "Values are finite and within range", "values", nulls.ranges, REQUIRED)
TERMS = Check(
    "terms",
    "Prediction = quadratic + linear + constant",
    "values",
    identity.terms,
    REGRESSION,
    identity.TOLERANCE,
)
RESIDUALS = Check(
    "residuals",
    "Residual = series - prediction, the series made again from the bars",
    "values",
    identity.residuals,
    REGRESSION,
    identity.TOLERANCE,
)
BASE_COLUMNS = Check(
    "base",
    "Base columns agree with the bars and with each other",
    "values",
    identity.base,
    (BASE,),
    identity.TOLERANCE,
)
SCHEMA = Check(
    "schema",
    "Both domains have the same columns, seven per window, as declared",
    "columns",
    schema.schema,
    REQUIRED,
)
WINDOWS = Check(
    "windows",
    "Both domains have the windows 60, 90, 150, 240, 390 and 630",
    "windows",
    schema.windows,
    (*REGRESSION, *COVARIANCE),
)
COMMENTS = Check(
    "comments",
    "Every table and column carries its comment",
    "comments",
    schema.comments,
    REQUIRED,
)
COVARIANCES = Check(
    "covariance",
    "Covariances are there wherever expected, correlations lie in [-1, 1]",
    "values",
    nulls.covariance,
    (*CORRELATION, *COVARIANCE),
)
JOIN = Check(
    "join",
    "Both domains join on ts_utc and are comparable wherever both are expected",
    "values",
    rows.join,
    (*REGRESSION, *CORRELATION, *COVARIANCE),
)

"""The checks of stored partitions, each with its name, its sentence and the tables it needs."""

from __future__ import annotations

from bqx.checks import identity, nulls, relations, rows, schema
from bqx.checks.contract import BASE, CORRELATION, COVARIANCE, REGRESSION, REQUIRED
from bqx.checks.tally import PartitionCheck

PARTITIONS = PartitionCheck(
    name="partitions",
    title="Every partition is there, readable and current",
    unit="partitions",
    run=rows.partitions,
)
SCHEMA = PartitionCheck(
    name="schema",
    title="Both domains have the same columns, seven per window, as declared",
    unit="columns",
    run=schema.schema,
    tables=REQUIRED,
)
WINDOWS = PartitionCheck(
    name="windows",
    title="Both domains have the windows 60, 90, 150, 240, 390 and 630",
    unit="windows",
    run=schema.windows,
    tables=(*REGRESSION, *COVARIANCE),
)
TERMS = PartitionCheck(
    name="terms",
    title="Prediction = quadratic + linear + constant term",
    run=identity.terms,
    tables=REGRESSION,
    tolerance=identity.TOLERANCE,
)
RESIDUALS = PartitionCheck(
    name="residuals",
    title="Residual = series - prediction, with the series made again from the bars",
    run=identity.residuals,
    tables=REGRESSION,
    tolerance=identity.TOLERANCE,
)
BASE_COLUMNS = PartitionCheck(
    name="base",
    title="Base columns agree with the bars and with each other",
    run=identity.base,
    tables=(BASE,),
    tolerance=identity.TOLERANCE,
)
RELATIONS = PartitionCheck(
    name="relations",
    title="Columns of a table keep the relations that their definitions imply",
    run=relations.relations,
)
COVERAGE = PartitionCheck(
    name="coverage",
    title="NULL exactly where history, gaps or a column's own rule ask for it",
    run=nulls.coverage,
    tables=REQUIRED,
)
CONTINUITY = PartitionCheck(
    name="continuity",
    title="No month starts cold: its first rows have the values they must have",
    run=nulls.continuity,
    tables=REQUIRED,
)
COVARIANCES = PartitionCheck(
    name="covariance",
    title="Covariances are there wherever expected, correlations lie in [-1, 1]",
    run=nulls.covariance,
    tables=(*CORRELATION, *COVARIANCE),
)
RANGES = PartitionCheck(
    name="ranges",
    title="Values are finite and within their column's range",
    run=nulls.ranges,
    tables=REQUIRED,
)
JOIN = PartitionCheck(
    name="join",
    title="Both domains join on ts_utc, and are comparable wherever both are expected",
    run=rows.join,
    tables=(*REGRESSION, *CORRELATION, *COVARIANCE),
)
ROWS = PartitionCheck(
    name="rows",
    title="One row for every trading minute: no bar is lost, none stands twice",
    unit="rows",
    run=rows.rows,
    tables=REQUIRED,
)
COMMENTS = PartitionCheck(
    name="comments",
    title="Every table and column carries its comment",
    unit="comments",
    run=schema.comments,
    tables=REQUIRED,
)

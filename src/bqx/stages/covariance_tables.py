"""The tables of the term covariances: what is declared, built, filled and read of them."""

from __future__ import annotations

from collections.abc import Sequence

from bqx.errors import PostConditionError, StoreError
from bqx.features.table import KEY, TableSpec
from bqx.stages import catalog
from bqx.stages.build_beside import BUILD, PREFIX, Layout
from bqx.stages.catalog import checked
from bqx.stages.dependents import views
from bqx.stages.legacy_tables import MonthlyTable
from bqx.stages.mapping import CORRELATION, COVARIANCES
from bqx.stages.pair_features import selected
from bqx.stages.partition_scan import Scan
from bqx.stages.swap import family
from bqx.stages.target import SCHEMA, PostgresTarget

EXTENSIONS = ("covariance_rate", "covariance_bqx")
"""Tables of the registry with the covariances of all six pairs of terms over all windows."""
FILL = "fill_"
"""Stands before the name of a table whose columns are filled from it."""
RATIOS = tuple(name for name in COVARIANCES if name.startswith("corr_"))
FILL_SCAN = Scan(COVARIANCES, ratios=RATIOS)


def fill_spec() -> TableSpec:
    """The contract of the six columns."""
    return selected(CORRELATION, COVARIANCES)


def extension_names(table: MonthlyTable) -> list[str]:
    """Names of a pair's tables of the extension."""
    return [f"{name}_{table.pair}" for name in EXTENSIONS]


def built_names(table: MonthlyTable) -> list[str]:
    """Names of what is built for a pair."""
    return [FILL + table.name, *extension_names(table)]


def layouts(pair: str) -> list[Layout]:
    """Declarations of what is built for a pair."""
    found = []
    for name in EXTENSIONS:
        spec = selected(name)
        columns = {c.name: c.comment for c in spec.columns}
        found.append(Layout(f"{name}_{pair}", columns, spec.comment))
    fill = dict.fromkeys(COVARIANCES, "")
    return [*found, Layout(f"{FILL}{CORRELATION}_{pair}", fill, "", lasting=False)]


def lacking(target: PostgresTarget, tables: Sequence[MonthlyTable]) -> list[MonthlyTable]:
    """Tables of pairs that do not have all columns and tables."""
    pattern = f"({'|'.join(EXTENSIONS)})_[a-z]{{6}}"
    there = {relation.name for relation in catalog.relations(target, pattern)}
    return [
        t
        for t in tables
        if not set(COVARIANCES) <= set(t.columns) or not there.issuperset(extension_names(t))
    ]


def additions(table: MonthlyTable) -> list[str]:
    """Statements that add the columns, with their comments."""
    name = f"{SCHEMA}.{checked(table.name)}"
    columns = ", ".join(f"ADD COLUMN {c} double precision" for c in COVARIANCES)
    texts = {c.name: c.comment.replace("'", "''") for c in fill_spec().columns}
    comments = [f"COMMENT ON COLUMN {name}.{c} IS '{text}'" for c, text in texts.items()]
    return [f"ALTER TABLE {name} {columns}", *comments]


def fill_month(target: PostgresTarget, table: MonthlyTable, month: str) -> int:
    """Fill a partition, and compare every row with what was computed; the rows filled."""
    partition = f"{checked(table.name)}_{month}"
    source = f"{BUILD}.{PREFIX}{FILL}{partition}"
    sets = ", ".join(f"{c} = f.{c}" for c in COVARIANCES)
    filled = target.execute(
        f"UPDATE {SCHEMA}.{partition} t SET {sets} FROM {source} f WHERE f.{KEY} = t.{KEY}"
    )
    sides = (", ".join(f"{side}.{c}" for c in COVARIANCES) for side in "tf")
    left, right = sides
    wrong = target.query(
        f"SELECT count(*) FROM {SCHEMA}.{partition} t LEFT JOIN {source} f USING ({KEY})"
        f" WHERE ({left}) IS DISTINCT FROM ({right})"
    )[0][0]
    if wrong:
        raise PostConditionError(
            f"{wrong:,} rows of {partition} are not as computed",
            expected="the six values of their time",
            hint="nothing was changed; is there a trigger on the table?",
        )
    target.execute(f"DROP TABLE {source}")
    return filled


def require_unread(
    target: PostgresTarget, tables: Sequence[str], extensions: Sequence[str]
) -> None:
    """No view reads what would be dropped."""
    for view in views(target, [*family(target, tables), *family(target, extensions)]):
        own = {c.split(".", 1)[1] for c in view.columns} & set(COVARIANCES)
        if own or set(view.reads) & set(family(target, extensions)):
            raise StoreError(
                f"view {view.place} reads what would be dropped",
                expected="no view on the covariances",
                hint="drop the view first",
            )

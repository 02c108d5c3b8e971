"""The monthly tables of a database by pair, and its bars month by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bqx.domains.grid import Int64Array
from bqx.features.table import KEY
from bqx.market import PAIRS, Calendar, epoch_minute
from bqx.postgres.connect import Connection
from bqx.stages import catalog
from bqx.stages.catalog import checked
from bqx.stages.column_values import column_values
from bqx.stages.legacy_bars import INDEX_TOLERANCE
from bqx.stages.stage import Selection
from bqx.stages.target import SCHEMA, PostgresTarget


@dataclass(frozen=True)
class MonthlyTable:
    """A pair's table.

    Attributes:
        name: Its name.
        pair: The pair.
        months: Months that have a partition.
        columns: Its columns behind the key.
    """

    name: str
    pair: str
    months: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def partitions(self) -> tuple[str, ...]:
        """Names of the partitions."""
        return tuple(f"{self.name}_{month}" for month in self.months)


def monthly_tables(
    target: PostgresTarget, table: str, selection: Selection | None = None
) -> list[MonthlyTable]:
    """The tables of one kind, by pair.

    Args:
        target: The database.
        table: What stands before the pair: ``reg_bqx``.
        selection: Pairs; its months do not count.
    """
    pattern = f"{checked(table)}_({'|'.join(PAIRS)})"
    columns = catalog.columns_of(target, pattern)
    months: dict[str, list[str]] = {}
    for relation in catalog.relations(target, rf"{pattern}(_\d{{4}}_\d{{2}})?"):
        parts = catalog.parts(relation.name)
        if parts is None or relation.kind not in {"parent", "partition"}:
            continue
        if selection is not None and not selection.has(parts.pair):
            continue
        found = months.setdefault(parts.pair, [])
        if parts.month is not None:
            found.append(parts.month)
    return [
        MonthlyTable(name, pair, tuple(months[pair]), tuple(c.name for c in columns[name][1:]))
        for pair in PAIRS
        if pair in months and (name := f"{table}_{pair}") in columns
    ]


@dataclass(frozen=True)
class BarMonth:
    """A month of a pair's bars.

    Attributes:
        pair: The pair.
        month: The month.
        bars: How many.
        first: Epoch minute of the first one.
        last: Epoch minute of the last one.
        strange: Bars whose rate index is not their close over the baseline's.
    """

    pair: str
    month: str
    bars: int
    first: int
    last: int
    strange: int

    def rows(self, calendar: Calendar) -> int:
        """Trading minutes from the first to the last bar."""
        low, high = calendar.row_range(self.first, self.last + 1)
        return high - low


def bar_months(target: PostgresTarget, pairs: Iterable[str]) -> dict[tuple[str, str], BarMonth]:
    """The months of the bars of pairs; a pair without a table of bars has none."""
    tables = {table.pair: table for table in monthly_tables(target, "m1")}
    found = {}
    for pair in pairs:
        if pair in tables and {"close", "rate_index"} <= set(tables[pair].columns):
            for month in _months(target, pair):
                found[pair, month.month] = month
    return found


def _months(target: PostgresTarget, pair: str) -> list[BarMonth]:
    name = f"{SCHEMA}.m1_{checked(pair)}"
    wanted = "100 * close / (SELECT close FROM base)"
    rows = target.query(
        f"WITH base AS (SELECT close FROM {name} WHERE {KEY} >= '2024-07-01 00:00+00'"
        f" ORDER BY {KEY} LIMIT 1)"
        f" SELECT to_char({KEY}, 'YYYY_MM'), count(*), min({KEY}), max({KEY}),"
        f" count(*) FILTER (WHERE (abs(rate_index - {wanted})"
        f" <= {INDEX_TOLERANCE} * {wanted}) IS NOT TRUE)"
        f" FROM {name} GROUP BY tableoid, 1 ORDER BY 1"
    )
    return [BarMonth(pair, str(m), n, _minute(a), _minute(b), bad) for m, n, a, b, bad in rows]


def _minute(moment: datetime) -> int:
    return epoch_minute(moment)


def key_micros(connection: Connection, relation: str) -> Int64Array:
    """Times of all rows of a relation in microseconds, ascending.

    Args:
        connection: The connection.
        relation: Name of the relation, which can stand in a statement as it is.
    """
    return column_values(connection, relation)[0]


def without_key(target: PostgresTarget, names: Sequence[str]) -> dict[str, int]:
    """Repeated times of those relations that no unique index on the time protects."""
    rows = target.query(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = to_regnamespace(%s)"
        " AND c.relname = ANY(%s) AND c.relkind = 'r' AND NOT EXISTS ("
        "  SELECT 1 FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid"
        "   AND a.attnum = x.indkey[0] WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid"
        "   AND x.indnkeyatts = 1 AND x.indpred IS NULL AND a.attname = %s)",
        (SCHEMA, list(names), KEY),
    )
    found = {}
    for (name,) in rows:
        query = f"SELECT count(*) - count(DISTINCT {KEY}) FROM {SCHEMA}.{checked(name)}"
        found[str(name)] = int(target.query(query)[0][0])
    return found

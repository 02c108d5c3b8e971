"""What must hold before tables are changed, or rebuilt from bars."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bqx.stages.legacy_tables import BarMonth, MonthlyTable, without_key
from bqx.stages.stage import Condition, Selection
from bqx.stages.target import SCHEMA, PostgresTarget

Months = Mapping[tuple[str, str], BarMonth]


def tables_there(table: str, tables: Sequence[MonthlyTable]) -> Condition:
    """There is something to work on."""
    hint = "" if tables else "`bqx legacy create` makes them; or look at the schema's name"
    count = len(tables)
    return Condition(
        f"tables {table}_*", f"{count} tables", "one for each pair", count, count, hint
    )


def whole_tables(tables: Sequence[MonthlyTable], selection: Selection) -> Condition:
    """Columns belong to a table, so that a month alone cannot have others."""
    wanted = {month for table in tables for month in table.months}
    left = wanted - set(selection.months or wanted)
    return Condition(
        "all months of a pair at once",
        f"{len(wanted) - len(left)} months",
        f"{len(wanted)} months",
        len(wanted) - len(left),
        len(wanted),
        "leave out --months" if left else "",
    )


def all_partitions(every: Sequence[MonthlyTable], tables: Sequence[MonthlyTable]) -> Condition:
    """Each pair has the months that any of the pairs has."""
    months = sorted({month for table in every for month in table.months})
    missing = [f"{t.name}_{m}" for t in tables for m in months if m not in t.months]
    return _listed("no partition missing", missing, len(tables) * len(months), "is not there")


def none_missing(name: str, there: Collection[str], wanted: Collection[str]) -> Condition:
    """Relations that must be there are: a missing partition is missing data."""
    missing = sorted(set(wanted) - set(there))
    return Condition(
        name,
        f"{len(missing)} missing: {', '.join(missing[:3])}" if missing else "none missing",
        "no missing partition",
        len(wanted) - len(missing),
        len(wanted),
        "restore the partition, or leave the pair out with --pairs",
    )


def bars_there(tables: Sequence[MonthlyTable], months: Months) -> Condition:
    """Each partition has bars to be made from."""
    wanted = [(table.pair, month) for table in tables for month in table.months]
    missing = [f"m1_{pair}_{month}" for pair, month in wanted if (pair, month) not in months]
    return _listed("bars for each partition", missing, len(wanted), "has no bars")


def index_agrees(tables: Sequence[MonthlyTable], months: Months) -> Condition:
    """The stored rate index is the close over that of the first bar from 2024-07-01 on."""
    pairs = {table.pair for table in tables}
    found = [month for month in months.values() if month.pair in pairs]
    wrong = [f"m1_{m.pair}_{m.month} ({m.strange:,} bars)" for m in found if m.strange]
    return _listed("rate index = 100 close / baseline", wrong, len(found), "disagrees")


def known_columns(
    tables: Sequence[MonthlyTable], known: Collection[str], required: Collection[str] = ()
) -> Condition:
    """A table has no column that nobody declared, which a rebuild would lose."""
    wrong = [f"{t.name}.{c}" for t in tables for c in t.columns if c not in known]
    lacking = [f"{t.name}.{c}" for t in tables for c in required if c not in t.columns]
    bad = {place.split(".")[0] for place in (*wrong, *lacking)}
    told = f"{(wrong or lacking)[0]} is {'not declared' if wrong else 'missing'}" if bad else "none"
    return Condition(
        "no unexpected columns",
        told,
        "the columns of the first version",
        len(tables) - len(bad),
        len(tables),
        "copy what you need of it and drop it" if wrong else "",
    )


def unique_times(target: PostgresTarget, tables: Sequence[MonthlyTable]) -> Condition:
    """No time stands twice in a partition, nor in its bars."""
    names = [n for t in tables for n in t.partitions]
    names += [f"m1_{t.pair}_{month}" for t in tables for month in t.months]
    repeated = {name: times for name, times in without_key(target, names).items() if times}
    wrong = [f"{name} ({times:,} rows)" for name, times in repeated.items()]
    return _listed("unique timestamps", wrong, len(names), "repeats times")


def no_column_yet(tables: Sequence[MonthlyTable], columns: Sequence[str]) -> Condition:
    """Columns that are to be added are not there, made by somebody else."""
    wrong = [f"{t.name}.{c}" for t in tables for c in columns if c in t.columns]
    return _listed("columns are free", wrong, len(tables) * len(columns), "exists already")


def no_table_yet(target: PostgresTarget, names: Sequence[str]) -> Condition:
    """Tables that are to be made are not there, made by somebody else."""
    rows = target.query(
        "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
        " AND relname = ANY(%s) ORDER BY 1",
        (SCHEMA, list(names)),
    )
    wrong = [str(row[0]) for row in rows]
    return _listed("names of new tables are free", wrong, len(names), "exists already")


def _listed(name: str, wrong: Sequence[str], total: int, what: str) -> Condition:
    more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
    found = f"{wrong[0]}{more}: {what}" if wrong else f"{total:,}"
    hint = "repair it, or choose other pairs with --pairs" if wrong else ""
    return Condition(name, found, f"{total:,}", total - len(wrong), total, hint)

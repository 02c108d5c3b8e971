"""How many features there are, by the rows of the original programme, and why three totals differ.

The programme's table of families adds up to 1,264 features, although its headline says 1,080: that
number counts what its stages 1.6.10 to 1.8.3 were still to build. With the regression and the
correlation extensions of the remediation plan the core has 1,388. All totals are derived from the
registry; the rows say only which columns belong to which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bqx.features.feature import Column
from bqx.features.registry import Registry


@dataclass(frozen=True)
class Row:
    """A row of the programme's table of families.

    Attributes:
        key: Short name.
        name: As the programme writes it.
        domain: Its heading there.
        tables: Tables that hold its columns.
        families: Families whose columns count; all in the tables when empty.
        in_1264: Whether the programme counts it.
        in_1080: Whether one of its building stages made it.
        in_core: Whether it belongs to the 1,388 columns of the core.
        note: Why it counts as it does.
    """

    key: str
    name: str
    domain: str
    tables: tuple[str, ...]
    families: tuple[str, ...] = ()
    in_1264: bool = True
    in_1080: bool = True
    in_core: bool = True
    note: str = ""


def _both(family: str) -> tuple[str, ...]:
    return f"{family}_rate", f"{family}_bqx"


_BUILT = "in the database already when the stages were planned"
_UNCOUNTED = {"in_1264": False, "in_1080": False, "in_core": False}
_LATER = "from the remediation plan"
CORRELATION = ("correlation",)
EXTENSION = ("peer_relation",)

ROWS = (
    Row("TECH-I", "Technical IDX", "rate_idx", ("technical_rate",)),
    Row("CORR-I", "Correlation IDX", "rate_idx", ("correlation_rate",), CORRELATION),
    Row("STAT-I", "Statistics Rate", "rate_idx", ("statistics_rate",), in_1080=False, note=_BUILT),
    Row("BOLL-I", "Bollinger Rate", "rate_idx", ("bollinger_rate",), in_1080=False, note=_BUILT),
    Row("FIB-I", "Fibonacci Rate", "rate_idx", ("fibonacci_rate",), in_1080=False, note=_BUILT),
    Row("VOL-I", "Volume Rate", "rate_idx", ("volume_rate",), in_1080=False, note="has no stage"),
    Row("TECH-B", "Technical BQX", "bqx", ("technical_bqx",)),
    Row("STAT-B", "Statistics BQX", "bqx", ("statistics_bqx",)),
    Row("BOLL-B", "Bollinger BQX", "bqx", ("bollinger_bqx",)),
    Row("FIB-B", "Fibonacci BQX", "bqx", ("fibonacci_bqx",)),
    Row("VOL-B", "Volume BQX", "bqx", ("volume_bqx",)),
    Row("CORR-B", "Correlation BQX", "bqx", ("correlation_bqx",), CORRELATION),
    Row("MOM", "Momentum", "cross", _both("momentum")),
    Row("RGM", "Regime", "cross", _both("regime")),
    Row("RET", "Returns", "cross", _both("returns")),
    Row("TIME", "Time", "shared", ("time",)),
    Row("EC", "Error Correction", "advanced", _both("error_correction")),
    Row("RV", "Realized Volatility", "advanced", _both("realized_volatility")),
    Row("HMM", "HMM Regime Detection", "advanced", _both("hmm_regime")),
    Row("PAN", "Cross-Sectional Panel", "advanced", ("cross_sectional_panel",)),
    *(
        Row(key, name, domain, tables, families, in_1264=False, in_1080=False, note=_LATER)
        for key, name, domain, tables, families in (
            ("REG-I", "Regression (reg_rate)", "rate_idx", ("reg_rate",), ()),
            ("REG-B", "Regression (reg_bqx)", "bqx", ("reg_bqx",), ()),
            ("CORX-I", "Correlation extension IDX", "rate_idx", ("correlation_rate",), EXTENSION),
            ("CORX-B", "Correlation extension BQX", "bqx", ("correlation_bqx",), EXTENSION),
            ("COV", "Term covariances", "bqx", ("correlation_bqx",), ("term_covariance",)),
        )
    ),
    *(
        Row(key, name, domain, (table,), (), **_UNCOUNTED, note="stored, not counted")
        for key, name, domain, table in (
            ("SPR", "Spread", "shared", "spread_bqx"),
            ("OHLC", "OHLC Index", "rate_idx", "ohlc_rate"),
        )
    ),
)
"""The rows in the order of the programme, then those that it does not count."""

STAGED, COUNTED, CORE = 1080, 1264, 1388


@dataclass(frozen=True)
class Counted:
    """A row with the columns that the registry has for it."""

    row: Row
    columns: tuple[tuple[str, Column], ...]

    @property
    def number(self) -> int:
        """Number of columns, those among them that need data which nobody has."""
        return len(self.columns)


def count(families: Registry) -> tuple[Counted, ...]:
    """The rows with their columns, then one row for each family that none of them names."""
    named = [Counted(row, tuple(_columns(families, row))) for row in ROWS]
    known = {(table, c.name) for found in named for table, c in found.columns}
    rest: dict[str, list[tuple[str, Column]]] = {}
    for table in families.tables:
        for column in families.declared(table):
            if (table, column.name) not in known:
                rest.setdefault(column.family, []).append((table, column))
    others = (
        Counted(_other(name, [table for table, _ in columns]), tuple(columns))
        for name, columns in rest.items()
    )
    return (*named, *others)


def _columns(families: Registry, row: Row) -> list[tuple[str, Column]]:
    return [
        (table, column)
        for table in row.tables
        if table in families.tables
        for column in families.declared(table)
        if not row.families or column.family in row.families
    ]


def _other(name: str, tables: Sequence[str]) -> Row:
    unique = tuple(dict.fromkeys(tables))
    return Row(name, name, "other", unique, (name,), **_UNCOUNTED, note="outside the count")


def totals(counted: Sequence[Counted]) -> dict[str, int]:
    """The three totals, and that of all columns, derived from the rows."""
    return {
        "counted_in_1264": sum(c.number for c in counted if c.row.in_1264),
        "counted_in_1080": sum(c.number for c in counted if c.row.in_1080),
        "core_1388": sum(c.number for c in counted if c.row.in_core),
        "declared": sum(c.number for c in counted),
        "absent": sum(column.absent for c in counted for _, column in c.columns),
    }


def explanation(counted: Sequence[Counted]) -> tuple[str, ...]:
    """Why the totals differ, with the rows that make the differences."""
    found = totals(counted)
    unstaged = [c for c in counted if c.row.in_1264 and not c.row.in_1080]
    later = [c for c in counted if c.row.in_core and not c.row.in_1264]
    counted_ones, staged = found["counted_in_1264"], found["counted_in_1080"]
    core, declared, absent = found["core_1388"], found["declared"], found["absent"]
    return (
        f"{counted_ones:,} is the sum of the rows that the programme counts.",
        f"{staged:,} of them were left to its building stages: without {_sum(unstaged)}.",
        f"{core:,} are the core: with {_sum(later)}.",
        f"{declared:,} columns are declared, {absent} of them for data that nobody has.",
    )


def _sum(rows: Sequence[Counted]) -> str:
    parts = " + ".join(f"{c.row.name} {c.number}" for c in rows)
    return f"{parts} = {sum(c.number for c in rows)}"

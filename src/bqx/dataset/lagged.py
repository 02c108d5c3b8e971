"""Which columns are lagged, and how many columns that makes beside the programme's 2,640.

The programme's documents lag "520 columns" five times over without a list of them. The catalogue
names kinds instead: BQX base, regression, volume, spread and correlation columns. The set follows
from the registry: the numbers of these tables. Time, ranks, flags, categories and durations are
never in it: their lag says what the clock or a counter says anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bqx.features.feature import Column
from bqx.features.registry import Registry

if TYPE_CHECKING:
    from bqx.dataset.columns import Choice
    from bqx.dataset.naming import Feature

CATALOGUE_LAGS = (1, 5, 15, 30)
"""Rows of delay that the programme asks for."""

SOURCE_TOTAL, SOURCE_LAGGABLE, SOURCE_COPIES = 2640, 520, 40
COUNTERS = frozenset({"rows", "samples", "minutes", "rank"})
"""Units of durations and ranks."""


@dataclass(frozen=True)
class Kind:
    """A kind of columns that is lagged.

    Attributes:
        name: As the catalogue says it.
        tables: The tables of that kind.
        listed: Columns that the catalogue counts.
    """

    name: str
    tables: tuple[str, ...]
    listed: int


KINDS = (
    Kind("BQX base", ("bqx",), 37),
    Kind("Regression", ("reg_rate", "reg_bqx"), 84),
    Kind("Volume", ("volume_rate", "volume_bqx"), 64),
    Kind("Spread", ("spread_bqx",), 20),
    Kind("Correlation", ("correlation_rate", "correlation_bqx"), 96),
)


def may_be_lagged(column: Column) -> bool:
    """Whether the column is a number that is no duration and no rank."""
    return column.kind == "float" and column.unit not in COUNTERS


def lagged_tables(families: Registry) -> tuple[str, ...]:
    """Tables of the lagged kinds that the registry has."""
    return tuple(t for kind in KINDS for t in kind.tables if t in families.tables)


def lagged_columns(families: Registry) -> tuple[tuple[str, str], ...]:
    """Table and name of every column of the lagged set."""
    return tuple(
        (table, column.name)
        for table in lagged_tables(families)
        for column in families.tables[table].columns
        if may_be_lagged(column)
    )


@dataclass(frozen=True)
class CountRow:
    """How many columns a part of a dataset gives.

    Attributes:
        part: What it is.
        columns: Columns without a lag.
        lagged: Those of them that are lagged.
        lags: Lagged columns that come of it.
        listed: Columns of the kind by the catalogue, or None.
        note: Why it is so.
    """

    part: str
    columns: int
    lagged: int
    lags: int
    listed: int | None = None
    note: str = ""

    @property
    def total(self) -> int:
        """All columns of the part."""
        return self.columns + self.lags


def explain_counts(choice: Choice, families: Registry) -> tuple[CountRow, ...]:
    """Columns by the kinds that are lagged, those of all other tables, and those of other pairs."""
    own = [f for f in choice.features if f.peer is None]
    rows = [_row(kind.name, own, kind.tables, families, kind.listed) for kind in KINDS]
    rest = tuple(t for t in families.tables if not any(t in kind.tables for kind in KINDS))
    rows.append(_row("other tables", own, rest, families, None))
    peers = Counter(f.peer for f in choice.features if f.peer)
    rows += [CountRow(f"of {peer}", n, 0, 0) for peer, n in peers.items()]
    return tuple(row for row in rows if row.total)


def _row(
    part: str, own: Sequence[Feature], tables: Sequence[str], families: Registry, listed: int | None
) -> CountRow:
    inside = [f for f in own if f.table in tables]
    delayed = {f.place for f in inside if f.lag}
    plain = [f for f in inside if not f.lag]
    numbers = sum(may_be_lagged(families.tables[f.table].column(f.column)) for f in plain)
    kinds = len(plain) - numbers
    note = f"{kinds} flags, categories and durations are not lagged" if kinds and delayed else ""
    return CountRow(part, len(plain), len(delayed), len(inside) - len(plain), listed, note)


def why(choice: Choice, families: Registry) -> tuple[str, ...]:
    """Why the total is what it is, and not the 2,640 of the documents."""
    rows = explain_counts(choice, families)
    total, plain = sum(r.total for r in rows), sum(r.columns for r in rows)
    lagged = sum(r.lagged for r in rows)
    listed = sum(kind.listed for kind in KINDS)
    found = len(lagged_columns(families))
    source = SOURCE_LAGGABLE * (len(CATALOGUE_LAGS) + 1) + SOURCE_COPIES
    left = 1080 - SOURCE_LAGGABLE
    return (
        (
            f"{total:,} columns = {plain:,} without a lag + {total - plain:,} lagged "
            f"({lagged} columns, lags {', '.join(map(str, choice.lags)) or 'none'})."
        ),
        (
            f"The documents say {SOURCE_TOTAL:,} = {SOURCE_LAGGABLE} laggable columns x "
            f"{len(CATALOGUE_LAGS) + 1} + {SOURCE_COPIES} copies ({source:,}), without listing the "
            f"{SOURCE_LAGGABLE}, and forget the {left} of their 1,080 that are not laggable "
            f"({source + left:,} with them)."
        ),
        (
            f"The catalogue's kinds have {listed} columns; {found} of the registry's are lagged: "
            "numbers only, with the rate index and the rate domain's term covariances, "
            "without flags, categories and the columns that nobody has the data for."
        ),
    )

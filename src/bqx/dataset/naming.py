"""Names of feature columns that parse back to what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from bqx.errors import UnknownNameError
from bqx.features.registry import Registry
from bqx.features.table import ALL
from bqx.market import PAIRS

_LAG = re.compile(r"^(?P<column>\w+)_lag(?P<lag>[1-9]\d*)$")

Place = tuple[str, str]
"""Table and column."""


@dataclass(frozen=True)
class Feature:
    """A feature column of a dataset.

    Attributes:
        table: Name of the table.
        column: Name of the column.
        lag: Rows that the value is delayed by.
        peer: The other pair that the value is of; None for the row's own pair.
    """

    table: str
    column: str
    lag: int = 0
    peer: str | None = None

    def __str__(self) -> str:
        """``[{peer}__]{table}__{column}[_lag{k}]``: letters, digits and underscores alone.

        Parquet, SQL without quotes and LightGBM (which refuses colons) all take such names.
        """
        head = f"{self.peer}__" if self.peer else ""
        return f"{head}{self.table}__{self.column}" + (f"_lag{self.lag}" if self.lag else "")

    @property
    def place(self) -> Place:
        """Table and column."""
        return self.table, self.column


def parse_feature(text: str, families: Registry) -> Feature:
    """Read ``technical_rate__rsi_14_lag5`` or ``eurgbp__reg_rate__w60_r2``.

    A column whose own name ends like a lag (``autocorr_lag5``) is known from the registry.

    Raises:
        UnknownNameError: If the text has another form, or there is no such table or column.
    """
    parts = text.split("__")
    peer = parts.pop(0) if len(parts) == 3 and parts[0] in PAIRS else None
    if len(parts) != 2:
        raise UnknownNameError(
            f"{text!r} is no qualified column name",
            expected="[{peer}__]{table}__{column}[_lag{k}]",
            hint="for example technical_rate__rsi_14_lag5",
        )
    table, rest = parts
    known = families.table(table).column_names
    if rest in known:
        return Feature(table, rest, peer=peer)
    match = _LAG.match(rest)
    if match is None or match["column"] not in known:
        close = get_close_matches(rest, known, n=1, cutoff=0.3)
        raise UnknownNameError(
            f"table {table} has no column {rest!r}",
            expected=f"one of its {len(known)} columns, with _lag{{k}} behind it when delayed",
            hint=f"did you mean {table}__{close[0]}?" if close else "",
        )
    return Feature(table, match["column"], int(match["lag"]), peer)


def owner(feature: Feature, pair: str, families: Registry) -> str:
    """The pair that a feature's table is of, for the rows of ``pair``; `ALL` for a common one."""
    return ALL if families.tables[feature.table].single else feature.peer or pair


def lookback(feature: Feature, families: Registry) -> int:
    """Rows before t that a feature of row t needs, its lag included."""
    return families.tables[feature.table].column(feature.column).history - 1 + feature.lag

"""Names that parse back: tables of a pair and month, columns of a joined matrix."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from bqx.errors import UnknownNameError
from bqx.features.table import ALL
from bqx.market import PAIRS

_MONTH = re.compile(r"^\d{4}_(0[1-9]|1[0-2])$")
_QUALIFIED = re.compile(r"^(?P<table>\w+?)__(?P<column>\w+?)(?:_lag(?P<lag>[1-9]\d*))?$")


@dataclass(frozen=True)
class TableName:
    """A table's full name.

    Attributes:
        table: Name without pair and month.
        pair: Pair; `ALL` for a table that is one for all pairs.
        month: ``yyyy_mm`` for one partition, None for all of them.
    """

    table: str
    pair: str
    month: str | None = None

    def __str__(self) -> str:
        """``{table}_{pair}`` or ``{table}_{pair}_{yyyy_mm}``."""
        pair = "" if self.pair == ALL else self.pair
        return "_".join(part for part in (self.table, pair, self.month) if part)

    @classmethod
    def parse(cls, text: str, single: Collection[str] = ()) -> TableName:
        """Read ``reg_rate_eurusd`` or ``reg_rate_eurusd_2024_07``.

        Args:
            text: The name.
            single: Names of tables that are one for all pairs: ``time``, ``time_2024_07``.

        Raises:
            UnknownNameError: If the text does not end in a pair, or a pair and a month.
        """
        head, month = text, None
        if _MONTH.match(text[-7:]) and text[-8:-7] == "_":
            head, month = text[:-8], text[-7:]
        table, _, pair = head.rpartition("_")
        if table and pair in PAIRS:
            return cls(table, pair, month)
        if head in single:
            return cls(head, ALL, month)
        raise UnknownNameError(
            f"{text!r} is no table name",
            expected="{table}_{pair} or {table}_{pair}_{yyyy_mm}",
            hint="for example reg_rate_eurusd_2024_07",
        )


@dataclass(frozen=True)
class QualifiedColumn:
    """A column of a joined matrix.

    Attributes:
        table: Name of the table.
        column: Name of the column.
        lag: Rows that the value is delayed by.
    """

    table: str
    column: str
    lag: int = 0

    def __str__(self) -> str:
        """``{table}__{column}`` with ``_lag{k}`` behind it when delayed."""
        return f"{self.table}__{self.column}" + (f"_lag{self.lag}" if self.lag else "")

    @classmethod
    def parse(cls, text: str) -> QualifiedColumn:
        """Read ``technical_rate__rsi_14_lag5``.

        Raises:
            UnknownNameError: If the text has another form.
        """
        match = _QUALIFIED.match(text)
        if match is None:
            raise UnknownNameError(
                f"{text!r} is no qualified column name",
                expected="{table}__{column}[_lag{k}]",
                hint="for example technical_rate__rsi_14_lag5",
            )
        return cls(match["table"], match["column"], int(match["lag"] or 0))

"""What a table is: its name, its columns, its comment, its fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from bqx.domains.domain import DomainName
from bqx.errors import UnknownNameError
from bqx.features.feature import Column

KEY = "ts_utc"
ALL = "all"
"""Stands in the place of a pair where a table is one for the whole store."""


@dataclass(frozen=True)
class TableSpec:
    """The contract of one table, the same for every pair and month.

    Attributes:
        name: Table name without pair and month, for example ``reg_rate``.
        domain: Domain that it describes.
        columns: The columns after the key ``ts_utc``.
        comment: What the table holds.
        fingerprint: Changes when code, windows or columns change.
        single: Whether there is one for the whole store instead of one per pair.
        fits: Whether all of the past counts, because parameters are fitted on it.
    """

    name: str
    domain: DomainName
    columns: tuple[Column, ...]
    comment: str
    fingerprint: str
    single: bool = False
    fits: bool = False

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns after the key."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def history(self) -> int:
        """Greatest history of its columns, in rows."""
        return max(c.history for c in self.columns)

    @cached_property
    def memory(self) -> int:
        """Rows before the first that a work unit must read, plus that row itself."""
        return max(c.memory for c in self.columns)

    @cached_property
    def windows(self) -> tuple[int, ...]:
        """The windows of its columns, ascending."""
        return tuple(sorted({c.window for c in self.columns if c.window is not None}))

    @cached_property
    def peers(self) -> bool:
        """Whether its values depend on other pairs."""
        return any("peers" in c.requires for c in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            UnknownNameError: If there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(
            f"table {self.name} has no column {name!r}",
            expected=f"one of its {len(self.columns)} columns",
            hint=f"for example {self.columns[0].name}",
        )

    def select(self, names: tuple[str, ...]) -> TableSpec:
        """The same table with some of its columns, in the given order.

        Raises:
            UnknownNameError: If a name is unknown.
        """
        columns = tuple(self.column(name) for name in names)
        return replace(self, columns=columns)

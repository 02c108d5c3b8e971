"""Where the partitions of tables are: the one thing in which stores differ."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from bqx.store.state import Partition

Key = tuple[str, str, str]
"""Table, pair and month."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with a partition.

    Attributes:
        kind: ``missing``, ``unreadable``, ``size``, ``rows``, ``schema``, ``origin``, ``order``,
            ``time`` or ``content``.
        found: What was met.
        expected: What the record says.
    """

    kind: str
    found: str
    expected: str


@dataclass(frozen=True)
class Stray:
    """Something that belongs to no record.

    Attributes:
        kind: ``leftover`` of a killed writer, or ``unrecorded``.
        table: Table, pair and month as far as its name says them.
        pair: See ``table``.
        month: See ``table``.
        found: What it is.
    """

    kind: str
    table: str | None
    pair: str | None
    month: str | None
    found: str


class Partitions(Protocol):
    """Partitions of tables by table, pair and month, and the rows that were rejected."""

    @property
    def unit(self) -> str:
        """What a partition is here, in a word: ``file``."""

    def read(self, key: Key, columns: Sequence[str] | None = None) -> pa.Table:
        """A partition in order of time, with its comments and origin as metadata.

        Args:
            key: Table, pair and month.
            columns: Columns; those that the partition does not have are left out. All when None.

        Raises:
            IntegrityError: If it is missing or cannot be read.
        """

    def write(self, key: Key, table: pa.Table, *, check: bool = False) -> int:
        """Put a table in the place of a partition: a reader sees the old one or the new one.

        Args:
            key: Table, pair and month.
            table: The rows in order of time; its metadata say comments and origin.
            check: Whether the written values are compared before they take their place.

        Returns:
            The bytes that it takes.

        Raises:
            IntegrityError: If what was written is not the table; the old partition stays then.
        """

    def drop(self, key: Key) -> None:
        """Remove a partition, where there is one."""

    def size(self, key: Key) -> int:
        """The bytes that a partition takes; 0 where there is none."""

    def exists(self, key: Key) -> bool:
        """Whether there is such a partition, recorded or not."""

    def keys(self, table: str) -> list[Key]:
        """Partitions of a table that there are, recorded or not."""

    def version(self, key: Key) -> Hashable | None:
        """Changes when the partition is replaced; None where there is none."""

    def inspect(
        self, partition: Partition, schema: pa.Schema | None, *, deep: bool
    ) -> list[Problem]:
        """Everything in which a partition differs from its record.

        Args:
            partition: Its record.
            schema: What its names, types, order and comments must be; None where that is unknown.
            deep: Whether all values are read and hashed.
        """

    def strays(self, recorded: Collection[Key]) -> list[Stray]:
        """What is there and belongs to no record."""

    def keep_rejected(self, source: int, rows: pa.Table) -> None:
        """Keep the rows that were rejected of a source, in place of those kept before."""

    def rejected(self, source: int | None = None) -> pa.Table:
        """The rejected rows of one source, or of all of them."""

    def close(self) -> None:
        """Let go of what is held open."""

"""What was read of a database, as the lists of items look at it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bqx.features.registry import Registry
from bqx.stages.alignment_catalog import Catalogue
from bqx.stages.alignment_judge import Judge, PairFacts
from bqx.stages.alignment_report import PartitionResult
from bqx.stages.alignment_scan import Identity
from bqx.stages.mapping import SIDES, Side
from bqx.stages.target import PostgresTarget

_WINDOWED = re.compile(r"^(w\d+)")


@dataclass(frozen=True)
class Evidence:
    """What was read, for the lists to look at.

    Attributes:
        target: The database.
        found: Its catalogue.
        registry: The declared tables.
        judge: Knows the histories of columns.
        facts: What was read, by pair.
        partitions: The verdicts.
    """

    target: PostgresTarget
    found: Catalogue
    registry: Registry
    judge: Judge
    facts: Mapping[str, PairFacts]
    partitions: tuple[PartitionResult, ...]

    @cached_property
    def months(self) -> list[tuple[PairFacts, str]]:
        """All pairs and months."""
        return [(facts, month) for facts in self.facts.values() for month in self.found.months]

    def there(self, side: Side, facts: PairFacts, month: str) -> bool:
        """Whether a partition is there."""
        return self.found.attached(side.kind, facts.pair, month)

    def columns(self, side: Side, facts: PairFacts, month: str) -> tuple[str, ...]:
        """Columns of a partition; none where it is missing."""
        there = self.there(side, facts, month)
        return tuple(self.found.columns(side.kind, facts.pair)) if there else ()

    def without(self, side: Side, *kinds: str) -> int:
        """Partitions of a side without defects of those kinds."""
        return sum(p.table == side.kind and not p.has(*kinds) for p in self.partitions)

    def identities(self, name: str) -> Iterator[tuple[PairFacts, str, int, Identity]]:
        """The results of an identity, by pair, month and window."""
        for facts, month in self.months:
            for side in SIDES:
                for (kind, window), found in facts.scanned(side.kind, month).identities.items():
                    if kind == name:
                        yield facts, month, window, found

    @property
    def size(self) -> int:
        """Pairs times months."""
        return len(self.months)


def windows_of(columns: tuple[str, ...]) -> set[str]:
    """Windows in names of columns, as the programme's query reads them."""
    heads = (_WINDOWED.match(name) for name in columns)
    return {match[1] for match in heads if match}

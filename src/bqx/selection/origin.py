"""What a selection was made from, and whether something else is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqx.errors import IntegrityError

if TYPE_CHECKING:
    from bqx.dataset.dataset import Dataset


@dataclass(frozen=True)
class Origin:
    """The dataset, pair and targets of a selection.

    Attributes:
        pair: The pair.
        targets: Identity of each target, by its name.
        dataset: Identity of the dataset.
        calendar: Identity of its grid.
        fingerprints: Of the tables that the selected features are of.
        synthetic: Whether any bars behind it are generated.
    """

    pair: str
    targets: Mapping[str, str]
    dataset: str
    calendar: str
    fingerprints: Mapping[str, str]
    synthetic: bool

    @classmethod
    def of(
        cls, dataset: Dataset, pair: str, targets: Sequence[str], features: Sequence[str]
    ) -> Origin:
        """That of a selection of some features of a dataset."""
        tables = {table_of(name) for name in features}
        known = {t.name: t.identity for t in dataset.targets}
        prints = dataset.manifest.fingerprints
        return cls(
            pair,
            {name: known[name] for name in targets},
            dataset.manifest.identity,
            dataset.manifest.calendar,
            {table: prints[table] for table in sorted(tables) if table in prints},
            dataset.synthetic,
        )

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Origin:
        """Read what was written as plain values."""
        return cls(**found)

    def check(self, dataset: Dataset, name: str) -> None:
        """Refuse a dataset whose tables or grid are others.

        The months and bars may be others: a mask is made to be used on new rows.

        Raises:
            IntegrityError: If a table has another fingerprint, or the grid another identity.
        """
        prints = dataset.manifest.fingerprints
        other = [table for table, print_ in self.fingerprints.items() if prints[table] != print_]
        if other:
            raise IntegrityError(
                f"{name}: {', '.join(other[:5])} has another fingerprint than when it was made",
                expected="tables of the same code and settings",
                hint="select and train again, or use the version of bqx that made it",
            )
        if dataset.manifest.calendar != self.calendar:
            raise IntegrityError(
                f"{name}: the dataset has another grid than when it was made",
                expected="the same trading week and holidays",
            )


def table_of(name: str) -> str:
    """The table in a qualified name; the name itself if it is not qualified."""
    parts = name.split("__")
    return parts[-2] if len(parts) > 1 else name

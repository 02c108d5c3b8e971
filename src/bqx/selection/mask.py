"""The result of a selection, as a file that training and serving share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import Ranges
from bqx.dataset.rowsets import strided, unstrided
from bqx.errors import IntegrityError, StoreError, UnknownNameError
from bqx.selection.origin import Origin
from bqx.selection.quotas import Domain, counts_by_domain

if TYPE_CHECKING:
    from bqx.dataset.dataset import Dataset
    from bqx.selection.stability import Stability

FORMAT = 1
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """A selected feature.

    Attributes:
        name: Qualified name.
        domain: Its domain; None for neither.
        score: Mean place among the candidates over all rankings, 1 for the best.
        places: Place in each ranking, the mean over the targets.
    """

    name: str
    domain: Domain
    score: float
    places: Mapping[str, float]


@dataclass(frozen=True)
class Mask:
    """Selected features with all that they were selected by; the protocol `Fitted` holds.

    Attributes:
        chosen: The features in the order of the columns that they were selected from.
        rows: The grid rows that were looked at.
        settings: Settings of the selection.
        sample: How the rows were chosen.
        candidates: Features of each domain that were given.
        removed: Features that each filter took.
        stability: How stable the selection is when blocks of time are drawn again; None if that
            was not asked for.
        versions: Versions of the libraries that numbers depend on.
        origin: The dataset, pair and targets; None if only a matrix was given.
    """

    chosen: tuple[Chosen, ...]
    rows: Ranges | None
    settings: Mapping[str, Any]
    sample: Mapping[str, Any]
    candidates: Mapping[str, int]
    removed: Mapping[str, int]
    stability: Stability | None
    versions: Mapping[str, str]
    origin: Origin | None = None
    format: int = field(default=FORMAT)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"selection of {self.origin.pair}" if self.origin else "selection"

    @property
    def features(self) -> tuple[str, ...]:
        """Qualified names of the features, in the order that models read them."""
        return tuple(c.name for c in self.chosen)

    @property
    def ranked(self) -> tuple[Chosen, ...]:
        """The features, the best first."""
        return tuple(sorted(self.chosen, key=lambda c: (-c.score, c.name)))

    @property
    def counts(self) -> dict[str, int]:
        """Selected features of each domain, and of neither."""
        return counts_by_domain([c.domain for c in self.chosen])

    @property
    def identity(self) -> str:
        """Hash of everything in it."""
        text = json.dumps(self._content(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def bound(self, dataset: Dataset, pair: str, targets: Sequence[str]) -> Mask:
        """The mask with the dataset, pair and targets that it was made from.

        Args:
            dataset: The dataset.
            pair: The pair, or a name for several.
            targets: Names of the targets.
        """
        return replace(self, origin=Origin.of(dataset, pair, targets, self.features))

    def apply(self, source: Dataset | Sequence[str]) -> tuple[str, ...]:
        """The features, checked to be the same in what they are now wanted from.

        Args:
            source: A dataset, of which tables and grid must be those of the selection; or names.

        Raises:
            UnknownNameError: If a feature is not there.
            BqxError: If a table, or the grid, is not the one that the selection was made with.
        """
        plain = isinstance(source, Sequence)
        known = set(source if isinstance(source, Sequence) else source.features)
        absent = [f for f in self.features if f not in known]
        if absent:
            raise UnknownNameError(
                f"{len(absent)} features of the {self.name} are not there: {', '.join(absent[:3])}",
                expected=f"all of its {len(self.features)} features",
                hint="build the dataset with the same columns, or select again",
            )
        if not plain and self.origin is not None:
            self.origin.check(source, self.name)  # type: ignore[arg-type]
        return self.features

    def positions(self, names: Sequence[str]) -> Ints:
        """Where the features stand among the columns of a matrix.

        Raises:
            UnknownNameError: If a feature is not there.
        """
        self.apply(list(names))
        where = {name: j for j, name in enumerate(names)}
        return np.array([where[f] for f in self.features], np.int64)

    def _content(self) -> dict[str, Any]:
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["chosen"] = [asdict(c) for c in self.chosen]
        plain["rows"] = None if self.rows is None else strided(self.rows)
        plain["stability"] = None if self.stability is None else asdict(self.stability)
        plain["origin"] = None if self.origin is None else asdict(self.origin)
        return {name: _rounded(value) for name, value in plain.items()}

    def to_json(self) -> dict[str, Any]:
        """The mask as plain values."""
        return {"identity": self.identity, "counts": self.counts, **self._content()}

    def write(self, path: Path) -> None:
        """Write it as JSON, in place of an earlier one; equal masks give equal bytes."""
        from bqx.store.durable import put_bytes

        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_json(), indent=1, sort_keys=True)
        put_bytes(f"{text}\n".encode(), path)

    @classmethod
    def read(cls, path: str | Path) -> Mask:
        """Read a mask.

        Raises:
            StoreError: If there is none, or it is of another format.
            IntegrityError: If it cannot be read, or somebody changed it.
        """
        file = Path(path)
        if not file.is_file():
            raise StoreError(f"no mask {file}", hint="`bqx select` makes one")
        try:
            return cls.from_json(json.loads(file.read_bytes()))
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"unreadable mask {file}: {error!r}", expected="the file that was written"
            ) from error

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Mask:
        """Read what `to_json` made.

        Raises:
            StoreError: If it is of another format.
            IntegrityError: If its identity is not that of its content.
        """
        if found["format"] != FORMAT:
            raise StoreError(f"a mask of format {found['format']}", expected=f"format {FORMAT}")
        mask = cls(**_parsed({f.name: found[f.name] for f in fields(cls)}))
        if mask.identity != found["identity"]:
            raise IntegrityError(
                f"a mask that says identity {found['identity']}",
                expected=f"{mask.identity}, the hash of its content",
                hint="somebody changed it: select again",
            )
        return mask


def _parsed(plain: dict[str, Any]) -> dict[str, Any]:
    from bqx.selection.stability import Stability

    plain["chosen"] = tuple(Chosen(**c) for c in plain["chosen"])
    plain["rows"] = None if plain["rows"] is None else unstrided(plain["rows"])
    if plain["stability"] is not None:
        plain["stability"] = Stability(**plain["stability"])
    if plain["origin"] is not None:
        plain["origin"] = Origin.from_json(plain["origin"])
    return plain


def _rounded(value: Any) -> Any:
    """Plain values with eight digits: the last bits of a sum are nobody's business."""
    if isinstance(value, float):
        return float(f"{value:.8g}") if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return value

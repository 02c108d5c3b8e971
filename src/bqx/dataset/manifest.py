"""The manifest of a dataset: what it holds, what it was made from, and the hashes of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from bqx.dataset.narrow import raw
from bqx.errors import IntegrityError, StoreError
from bqx.features.table import KEY
from bqx.store.durable import put_bytes

FILE = "manifest.json"
FORMAT = 1
"""Version of the layout; a reader refuses others."""

TARGET, EXPECTED, SCALE = "target__", "expected__", "scale__"
"""In front of the names of the three columns of a target."""


@dataclass(frozen=True)
class FileRecord:
    """One month file.

    Attributes:
        pair: Pair.
        month: ``yyyy_mm``.
        first: Absolute row of the first row; the others follow without a gap.
        rows: Number of rows.
        bytes: Size of the file.
        hash: Content hash.
        plan: Hash of all that determines the content.
    """

    pair: str
    month: str
    first: int
    rows: int
    bytes: int
    hash: str
    plan: str

    @property
    def name(self) -> str:
        """Path in the folder of the dataset."""
        return f"{self.pair}/{self.month}.parquet"

    @property
    def stop(self) -> int:
        """One after the last absolute row."""
        return self.first + self.rows


@dataclass(frozen=True)
class Manifest:
    """What a dataset holds and what it was made from.

    Attributes:
        features: Qualified names of the feature columns, in order.
        lookbacks: For each feature, the rows before t that it needs, its lag included.
        targets: The targets, as `BQXTarget.describe` gives them.
        lags: Lags that were asked for.
        fingerprints: Fingerprint of each table that the features are of.
        settings: Settings of the store: trading week, holidays, baseline, further families.
        calendar: Identity of the grid: equal texts, equal row numbers.
        bars: Hash of all bars of the store.
        synthetic: Whether any bars of the store are generated.
        files: The month files, by pair and month.
        code: Version of bqx.
        created: When it was made; not part of the identity.
        format: Version of the layout.
    """

    features: tuple[str, ...]
    lookbacks: tuple[int, ...]
    targets: tuple[Mapping[str, Any], ...]
    lags: tuple[int, ...]
    fingerprints: Mapping[str, str]
    settings: Mapping[str, Any]
    calendar: str
    bars: str
    synthetic: bool
    files: tuple[FileRecord, ...]
    code: str
    created: str = field(compare=False)
    format: int = FORMAT

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs that have files."""
        return tuple(dict.fromkeys(f.pair for f in self.files))

    @property
    def months(self) -> tuple[str, ...]:
        """The months that any pair has."""
        return tuple(sorted({f.month for f in self.files}))

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(f.rows for f in self.files)

    @property
    def columns(self) -> str:
        """Hash of what the columns are: names, tables' fingerprints, targets, grid, layout."""
        parts = (self.format, self.features, self.targets, dict(self.fingerprints), self.calendar)
        return _hash(parts)

    @property
    def identity(self) -> str:
        """Hash of everything that determines the content: equal identities, equal values."""
        files = [(f.pair, f.month, f.first, f.rows, f.plan, f.hash) for f in self.files]
        return _hash((self.columns, files, self.synthetic))

    @property
    def names(self) -> tuple[str, ...]:
        """All columns of a file, in order: time, features, targets."""
        return (KEY, *self.features, *target_columns(str(t["name"]) for t in self.targets))

    def of(self, pair: str) -> tuple[FileRecord, ...]:
        """The files of a pair in order of time."""
        return tuple(f for f in self.files if f.pair == pair)

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values, with counts and the identity."""
        return {
            "format": self.format,
            "identity": self.identity,
            "synthetic": self.synthetic,
            "pairs": list(self.pairs),
            "months": list(self.months),
            "rows": self.rows,
            "counts": {"features": len(self.features), "targets": len(self.targets)},
            **{k: v for k, v in asdict(self).items() if k not in {"format", "synthetic"}},
        }

    def write(self, folder: Path) -> None:
        """Write it into the folder of the dataset, in place of an earlier one."""
        text = json.dumps(self.to_json(), indent=1, default=str)
        put_bytes(text.encode(), folder / FILE)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest, from its file or the folder that it stands in.

        Raises:
            StoreError: If there is none, or it is of another format.
            IntegrityError: If it cannot be read, or its identity is not that of its content.
        """
        path = path / FILE if path.is_dir() else path
        if not path.is_file():
            raise StoreError(
                f"no finished dataset in {path.parent}",
                expected=f"a {FILE}, which a build writes last",
                hint="`bqx dataset build` makes one, and resumes one that was interrupted",
            )
        try:
            found = json.loads(path.read_bytes())
            return _checked(found, cls._of(found), path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityError(
                f"unreadable manifest {path}: {error!r}",
                expected="the manifest that was written",
                hint="build the dataset again",
            ) from error

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Manifest:
        plain = {name: found[name] for name in cls.__dataclass_fields__}
        for name in ("features", "lookbacks", "lags", "targets"):
            plain[name] = tuple(found[name])
        plain["files"] = tuple(FileRecord(**f) for f in found["files"])
        return cls(**plain)


def _checked(found: Mapping[str, Any], manifest: Manifest, path: Path) -> Manifest:
    if manifest.format != FORMAT:
        raise StoreError(
            f"{path} has the format {manifest.format}",
            expected=f"format {FORMAT}",
            hint="build the dataset again with this version of bqx",
        )
    if found["identity"] != manifest.identity:
        raise IntegrityError(
            f"{path} says identity {found['identity']}",
            expected=f"{manifest.identity}, the hash of its content",
            hint="somebody changed it: build the dataset again",
        )
    return manifest


def _hash(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


class FileHash:
    """Content hash of a month file, whatever the chunks are in which it is written or read.

    Each column has a digest of its values, NaN where NULL; the file's is made of all of them.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._digests = {name: xxhash.xxh3_128() for name in names}

    def add(self, name: str, array: pa.Array) -> None:
        """Add the next values of a column; NaN must stand under its NULLs."""
        memory = array.cast(pa.int64()).to_numpy() if name == KEY else raw(array)
        self._digests[name].update(memory.data.cast("B"))

    def hexdigest(self) -> str:
        """The hash of what was added so far."""
        text = "".join(f"{name}|{d.hexdigest()}\n" for name, d in self._digests.items())
        return xxhash.xxh3_128(text.encode()).hexdigest()


def target_columns(targets: Iterable[str]) -> tuple[str, ...]:
    """Names of the columns that targets of these names have."""
    return tuple(f"{head}{name}" for name in targets for head in (TARGET, EXPECTED, SCALE))

"""A dataset on disk: month files of features and targets, and the manifest that names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bqx.config import StoreSettings
from bqx.dataset.manifest import EXPECTED, SCALE, TARGET, FileRecord, Manifest
from bqx.dataset.reach import Reach
from bqx.dataset.target import BQXTarget
from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.errors import BqxError, IntegrityError, UnknownNameError
from bqx.market import Calendar

if TYPE_CHECKING:
    from bqx.checks.report import Report

BATCH = 64
"""Columns that are read from a file at a time."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class StoredLabels:
    """The labels of one target of a pair, one value per row.

    Attributes:
        target: The target.
        rows: Absolute grid rows.
        values: The labels; NaN where masked.
        expected: Conditional mean under a martingale; NaN where the row itself is not valid.
        scale: Conditional standard deviation under a random walk, likewise.
    """

    target: BQXTarget
    rows: Int64Array
    values: FloatArray
    expected: FloatArray
    scale: FloatArray

    @property
    def valid(self) -> BoolArray:
        """Where the label may be used."""
        return ~np.isnan(self.values)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)


class Dataset:
    """A finished dataset; see `open`.

    Attributes:
        folder: Where it is.
        manifest: What it holds and what it was made from.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """Open the dataset in a folder.

        Raises:
            StoreError: If there is no finished dataset, or it is of another format.
            IntegrityError: If the manifest is damaged, or a file is missing or of another size.
        """
        path = Path(folder)
        manifest = Manifest.read(path)
        for file in manifest.files:
            _check_size(path / file.name, file)
        return cls(path, manifest)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs."""
        return self.manifest.pairs

    @property
    def months(self) -> tuple[str, ...]:
        """The months that any pair has, ``yyyy_mm``."""
        return self.manifest.months

    @property
    def features(self) -> tuple[str, ...]:
        """Qualified names of the features, in the order of the columns."""
        return self.manifest.features

    @cached_property
    def targets(self) -> tuple[BQXTarget, ...]:
        """The targets."""
        return tuple(BQXTarget.parse(str(t["name"])) for t in self.manifest.targets)

    @cached_property
    def calendar(self) -> Calendar:
        """The grid that the rows are numbered on."""
        return StoreSettings(**self.manifest.settings).calendar()

    @property
    def synthetic(self) -> bool:
        """Whether any bars behind it are generated."""
        return self.manifest.synthetic

    def reach(
        self,
        targets: Sequence[BQXTarget | str] | None = None,
        features: Sequence[str] | None = None,
    ) -> Reach:
        """Rows that labels and features touch; purge and embargo of splits follow from it.

        Args:
            targets: Targets; all of the dataset when None.
            features: Features; all when None.

        Raises:
            UnknownNameError: If the dataset does not have one of them.
            ConfigError: If there is no target.
        """
        chosen = [self._target(t) for t in (self.targets if targets is None else targets)]
        rows = dict(zip(self.features, self.manifest.lookbacks, strict=True))
        names = self.features if features is None else self.known(features)
        return replace(Reach.of(chosen), lookback=max((rows[name] for name in names), default=0))

    def extent(self, pair: str) -> tuple[int, int]:
        """First row of a pair and one after its last.

        Raises:
            UnknownNameError: If the dataset has no such pair.
        """
        files = self._files(pair)
        return files[0].first, files[-1].stop

    def rows(self, pair: str, start: int | None = None, stop: int | None = None) -> Int64Array:
        """Absolute rows of a pair, from ``start`` to before ``stop``.

        Raises:
            UnknownNameError: If the dataset has no such pair.
        """
        spans = [(low, high) for _, low, high in self._cuts(pair, start, stop)]
        parts = [np.arange(low, high, dtype=np.int64) for low, high in spans]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def matrix(
        self,
        pair: str,
        features: Sequence[str] | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> tuple[Int64Array, Matrix]:
        """Features of a pair as a matrix; only their columns are read, a few at a time.

        Args:
            pair: The pair.
            features: Qualified names, in the order of the columns; all when None.
            start: First absolute row; the pair's first when None.
            stop: One after the last absolute row; the pair's last when None.

        Returns:
            The absolute rows, and a C-ordered matrix of float32 of shape (rows, features), NaN
            where a value is NULL.

        Raises:
            UnknownNameError: If the dataset has no such pair or feature.
            IntegrityError: If a file cannot be read.
        """
        names = self.features if features is None else self.known(features)
        rows = self.rows(pair, start, stop)
        out = np.empty((len(rows), len(names)), np.float32)
        done = 0
        for file, low, high in self._cuts(pair, start, stop):
            part = out[done : done + high - low]
            done += high - low
            for at, table in self.batches(file, names):
                for k, column in enumerate(table.slice(low - file.first, high - low).columns):
                    part[:, at + k] = column.to_numpy()
        return rows, out

    def labels(
        self,
        pair: str,
        target: BQXTarget | str,
        start: int | None = None,
        stop: int | None = None,
    ) -> StoredLabels:
        """The labels of a target of a pair.

        Args:
            pair: The pair.
            target: The target, its name or its text, for example ``60:15:level``.
            start: First absolute row; the pair's first when None.
            stop: One after the last absolute row; the pair's last when None.

        Raises:
            UnknownNameError: If the dataset has no such pair or target.
            IntegrityError: If a file cannot be read.
        """
        wanted = self._target(target)
        heads = [f"{head}{wanted.name}" for head in (TARGET, EXPECTED, SCALE)]
        parts = [
            table.slice(low - file.first, high - low)
            for file, low, high in self._cuts(pair, start, stop)
            for _, table in self.batches(file, heads)
        ]
        values, expected, scale = (
            np.concatenate([np.empty(0), *(part.column(h).to_numpy() for part in parts)])
            for h in heads
        )
        return StoredLabels(wanted, self.rows(pair, start, stop), values, expected, scale)

    def minutes(self, rows: Int64Array) -> Int64Array:
        """Epoch minutes of absolute rows."""
        if not len(rows):
            return np.empty(0, np.int64)
        first = int(rows.min())
        return self.calendar.minutes(first, int(rows.max()) + 1)[rows - first]

    def batches(
        self, file: FileRecord, names: Sequence[str], size: int = BATCH
    ) -> Iterator[tuple[int, pa.Table]]:
        """Columns of a month file, ``size`` at a time, with the number of the first of them.

        Raises:
            IntegrityError: If the file cannot be read.
        """
        try:
            with pa.memory_map(str(self.folder / file.name)) as memory:
                source = pq.ParquetFile(memory)
                for at in range(0, len(names), size):
                    batch = list(names[at : at + size])
                    yield at, source.read(columns=batch).select(batch)
        except (OSError, KeyError, pa.ArrowException) as error:
            raise _damaged(f"cannot read {self.folder / file.name}: {error}") from error

    def schema(self, file: FileRecord) -> pa.Schema:
        """Names and types of the columns of a month file.

        Raises:
            IntegrityError: If the file cannot be read.
        """
        try:
            return pq.read_schema(self.folder / file.name)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(f"cannot read {self.folder / file.name}: {error}") from error

    def verify(self) -> Report:
        """Read every file and compare its rows, times and content with the manifest."""
        from bqx.dataset.verifying import verify

        return verify(self)

    def _files(self, pair: str) -> tuple[FileRecord, ...]:
        files = self.manifest.of(pair)
        if not files:
            raise UnknownNameError(
                f"the dataset has no pair {pair!r}", expected=f"one of {', '.join(self.pairs)}"
            )
        return files

    def _cuts(
        self, pair: str, start: int | None, stop: int | None
    ) -> list[tuple[FileRecord, int, int]]:
        """The files of a pair with the rows that are wanted of each."""
        files = self._files(pair)
        begin = files[0].first if start is None else start
        end = files[-1].stop if stop is None else stop
        cuts = [(f, max(f.first, begin), min(f.stop, end)) for f in files]
        return [(f, low, high) for f, low, high in cuts if low < high]

    def known(self, features: Sequence[str]) -> tuple[str, ...]:
        """The features, checked.

        Raises:
            UnknownNameError: If the dataset does not have one of them.
        """
        known = set(self.features)
        absent = [f for f in features if f not in known]
        if absent:
            raise UnknownNameError(
                f"the dataset has no feature {', '.join(absent[:5])}",
                expected=f"some of its {len(known):,} features",
                hint="`bqx dataset inspect` lists them",
            )
        return tuple(features)

    def _target(self, target: BQXTarget | str) -> BQXTarget:
        wanted = BQXTarget.parse(target) if isinstance(target, str) else target
        if wanted not in self.targets:
            raise UnknownNameError(
                f"the dataset has no target {wanted}",
                expected=f"one of {', '.join(map(str, self.targets)) or 'none: it has no targets'}",
                hint="build it with --targets",
            )
        return wanted


def _check_size(path: Path, file: FileRecord) -> None:
    size = path.stat().st_size if path.is_file() else None
    if size != file.bytes:
        found = "is missing" if size is None else f"has {size} bytes"
        raise _damaged(f"{path} {found}", f"the {file.bytes} bytes that were written")


def _damaged(found: str, expected: str = "the file that was written") -> BqxError:
    return IntegrityError(found, expected=expected, hint="build the dataset again: it resumes")

"""Partitions as Parquet files in a folder: ``<table>/<pair>/<month>.parquet``."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from bqx.bars.schema import QUARANTINE_SCHEMA
from bqx.config import FILE
from bqx.market import PAIRS
from bqx.store.durable import TEMPORARY
from bqx.store.inspection import inspect_partition
from bqx.store.parquet import read_file, write_file
from bqx.store.partitions import Key, Problem, Stray
from bqx.store.state import Partition

STATE = "state.sqlite"
SNAPSHOTS = "snapshots"
JOURNAL = "restore.journal"
"""Stands in the folder while a snapshot is being restored."""
QUARANTINE = "quarantine"
MODELS = "models"
"""Folder of the artefacts of registered models."""
REJECTED = pl.DataFrame(schema={"source": pl.Int64()} | dict(QUARANTINE_SCHEMA)).to_arrow().schema
"""Rejected rows with the number of their source."""


class ParquetPartitions:
    """One Parquet file for each partition, and one for the rejected rows of each source.

    Args:
        root: The folder.
    """

    unit = "file"

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, key: Key) -> Path:
        """File of a partition."""
        table, pair, month = key
        return self._root / table / pair / f"{month}.parquet"

    def read(self, key: Key, columns: Sequence[str] | None = None) -> pa.Table:
        """A partition; see `bqx.store.partitions.Partitions.read`."""
        return read_file(self.path(key), columns)

    def write(self, key: Key, table: pa.Table, *, check: bool = False) -> int:
        """Replace a partition; see `bqx.store.partitions.Partitions.write`."""
        return write_file(table, self.path(key), check=check)

    def drop(self, key: Key) -> None:
        """Remove a partition, where there is one."""
        self.path(key).unlink(missing_ok=True)

    def size(self, key: Key) -> int:
        """Bytes of a file; 0 where there is none."""
        path = self.path(key)
        return path.stat().st_size if path.exists() else 0

    def exists(self, key: Key) -> bool:
        """Whether there is such a file."""
        return self.path(key).exists()

    def keys(self, table: str) -> list[Key]:
        """Partitions of a table that there are, recorded or not."""
        files = sorted((self._root / table).glob("*/*.parquet"))
        return [(table, file.parent.name, file.stem) for file in files]

    def version(self, key: Key) -> Hashable | None:
        """Changes when the file is replaced: it has a new inode then, or a new time."""
        try:
            stat = self.path(key).stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def inspect(
        self, partition: Partition, schema: pa.Schema | None, *, deep: bool
    ) -> list[Problem]:
        """Everything in which a file differs from its record."""
        path = self.path((partition.tbl, partition.pair, partition.month))
        return inspect_partition(path, partition, schema, deep=deep)

    def strays(self, recorded: Collection[Key]) -> list[Stray]:
        """Files of the folder that belong to nothing."""
        known = {self.path(key) for key in recorded}
        found = []
        for path in sorted(self._root.rglob("*")):
            parts = path.relative_to(self._root).parts
            if path not in known and path.is_file() and not _is_known(parts):
                kind = "leftover" if path.name.endswith(TEMPORARY) else "unrecorded"
                found.append(Stray(kind, *_place(parts), f"file {'/'.join(parts)}"))
        return found

    def keep_rejected(self, source: int, rows: pa.Table) -> None:
        """Keep the rows that were rejected of a source."""
        write_file(rows, self._root / QUARANTINE / f"{source:06}.parquet")

    def rejected(self, source: int | None = None) -> pa.Table:
        """The rejected rows of one source, or of all of them."""
        import pyarrow.dataset as ds  # takes a second where pandas is installed

        name = "*" if source is None else f"{source:06}"
        files = sorted(str(path) for path in (self._root / QUARANTINE).glob(f"{name}.parquet"))
        return ds.dataset(files, schema=REJECTED, format="parquet").to_table() if files else _none()

    def close(self) -> None:
        """Nothing is held open."""


def _none() -> pa.Table:
    return REJECTED.empty_table()


def _is_known(parts: tuple[str, ...]) -> bool:
    """Whether a file is one that a store has beside its partitions."""
    if parts[0] in (SNAPSHOTS, MODELS) or parts[0].startswith("."):
        return True
    if len(parts) == 1:
        return parts[0] in (FILE, JOURNAL) or parts[0].startswith(STATE)
    return parts[0] == QUARANTINE and len(parts) == 2 and parts[1].endswith(".parquet")


def _place(parts: tuple[str, ...]) -> tuple[str | None, str | None, str | None]:
    if len(parts) != 3 or parts[1] not in PAIRS:
        return None, None, None
    return parts[0], parts[1], parts[2].partition(".")[0]

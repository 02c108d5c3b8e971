"""A table of one pair as an Arrow dataset: stored months are read, the others are computed.

A query engine asks a dataset for a scan of some columns under a filter. Only these columns are
read or computed, one month after the other, and months outside the filter not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pfs

from bqx.errors import BqxError
from bqx.features.arrow import MICROSECONDS, TIMESTAMP
from bqx.features.table import KEY
from bqx.market import moment_of, month_bounds
from bqx.store.durable import check_size
from bqx.store.embedded import EmbeddedStore
from bqx.store.parquet import read_file
from bqx.store.reading import read_table
from bqx.store.schema import plain_schema
from bqx.store.state import Partition

_DAMAGED = "`bqx verify` lists what is damaged; `bqx build --force` makes it again"


class TableDataset(ds.FileSystemDataset):  # type: ignore[misc]  # pyarrow has no types
    """A table of one pair over some months; see `table_dataset`.

    Attributes:
        failure: What stopped the last scan, in the terms of bqx.
    """

    store: EmbeddedStore
    table: str
    pair: str
    stored: frozenset[str]
    failure: BqxError | None = None

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,  # noqa: A002 - the name of the interface
        **_: Any,
    ) -> ds.Scanner:
        """A scan: rows in order of time."""
        # Columns that only the filter names must be there too; a few more do no harm.
        text = str(filter)
        names = [n for n in self.schema.names if columns is None or n in columns or n in text]
        schema = pa.schema([self.schema.field(n) for n in names])
        batches = self._batches(schema, filter)
        return ds.Scanner.from_batches(batches, schema=schema, columns=columns, filter=filter)

    def _batches(
        self, schema: pa.Schema, condition: pc.Expression | None
    ) -> Iterator[pa.RecordBatch]:
        fragments = self.get_fragments() if condition is None else self.get_fragments(condition)
        for fragment in fragments:
            try:
                rows = self._month(fragment.path, schema)
            except BqxError as error:
                self.failure = error
                raise
            yield from rows.cast(schema).to_batches()

    def _month(self, path: str, schema: pa.Schema) -> pa.Table:
        if path in self.stored:
            return read_file(Path(path), schema.names).select(schema.names)
        start, end = (moment_of(m) for m in month_bounds(_month_of(path)))
        # At least one column beside the key, so that there is something to compute.
        wanted = [n for n in schema.names if n != KEY] or [self.schema.names[1]]
        frame = read_table(self.store, self.table, self.pair, start=start, end=end, columns=wanted)
        return frame.to_arrow().select(schema.names)


def _month_of(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".parquet")


def table_dataset(
    store: EmbeddedStore, table: str, pair: str, months: Mapping[str, Partition | None]
) -> TableDataset:
    """A table of one pair as a dataset.

    Args:
        store: The store.
        table: Table name, or ``m1``.
        pair: The pair.
        months: Months to show in order of time, with their partition where one is stored.

    Raises:
        IntegrityError: If a partition's file is not the one that was recorded, by its size.
    """
    files = pfs.LocalFileSystem()
    form = ds.ParquetFileFormat()
    fragments = []
    stored = []
    for month, partition in months.items():
        path = str(store.path(table, pair, month))
        bounds = _bounds(month)
        fragments.append(form.make_fragment(path, files, partition_expression=bounds))
        if partition is not None:
            check_size(Path(path), partition.bytes, _DAMAGED)
            stored.append(path)
    dataset = TableDataset(fragments, plain_schema(store, table), form, files)
    dataset.store, dataset.table, dataset.pair = store, table, pair
    dataset.stored = frozenset(stored)
    return dataset


def _bounds(month: str) -> pc.Expression:
    first, last = (pa.scalar(m * MICROSECONDS, TIMESTAMP) for m in month_bounds(month))
    return (pc.field(KEY) >= first) & (pc.field(KEY) < last)

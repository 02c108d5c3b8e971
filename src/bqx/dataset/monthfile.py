"""One month file of a dataset: made chunk by chunk, and there as a whole or not at all."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bqx.dataset.frames import Rows, read_columns, tables_by_owner
from bqx.dataset.labels import Labels, load_labels
from bqx.dataset.manifest import FileHash, FileRecord, target_columns
from bqx.dataset.naming import owner
from bqx.dataset.narrow import as_float64
from bqx.dataset.parts import Part, Recipe
from bqx.dataset.target import BQXTarget
from bqx.errors import PostConditionError
from bqx.features.arrow import TIMESTAMP, minutes_of, timestamps
from bqx.features.table import KEY
from bqx.store.base import BaseStore
from bqx.store.durable import TEMPORARY, sync

PLAN, HASH = "bqx.plan", "bqx.hash"
"""What a file says of itself in its metadata."""


def schema_of(recipe: Recipe) -> pa.Schema:
    """The columns of a month file."""
    targets = target_columns(t.name for t in recipe.targets)
    return pa.schema(
        [
            pa.field(KEY, TIMESTAMP, nullable=False),
            *(pa.field(name, pa.float32()) for name in recipe.choice.names),
            *(pa.field(name, pa.float64()) for name in targets),
        ]
    )


def make_file(store: BaseStore, recipe: Recipe, part: Part, chunk: int, path: Path) -> FileRecord:
    """Make one month file.

    Args:
        store: The store.
        recipe: What the file holds.
        part: Which file it is.
        chunk: Rows in memory at once; they do not change the content.
        path: Where it goes.

    Raises:
        PostConditionError: If the file has other rows than the grid.
    """
    labels = load_labels(store, part.pair, recipe.targets, part.rows) if recipe.targets else {}
    digest = FileHash(tuple(schema_of(recipe).names))
    with _writer(path, schema_of(recipe)) as (writer, temporary):
        for rows in _chunks(part.rows, chunk):
            table = _table(store, recipe, part, rows, labels)
            for name in table.schema.names:
                digest.add(name, table.column(name).chunk(0))
            writer.write_table(table, row_group_size=table.num_rows)
        found = digest.hexdigest()
        writer.add_key_value_metadata({PLAN: part.plan, HASH: found})
        writer.close()
        _check_spine(store, temporary, part)
    first, stop = part.rows
    size = path.stat().st_size
    return FileRecord(part.pair, part.month, first, stop - first, size, found, part.plan)


def _chunks(rows: Rows, size: int) -> Iterator[Rows]:
    """Chunks of nearly equal length, at most ``size`` rows."""
    count = -(-(rows[1] - rows[0]) // size)
    borders = [rows[0] + (rows[1] - rows[0]) * k // count for k in range(count + 1)]
    return itertools.pairwise(borders)


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[tuple[pq.ParquetWriter, Path]]:
    """A writer whose file takes its place when everything went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    floats = [f.name for f in schema if pa.types.is_floating(f.type)]
    try:
        with pq.ParquetWriter(
            temporary,
            schema,
            compression="lz4",
            use_dictionary=False,
            column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
            write_statistics=[KEY],
        ) as writer:
            yield writer, temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _table(
    store: BaseStore, recipe: Recipe, part: Part, rows: Rows, labels: Mapping[BQXTarget, Labels]
) -> pa.Table:
    """The rows of one chunk."""
    lead = recipe.choice.lead
    reached = (rows[0] - lead, rows[1])
    families = store.registry
    found = {
        name: read_columns(store, name, specs, reached, recipe.source)
        for name, specs in tables_by_owner(families, recipe.choice, part.pair).items()
    }
    arrays = [timestamps(store.calendar.minutes(*rows))]
    for feature in recipe.choice.features:
        column = found[owner(feature, part.pair, families)][feature.place]
        arrays.append(column.slice(lead - feature.lag, rows[1] - rows[0]))
    cut = slice(rows[0] - part.rows[0], rows[1] - part.rows[0])
    for target in recipe.targets:
        label = labels[target]
        arrays += [as_float64(v[cut]) for v in (label.values, label.expected, label.scale)]
    return pa.Table.from_arrays(arrays, schema=schema_of(recipe))


def _check_spine(store: BaseStore, path: Path, part: Part) -> None:
    """Rows out are the spine's rows: one per grid minute, in order of time, none twice."""
    minutes = minutes_of(pq.ParquetFile(path).read(columns=[KEY]))
    spine = store.calendar.minutes(*part.rows)
    if not np.array_equal(minutes, spine) or not np.all(np.diff(minutes) > 0):
        raise PostConditionError(
            f"{part.pair} {part.month} has {len(minutes)} rows, not those of the grid",
            expected=f"{len(spine)} grid minutes, each once and in order of time",
        )


def recorded(path: Path, part: Part) -> FileRecord | None:
    """The record of a file that is there already; None if it is another one, or cut off."""
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid):
        return None  # missing or cut off: it is made again
    said = {k.decode(): v.decode() for k, v in (metadata.metadata or {}).items()}
    first, stop = part.rows
    if said.get(PLAN) != part.plan or metadata.num_rows != stop - first or HASH not in said:
        return None
    size = path.stat().st_size
    return FileRecord(part.pair, part.month, first, stop - first, size, said[HASH], part.plan)

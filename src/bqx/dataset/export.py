"""A dataset as one file: Parquet or Arrow, with its manifest beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from bqx.dataset.dataset import Dataset
from bqx.dataset.manifest import EXPECTED, SCALE, TARGET, FileRecord
from bqx.errors import ConfigError, UnknownNameError
from bqx.features.table import KEY
from bqx.market import select_months
from bqx.store.durable import TEMPORARY, put_bytes, sync

PAIR = "pair"
FORMATS = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow"}
"""Formats by the ending of the file."""


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        path: The file.
        manifest: The manifest beside it.
        format: ``parquet`` or ``arrow``.
        rows: Its rows.
        columns: Its columns, with pair and time.
        bytes: Its size.
    """

    path: Path
    manifest: Path
    format: str
    rows: int
    columns: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        """The account as plain values."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in vars(self).items()}


def export(
    dataset: Dataset,
    path: str | Path,
    *,
    pairs: Sequence[str] | None = None,
    months: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Export:
    """Write a dataset, or a part of it, as one file.

    One month of one pair is in memory at a time. The first columns are ``pair`` and ``ts_utc``;
    rows stand in order of pair and time. Polars, pandas and DuckDB read both formats.

    Args:
        dataset: The dataset.
        path: The file; its ending says the format: ``.parquet``, ``.arrow`` or ``.feather``.
        pairs: Pairs; all when None.
        months: As for a build; all when None.
        features: Feature columns, in this order; all when None. Targets come along.
        overwrite: Whether a file that is there is replaced.

    Raises:
        ConfigError: If the ending is another one, the file is there, or nothing is selected.
        UnknownNameError: If a pair or feature is unknown.
        IntegrityError: If a file of the dataset cannot be read.
    """
    target = Path(path)
    form = _format(target, overwrite=overwrite)
    files = _selected(dataset, pairs, months)
    names = dataset.features if features is None else dataset.known(features)
    columns = [KEY, *names, *_target_columns(dataset)]
    rows = 0
    schema = _schema(dataset, files[0], columns)
    with _writer(target, schema, form) as writer:
        for file in files:
            ((_, table),) = dataset.batches(file, columns, len(columns))
            rows += table.num_rows
            # One record batch for each month file.
            writer.write_table(_with_pair(table, file.pair, schema).combine_chunks())
    beside = target.with_name(f"{target.name}.manifest.json")
    put_bytes((dataset.folder / "manifest.json").read_bytes(), beside)
    return Export(target, beside, form, rows, len(schema), target.stat().st_size)


def _format(path: Path, *, overwrite: bool) -> str:
    if path.suffix not in FORMATS:
        raise ConfigError(
            f"cannot export to {path.name}", expected=f"a name in {', '.join(FORMATS)}"
        )
    if path.exists() and not overwrite:
        raise ConfigError(
            f"{path} is there already", expected="a new file", hint="--overwrite replaces it"
        )
    return FORMATS[path.suffix]


def _selected(
    dataset: Dataset, pairs: Sequence[str] | None, months: str | Sequence[str] | None
) -> tuple[FileRecord, ...]:
    unknown = sorted(set(pairs or ()) - set(dataset.pairs))
    if unknown:
        raise UnknownNameError(
            f"the dataset has no pairs {', '.join(unknown)}",
            expected=f"some of {', '.join(dataset.pairs)}",
        )
    wanted = set(select_months(months, dataset.months))
    files = tuple(
        f
        for f in dataset.manifest.files
        if f.month in wanted and (pairs is None or f.pair in pairs)
    )
    if not files:
        raise ConfigError(
            f"nothing of the months {months}", expected=f"some of {', '.join(dataset.months)}"
        )
    return files


def _target_columns(dataset: Dataset) -> list[str]:
    heads = (TARGET, EXPECTED, SCALE)
    return [f"{head}{target.name}" for target in dataset.targets for head in heads]


def _schema(dataset: Dataset, file: FileRecord, columns: Sequence[str]) -> pa.Schema:
    fields = dataset.schema(file)
    said = {"identity": dataset.manifest.identity, "synthetic": str(dataset.synthetic).lower()}
    pair = pa.field(PAIR, pa.string(), nullable=False)
    return pa.schema([pair, *(fields.field(name) for name in columns)], metadata=said)


def _with_pair(table: pa.Table, pair: str, schema: pa.Schema) -> pa.Table:
    names = pa.repeat(pa.scalar(pair), table.num_rows)
    return pa.Table.from_arrays([names, *table.columns], schema=schema)


@contextmanager
def _writer(path: Path, schema: pa.Schema, form: str) -> Iterator[Any]:
    """A writer whose file takes its place when everything went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with _opened(temporary, schema, form) as writer:
            yield writer
        sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _opened(path: Path, schema: pa.Schema, form: str) -> AbstractContextManager[Any]:
    if form == "arrow":
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        found: AbstractContextManager[Any] = pa.ipc.new_file(str(path), schema, options=options)
        return found
    floats = [f.name for f in schema if pa.types.is_floating(f.type)]
    encoding = dict.fromkeys(floats, "BYTE_STREAM_SPLIT")
    made: AbstractContextManager[Any] = pq.ParquetWriter(
        path,
        schema,
        compression="lz4",
        use_dictionary=[PAIR],
        column_encoding=encoding,
        write_statistics=[PAIR, KEY],
    )
    return made

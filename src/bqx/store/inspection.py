"""A partition against its record: does it still hold what was written?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bqx.errors import IntegrityError
from bqx.features.arrow import MICROSECONDS, TIMESTAMP
from bqx.features.table import KEY
from bqx.market import moment_of, month_bounds
from bqx.store.barstore import M1
from bqx.store.hashing import content_hash
from bqx.store.parquet import read_file
from bqx.store.partitions import Problem
from bqx.store.state import Partition


def inspect_partition(
    path: Path, partition: Partition, schema: pa.Schema | None = None, *, deep: bool = True
) -> list[Problem]:
    """Everything in which a file differs from its record; nothing when it is as it was written.

    Args:
        path: The file.
        partition: Its record.
        schema: What its names, types, order and comments must be; None where that is not known.
        deep: Whether all values are read and hashed. Otherwise only the footer and the key are.
    """
    if not path.is_file():
        return [Problem("missing", "no file", f"{partition.bytes} bytes")]
    size = path.stat().st_size
    problems = differing("size", f"{size} bytes", f"{partition.bytes} bytes")
    try:
        footer = pq.read_metadata(path)
        problems += differing(
            "rows", f"{footer.num_rows} rows in the footer", f"{partition.rows} rows in the footer"
        )
        problems += schema_problems(footer.schema.to_arrow_schema(), schema, partition)
        table = read_file(path, None if deep else [KEY])
    except (IntegrityError, OSError, pa.ArrowException) as error:
        return [*problems, Problem("unreadable", one_line(error), "a Parquet file")]
    return [*problems, *value_problems(table, partition, deep=deep)]


def one_line(error: Exception) -> str:
    """What an error says of what was found, on one line."""
    text = error.found if isinstance(error, IntegrityError) else str(error)
    return " ".join(text.split())


def differing(kind: str, found: str, expected: str) -> list[Problem]:
    """A problem, unless both texts are the same."""
    return [] if found == expected else [Problem(kind, found, expected)]


def schema_problems(
    found: pa.Schema, expected: pa.Schema | None, partition: Partition
) -> list[Problem]:
    """In what a partition's origin, names, types and comments differ from those expected."""
    problems = []
    if partition.tbl != M1:
        origin = [(found.metadata or {}).get(k, b"").decode() for k in (b"fingerprint", b"inputs")]
        recorded = [partition.fingerprint, partition.inputs]
        problems += differing("origin", f"made from {origin}", f"made from {recorded}")
    if expected is None:
        return problems
    difference = next(_differences(found, expected), None)
    return problems if difference is None else [*problems, difference]


def _differences(found: pa.Schema, expected: pa.Schema) -> Iterator[Problem]:
    absent = [n for n in expected.names if n not in found.names]
    foreign = [n for n in found.names if n not in expected.names]
    if absent or foreign:
        yield Problem("schema", f"columns missing {absent}, foreign {foreign}", "those declared")
    elif found.names != expected.names:
        yield Problem("schema", "columns in another order", "the declared order")
    for name in expected.names:
        if name in found.names:
            yield from _field_differences(found.field(name), expected.field(name))
    yield from _comment_differences("the table", found.metadata, expected.metadata)


def _field_differences(found: pa.Field, expected: pa.Field) -> Iterator[Problem]:
    name = expected.name
    if found.type != expected.type:
        yield Problem("schema", f"{name} of type {found.type}", f"type {expected.type}")
    if found.nullable != expected.nullable:
        yield Problem("schema", f"{name} nullable: {found.nullable}", f"{expected.nullable}")
    yield from _comment_differences(name, found.metadata, expected.metadata)


def _comment_differences(
    name: str, found: dict[bytes, bytes] | None, expected: dict[bytes, bytes] | None
) -> Iterator[Problem]:
    texts = [(m or {}).get(b"comment", b"").decode("utf-8", "replace") for m in (found, expected)]
    if texts[0] != texts[1]:
        yield Problem("schema", f"comment of {name}: {texts[0]!r}", repr(texts[1]))


def value_problems(table: pa.Table, partition: Partition, *, deep: bool) -> list[Problem]:
    """In what the rows differ from the record: their order and times and, if deep, their values."""
    if KEY not in table.column_names or table.schema.field(KEY).type != TIMESTAMP:
        return [Problem("schema", f"no key {KEY} of type {TIMESTAMP}", "one as first column")]
    minutes = table.column(KEY).cast(pa.int64()).to_numpy() / MICROSECONDS
    problems = _time_problems(minutes, partition)
    if not deep:
        return problems
    odd = [f.name for f in table.schema if f.name != KEY and not _is_number(f.type)]
    if odd:
        return [*problems, Problem("schema", f"columns {odd} are not numbers", "float64")]
    return [*problems, *differing("content", content_hash(table), partition.hash)]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _time_problems(minutes: NDArray[np.float64], partition: Partition) -> list[Problem]:
    problems = []
    repeated = np.flatnonzero(np.diff(minutes) <= 0)
    if len(repeated):
        at = moment_of(int(minutes[repeated[0] + 1]))
        problems.append(Problem("order", f"{at} does not follow its row", "times that increase"))
    low, high = month_bounds(partition.month)
    recorded = _span(partition.first, partition.last) if partition.rows else "no rows"
    found = _span(minutes.min(), minutes.max()) if len(minutes) else "no rows"
    problems += differing("time", found, recorded)
    if len(minutes) and not (low <= minutes.min() and minutes.max() < high):
        problems.append(Problem("time", found, f"rows of {partition.month}"))
    return problems


def _span(first: float, last: float) -> str:
    return f"rows from {moment_of(int(first))} to {moment_of(int(last))}"

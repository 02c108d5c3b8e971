"""Rows in the binary COPY format, and their hash: what the server holds is what was sent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqx.postgres.connect import connect, run
from bqx.postgres.partitioned import copy_in, quoted
from bqx.postgres.reading import Reader
from bqx.postgres.rowhash import hash_query, rows_hash
from bqx.postgres.rows import CHUNK, TYPES
from servers import running, versions

KINDS = {"double": pa.float64(), "single": pa.float32(), "small": pa.int16()}
ODD = [0.0, -0.0, 1.5, -1e-300, 1e300, float("inf"), float("-inf"), float("nan"), None]
Trip = Callable[[pa.Table], pa.Table]


def table(rows: int, seed: int, share: float) -> pa.Table:
    """A table of all types in which a share of the values is NULL."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.choice(10**9, rows, replace=False)) * 60_000_000 - 10**15
    columns = {"ts_utc": pa.array(times).cast(pa.timestamp("us", tz="UTC"))}
    for name, kind in KINDS.items():
        values = rng.normal(size=rows) * 100
        columns[name] = pa.array(
            values.astype(kind.to_pandas_dtype()), mask=rng.random(rows) < share
        )
    return pa.table(columns)


def there_and_back(address: str, sent: pa.Table) -> pa.Table:
    """The rows as the server gives them back; their hash is compared on the way."""
    columns = ", ".join(f"{quoted(f.name)} {TYPES[f.type]}" for f in sent.schema)
    reader = Reader(address)
    with connect(address, autocommit=True) as connection:
        with connection.transaction():
            run(connection, f"DROP TABLE IF EXISTS t; CREATE TABLE t ({columns})")
            copy_in(connection, "t", sent)
        query = hash_query("t", [quoted(name) for name in sent.column_names])
        assert run(connection, query).fetchone() == (sent.num_rows, rows_hash(sent))
    try:
        return reader.fetch("SELECT * FROM t ORDER BY ts_utc")
    finally:
        reader.close()


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether both hold the same bits, NaN and the sign of zero included, and NULLs."""
    if one.schema.types != other.schema.types or one.num_rows != other.num_rows:
        return False
    for left, right in zip(one.columns, other.columns, strict=True):
        if not left.is_null().equals(right.is_null()):
            return False
        bits = [
            c.drop_null().combine_chunks().to_numpy(zero_copy_only=False) for c in (left, right)
        ]
        if bits[0].tobytes() != bits[1].tobytes():
            return False
    return True


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("rows", [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 7])
def test_rows_come_back_as_they_were(database: str, rows: int, share: float) -> None:
    sent = table(rows, rows, share)
    assert same(there_and_back(database, sent), sent)


def test_odd_values(database: str) -> None:
    times = pa.array(range(len(ODD)), pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    sent = pa.table(
        {
            "ts_utc": times,
            "double": pa.array(ODD, pa.float64()),
            "single": pa.array(
                [v if v is None or abs(v) != 1e300 else 1e30 for v in ODD], pa.float32()
            ),
            "small": pa.array([0, -1, 32767, -32768, None, 5, 6, 7, 8], pa.int16()),
        }
    )
    assert same(there_and_back(database, sent), sent)


def test_slices_and_chunks(database: str) -> None:
    whole = table(300, 4, 0.2)
    sent = pa.concat_tables([whole.slice(3, 90), whole.slice(93, 150)])
    assert same(there_and_back(database, sent), whole.slice(3, 240).combine_chunks())


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 199), column=st.integers(1, 3), seed=st.integers(0, 9))
def test_one_changed_value_changes_the_hash(at: int, column: int, seed: int) -> None:
    before = table(200, seed, 0.1)
    values = before.column(column).to_pylist()
    values[at] = 77 if values[at] != 77 else None
    kind = before.schema.field(column)
    after = before.set_column(column, kind, pa.array(values, kind.type))
    assert rows_hash(after) != rows_hash(before)


@pytest.mark.slow
@pytest.mark.parametrize("version", versions())
def test_every_version_of_the_server_hashes_alike(version: int) -> None:
    with running(version=version) as server:
        sent = table(5000, 2, 0.1)
        assert same(there_and_back(server.address(), sent), sent)


def test_the_hash_does_not_depend_on_the_order_of_rows() -> None:
    rows = table(50, 1, 0.1)
    order = np.random.default_rng(0).permutation(50)
    assert rows_hash(rows.take(order)) == rows_hash(rows)
    assert rows_hash(rows.slice(0, 0)) == 0

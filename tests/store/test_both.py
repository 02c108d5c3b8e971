"""What users do with a store is the same in a folder and on a server."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

import bqx
from bqx.checks.coverage import coverage
from bqx.checks.doctor import examine
from bqx.checks.identities import identities
from bqx.checks.leakage import leakage
from bqx.store.verify import verify
from places import Places


@pytest.fixture(scope="module")
def store(shared_places: Places) -> Iterator[bqx.Store]:
    """A store of two pairs in which everything is built."""
    with shared_places.filled(("eurusd", "usdjpy"), "2019-01-30", 4) as made:
        assert made.build().passed
        yield made


def test_the_two_domains_are_aligned(store: bqx.Store) -> None:
    report = store.align()
    assert report.passed
    assert report.facts["store"] == store.name


def test_checks(store: bqx.Store) -> None:
    assert coverage(store).passed
    assert identities(store).passed
    assert leakage(store, samples=8).passed


@pytest.mark.parametrize("deep", [True, False])
def test_everything_is_as_recorded(store: bqx.Store, deep: bool) -> None:
    result = verify(store, deep=deep)
    assert result.passed
    assert result.findings == ()
    assert result.partitions == len(store.state.partitions())


def test_stored_rows_count(store: bqx.Store) -> None:
    for (table, pair, month), record in store.state.partitions().items():
        rows = store.sql(f"SELECT count(*) AS n FROM bqx.{table}_{pair}_{month}")
        assert rows["n"].to_list() == [record.rows]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM bqx.{table}_eurusd ORDER BY ts_utc",
        "SELECT ts_utc, w60_r2 FROM {table}_eurusd_2019_02 WHERE w60_r2 > 0.5 ORDER BY ts_utc",
        "SELECT count(*) AS n, max(w90_r2) AS top FROM bqx.{table}_eurusd WHERE w90_r2 IS NOT NULL",
    ],
)
def test_sql_sees_what_reading_gives(store: bqx.Store, query: str) -> None:
    whole = store.read("reg_rate", "eurusd")
    found = store.sql(query.format(table="reg_rate"))
    february = whole.filter(pl.col("ts_utc").dt.month() == 2)
    expected = {
        43: whole,
        2: february.filter(pl.col("w60_r2") > 0.5).select("ts_utc", "w60_r2"),
    }
    if "top" in found.columns:
        valid = whole["w90_r2"].drop_nulls()
        assert found.row(0) == (len(valid), valid.max())
    else:
        assert found.equals(expected[found.width])
        assert found.schema["ts_utc"] == pl.Datetime("us", "UTC")


def test_the_record_can_be_queried(store: bqx.Store) -> None:
    rows = store.sql("SELECT pair, format FROM sources ORDER BY pair")
    assert rows.rows() == [("eurusd", "parquet"), ("usdjpy", "parquet")]
    assert store.sql("SELECT count(*) AS n FROM partitions")["n"][0] == len(
        store.state.partitions()
    )


def test_the_doctor_finds_nothing(store: bqx.Store) -> None:
    diagnosis = examine(store.address)
    assert diagnosis.healthy

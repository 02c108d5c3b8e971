"""The store's record, the catalogue and its comments in SQL."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.bars.schema import QUARANTINE_SCHEMA
from stores import filled_store, open_store, write_bars
from synthetic import random_walk_bars


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    """Two pairs over two months; the regression of one of them is stored."""
    made = filled_store(tmp_path_factory.mktemp("record") / "store", ("eurusd", "usdjpy"), days=12)
    assert made.build("reg_rate", pairs="eurusd").passed
    return made


def test_partitions(store: bqx.FolderStore) -> None:
    rows = store.sql("SELECT tbl, pair, month, rows, hash FROM bqx.partitions").rows()
    recorded = store.state.partitions().values()
    assert sorted(rows) == sorted((p.tbl, p.pair, p.month, p.rows, p.hash) for p in recorded)
    assert len(rows) == 6


def test_sources_and_provenance(store: bqx.FolderStore) -> None:
    found = store.sql(
        "SELECT s.pair, p.month, p.accepted FROM bqx.sources s JOIN bqx.provenance p"
        " ON p.source = s.id WHERE s.pair = 'usdjpy' ORDER BY ALL"
    )
    bars = store.read("m1", "usdjpy")["ts_utc"].dt.strftime("%Y_%m").value_counts(sort=False)
    assert found.rows() == [("usdjpy", *row) for row in sorted(bars.rows())]


def test_baselines_and_runs(store: bqx.FolderStore) -> None:
    (row,) = store.sql("SELECT minute, rate FROM bqx.baselines").rows()
    baseline = store.bars.baseline("eurusd")
    assert row == (baseline.minute, baseline.rate)
    assert store.sql("SELECT kind FROM bqx.runs")["kind"].to_list() == ["build"]


def test_quarantine(store: bqx.FolderStore, tmp_path: Path) -> None:
    empty = store.sql("SELECT * FROM bqx.quarantine")
    assert empty.schema == pl.Schema({"source": pl.Int64()} | dict(QUARANTINE_SCHEMA))
    assert empty.height == 0
    bars = random_walk_bars("eurusd", "2019-01-02", 1, seed=2)
    bad = bars.with_columns(close=pl.when(pl.int_range(pl.len()) < 3).then(-1).otherwise("close"))
    other = open_store(tmp_path / "store")
    other.ingest([write_bars(tmp_path, "eurusd", bad)])
    found = other.sql("SELECT source, pair, reason, count(*) AS n FROM quarantine GROUP BY ALL")
    assert found.rows() == [(1, "eurusd", "non_positive_price", 3)]


def test_catalogue_without_a_name_lists_everything(store: bqx.FolderStore) -> None:
    tables = store.sql("SELECT table_name FROM information_schema.tables WHERE table_schema='bqx'")
    months = ("2018_12", "2019_01")
    stored = [("m1", "eurusd"), ("m1", "usdjpy"), ("reg_rate", "eurusd")]
    names = {f"{table}_{pair}" for table, pair in stored}
    expected = names | {f"{name}_{month}" for name in names for month in months}
    record = {"partitions", "sources", "provenance", "baselines", "runs", "quarantine"}
    assert expected | record <= set(tables["table_name"])
    assert not {n for n in tables["table_name"] if n[-4:-2] == "20"} - expected
    columns = store.sql(
        "SELECT count(*) FROM information_schema.columns WHERE table_name LIKE 'reg_rate_%'"
    )
    assert columns.item() == 3 * 43


def test_catalogue_with_a_name_lists_that_table(store: bqx.FolderStore) -> None:
    listed = store.sql("SELECT 'reg_rate_eurusd', table_name FROM information_schema.tables")
    assert listed["table_name"].to_list() == ["reg_rate_eurusd"]


@pytest.mark.parametrize("query", ["SHOW TABLES", "SELECT view_name FROM duckdb_views()"])
def test_other_catalogues(store: bqx.FolderStore, query: str) -> None:
    assert {"m1_usdjpy", "reg_rate_eurusd_2018_12", "sources"} <= set(
        store.sql(query).to_series().to_list()
    )


def test_described_and_summarized(store: bqx.FolderStore) -> None:
    described = store.sql("DESCRIBE bqx.reg_rate_eurusd")
    assert described["column_name"].to_list() == store.read("reg_rate", "eurusd").columns
    summary = store.sql("SUMMARIZE SELECT w60_r2 FROM bqx.reg_rate_eurusd")
    assert summary["count"].item() == store.read("reg_rate", "eurusd").height
    plan = store.sql("EXPLAIN SELECT w60_r2 FROM bqx.reg_rate_eurusd")["explain_value"].item()
    assert "w60_r2" in plan
    assert "w90_r2" not in plan


@pytest.mark.parametrize("table", ["reg_rate", "bqx", "correlation_bqx"])
def test_comments_come_from_the_registry(store: bqx.FolderStore, table: str) -> None:
    spec = store.tables[table]
    view = f"{table}_eurusd"
    comment = store.sql(f"SELECT comment FROM duckdb_views() WHERE view_name = '{view}'").item()
    assert comment == spec.comment
    columns = store.sql(
        f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{view}'"
    ).rows()
    assert dict(columns) == {
        "ts_utc": "Open minute, UTC.",
        **{c.name: c.comment for c in spec.columns},
    }
    assert store.sql(
        f"SELECT TABLE_COMMENT FROM information_schema.tables WHERE table_name = '{view}'"
    ).item() == (spec.comment)


def test_comments_of_bars_and_of_old_names(store: bqx.FolderStore) -> None:
    rows = store.sql("SELECT column_name, comment FROM duckdb_columns() WHERE 'm1_eurusd' <> ''")
    assert dict(rows.rows())["volume"].startswith("Tick volume")
    old = store.sql(
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'reg_eurusd'"
    )
    comments = dict(old.rows())
    assert comments["rate_index"] == store.tables["bqx"].column("rate_index").comment
    assert comments["w60_r2"] == store.tables["reg_rate"].column("w60_r2").comment


def test_comments_of_everything(store: bqx.FolderStore) -> None:
    rows = store.sql("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").rows()
    comments = dict(rows)
    assert comments["reg_rate_eurusd_2019_01"] == store.tables["reg_rate"].comment
    assert all(comments.values())

"""Bars of a database enter a store as those of vendor files do."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import bqx
from bqx.bars.schema import BAR_SCHEMA
from bqx.cli.app import app
from bqx.errors import StoreError, UnknownNameError
from bqx.legacy import Recipe, create
from bqx.postgres.connect import connect
from bqx.store.ingest import IngestError
from legacy import databases
from legacy.databases import clone
from servers import Server
from stores import open_store

COLUMNS = ("ts_utc", "open", "high", "low", "close", "volume")
NAIVE = (
    "DROP TABLE bqx.m1_eurusd; CREATE TABLE bqx.m1_eurusd AS SELECT"
    " ts_utc::timestamp AS ts_utc, open, high, low, close FROM bqx.m1_gbpusd"
)


@pytest.fixture(scope="module")
def template(server: Server) -> str:
    address = server.create_database()
    create(address, Recipe(pairs="eurusd,gbpusd", months="2024_07:2024_08", rows=30))
    return address


@pytest.fixture
def address(server: Server, template: str) -> str:
    return clone(server, template)


def change(address: str, statement: str) -> None:
    with connect(address, autocommit=True) as connection:
        connection.execute(statement.encode())


def bars_of(address: str, pair: str) -> pl.DataFrame:
    query = f"SELECT {', '.join(COLUMNS)}::float8 FROM bqx.m1_{pair} ORDER BY 1"
    with connect(address, autocommit=True) as connection:
        rows = connection.execute(query.encode()).fetchall()
    return pl.DataFrame(rows, {name: BAR_SCHEMA[name] for name in COLUMNS}, orient="row")


def stored(store: bqx.Store, pair: str) -> pl.DataFrame:
    months = [store.bars.frame(pair, month) for month in store.bars.months(pair)]
    return pl.concat(months).select(COLUMNS)


def test_the_bars_arrive_as_they_are(server: Server, tmp_path: Path) -> None:
    address = databases.template(server, "small")
    store = open_store(tmp_path / "store")
    report = store.ingest([address], synthetic=True, pairs="eurusd")
    assert report.balanced
    assert [f.status for f in report.files] == ["ingested"]
    bars = bars_of(address, "eurusd")
    assert report.totals.read == bars.height
    # What is not in the store was rejected with a reason.
    kept = stored(store, "eurusd")
    assert kept.height == report.totals.accepted > 0.999 * bars.height
    assert kept.join(bars, on=kept.columns, how="anti").is_empty()


def test_every_pair_is_a_source_with_its_table_and_hash(address: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.ingest([address])
    rows = store.state.query("SELECT path, member, sha256, format, clock, pair FROM sources")
    assert [row[1] for row in rows] == ["bqx.m1_eurusd", "bqx.m1_gbpusd"]
    assert {row[3:5] for row in rows} == {("postgresql", "UTC")}
    assert len({row[2] for row in rows}) == 2
    assert str(rows[0][0]).startswith("postgresql://")


def test_the_same_content_is_not_read_twice(address: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    first = store.ingest([address])
    again = store.ingest([address])
    assert [f.status for f in again.files] == ["unchanged", "unchanged"]
    assert again.totals.duplicate == first.totals.accepted
    change(address, "UPDATE bqx.m1_gbpusd SET volume = volume + 1 WHERE ts_utc = '2024-07-01'")
    third = store.ingest([address])
    assert [f.status for f in third.files] == ["unchanged", "ingested"]


def test_where_the_bars_come_from_is_told(address: str, tmp_path: Path) -> None:
    report = open_store(tmp_path / "store").ingest([address])
    assert any("30 generated bars a month" in note for note in report.files[0].notes)


def test_bad_rows_stand_in_quarantine(address: str, tmp_path: Path) -> None:
    change(address, "UPDATE bqx.m1_eurusd SET close = NULL WHERE ts_utc = '2024-07-01 00:01+00'")
    change(address, "UPDATE bqx.m1_eurusd SET low = high + 1 WHERE ts_utc = '2024-07-01 00:02+00'")
    change(address, "UPDATE bqx.m1_eurusd SET open = 'NaN' WHERE ts_utc = '2024-07-01 00:03+00'")
    report = open_store(tmp_path / "store").ingest([address])
    assert report.balanced
    assert report.reasons == {"unreadable": 1, "high_low": 1, "not_finite": 1}


def test_quotes_and_missing_volumes(address: str, tmp_path: Path) -> None:
    change(address, "ALTER TABLE bqx.m1_eurusd ADD bid_close numeric, ADD ask_close numeric")
    change(address, "UPDATE bqx.m1_eurusd SET bid_close = close - 0.0001, volume = NULL")
    change(address, "UPDATE bqx.m1_eurusd SET ask_close = close + 0.0001")
    store = open_store(tmp_path / "store")
    store.ingest([address])
    frame = store.bars.frame("eurusd", "2024_07")
    assert frame["volume"].null_count() == frame.height
    assert (frame["ask_close"] - frame["bid_close"]).round(6).unique().to_list() == [0.0002]


def test_the_older_name_of_the_time(address: str, tmp_path: Path) -> None:
    change(address, "ALTER TABLE bqx.m1_eurusd RENAME ts_utc TO time")
    report = open_store(tmp_path / "store").ingest([address], pairs=["eurusd"])
    assert report.totals.accepted == 60


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE bqx.m1_eurusd DROP COLUMN high", "has the columns ts_utc, open, low"),
        (NAIVE, "column ts_utc is timestamp without time zone"),
        ("UPDATE bqx.m1_eurusd SET close = NULL", "60 of 60 rows cannot be accepted"),
        ("ALTER TABLE bqx.m1_eurusd ALTER close TYPE text USING 'x'", "invalid input syntax"),
    ],
)
def test_tables_that_are_refused(
    address: str, tmp_path: Path, statement: str, message: str
) -> None:
    for part in statement.split(";"):
        change(address, part)
    store = open_store(tmp_path / "store")
    with pytest.raises(IngestError, match=message) as caught:
        store.ingest([address])
    assert [f.status for f in caught.value.report.files] == ["refused", "ingested"]
    assert store.bars.months("eurusd") == ()


def test_pairs_that_are_not_there(address: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    with pytest.raises(UnknownNameError, match=r"no table bqx\.m1_usdjpy"):
        store.ingest([address], pairs="eurusd,usdjpy")
    change(address, "DROP SCHEMA bqx CASCADE")
    with pytest.raises(UnknownNameError, match="right database"):
        store.ingest([address])
    with pytest.raises(StoreError, match="cannot connect"):
        store.ingest([f"{address}&port=1"])


def test_no_password_is_kept(address: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    secret = address.replace("postgres:@", "postgres:hunter2@")
    report = store.ingest([secret])
    kept = json.dumps([report.to_json(), store.state.query("SELECT * FROM sources")])
    assert "hunter2" not in kept
    assert "***" in kept


def test_the_command(address: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "store")
    arguments = ["ingest", address, "--store", folder, "--pairs", "gbpusd", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(f["pair"], f["totals"]["accepted"]) for f in found["files"]] == [("gbpusd", 60)]

"""SQL sees the tables that `read` gives, under the names that the query uses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import bqx
from bqx.errors import BqxError, IntegrityError, UnknownNameError
from bqx.store import dataset, parquet
from bqx.store.sql import connect, run_sql
from stores import filled_store, write_bars
from synthetic import random_walk_bars

BUILT = ["bqx", "reg_rate", "correlation_bqx"]
MONTHS = ("2018_12", "2019_01", "2019_02")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    """Three months of one pair; some tables are stored."""
    made = filled_store(tmp_path_factory.mktemp("sql") / "store", days=42)
    assert made.build(BUILT).passed
    return made


@pytest.fixture
def read_months(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What scans read from files: table, pair, month and columns."""
    seen: list[tuple[str, ...]] = []
    read = parquet.read_file

    def spy(path: Path, columns: list[str]) -> object:
        seen.append((*path.with_suffix("").parts[-3:], *columns))
        return read(path, columns)

    monkeypatch.setattr(dataset, "read_file", spy)
    return seen


@pytest.mark.parametrize("table", [*BUILT, "reg_bqx", "m1"])
def test_whole_table(store: bqx.FolderStore, table: str) -> None:
    rows = store.sql(f"SELECT * FROM bqx.{table}_eurusd ORDER BY ts_utc")
    assert rows.equals(store.read(table, "eurusd"))
    assert rows.schema["ts_utc"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize("table", ["reg_rate", "reg_bqx", "m1"])
def test_months_make_the_whole(store: bqx.FolderStore, table: str) -> None:
    parts = [store.sql(f"FROM bqx.{table}_eurusd_{month} ORDER BY ts_utc") for month in MONTHS]
    assert pl.concat(parts).equals(store.read(table, "eurusd"))
    assert [part["ts_utc"].dt.strftime("%Y_%m").unique().to_list() for part in parts] == [
        [month] for month in MONTHS
    ]


@pytest.mark.parametrize("table", ["reg_rate", "reg_bqx"])
@pytest.mark.parametrize(
    "condition",
    [
        "ts_utc >= '2019-01-03' AND ts_utc < '2019-01-04' AND w60_r2 > 0.5",
        "w60_r2 IS NULL",
        "w60_r2 > 0.9 OR w630_r2 < 0.05",
        "ts_utc = '2019-01-31 23:59:00+00'",
        "ts_utc IN ('2018-12-31 12:00:00+00', '2019-02-01 00:00:00+00')",
    ],
)
def test_filters_on_columns_that_are_not_selected(
    store: bqx.FolderStore, table: str, condition: str
) -> None:
    whole = store.read(table, "eurusd")
    expected = pl.SQLContext(t=whole.with_columns(pl.col("ts_utc").dt.replace_time_zone(None)))
    plain = condition.replace("+00", "")
    wanted = expected.execute(f"SELECT w90_rmse FROM t WHERE {plain}", eager=True)
    found = store.sql(f"SELECT w90_rmse FROM bqx.{table}_eurusd WHERE {condition} ORDER BY ts_utc")
    assert found.height > 0
    assert found.equals(wanted)


def test_only_named_columns_and_months_are_read(
    store: bqx.FolderStore, read_months: list[tuple[str, ...]]
) -> None:
    store.sql("SELECT avg(w60_r2) FROM reg_rate_eurusd WHERE ts_utc < '2018-12-28'")
    assert read_months == [("reg_rate", "eurusd", "2018_12", "ts_utc", "w60_r2")]


def test_what_is_not_stored_is_computed(
    store: bqx.FolderStore, read_months: list[tuple[str, ...]]
) -> None:
    rows = store.sql("SELECT count(*) FROM reg_bqx_eurusd").item()
    assert rows == store.read("bqx", "eurusd").height
    assert read_months == []


def test_stored_and_computed_months_together(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", days=42)
    store.build("reg_rate", months="2019-01")
    rows = store.sql("FROM reg_rate_eurusd ORDER BY ts_utc")
    assert rows.equals(store.read("reg_rate", "eurusd"))


def test_outdated_months_are_computed(tmp_path: Path, read_months: list[tuple[str, ...]]) -> None:
    store = filled_store(tmp_path / "store", days=42)
    store.build("reg_rate")
    changed = random_walk_bars("eurusd", "2019-02-02", 2, seed=9)
    store.ingest([write_bars(tmp_path / "later", "eurusd", changed)])
    assert store.sql("FROM reg_rate_eurusd ORDER BY ts_utc").equals(
        store.read("reg_rate", "eurusd")
    )
    assert [key[2] for key in read_months] == ["2018_12", "2019_01"]


def test_partitions_of_some_windows_are_not_taken_for_the_table(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", days=10)
    store.build("reg_rate", windows=[60])
    assert store.sql("FROM reg_rate_eurusd LIMIT 1").width == 43


@pytest.mark.parametrize("old", ["reg", "reg_idx"])
@pytest.mark.parametrize("month", ["", "_2019_01"])
def test_old_names_have_the_index_beside_the_regression(
    store: bqx.FolderStore, old: str, month: str
) -> None:
    rows = store.sql(f"FROM bqx.{old}_eurusd{month} ORDER BY ts_utc")
    assert rows.columns[:3] == ["ts_utc", "rate_index", "w60_quadratic_term"]
    index = store.sql(f"SELECT ts_utc, rate_index FROM bqx_eurusd{month} ORDER BY ts_utc")
    regression = store.sql(f"FROM reg_rate_eurusd{month} ORDER BY ts_utc")
    assert rows.width == 44
    assert rows.select(index.columns).equals(index)
    assert rows.drop("rate_index").equals(regression)


def test_names_in_any_case_without_the_schema_and_joined(store: bqx.FolderStore) -> None:
    query = """
        WITH fits AS (SELECT ts_utc, w60_r2 FROM BQX.Reg_Rate_EURUSD_2019_01)
        SELECT count(*) AS n FROM fits JOIN m1_eurusd USING (ts_utc) WHERE w60_r2 IS NOT NULL
    """
    joined = store.read("reg_rate", "eurusd").join(store.read("m1", "eurusd"), on="ts_utc")
    month = joined["ts_utc"].dt.strftime("%Y_%m") == "2019_01"
    assert store.sql(query).item() == joined.filter(month)["w60_r2"].count()


def test_times_are_utc_and_intervals_durations(store: bqx.FolderStore) -> None:
    row = store.sql(
        "SELECT min(ts_utc)::VARCHAR, max(ts_utc) - min(ts_utc), NULL::INTERVAL FROM m1_eurusd"
    ).row(0)
    bars = store.read("m1", "eurusd")["ts_utc"]
    first, last = bars.min(), bars.max()
    assert row == ("2018-12-24 00:00:00+00", last - first, None)  # type: ignore[operator]
    assert isinstance(row[1], timedelta)
    with pytest.raises(BqxError, match="months has no fixed length"):
        store.sql("SELECT INTERVAL 1 MONTH")


def test_several_statements_give_the_last(store: bqx.FolderStore) -> None:
    assert store.sql("SET VARIABLE k = 2; SELECT 1; SELECT getvariable('k') + 1").item() == 3


def test_connection_for_further_use(store: bqx.FolderStore) -> None:
    with connect(store, "SELECT 1 FROM reg_rate_eurusd_2019_01") as connection:
        counted = connection.sql("SELECT count(*) FROM bqx.reg_rate_eurusd_2019_01").pl().item()
    recorded = store.state.partitions("reg_rate", "eurusd")
    assert counted == recorded["reg_rate", "eurusd", "2019_01"].rows


@pytest.mark.parametrize(
    ("query", "found", "hint"),
    [
        ("FROM reg_rate_gbpusd", "no bars of gbpusd", "ingest"),
        ("FROM reg_rate_eurusd_2017_03", "no bars of eurusd in 2017_03", "has all months"),
        ("SELECT 1 WHERE 'm1_eurusd_2031_01' = ''", "no bars of eurusd in 2031_01", "all months"),
        ("FROM bqx.reg_rat_eurusd", "no table", "bqx.reg_rate_eurusd?"),
        ("FROM bqx.sourcs", "no table", "bqx.sources?"),
        ("SELECT w60_r3 FROM reg_rate_eurusd", 'Referenced column "w60_r3"', "DESCRIBE"),
    ],
)
def test_unknown_names(store: bqx.FolderStore, query: str, found: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        run_sql(store, query)
    assert found in caught.value.found
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT 'x'::INT", "Could not convert"),
        ("", "the query is empty"),
        ("-- FROM reg_rate_gbpusd", "the query is empty"),
    ],
)
def test_broken_queries(store: bqx.FolderStore, query: str, found: str) -> None:
    with pytest.raises(BqxError, match=found):
        run_sql(store, query)


def test_names_in_comments_do_not_count(store: bqx.FolderStore) -> None:
    query = "/* FROM m1_gbpusd */ SELECT '--' AS \"--\", 'it''s' -- FROM m1_gbpusd\n FROM m1_eurusd"
    assert store.sql(query).height == store.read("m1", "eurusd").height


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_damaged_partitions_are_refused(tmp_path: Path, damage: str) -> None:
    store = filled_store(tmp_path / "store", days=10)
    store.build("reg_rate")
    file = store.path("reg_rate", "eurusd", "2018_12")
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(IntegrityError, match="bqx verify"):
        store.sql("FROM reg_rate_eurusd")
    assert store.sql("SELECT count(*) FROM reg_rate_eurusd_2019_01").item() > 0


def test_failures_while_reading_keep_their_reason(tmp_path: Path) -> None:
    store = filled_store(tmp_path / "store", days=10)
    file = store.path("m1", "eurusd", "2018_12")
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(IntegrityError, match=r"cannot read .*2018_12"):
        store.sql("FROM reg_rate_eurusd_2018_12")

"""A store in PostgreSQL: what its tables look like, and what happens when things go wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import bqx
from bqx.errors import BqxError, IntegrityError, StoreError, UnknownNameError
from bqx.features.arrow import TYPES as ARROW
from bqx.postgres.connect import connect, run
from bqx.store.schema import full_schema
from bqx.store.verify import verify
from planted import NextClose
from servers import Server, running, versions
from stores import bar_files, content, open_store, write_bars
from synthetic import random_walk_bars

PAIRS = ("eurusd", "usdjpy")


@pytest.fixture(scope="module")
def built(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a database with a store, for copies."""
    address = server.create_database()
    with open_store(address) as store:
        store.ingest(bar_files(tmp_path_factory.mktemp("vendor"), PAIRS, "2019-01-30", 4))
        assert store.build(["reg_rate", "correlation_bqx"]).passed
    return address


@pytest.fixture
def address(server: Server, built: str) -> str:
    """A copy of that database."""
    return server.create_database(template=built)


@pytest.fixture
def store(address: str) -> Iterator[bqx.Store]:
    with open_store(address) as found:
        yield found


def execute(address: str, statement: str) -> list[tuple[object, ...]]:
    """Change the database behind the store's back."""
    with connect(address, autocommit=True) as connection:
        cursor = run(connection, statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_tables_keys_types_and_comments(store: bqx.Store) -> None:
    partitions = execute(
        store.address,
        "SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid), pg_get_constraintdef(k.oid)"
        " FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'"
        " WHERE c.relispartition AND c.relname LIKE 'reg_rate_eurusd%' ORDER BY 1",
    )
    assert partitions == [
        (
            f"reg_rate_eurusd_{month}",
            f"FOR VALUES FROM ('{first} 00:00:00+00') TO ('{last} 00:00:00+00')",
            "PRIMARY KEY (ts_utc)",
        )
        for month, first, last in (
            ("2019_01", "2019-01-01", "2019-02-01"),
            ("2019_02", "2019-02-01", "2019-03-01"),
        )
    ]
    for table in ("m1", "reg_rate", "correlation_bqx"):
        stored = store.parts.read((table, "eurusd", "2019_01")).schema
        assert stored.equals(full_schema(store, table), check_metadata=False)
        for field in full_schema(store, table):
            assert stored.field(field.name).metadata == field.metadata
    leftover = "SELECT relname FROM pg_class WHERE relname LIKE '%\\_\\_new%'"
    bounds = "SELECT conname FROM pg_constraint WHERE conname LIKE '%bounds'"
    assert execute(store.address, leftover) == execute(store.address, bounds) == []


def test_float32_and_small_integers_stay_what_they_are(database: str, tmp_path: Path) -> None:
    families = bqx.registry(())
    with open_store(database, families=families) as store:
        store.ingest(bar_files(tmp_path, ("eurusd",), "2019-01-30", 2))
        narrow = {c.dtype: t for t, s in store.tables.items() for c in s.columns if not s.peers}
        assert set(narrow) == set(ARROW)
        for dtype, table in narrow.items():
            assert store.build(table, months="2019-01").passed
            spec = store.tables[table]
            found = store.read(table, "eurusd" if not spec.single else None, source="stored")
            held = store.parts.read((table, "all" if spec.single else "eurusd", "2019_01")).schema
            names = [c.name for c in spec.columns if c.dtype == dtype]
            assert {held.field(n).type for n in names} == {ARROW[dtype]}
            asked = {"end": "2019-02-01", "columns": names}
            pair = None if spec.single else "eurusd"
            assert found.select("ts_utc", *names).equals(store.read(table, pair, **asked))  # type: ignore[arg-type]


def test_one_writer_at_a_time(store: bqx.Store, address: str) -> None:
    with open_store(address) as other:
        with store.writing(), pytest.raises(StoreError, match="another process is writing"):
            other.build("reg_rate", force=True)
        assert other.build("reg_rate", force=True).passed


def test_a_reader_sees_the_old_or_the_new(store: bqx.Store, address: str) -> None:
    key = ("reg_rate", "eurusd", "2019_01")
    before = store.parts.read(key)
    with connect(address) as reader:
        run(reader, "SELECT 1 FROM bqx.reg_rate_eurusd LIMIT 1")
        with open_store(address) as other:
            run(reader, "COMMIT")
            assert other.build("reg_rate", force=True).passed
    assert store.parts.read(key).equals(before)


def test_waiting_for_a_long_reader_ends(
    store: bqx.Store, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bqx.postgres.partitioned.PATIENCE", "200ms")
    before = content(store)
    with connect(address) as reader:
        run(reader, "SELECT 1 FROM bqx.reg_rate_eurusd_2019_01 LIMIT 1")
        report = store.build("reg_rate", pairs="eurusd", months="2019-01", force=True)
    assert report.exit_code == 3
    assert "lock timeout" in report.failures[0].reason
    assert store.build("reg_rate").passed
    assert content(store) == before
    assert verify(store).passed


def test_a_table_of_someone_else_is_left_alone(database: str, tmp_path: Path) -> None:
    execute(
        database,
        "CREATE SCHEMA bqx; CREATE TABLE bqx.m1_eurusd (ts_utc timestamptz PRIMARY KEY, x int)"
        " PARTITION BY RANGE (ts_utc);"
        "CREATE TABLE bqx.m1_eurusd_2019_01 PARTITION OF bqx.m1_eurusd"
        " FOR VALUES FROM ('2019-01-01') TO ('2019-02-01')",
    )
    with open_store(database) as store:
        report = store.ingest(
            bar_files(tmp_path, ("eurusd",), "2019-01-30", 1), on_refused="report"
        )
        assert "was not made by this store" in str(report.files[0].error)
        assert execute(database, "SELECT count(*) FROM bqx.m1_eurusd") == [(0,)]


def test_new_columns_are_added_and_old_partitions_stay(database: str, tmp_path: Path) -> None:
    with open_store(database) as store:
        store.ingest(bar_files(tmp_path, ("eurusd",), "2019-01-30", 4))
        assert store.build("reg_rate", windows=[60], months="2019-01").passed
        narrow = store.parts.read(("reg_rate", "eurusd", "2019_01"))
        assert narrow.num_columns == 8
        assert store.build("reg_rate", months="2019-02").passed
        assert store.parts.read(("reg_rate", "eurusd", "2019_01")).equals(narrow)
        assert store.parts.read(("reg_rate", "eurusd", "2019_02")).num_columns == 43
        assert verify(store).passed


ROW = "ts_utc = (SELECT max(ts_utc) FROM bqx.reg_rate_eurusd_2019_01 WHERE w60_r2 IS NOT NULL)"
DAMAGE = {
    "DROP TABLE bqx.reg_rate_eurusd_2019_01": "missing",
    "DELETE FROM bqx.reg_rate_eurusd WHERE ts_utc = '2019-01-31 12:00+00'": "rows",
    f"UPDATE bqx.reg_rate_eurusd SET w60_r2 = w60_r2 + 1e-12 WHERE {ROW}": "content",
    f"UPDATE bqx.reg_rate_eurusd SET w60_r2 = NULL WHERE {ROW}": "content",
    "ALTER TABLE bqx.reg_rate_eurusd DROP COLUMN w60_r2": "schema",
    "ALTER TABLE bqx.reg_rate_eurusd ADD COLUMN extra int DEFAULT 1": "schema",
    "COMMENT ON COLUMN bqx.reg_rate_eurusd.w60_r2 IS 'something else'": "schema",
    "CREATE TABLE bqx.letter (x int)": "unrecorded",
    "ALTER TABLE bqx.reg_rate_eurusd_2019_01 RENAME TO other": "missing",
    "UPDATE bqx_meta.contents SET inputs = 'x'"
    " WHERE tbl = 'reg_rate' AND pair = 'eurusd' AND month = '2019_01'": "origin",
}


@pytest.mark.parametrize(("statement", "kind"), DAMAGE.items())
def test_verify_finds_damage(store: bqx.Store, statement: str, kind: str) -> None:
    assert verify(store).passed
    execute(store.address, statement)
    result = verify(store, deep=True)
    assert not result.passed
    assert kind in {f.kind for f in result.findings}
    if kind not in {"schema", "unrecorded"} and "RENAME" not in statement:
        assert store.build("reg_rate", force=True).passed
        assert {f.kind for f in verify(store).findings} <= {"unrecorded"}


def test_a_wrong_copy_is_never_put_in(store: bqx.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ("reg_rate", "eurusd", "2019_01")
    before = store.parts.read(key)
    monkeypatch.setattr("bqx.postgres.partitioned.rows_hash", lambda _: 1)
    with pytest.raises(IntegrityError, match="would hold"):
        store.parts.write(key, before.slice(5), check=True)
    assert store.parts.read(key).equals(before)


def test_repeated_times_and_those_of_another_month_are_refused(store: bqx.Store) -> None:
    key = ("reg_rate", "eurusd", "2019_01")
    before = store.parts.read(key)
    for rows in (
        pa.concat_tables([before, before.slice(0, 1)]),
        store.parts.read(("reg_rate", "eurusd", "2019_02")),
    ):
        with pytest.raises(StoreError, match=r"writing bqx\.reg_rate_eurusd_2019_01"):
            store.parts.write(key, rows)
    assert store.parts.read(key).equals(before)


def test_sql_runs_on_the_server_and_only_reads(store: bqx.Store) -> None:
    rows = store.sql("SELECT count(*) AS n, avg(w60_r2) FROM bqx.reg_rate_eurusd_2019_01")
    frame = store.read("reg_rate", "eurusd", end="2019-02-01")
    assert rows["n"][0] == frame.height
    assert rows["avg"][0] == pytest.approx(frame["w60_r2"].mean())
    assert store.sql("-- files\nSELECT pair, sum(id) AS n FROM sources GROUP BY 1").height == 2
    with pytest.raises(UnknownNameError, match="does not exist"):
        store.sql("SELECT * FROM reg_bqx_eurusd")
    for text in (
        "DROP TABLE bqx.m1_eurusd",
        "SELECT 1; DROP TABLE bqx.m1_eurusd",
        "",
        "SELEC",
        "WITH x AS (DELETE FROM bqx.m1_eurusd RETURNING 1) SELECT * FROM x",
        "SELECT set_config('transaction_read_only', 'off', false) FROM m1_eurusd",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ):
        with pytest.raises(BqxError):
            store.sql(text)
    assert verify(store).passed


def test_a_lost_connection(store: bqx.Store, address: str) -> None:
    lose = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with store.writing():
        store.parts.read(("reg_rate", "eurusd", "2019_01"))
        execute(address, lose)
        with pytest.raises(StoreError, match=r"writer's lock|terminating connection"):
            store.state.query("SELECT 1")
    assert store.state.query("SELECT 1") == [(1,)]  # a new connection
    assert store.build("reg_rate", force=True).passed
    assert verify(store).passed


BUILD = """
import sys, bqx
from stores import FEW
store = bqx.open(sys.argv[1], families=FEW)
print("ready", flush=True)
while True:
    store.build(force=True)
"""


def building(address: str) -> subprocess.Popen[str]:
    """A process that builds without an end."""
    folder = Path(__file__).parents[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(folder)!r})\n{BUILD}",
            address,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.slow
def test_kill_of_the_server_while_building(tmp_path: Path) -> None:
    with running() as server:
        address = server.create_database()
        with open_store(address) as store:
            store.ingest(bar_files(tmp_path, PAIRS, "2018-12-24", 20))
            assert store.build().passed
            expected = content(store)
        process = building(address)
        time.sleep(0.3)
        server.kill()
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        server.restart()
        with open_store(address) as store:
            for key, partition in store.state.partitions().items():
                assert expected[key] == partition.hash
            assert {f.kind for f in verify(store).findings} <= {"unrecorded"}
            assert store.build().passed
            assert content(store) == expected
            assert verify(store).passed


def test_settings_are_kept(database: str) -> None:
    with pytest.raises(StoreError, match="no store in"):
        bqx.open(database, create=False)
    week = bqx.StoreSettings(week="Mon 00:00 - Fri 21:00 UTC")
    bqx.open(database, settings=week).close()
    with bqx.open(database, create=False) as store:
        assert store.settings == week
        store.set("holidays", "2019-01-01")
        assert store.settings.holidays == ("2019-01-01",)
    with pytest.raises(StoreError, match="has other settings"):
        bqx.open(database, settings=week)


@pytest.mark.parametrize("version", versions())
def test_every_version_of_the_server(version: int, tmp_path: Path) -> None:
    with running(version=version) as server, open_store(server.address()) as store:
        store.ingest(
            [write_bars(tmp_path, "eurusd", random_walk_bars("eurusd", "2019-01-30", 3, 1))]
        )
        assert store.build("reg_rate").passed
        assert store.build("reg_rate", force=True).passed
        assert store.read("reg_rate", "eurusd", source="stored").equals(
            store.read("reg_rate", "eurusd")
        )
        assert verify(store).passed
        assert store.plan("reg_rate").partitions == 0


def test_a_unit_that_fails_leaves_nothing(database: str, tmp_path: Path) -> None:
    with open_store(database, families=bqx.Registry([NextClose])) as store:
        store.ingest(bar_files(tmp_path, ("eurusd",), "2019-01-30", 2))
        assert store.build("leaky_rate").passed
        assert set(store.parts.keys("leaky_rate")) <= set(content(store))

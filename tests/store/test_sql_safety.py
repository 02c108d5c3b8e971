"""SQL cannot write into the store, nor read anything but its tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import bqx
from bqx.errors import BqxError
from bqx.store.sql import connect, run_sql
from stores import filled_store

FORBIDDEN = [
    "COPY m1_eurusd TO '{file}'",
    "COPY m1_eurusd TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
    "COPY (SELECT 1) TO '{root}/new.csv'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
    "EXPORT DATABASE '{root}/export'",
    "ATTACH '{root}/new.db'",
    "ATTACH '{root}/state.sqlite' AS s (TYPE sqlite)",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM glob('{root}/*')",
    "SELECT * FROM read_duckdb('{root}/new.db')",
    "CALL enable_logging(storage='file', storage_path='{root}/logs')",
    "PRAGMA import_database('{root}')",
    "SET enable_external_access = true",
    "SET allowed_directories = ['{root}']",
    "SET temp_directory = '{root}'",
    "SET lock_configuration = false",
    "PRAGMA enable_profiling = 'json'",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bqx.FolderStore:
    return filled_store(tmp_path_factory.mktemp("safe") / "store", days=2)


def listing(folder: Path) -> dict[Path, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("state.sqlite")]
    return {path: path.read_bytes() for path in files}


def filled(store: bqx.FolderStore, query: str) -> str:
    return query.format(file=store.path("m1", "eurusd", "2018_12"), root=store.root)


@pytest.mark.parametrize("query", FORBIDDEN)
def test_a_query_has_no_way_to_a_file(store: bqx.FolderStore, query: str) -> None:
    before = listing(store.root)
    with pytest.raises(BqxError):
        run_sql(store, filled(store, query))
    assert listing(store.root) == before


@pytest.mark.parametrize("query", FORBIDDEN)
def test_nor_has_a_connection(store: bqx.FolderStore, query: str) -> None:
    before = listing(store.root)
    with connect(store, "FROM m1_eurusd") as connection:
        with pytest.raises(duckdb.Error):
            connection.execute(filled(store, query)).fetchall()
        assert connection.sql("SELECT count(*) FROM m1_eurusd").pl().item() > 0
    assert listing(store.root) == before


@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW m1_eurusd",
        "DELETE FROM m1_eurusd",
        "UPDATE m1_eurusd SET close = 1",
        "INSERT INTO m1_eurusd SELECT * FROM m1_eurusd",
        "CREATE TABLE t AS FROM m1_eurusd",
        "ALTER VIEW m1_eurusd RENAME TO x",
        "SELECT 1; DROP VIEW m1_eurusd",
    ],
)
def test_writing_statements_are_refused_with_a_hint(store: bqx.FolderStore, query: str) -> None:
    with pytest.raises(BqxError, match=r"a [A-Z]+ statement") as caught:
        run_sql(store, query)
    assert "only reads" in caught.value.hint


def test_variables_of_the_program_are_not_tables(store: bqx.FolderStore) -> None:
    secret = store.sql("SELECT 1 AS x")
    assert secret.height == 1
    with pytest.raises(BqxError, match="no table secret"):
        run_sql(store, "FROM secret")

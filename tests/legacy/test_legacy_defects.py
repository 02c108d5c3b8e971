"""Each kind of damage does one thing, and only to databases that were made for it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bqx.cli.app import app
from bqx.errors import StoreError, UnknownNameError
from bqx.legacy import Recipe, create, defects
from bqx.postgres.connect import connect
from legacy.databases import clone
from servers import Server


@pytest.fixture(scope="module")
def template(server: Server) -> str:
    address = server.create_database()
    create(address, Recipe(pairs="eurusd", months="2024_07:2024_08"))
    return address


@pytest.fixture
def address(server: Server, template: str) -> str:
    return clone(server, template)


def query(address: str, statement: str) -> list[tuple[object, ...]]:
    with connect(address, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_partition_goes(address: str) -> None:
    defects.drop_partition(address, "reg_eurusd", "2024-08")
    assert query(address, "SELECT to_regclass('bqx.reg_eurusd_2024_08')") == [(None,)]
    assert query(address, "SELECT count(*) FROM bqx.reg_eurusd") == [(3,)]


def test_a_timestamp_comes_twice(address: str) -> None:
    defects.duplicate_timestamp(address, "reg_bqx_eurusd", "2024_07")
    counts = query(
        address, "SELECT count(*), count(DISTINCT ts_utc) FROM bqx.reg_bqx_eurusd_2024_07"
    )
    assert counts == [(4, 3)]


def test_a_column_is_added(address: str) -> None:
    defects.extra_column(address, "reg_eurusd", "2024_07")
    rows = query(
        address,
        "SELECT count(*) FROM information_schema.columns WHERE column_name = 'note'"
        " AND table_schema = 'bqx'",
    )
    assert rows == [(3,)]


def test_one_prediction_is_wrong(address: str) -> None:
    defects.wrong_values(address, "reg_eurusd", "2024_07")
    broken = "abs(w60_yhat_end - (w60_a_term + w60_b_term + w60_c_coef)) > 0.5"
    assert query(address, f"SELECT count(*) FROM bqx.reg_eurusd WHERE {broken}") == [(1,)]


def test_other_tables_lose_a_value_too(address: str) -> None:
    before = query(address, "SELECT max(rate_index) FROM bqx.m1_eurusd_2024_08")
    done = defects.wrong_values(address, "m1_eurusd", "2024_08")
    assert done == "rate_index of one row of bqx.m1_eurusd_2024_08 is greater by 1"
    assert query(address, "SELECT max(rate_index) FROM bqx.m1_eurusd_2024_08") > before
    with pytest.raises(UnknownNameError, match="no table with values"):
        defects.wrong_values(address, "correlation_features_eurusd", "2024_08")


@pytest.mark.parametrize("table", ["reg_gbpusd", "reg_eurusd; DROP TABLE x", "pg_class"])
def test_unknown_tables(address: str, table: str) -> None:
    with pytest.raises(UnknownNameError, match="no table"):
        defects.drop_partition(address, table, "2024_07")


def test_databases_of_others_are_safe(database: str) -> None:
    with pytest.raises(StoreError, match="was not made by"):
        defects.drop_partition(database, "reg_eurusd", "2024_07")


def test_the_command(address: str) -> None:
    arguments = ["legacy", "damage", "missing-partition", "m1_eurusd", "2024_08", "--to", address]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert "bqx.m1_eurusd_2024_08 is gone" in done.stdout

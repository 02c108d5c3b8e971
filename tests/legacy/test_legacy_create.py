"""The first version's tables are made as they were: names, columns, keys, bounds, rows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from bqx.cli.app import app
from bqx.errors import BqxError, ConfigError, InputFileError, StoreError
from bqx.legacy import Recipe, create, creation
from bqx.legacy.schema import FAMILIES, KINDS
from bqx.market import PAIRS, Calendar
from bqx.postgres.connect import Connection, connect
from legacy.databases import BARS, SHIFT_WEEKS, template
from servers import Server
from stores import write_bars
from synthetic import random_walk_bars

TINY = Recipe(pairs="eurusd,usdjpy", months="2024_12:2025_01")


@pytest.fixture(scope="module")
def structure(server: Server) -> Iterator[Connection]:
    with connect(template(server, "structure"), autocommit=True) as connection:
        yield connection


def content(connection: Connection) -> dict[str, str]:
    """Hash of the rows of every table of schema bqx."""
    names = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'bqx'::regnamespace AND relkind = 'p'"
    ).fetchall()
    query = "SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY ts_utc), '')) FROM bqx.{} t"
    return {
        str(name): str(connection.execute(query.format(name).encode()).fetchall()[0][0])
        for (name,) in names
    }


def test_four_families_are_1456_relations(structure: Connection) -> None:
    rows = structure.execute(
        "SELECT substring(relname FROM '^([a-z]+_features)_'), relkind, count(*) FROM pg_class"
        " WHERE relnamespace = 'bqx'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname LIKE '%\\_features\\_%' GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    assert rows == [(f, k, n) for f in sorted(FAMILIES) for k, n in (("p", 28), ("r", 336))]
    assert sum(row[2] for row in rows) == 1456


def test_every_kind_has_a_table_per_pair_and_month(structure: Connection) -> None:
    rows = structure.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'bqx'::regnamespace"
        " AND relkind IN ('r', 'p')"
    ).fetchall()
    months = [f"2024_{m:02}" for m in range(7, 13)] + [f"2025_{m:02}" for m in range(1, 7)]
    parents = {kind.parent(pair) for kind in KINDS.values() for pair in PAIRS}
    assert {name for (name,) in rows} == parents | {f"{p}_{m}" for p in parents for m in months}


def test_columns_are_those_of_the_first_version(structure: Connection) -> None:
    counts: dict[str, int] = {}
    for kind in KINDS.values():
        rows = structure.execute(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'bqx' AND table_name = %s ORDER BY ordinal_position",
            (kind.partition("eurusd", "2024_07"),),
        ).fetchall()
        assert rows[0] == ("ts_utc", "timestamp with time zone", "NO")
        assert tuple(row[0] for row in rows[1:]) == kind.columns
        other = {row[1] for row in rows[1:] if row[0] != "volume"}
        assert other == {"double precision"}
        counts[kind.name] = len(rows) - 1
    assert counts == {
        "m1": 6,
        "statistics_features": 23,
        "bollinger_features": 20,
        "fibonacci_features": 20,
        "correlation_features": 28,
        "reg": 43,
        "reg_bqx": 42,
        "correlation_bqx": 45,
    }


def test_keys_and_bounds(structure: Connection) -> None:
    keys = structure.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'p' AND connamespace = 'bqx'::regnamespace"
    ).fetchall()
    assert len(keys) == 8 * 28 * 13
    assert {key[2] for key in keys} == {"PRIMARY KEY (ts_utc)"}
    assert all(key[0] == f"bqx.{key[1].removesuffix('_pkey')}" for key in keys)
    bound = structure.execute(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'reg_eurusd_2024_12'"
    ).fetchone()
    text = "FOR VALUES FROM ('2024-12-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')"
    assert bound == (text,)


def test_structure_has_three_rows_a_partition_and_one_empty_family(structure: Connection) -> None:
    for kind in KINDS.values():
        (found,) = structure.execute(
            f"SELECT array_agg(n) FROM (SELECT count(*) n FROM bqx.{kind.parent('chfjpy')}"
            " GROUP BY date_trunc('month', ts_utc)) months".encode()
        ).fetchall()[0]
        assert found == (None if kind.name == "correlation_features" else [3] * 12)
    broken = structure.execute(
        "SELECT count(*) FROM bqx.reg_chfjpy WHERE abs(w60_yhat_end - (w60_a_term + w60_b_term"
        " + w60_c_coef)) > 1e-12 OR abs(w630_resid_end - (rate_index - w630_yhat_end)) > 1e-12"
    ).fetchone()
    assert broken == (0,)


def test_equal_recipes_give_equal_databases(server: Server) -> None:
    found = []
    for _ in range(2):
        address = server.create_database()
        made = create(address, TINY)
        assert (made.tables, made.partitions, made.rows) == (16, 32, 84)
        with connect(address, autocommit=True) as connection:
            found.append((content(connection), server.dump(address, "--schema-only")))
    assert found[0] == found[1]


def test_nothing_is_replaced_unasked(database: str) -> None:
    create(database, TINY)
    with connect(database, autocommit=True) as connection:
        before = content(connection)
        with pytest.raises(StoreError, match="--replace"):
            create(database, TINY)
        assert content(connection) == before
        create(database, TINY, replace=True)
        assert content(connection) == before


def test_a_database_of_someone_else_is_never_replaced(database: str) -> None:
    with connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA bqx")
        connection.execute("CREATE TABLE bqx.m1_eurusd (ts_utc timestamptz)")
        with pytest.raises(StoreError, match="made by something else"):
            create(database, TINY, replace=True)
        assert connection.execute("SELECT count(*) FROM bqx.m1_eurusd").fetchone() == (0,)


def test_a_database_with_a_ledger_is_never_replaced(database: str) -> None:
    create(database, TINY)
    with connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA bqx_meta")
        with pytest.raises(StoreError, match="stages have run"):
            create(database, TINY, replace=True)
        assert connection.execute("SELECT count(*) FROM bqx.m1_eurusd").fetchone() == (6,)


def test_what_was_interrupted_is_replaced(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Connection, __: object, pair: str, *___: object) -> int:
        if pair == "usdjpy":
            raise StoreError("the disk is full")
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(creation, "write", fail)
        with pytest.raises(StoreError, match="the disk is full"):
            create(database, TINY)
    with pytest.raises(StoreError, match="--replace"):
        create(database, TINY)
    assert create(database, TINY, replace=True).rows == 84


def test_vendor_files_are_moved_by_whole_weeks(database: str, tmp_path: Path) -> None:
    bars = random_walk_bars("eurusd", "2018-07-02", 40, seed=1)
    write_bars(tmp_path, "eurusd", bars)
    write_bars(tmp_path, "gbpusd", random_walk_bars("gbpusd", "2018-07-02", 2, seed=1))
    recipe = Recipe(
        pairs="eurusd,usdjpy",
        months="2024_07:2024_08",
        full_months="2024_07",
        real=[tmp_path],
        shift_weeks=SHIFT_WEEKS,
    )
    made = create(database, recipe)
    assert list(made.full) == ["eurusd"]
    with connect(database, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT min(ts_utc)::text, count(*) FILTER (WHERE ts_utc < '2024-08-01') FROM"
            " bqx.m1_eurusd"
        ).fetchone()
        july = bars.filter(bars["ts_utc"].dt.offset_by("312w").dt.strftime("%Y_%m") < "2024_08")
        assert rows == ("2024-06-24 00:00:00+00", july.height)
        few = connection.execute("SELECT count(*) FROM bqx.m1_eurusd_2024_08").fetchone()
        assert few == (3,)
        note = connection.execute("SELECT obj_description('bqx.m1_eurusd'::regclass)").fetchone()
        assert note is not None
        assert "moved by 312 weeks" in note[0]
        found = connection.execute("SELECT to_regclass('bqx.m1_usdjpy_2024_06')").fetchone()
        assert found == (None,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": 0}, ConfigError, "0 rows per partition"),
        ({"months": "2025_01:2024_12"}, ConfigError, "end before they start"),
        ({"months": "soon"}, ConfigError, "unreadable month"),
        ({"full_months": "2024_08"}, ConfigError, "the first of the months"),
        ({"pairs": "eurusd", "full": "gbpusd"}, ConfigError, "no tables for gbpusd"),
        ({"pairs": "eurdog"}, BqxError, "unknown pair"),
    ],
)
def test_recipes_that_make_no_sense(
    options: dict[str, object], error: type[BqxError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Recipe(**options).sources()  # type: ignore[arg-type]


def test_files_without_a_bar_in_the_months(tmp_path: Path) -> None:
    write_bars(tmp_path, "eurusd", random_walk_bars("eurusd", "2018-07-02", 2, seed=1))
    with pytest.raises(ConfigError, match="lie from 2018-07-02 to 2018-07-03"):
        Recipe(real=[tmp_path]).sources()
    with pytest.raises(InputFileError, match="none of the pairs"):
        Recipe(pairs="usdjpy", real=[tmp_path]).sources()


def test_files_that_contradict_each_other(tmp_path: Path) -> None:
    for seed in (1, 2):
        bars = random_walk_bars("eurusd", "2024-07-01", 2, seed=seed)
        write_bars(tmp_path, "eurusd", bars, label=f"_{seed}")
    with pytest.raises(InputFileError, match="two files have other bars"):
        Recipe(real=[tmp_path]).sources()


def test_the_command_says_what_it_made(database: str) -> None:
    arguments = ["legacy", "create", "--to", database, "--pairs", "eurusd", "--months", "2024_07"]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["rows"] == 21
    assert CliRunner().invoke(app, arguments).exit_code == 2
    done = CliRunner().invoke(app, [*arguments, "--replace"])
    assert done.stdout.startswith("8 tables, 8 partitions and 21 rows of 1 pairs")


@pytest.mark.slow
def test_the_full_fixture_holds_the_real_bars(server: Server) -> None:
    with connect(template(server, "full"), autocommit=True) as connection:
        total = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'bqx'::regnamespace"
            " AND relkind IN ('r', 'p')"
        ).fetchone()
        assert total == (8 * 28 * 13 + 3,)
        bars = pl.read_parquet(BARS / "gbpusd.parquet").with_columns(
            pl.col("ts_utc").dt.offset_by(f"{SHIFT_WEEKS}w")
        )
        autumn = datetime(2024, 10, 1, tzinfo=UTC)
        bars = bars.filter(pl.col("ts_utc") < autumn).select("ts_utc", "close")
        rows = connection.execute(
            "SELECT ts_utc, close FROM bqx.m1_gbpusd WHERE ts_utc < %s ORDER BY 1", (autumn,)
        ).fetchall()
        found = pl.DataFrame(rows, bars.schema, orient="row")
        assert found.equals(bars)
        inside = Calendar().is_open((found["ts_utc"].dt.epoch("s") // 60).to_numpy())
        assert inside.all()


def test_without_the_extra_there_is_a_hint() -> None:
    code = "import sys; sys.modules['psycopg'] = None; import bqx.legacy"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install bqx-ml[postgres]" in done.stderr

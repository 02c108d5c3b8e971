"""Rebuilt regression tables: values, rows, what depends on them, and the way back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from bqx.errors import StoreError
from bqx.features.stateless import compute
from bqx.legacy.defects import wrong_values
from bqx.stages.constant_term import ConstantTerm
from bqx.stages.pair_features import SERIES, SOURCES, Content
from bqx.stages.partition_scan import Scan, faults
from bqx.stages.rebuild import RebuildBqx, RebuildRate
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from bqx.stages.window_offset import window_offset
from servers import Server
from stages.few import content, few
from stages.remedied import PAIRS, remedied

BOTH = [RebuildBqx(), RebuildRate()]
SATURDAY = "2024-07-06 12:00+00"
TINY = 1e-6


def table_of(target: PostgresTarget, name: str) -> pl.DataFrame:
    """A table of the database in order of time."""
    columns = "SELECT * FROM bqx.{} ORDER BY ts_utc"
    cursor = target.connection.execute(columns.format(name).encode())
    names = [column.name for column in cursor.description or ()]
    return pl.DataFrame(cursor.fetchall(), names, orient="row", infer_schema_length=None)


def bars_of(target: PostgresTarget, pair: str) -> pl.DataFrame:
    found = table_of(target, f"m1_{pair}")
    return found.with_columns(pl.col("volume").cast(pl.Float64))


def assert_equal(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    """Bit for bit, NULLs too, on the rows of the one that is there."""
    rows = found.select(pl.col("ts_utc").dt.cast_time_unit("us")).join(wanted, on="ts_utc")
    assert len(rows) == len(found)
    for name in wanted.columns[1:]:
        stored, right = found[name].cast(pl.Float64), rows[name]
        assert (stored.is_null() == right.is_null()).all(), name
        assert (stored.drop_nulls() == right.drop_nulls()).all(), name


@pytest.mark.parametrize("stage", BOTH, ids=lambda s: s.code)
@pytest.mark.parametrize("pair", ["eurusd", "gbpusd"])
def test_values_are_those_of_the_families(
    stage: RebuildBqx | RebuildRate, pair: str, server: Server
) -> None:
    with PostgresTarget(remedied(server).aligned()) as target:
        bars = bars_of(target, pair)
        found = table_of(target, f"{stage.table}_{pair}")
    baseline = bars.filter(pl.col("ts_utc") >= pl.datetime(2024, 7, 1, time_zone="UTC"))["close"][0]
    wanted = compute(f"reg_{stage.domain}", bars, pair=pair, baseline=baseline)
    assert len(found.columns) == 44
    assert_equal(found.drop(stage.source), wanted)
    column = SERIES[stage.domain]
    series = compute("bqx", bars, pair=pair, baseline=baseline, columns=[column])
    wanted_series = series.rename({column: "wanted"})
    known = found.join(wanted_series, on="ts_utc").drop_nulls("wanted")
    apart = (known[stage.source] - known["wanted"]).abs().max()
    assert len(known) > 2_000
    assert isinstance(apart, float)
    assert apart < 1e-13
    # Each residual has its source beside it.
    assert found.filter(pl.col("w60_residual").is_not_null())[stage.source].null_count() == 0


@pytest.mark.parametrize("stage", BOTH, ids=lambda s: s.code)
def test_it_is_planned_checked_and_undone(stage: RebuildBqx | RebuildRate, server: Server) -> None:
    address = remedied(server).legacy()
    before = content(server, address)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        assert not any(c.passed for c in runner.verify(stage))
        plan = runner.plan(stage)
        assert plan.ready
        assert [op.kind for op in plan.operations] == ["build", "back up", "swap"]
        assert plan.operations[0].count == len(PAIRS) * 3
        assert plan.estimate.seconds > 0
        assert plan.estimate.wal > 0
        result = runner.apply(stage, confirmed=plan.hash)
        assert all(c.passed for c in result.conditions)
        assert plan.operations[0].rows == result.outcome["rows"]
        assert runner.plan(stage).operations == ()
        backup = result.outcome["backup"]
        kept = target.query(f"SELECT count(*) FROM {backup}.kept_{stage.table}_eurusd")
        columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = %s"
        assert target.query(columns, (f"{stage.table}_eurusd_2024_07",))[0][0] == 44
        runner.rollback(stage)
        assert kept == target.query(f"SELECT count(*) FROM bqx.{stage.table}_eurusd")
        schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'bqx%' ORDER BY 1"
        assert [row[0] for row in target.query(schemas)] == ["bqx", "bqx_meta"]
        with pytest.raises(StoreError, match="was not applied"):
            runner.rollback(stage)
    assert content(server, address) == before


def test_keys_bounds_and_comments_are_those_of_a_table_made_by_hand(server: Server) -> None:
    address = remedied(server).aligned()
    dump = server.dump(address, "--schema-only", "--table=bqx.reg_bqx_eurusd*")
    assert "next_" not in dump
    assert "kept_" not in dump
    assert "CONSTRAINT reg_bqx_eurusd_2024_07_ts_utc_not_null" not in dump, "a default name"
    assert "ADD CONSTRAINT reg_bqx_eurusd_pkey PRIMARY KEY (ts_utc)" in dump
    assert "ATTACH PARTITION bqx.reg_bqx_eurusd_2024_07 FOR VALUES FROM" in dump
    assert "COMMENT ON COLUMN bqx.reg_bqx_eurusd.w60_residual" in dump


def test_an_old_row_outside_of_the_week_stays_without_values(server: Server) -> None:
    with PostgresTarget(remedied(server).legacy()) as target:
        target.execute(f"INSERT INTO bqx.reg_bqx_eurusd (ts_utc) VALUES ('{SATURDAY}')")
        result = Runner(target).apply(RebuildBqx(), Selection(pairs=("eurusd",)))
        assert all(c.passed for c in result.conditions)
        row = target.query(f"SELECT * FROM bqx.reg_bqx_eurusd WHERE ts_utc = '{SATURDAY}'")
        assert row[0][1:] == (None,) * 43


def test_pairs_are_rebuilt_and_undone_one_after_the_other(server: Server) -> None:
    address = few(server)
    before = content(server, address)
    stage, eurusd, gbpusd = RebuildBqx(), Selection(("eurusd",)), Selection(("gbpusd",))
    with PostgresTarget(address) as target:
        runner = Runner(target)
        assert runner.plan(stage, eurusd).hash != runner.plan(stage, gbpusd).hash
        runner.apply(stage, eurusd)
        between = content(server, address)
        runner.apply(stage, gbpusd)
        assert len(runner.plan(stage).operations[0].target.split(",")) == 2
        runner.rollback(stage)
        assert content(server, address) == between
        runner.rollback(stage)
    assert content(server, address) == before


def test_a_month_alone_is_refused(server: Server) -> None:
    with (
        PostgresTarget(few(server)) as target,
        pytest.raises(BlockedError, match="all months of a pair at once"),
    ):
        Runner(target).apply(RebuildBqx(), Selection(months=("2024_07",)))


def test_later_stages_are_undone_first(server: Server) -> None:
    with PostgresTarget(few(server)) as target:
        runner = Runner(target)
        runner.apply(RebuildBqx())
        runner.apply(RebuildRate())
        with pytest.raises(StoreError, match=r"BQX-2\.12-rate was applied after"):
            runner.rollback(RebuildBqx())


def test_constant_terms_are_no_obstacle(server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        runner.apply(ConstantTerm())
        before = content(server, address)
        runner.apply(RebuildRate())
        runner.rollback(RebuildRate())
    assert content(server, address) == before


def test_a_view_that_still_fits_goes_along_with_its_rights(server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        target.execute("CREATE VIEW bqx.quality AS SELECT ts_utc, w60_r2 FROM bqx.reg_bqx_eurusd")
        target.execute("COMMENT ON VIEW bqx.quality IS 'It''s ours'")
        target.execute("GRANT SELECT ON bqx.reg_bqx_eurusd TO PUBLIC")
        before = content(server, address)
        runner = Runner(target)
        plan = runner.plan(RebuildBqx())
        assert plan.operations[-1].target == "views bqx.quality"
        runner.apply(RebuildBqx())
        told = "SELECT obj_description('bqx.quality'::regclass)"
        assert target.query(told) == [("It's ours",)]
        reads = (
            "SELECT DISTINCT table_schema || '.' || table_name FROM"
            " information_schema.view_column_usage WHERE view_name = 'quality'"
        )
        assert target.query(reads) == [("bqx.reg_bqx_eurusd",)]
        rights = "SELECT has_table_privilege('public', 'bqx.reg_bqx_eurusd', 'SELECT')"
        assert target.query(rights) == [(True,)]
        runner.rollback(RebuildBqx())
    assert content(server, address) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW bqx.old AS SELECT w15_a2 FROM bqx.reg_bqx_eurusd",
        "CREATE VIEW bqx.old AS SELECT w15_a2 FROM bqx.reg_bqx_eurusd_2024_07",
        "CREATE MATERIALIZED VIEW bqx.old AS SELECT w60_r2 FROM bqx.reg_bqx_eurusd",
        "CREATE TABLE bqx.old (at timestamptz REFERENCES bqx.reg_bqx_eurusd)",
        "CREATE INDEX old ON bqx.reg_bqx_eurusd (w15_a2)",
        "ALTER TABLE bqx.reg_bqx_eurusd ADD CONSTRAINT sane CHECK (w60_r2 <= 1.5)",
    ],
)
def test_what_cannot_go_along_is_refused(statement: str, server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        target.execute(statement)
        before = content(server, address)
        with pytest.raises(BlockedError, match="what depends on the tables"):
            Runner(target).apply(RebuildBqx())
    assert content(server, address) == before


def test_a_view_made_later_keeps_the_new_tables(server: Server) -> None:
    with PostgresTarget(few(server)) as target:
        runner = Runner(target)
        runner.apply(RebuildBqx())
        target.execute("CREATE VIEW bqx.late AS SELECT w90_prediction FROM bqx.reg_bqx_eurusd")
        with pytest.raises(StoreError, match=r"bqx\.late reads a table that would go"):
            runner.rollback(RebuildBqx())
        assert all(c.passed for c in runner.verify(RebuildBqx()))


def test_the_window_that_ends_too_early_is_told(server: Server) -> None:
    with PostgresTarget(remedied(server).legacy()) as target:
        assert window_offset(target, "eurusd") == 1
        assert window_offset(target, "audusd") is None, "no such table"
    with PostgresTarget(remedied(server).aligned()) as target:
        assert window_offset(target, "eurusd") == 0
        assert window_offset(target, "gbpusd", "reg_bqx", SOURCES["bqx"]) == 0
        target.execute("UPDATE bqx.reg_eurusd SET w60_residual = w60_residual + 1")
        assert window_offset(target, "eurusd") is None


def test_each_kind_of_damage_is_found_afterwards(server: Server) -> None:
    stage, where = RebuildBqx(), "bqx.reg_bqx_eurusd"
    last = f"ts_utc = (SELECT max(ts_utc) FROM {where} WHERE w60_r2 IS NOT NULL)"
    damage = {
        f"UPDATE {where} SET w60_prediction = w60_prediction + {TINY} WHERE {last}":
            {"prediction = sum of terms", "residual = source - prediction"},
        f"UPDATE {where} SET w90_residual = w90_residual + {TINY} WHERE {last}":
            {"residual = source - prediction"},
        f"UPDATE {where} SET w60_r2 = w60_r2 / 2 WHERE {last}": {"contents as built"},
        f"UPDATE {where} SET w60_r2 = NULL WHERE {last}": {"NULLs, counted"},
        f"DELETE FROM {where} WHERE {last}":
            {"rows, counted", "NULLs, counted", "every old time is there"},
        f"DROP TABLE {where}_2024_08": {"partitions are there", "rows, counted"},
        f"ALTER TABLE {where} ADD COLUMN more int": {"columns of each table"},
    }  # fmt: skip
    with PostgresTarget(remedied(server).aligned()) as target:
        for statement, names in damage.items():
            with target.connection.transaction(force_rollback=True):
                target.execute(statement)
                failed = {c.name for c in stage.verify(target, Selection()) if not c.passed}
                assert names <= failed, statement
        assert all(c.passed for c in stage.verify(target, Selection()))


def test_wrong_values_of_the_old_tables_do_not_matter(server: Server) -> None:
    address = few(server)
    wrong_values(address, "reg_eurusd", "2024_07")
    with PostgresTarget(address) as target:
        assert all(c.passed for c in Runner(target).apply(RebuildRate()).conditions)


def test_contents_are_checked_before_they_are_written() -> None:
    names = ("quadratic_term", "linear_term", "constant_term", "residual", "prediction")
    values = {"source": [7.0, None], **{f"w60_{n}": [v, None] for n, v in zip(
        names, (1.0, 2.0, 3.0, 1.0, 6.0), strict=True)}}  # fmt: skip
    table = pa.table({name: pa.array(column, pa.float64()) for name, column in values.items()})
    good = Content(table, dict.fromkeys(values, 1))
    scan = Scan(tuple(values), "source", (60,))
    assert faults(good, scan) == []
    assert "0 NULLs" not in str(faults(replace(good, nulls={"source": 0}), scan))
    assert "1 NULLs in source instead of 0" in str(faults(replace(good, nulls={"source": 0}), scan))
    moved = table.set_column(0, "source", pa.array([7.0 + TINY, None]))
    assert "window 60" in str(faults(Content(moved, good.nulls), scan))
    lost = table.set_column(0, "source", pa.array([None, None], pa.float64()))
    assert "window 60" in str(faults(Content(lost, {}), scan))
    ratio = pa.table({"corr": np.array([0.5, -1.5])})
    assert faults(Content(ratio, {}), Scan(("corr",), ratios=("corr",))) == [
        "corr is not between -1 and 1"
    ]


def test_indexes_that_still_fit_are_made_again(server: Server) -> None:
    address = few(server)
    table = "bqx.reg_bqx_eurusd"
    with PostgresTarget(address) as target:
        target.execute(f"CREATE INDEX good_fits ON {table} (w60_r2) WHERE w60_r2 > 0.9")
        target.execute(f"CREATE INDEX july ON {table}_2024_07 (abs(w60_rmse))")
        before = content(server, address)
        runner = Runner(target)
        runner.apply(RebuildBqx())
        query = (
            "SELECT tablename::text, indexname::text FROM pg_indexes WHERE schemaname = 'bqx'"
            " AND tablename LIKE 'reg_bqx_eurusd%' AND indexdef !~ 'UNIQUE' ORDER BY 1, 2"
        )
        made = dict(target.query(query))
        assert made["reg_bqx_eurusd"] == "good_fits"
        assert made["reg_bqx_eurusd_2024_08"] == "reg_bqx_eurusd_2024_08_w60_r2_idx"
        names = [name for _, name in target.query(query)]
        assert sorted(names)[:2] == ["good_fits", "july"]
        assert len(names) == 4
        runner.rollback(RebuildBqx())
    assert content(server, address) == before

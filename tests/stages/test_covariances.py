"""Covariances of the terms: values, coverage, what is in the way, and the way back."""

from __future__ import annotations

import polars as pl
import pytest

from bqx.errors import StoreError
from bqx.features.stateless import compute
from bqx.stages.covariance_tables import EXTENSIONS
from bqx.stages.covariances import Covariances
from bqx.stages.mapping import COVARIANCES
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from servers import Server
from stages.few import content, few
from stages.remedied import remedied
from stages.test_rebuild import assert_equal, bars_of, table_of

STAGE = Covariances()


@pytest.mark.parametrize("pair", ["eurusd", "gbpusd"])
def test_values_are_those_of_the_families(pair: str, server: Server) -> None:
    with PostgresTarget(remedied(server).aligned()) as target:
        bars = bars_of(target, pair)
        six = table_of(target, f"correlation_bqx_{pair}").select("ts_utc", *COVARIANCES)
        wide = {name: table_of(target, f"{name}_{pair}") for name in EXTENSIONS}
    since = pl.col("ts_utc") >= pl.datetime(2024, 7, 1, time_zone="UTC")
    baseline = bars.filter(since)["close"][0]
    wanted = compute(
        "correlation_bqx", bars, pair=pair, baseline=baseline, columns=COVARIANCES,
        peers={"usdjpy": bars},
    )  # fmt: skip
    assert_equal(six, wanted)
    assert six[COVARIANCES[0]].count() > 2_000
    for name, found in wide.items():
        assert len(found.columns) == 37
        assert_equal(found, compute(name, bars, pair=pair, baseline=baseline))


def test_it_is_planned_checked_and_undone(server: Server) -> None:
    address = remedied(server).legacy()
    before = content(server, address)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        assert not any(c.passed for c in runner.verify(STAGE))
        plan = runner.plan(STAGE)
        assert plan.ready
        assert [op.kind for op in plan.operations] == ["build", "add columns", "fill", "move"]
        result = runner.apply(STAGE, confirmed=plan.hash)
        assert all(c.passed for c in result.conditions)
        names = [c.name for c in result.conditions]
        assert {"six columns", "coverage", "correlations"} <= set(names)
        assert "36 covariances: NULLs, counted" in names
        assert runner.plan(STAGE).operations == ()
        comment = (
            "SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attname = %s"
            " AND attrelid = 'bqx.correlation_bqx_eurusd'::regclass"
        )
        assert "covariance" in str(target.query(comment, (COVARIANCES[0],))[0][0])
        runner.rollback(STAGE)
    assert content(server, address) == before


def test_damage_is_found_afterwards(server: Server) -> None:
    where, first = "bqx.correlation_bqx_eurusd", COVARIANCES[0]
    damage = {
        f"UPDATE {where} SET corr_quad_lin_bqx_60min = 1.5 WHERE corr_quad_lin_bqx_60min < 0":
            {"correlations"},
        f"UPDATE {where} SET {first} = NULL WHERE {first} < 0": {"coverage"},
        f"UPDATE {where} SET {first} = 1 WHERE {first} IS NULL": {"coverage"},
        f"ALTER TABLE {where} DROP COLUMN {first}": {"six columns"},
        "DROP TABLE bqx.covariance_rate_eurusd": {"36 covariances: tables"},
        "UPDATE bqx.covariance_bqx_eurusd SET w60_cov_lin_resid = 0":
            {"36 covariances: contents as built"},
        "DELETE FROM bqx.covariance_bqx_eurusd WHERE w90_cov_lin_resid > 0":
            {"36 covariances: rows, counted"},
    }  # fmt: skip
    with PostgresTarget(remedied(server).aligned()) as target:
        for statement, names in damage.items():
            with target.connection.transaction(force_rollback=True):
                target.execute(statement)
                failed = {c.name for c in STAGE.verify(target, Selection()) if not c.passed}
                assert names <= failed, statement
        assert all(c.passed for c in STAGE.verify(target, Selection()))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            f"ALTER TABLE bqx.correlation_bqx_eurusd ADD COLUMN {COVARIANCES[0]} float8",
            "columns are free",
        ),
        ("CREATE TABLE bqx.covariance_rate_gbpusd (ts_utc timestamptz)", "names of new tables"),
        ("DROP TABLE bqx.correlation_bqx_gbpusd_2024_07", "no partition missing"),
        ("DROP TABLE bqx.m1_gbpusd_2024_07", "bars for each partition"),
        ("UPDATE bqx.m1_gbpusd SET rate_index = rate_index + 1", "rate index"),
    ],
)
def test_what_is_in_the_way_is_named(statement: str, words: str, server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        target.execute(statement)
        before = content(server, address)
        with pytest.raises(BlockedError, match=words):
            Runner(target).apply(STAGE)
    assert content(server, address) == before


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT {COVARIANCES[0]} FROM bqx.correlation_bqx_eurusd",
        "SELECT ts_utc FROM bqx.covariance_rate_eurusd_2024_07",
    ],
)
def test_a_view_of_them_is_named_before_they_are_dropped(query: str, server: Server) -> None:
    with PostgresTarget(few(server)) as target:
        runner = Runner(target)
        runner.apply(STAGE)
        target.execute("CREATE VIEW bqx.harmless AS SELECT ts_utc FROM bqx.correlation_bqx_eurusd")
        target.execute(f"CREATE VIEW bqx.reader AS {query}")
        with pytest.raises(StoreError, match=r"view bqx\.reader reads what would be dropped"):
            runner.rollback(STAGE)
        assert all(c.passed for c in runner.verify(STAGE))
        target.execute("DROP VIEW bqx.reader")
        runner.rollback(STAGE)


def test_rows_that_were_added_since_stay(server: Server) -> None:
    address = few(server)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        runner.apply(STAGE, Selection(pairs=("eurusd",)))
        late = "2024-07-20 12:00+00"
        target.execute(f"INSERT INTO bqx.correlation_bqx_eurusd (ts_utc) VALUES ('{late}')")
        runner.rollback(STAGE)
        count = "SELECT count(*) FROM bqx.correlation_bqx_eurusd WHERE ts_utc = %s"
        assert target.query(count, (late,)) == [(1,)]

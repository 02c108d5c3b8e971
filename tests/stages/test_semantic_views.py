"""Views with the canonical names, over all months of a pair."""

from __future__ import annotations

import pytest

from bqx.errors import ConfigError, StoreError
from bqx.features.registry import registry
from bqx.stages import catalog
from bqx.stages.constant_term import ConstantTerm
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.semantic_views import COLUMNS, SemanticViews
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from servers import Server
from stages.few import MONTHS, PAIRS, content


def test_a_view_shows_all_months_under_the_canonical_names(
    runner: Runner, target: PostgresTarget
) -> None:
    runner.apply(ConstantTerm())
    result = runner.apply(SemanticViews())
    assert [c.total for c in result.conditions] == [len(PAIRS)] * 3
    for pair in PAIRS:
        view = f"reg_{pair}_semantic"
        assert tuple(c.name for c in catalog.columns(target, view)) == COLUMNS
        months = f"SELECT count(DISTINCT date_trunc('month', ts_utc)) FROM bqx.{view}"
        assert target.query(months) == [(len(MONTHS),)]
        assert catalog.comment(target, view)
    assert target.query(
        "SELECT count(*) FROM bqx.reg_eurusd t JOIN bqx.reg_eurusd_semantic v USING (ts_utc)"
        " WHERE (w60_a_term, w90_b_term, t.w150_constant_term, w240_resid_end, w630_yhat_end)"
        " IS NOT DISTINCT FROM (w60_quadratic_term, w90_linear_term, v.w150_constant_term,"
        " w240_residual, w630_prediction)"
    ) == [(6,)]


def test_the_columns_are_those_of_the_registry() -> None:
    assert set(COLUMNS[2:]) == {c.name for c in registry().tables["reg_rate"].columns}


def test_the_coefficient_stands_for_the_constant_term(
    runner: Runner, target: PostgresTarget
) -> None:
    runner.apply(SemanticViews())
    different = "SELECT count(*) FROM bqx.reg_eurusd JOIN bqx.reg_eurusd_semantic USING (ts_utc)"
    assert target.query(f"{different} WHERE w60_constant_term <> w60_c_coef") == [(0,)]


def test_rebuilt_tables_have_the_names_themselves(runner: Runner, target: PostgresTarget) -> None:
    columns = ", ".join(f"{name} float8" for name in COLUMNS[1:])
    target.execute("DROP TABLE bqx.reg_eurusd")
    target.execute(f"CREATE TABLE bqx.reg_eurusd (ts_utc timestamptz PRIMARY KEY, {columns})")
    runner.apply(SemanticViews())
    assert all(c.passed for c in runner.verify(SemanticViews()))


def test_undoing_drops_the_views(runner: Runner, server: Server, address: str) -> None:
    before = content(server, address)
    runner.apply(SemanticViews())
    assert content(server, address) != before
    runner.rollback(SemanticViews())
    assert content(server, address) == before


def test_a_view_over_one_month_is_found(runner: Runner, target: PostgresTarget) -> None:
    """What the original plan showed as an example."""
    runner.apply(SemanticViews())
    definition = target.query("SELECT pg_get_viewdef('bqx.reg_eurusd_semantic'::regclass)")[0][0]
    one = definition.replace("FROM bqx.reg_eurusd", "FROM bqx.reg_eurusd_2024_07 reg_eurusd")
    target.execute(f"CREATE OR REPLACE VIEW bqx.reg_eurusd_semantic AS {one}")
    bad = [c for c in runner.verify(SemanticViews()) if not c.passed]
    assert [(c.name, c.done) for c in bad] == [("rows of the views = rows of the tables", 2)]


def test_some_pairs_and_then_the_others(runner: Runner) -> None:
    runner.apply(SemanticViews(), Selection(pairs=("eurusd",)))
    assert runner.verify(SemanticViews())[0].done == 1
    assert runner.apply(SemanticViews()).outcome["relations"] == len(PAIRS) - 1
    assert runner.apply(SemanticViews()).outcome == {}
    with pytest.raises(ConfigError, match="leave out --months"):
        runner.plan(SemanticViews(), Selection(months=MONTHS))


def test_what_is_not_as_expected_is_refused(runner: Runner, target: PostgresTarget) -> None:
    target.execute("CREATE TABLE bqx.reg_eurusd_semantic (x int)")
    with pytest.raises(BlockedError, match="the names of the views are free: reg_eurusd_semantic"):
        runner.apply(SemanticViews())
    target.execute("DROP TABLE bqx.reg_eurusd_semantic")
    target.execute("ALTER TABLE bqx.reg_gbpusd DROP COLUMN w60_a_term")
    with pytest.raises(BlockedError, match="missing in reg_gbpusd"):
        runner.apply(SemanticViews())


def test_a_view_of_the_view_is_undone_first(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(SemanticViews())
    target.execute("CREATE VIEW bqx.mine AS SELECT ts_utc FROM bqx.reg_eurusd_semantic")
    with pytest.raises(StoreError, match=r"the view bqx.mine reads reg_eurusd_semantic"):
        runner.rollback(SemanticViews())


def test_an_empty_database_has_no_tables(database: str) -> None:
    with PostgresTarget(database) as target:
        runner = Runner(target)
        with pytest.raises(BlockedError, match="tables with all canonical columns"):
            runner.apply(SemanticViews())
        assert not any(c.passed for c in runner.verify(SemanticViews()))

"""The constant terms: added, filled, validated over all windows and partitions, dropped."""

from __future__ import annotations

import pytest

from bqx.errors import ConfigError, PostConditionError, StoreError
from bqx.stages import catalog
from bqx.stages.constant_checks import COLUMNS
from bqx.stages.constant_term import ConstantTerm
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.semantic_views import SemanticViews
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from servers import Server
from stages.few import MONTHS, PAIRS, content

BREAK = "UPDATE bqx.reg_eurusd_2024_08 SET w240_a_term = w240_a_term + 0.01"


def test_columns_are_added_filled_and_described(
    runner: Runner, target: PostgresTarget, server: Server, address: str
) -> None:
    before = content(server, address)
    result = runner.apply(ConstantTerm())
    assert [c.name for c in result.conditions] == [
        "columns of constant terms", "constant term = coefficient", "prediction = sum of terms",
        "tables with a comment",
    ]  # fmt: skip
    assert result.conditions[1].total == len(COLUMNS) * len(PAIRS) * len(MONTHS)
    for pair in PAIRS:
        wrong = " OR ".join(f"{c} IS DISTINCT FROM {c[:-13]}c_coef" for c in COLUMNS)
        assert target.query(f"SELECT count(*) FROM bqx.reg_{pair} WHERE {wrong}") == [(0,)]
        comment = catalog.comment(target, f"reg_{pair}")
        assert comment is not None
        assert f"rate_index of m1_{pair}" in comment
        last = catalog.columns(target, f"reg_{pair}_2024_07")[-6:]
        assert [c.name for c in last] == list(COLUMNS)
        assert {(c.type, c.default, c.required) for c in last} == {("double precision", "", False)}
    after = content(server, address)
    others = {n: h for n, h in after.hashes.items() if not n.startswith("reg_")}
    assert others.items() <= before.hashes.items()
    assert {h.split(":")[0] for h in after.hashes.values()} == {"0", "3", "6"}


def test_the_columns_are_ordinary_ones(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(ConstantTerm())
    assert target.execute("UPDATE bqx.reg_eurusd SET w60_constant_term = 1") == 6
    target.execute("ALTER TABLE bqx.reg_eurusd DROP COLUMN w60_c_coef")


def test_undoing_drops_just_these(
    runner: Runner, target: PostgresTarget, server: Server, address: str
) -> None:
    target.execute("COMMENT ON TABLE bqx.reg_eurusd IS 'it''s theirs'")
    before = content(server, address)
    runner.apply(ConstantTerm())
    assert content(server, address) != before
    runner.rollback(ConstantTerm())
    assert content(server, address) == before


def test_a_broken_prediction_is_rolled_back_and_named(
    runner: Runner, target: PostgresTarget, server: Server, address: str
) -> None:
    target.execute(BREAK)
    before = content(server, address)
    words = r"prediction = sum of terms: 3 rows of bqx.reg_eurusd_2024_08, window 240 \(35 of 36\)"
    with pytest.raises(PostConditionError, match=words):
        runner.apply(ConstantTerm())
    assert content(server, address) == before
    runner.apply(ConstantTerm(), Selection(pairs=("audusd", "gbpusd")))


def test_missing_values_on_one_side_are_wrong(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(ConstantTerm())
    target.execute("UPDATE bqx.reg_gbpusd_2024_07 SET w90_constant_term = NULL")
    bad = {c.name: c.found for c in runner.verify(ConstantTerm()) if not c.passed}
    assert set(bad) == {"constant term = coefficient", "prediction = sum of terms"}
    assert "3 rows of bqx.reg_gbpusd_2024_07, window 90" in bad["constant term = coefficient"]
    target.execute("UPDATE bqx.reg_gbpusd_2024_07 SET w90_constant_term = 'NaN'")
    assert {c.name for c in runner.verify(ConstantTerm()) if not c.passed} == set(bad)


def test_values_that_drifted_since_are_found(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(ConstantTerm())
    assert all(c.passed for c in runner.verify(ConstantTerm()))
    target.execute("UPDATE bqx.reg_gbpusd_2024_07 SET w60_constant_term = w60_c_coef + 2e-6")
    assert [c.name for c in runner.verify(ConstantTerm()) if not c.passed] == [
        "constant term = coefficient"
    ]


def test_half_of_the_pairs_is_partial(runner: Runner) -> None:
    runner.apply(ConstantTerm(), Selection(pairs=("eurusd",)))
    columns, own, *_ = runner.verify(ConstantTerm())
    assert (columns.done, columns.total) == (6, 18)
    assert (own.done, own.total) == (12, 36)
    result = runner.apply(ConstantTerm())
    assert (result.outcome["tables"], result.outcome["partitions"]) == (2, 2 * len(MONTHS))


def test_months_are_not_a_choice(runner: Runner) -> None:
    with pytest.raises(ConfigError, match="leave out --months"):
        runner.plan(ConstantTerm(), Selection(months=("2024_07",)))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "DROP TABLE bqx.reg_eurusd_2024_08",
            r"every pair has the same months: 1 missing: reg_eurusd_2024_08",
        ),
        (
            "ALTER TABLE bqx.reg_eurusd ADD COLUMN w60_constant_term float8",
            r"names of the new columns are free: reg_eurusd: w60_constant_term",
        ),
        (
            "ALTER TABLE bqx.reg_eurusd ADD COLUMN note text",
            r"no table has more columns than others: reg_eurusd: note",
        ),
        (
            "ALTER TABLE bqx.reg_eurusd DROP COLUMN w60_yhat_end",
            r"columns that are read: reg_eurusd: w60_yhat_end",
        ),
    ],
)
def test_what_is_not_as_expected_is_refused(
    runner: Runner, target: PostgresTarget, damage: str, words: str
) -> None:
    target.execute(damage)
    with pytest.raises(BlockedError, match=words):
        runner.apply(ConstantTerm())
    assert runner.history() == []


def test_a_table_without_the_coefficients_is_no_success(
    runner: Runner, target: PostgresTarget
) -> None:
    """It cannot be filled, so nothing is to be done; but it is not done either."""
    for pair in PAIRS:
        drops = ", ".join(f"DROP COLUMN {name[:-13]}c_coef" for name in COLUMNS)
        target.execute(f"ALTER TABLE bqx.reg_{pair} {drops}")
    assert runner.plan(ConstantTerm()).operations == ()
    with pytest.raises(PostConditionError, match="columns of constant terms"):
        runner.apply(ConstantTerm())


def test_what_stands_on_the_columns_is_undone_first(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(ConstantTerm())
    runner.apply(SemanticViews())
    with pytest.raises(StoreError, match=r"stage rollback BQX-2.13` first"):
        runner.rollback(ConstantTerm())
    runner.rollback(SemanticViews())
    target.execute("CREATE VIEW bqx.mine AS SELECT w60_constant_term FROM bqx.reg_eurusd")
    with pytest.raises(StoreError, match=r"the view bqx.mine reads reg_eurusd"):
        runner.rollback(ConstantTerm())
    target.execute("DROP VIEW bqx.mine")
    runner.rollback(ConstantTerm())

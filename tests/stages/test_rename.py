"""Renaming the four families: exact counts, old names, undo, and what is refused."""

from __future__ import annotations

import pytest

from bqx.errors import ConfigError, StoreError
from bqx.stages import catalog
from bqx.stages.rename import Rename
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from legacy.databases import legacy_template
from servers import Server
from stages.few import MONTHS, PAIRS, content

RELATIONS = 4 * len(PAIRS) * (1 + len(MONTHS))


def tables(target: PostgresTarget, middle: str) -> list[str]:
    return [r.name for r in catalog.relations(target, f".*_{middle}_.*") if r.kind != "view"]


def test_everything_is_renamed_and_nothing_is_lost(
    runner: Runner, target: PostgresTarget, server: Server, address: str
) -> None:
    before = content(server, address)
    result = runner.apply(Rename())
    after = content(server, address)
    assert (len(tables(target, "rate")), tables(target, "features")) == (RELATIONS, [])
    assert after.hashes == {
        name.replace("_features_", "_rate_"): found for name, found in before.hashes.items()
    }
    names = [c.name for c in result.conditions]
    assert names == [
        "relations under the new names", "rows of statistics", "rows of bollinger",
        "rows of fibonacci", "rows of correlation", "old names that are gone",
    ]  # fmt: skip
    assert result.outcome["relations"] == RELATIONS
    assert result.outcome["rows"] == 3 * len(PAIRS) * len(MONTHS) * 3
    assert {"rename", "counts", "checks"} <= set(result.outcome["seconds"])


def test_undoing_restores_the_catalogue_and_the_rows(
    runner: Runner, server: Server, address: str
) -> None:
    before = content(server, address)
    for stage in (Rename(), Rename(old_names=True)):
        runner.apply(stage)
        runner.rollback(stage)
        assert content(server, address) == before


def test_old_names_stay_readable_where_wanted(runner: Runner, target: PostgresTarget) -> None:
    before = catalog.content_hashes(target, tables(target, "features"))
    result = runner.apply(Rename(old_names=True))
    assert result.conditions[-1].name == "old names that read"
    assert catalog.content_hashes(target, before) == before
    assert all(c.passed for c in runner.verify(Rename()))
    target.execute("DROP VIEW bqx.statistics_features_eurusd")
    assert not runner.verify(Rename())[-1].passed


def test_views_of_the_users_go_along(runner: Runner, target: PostgresTarget) -> None:
    target.execute("CREATE VIEW bqx.mine AS SELECT ts_utc FROM bqx.statistics_features_eurusd")
    runner.apply(Rename())
    assert catalog.count(target, "mine") == catalog.count(target, "statistics_rate_eurusd")


def test_a_few_pairs_can_be_renamed(runner: Runner, target: PostgresTarget) -> None:
    some = Selection(pairs=("eurusd",))
    runner.apply(Rename(), some)
    assert len(tables(target, "rate")) == RELATIONS // len(PAIRS)
    assert all(c.passed for c in runner.verify(Rename(), some))
    whole = runner.verify(Rename())
    assert (whole[0].done, whole[0].total) == (RELATIONS // len(PAIRS), RELATIONS)
    assert not whole[-1].passed
    runner.apply(Rename())
    assert all(c.passed for c in runner.verify(Rename()))


def test_months_are_not_a_choice(runner: Runner) -> None:
    with pytest.raises(ConfigError, match="leave out --months"):
        runner.plan(Rename(), Selection(months=("2024_07",)))


def test_a_second_application_has_nothing_to_do(runner: Runner) -> None:
    runner.apply(Rename())
    assert runner.apply(Rename()).plan.operations == ()  # type: ignore[union-attr]


def test_later_rows_are_no_loss_but_missing_ones_are(
    runner: Runner, target: PostgresTarget
) -> None:
    runner.apply(Rename())
    row = "INSERT INTO bqx.statistics_rate_eurusd (ts_utc) VALUES ('2024-07-30 00:00+00')"
    target.execute(row)
    assert all(c.passed for c in runner.verify(Rename()))
    target.execute("TRUNCATE bqx.statistics_rate_eurusd_2024_08")
    bad = [c for c in runner.verify(Rename()) if not c.passed]
    assert [(c.name, c.done, c.total) for c in bad] == [("rows of statistics", 2, 3)]


def test_a_table_that_is_gone_is_missed(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(Rename())
    target.execute("DROP TABLE bqx.bollinger_rate_eurusd")
    bad = {c.name for c in runner.verify(Rename()) if not c.passed}
    assert bad == {"relations under the new names", "rows of bollinger"}
    with pytest.raises(StoreError, match=r"3 relations that were renamed are gone: bollinger_rate"):
        runner.rollback(Rename())


def test_partitions_that_came_later_are_renamed_back_too(
    runner: Runner, target: PostgresTarget
) -> None:
    runner.apply(Rename())
    target.execute(
        "CREATE TABLE bqx.statistics_rate_eurusd_2024_09 PARTITION OF bqx.statistics_rate_eurusd"
        " FOR VALUES FROM ('2024-09-01+00') TO ('2024-10-01+00')"
    )
    runner.rollback(Rename())
    assert tables(target, "rate") == []
    assert "statistics_features_eurusd_2024_09" in tables(target, "features")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "CREATE TABLE bqx.statistics_rate_eurusd (x int)",
            r"the new names are free: 1 are taken: statistics_rate_eurusd",
        ),
        (
            "DROP TABLE bqx.statistics_features_eurusd_2024_08",
            r"1 missing: statistics_features_eurusd_2024_08",
        ),
        (
            "ALTER TABLE bqx.bollinger_features_gbpusd ADD COLUMN note text",
            r"bollinger_features_gbpusd \(note\)",
        ),
    ],
)
def test_what_is_not_as_expected_is_refused(
    runner: Runner, target: PostgresTarget, damage: str, words: str
) -> None:
    target.execute(damage)
    old = tables(target, "features")
    with pytest.raises(BlockedError, match=words):
        runner.apply(Rename())
    assert tables(target, "features") == old
    runner.apply(Rename(), Selection(pairs=("audusd",)))


def test_an_empty_database_has_nothing_to_rename(database: str) -> None:
    with PostgresTarget(database) as target:
        runner = Runner(target)
        with pytest.raises(BlockedError, match="tables of the four families"):
            runner.apply(Rename())
        assert not any(c.passed for c in runner.verify(Rename()))


@pytest.mark.slow
def test_the_whole_universe(server: Server) -> None:
    address = legacy_template(server, "structure")
    before = content(server, address)
    with PostgresTarget(address) as target:
        runner = Runner(target)
        result = runner.apply(Rename())
        assert result.outcome["relations"] == 1456
        assert tables(target, "features") == []
        for family in ("statistics", "bollinger", "fibonacci", "correlation"):
            there = [n for n in tables(target, "rate") if n.startswith(family)]
            assert len(there) == 364
        runner.rollback(Rename())
    assert content(server, address) == before

"""The runner: it confirms, locks, refuses, verifies and writes the ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqx.errors import BudgetError, PostConditionError, StoreError
from bqx.stages import catalog
from bqx.stages.estimate import Limits
from bqx.stages.rates import Rates
from bqx.stages.runner import ALL, BlockedError, Clock, Runner, require
from bqx.stages.stage import Condition, Estimate
from bqx.stages.target import PostgresTarget
from stages.toys import Toy, failing


@pytest.fixture
def runner(database: str) -> Iterator[Runner]:
    with PostgresTarget(database) as target:
        target.execute("CREATE SCHEMA bqx")
        yield Runner(target)


def there(runner: Runner) -> bool:
    assert isinstance(runner.target, PostgresTarget)
    return bool(catalog.relations(runner.target, "toy"))


def test_a_stage_is_applied_and_written_down(runner: Runner) -> None:
    toy, told = Toy(), list[str]()
    plan = runner.plan(toy)
    result = runner.apply(toy, confirmed=plan.hash, monitor=lambda *said: told.append(said[2]))
    assert told == ["toy"]
    assert [c.passed for c in result.conditions] == [True, True]
    (run,) = runner.history()
    assert (run.code, run.action, run.status, run.plan_hash) == (
        toy.code, "apply", "done", plan.hash,
    )  # fmt: skip
    assert run.outcome["relations"] == 1
    assert [c["passed"] for c in run.outcome["conditions"]] == [True, True]
    assert run.plan["operations"][0]["kind"] == "build"
    assert run.seconds is not None
    assert "@" in run.who
    assert result.to_json()["plan"]["hash"] == plan.hash


def test_applying_twice_does_nothing_the_second_time(runner: Runner) -> None:
    runner.apply(Toy())
    result = runner.apply(Toy())
    assert result.plan is not None
    assert result.plan.operations == ()
    assert len(runner.history()) == 1


def test_a_plan_that_changed_since_it_was_confirmed_is_refused(runner: Runner) -> None:
    confirmed = runner.plan(Toy()).hash
    runner.apply(Toy())
    with pytest.raises(BlockedError, match=f"expected: the plan that was confirmed, {confirmed}"):
        runner.apply(Toy(), confirmed=confirmed)


def test_preconditions_that_do_not_hold_are_named(database: str) -> None:
    with PostgresTarget(database) as target:
        runner = Runner(target)
        with pytest.raises(BlockedError, match=r"BQX-9.1 cannot start: a schema: False") as caught:
            runner.apply(Toy())
        assert caught.value.exit_code == 1
        assert caught.value.hint == "make it"
        assert runner.history() == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(seconds=0.5), "1 seconds"),
        (Limits(bytes=999), "1,000 bytes of tables"),
        (Limits(wal=1), "2,000 bytes of write-ahead log"),
        (Limits(memory=2999), "3,000 bytes of memory"),
    ],
)
def test_a_plan_beyond_a_limit_does_not_start(runner: Runner, limits: Limits, words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        runner.apply(Toy(), limits=limits)
    assert not there(runner)
    runner.apply(Toy(), limits=Limits(1.0, 1000, 2000, 3000))


def test_a_failure_is_written_down_and_nothing_stays(runner: Runner) -> None:
    with pytest.raises(StoreError, match="it broke"):
        runner.apply(Toy(during=failing))
    assert not there(runner)
    (run,) = runner.history()
    assert (run.status, run.finished is not None) == ("failed", True)
    assert "it broke" in run.message


def test_an_interruption_is_written_down(runner: Runner) -> None:
    def interrupted(_: PostgresTarget) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.apply(Toy(during=interrupted))
    assert not there(runner)
    assert [run.status for run in runner.history()] == ["interrupted"]


@pytest.mark.parametrize("checks", [True, False])
def test_a_result_that_is_wrong_is_no_success(runner: Runner, checks: bool) -> None:
    """Whoever looks: the stage before it commits, or the runner afterwards."""
    wrong = Toy(after=lambda target: target.execute("DELETE FROM bqx.toy"), checks=checks)
    with pytest.raises(PostConditionError, match=r"rows of the toy: 0 \(0 of 2\)"):
        runner.apply(wrong)
    assert [run.status for run in runner.history()] == ["failed"]


def test_a_stage_is_rolled_back_once(runner: Runner) -> None:
    runner.apply(Toy())
    result = runner.rollback(Toy())
    assert not there(runner)
    assert (result.action, result.plan) == ("rollback", None)
    assert [run.action for run in runner.history()] == ["rollback", "apply"]
    with pytest.raises(StoreError, match="was not applied"):
        runner.rollback(Toy())


def test_a_rollback_that_fails_leaves_what_was(runner: Runner) -> None:
    runner.apply(Toy())
    with pytest.raises(StoreError, match="it broke"):
        runner.rollback(Toy(during=failing))
    assert there(runner)
    runner.rollback(Toy())


def test_one_stage_at_a_time(runner: Runner, database: str) -> None:
    def other(_: PostgresTarget) -> None:
        with PostgresTarget(database) as second:
            Runner(second).apply(Toy())

    with pytest.raises(StoreError, match="another process is changing"):
        runner.apply(Toy(during=other))
    assert not there(runner)
    runner.apply(Toy())


def test_the_lock_is_free_after_a_failure(runner: Runner, database: str) -> None:
    with pytest.raises(StoreError):
        runner.apply(Toy(during=failing))
    with PostgresTarget(database) as second:
        Runner(second).apply(Toy())


def test_nothing_looked_at_has_not_passed() -> None:
    empty = Condition("tables", "none", "some", 0, 0)
    with pytest.raises(PostConditionError, match=r"tables: none \(0 of 0\); also more"):
        require([Condition("fine", "1", "1", 1, 1), empty, Condition("more", "", "", 0, 1)])
    require([Condition("fine", "1", "1", 1, 1)])


def test_a_clock_adds_the_laps_of_a_part() -> None:
    clock = Clock()
    clock.lap("a")
    clock.lap("b")
    clock.lap("a")
    assert list(clock.seconds) == ["a", "b"]
    assert all(seconds >= 0 for seconds in clock.seconds.values())


def test_everything_is_selected_by_default() -> None:
    assert ALL.has("eurusd", "2024_07")


def test_rates_are_measured_once(runner: Runner) -> None:
    from bqx.stages import rates

    assert isinstance(runner.target, PostgresTarget)
    first = rates.rates(runner.target)
    assert first == rates.rates(runner.target)
    assert all(value > 0 for value in vars(first).values())
    assert runner.target.query("SELECT to_regnamespace('bqx_meta_probe')") == [(None,)]


def test_the_estimate_follows_the_work() -> None:
    from bqx.stages.estimate import estimate
    from bqx.stages.stage import Operation

    rates = Rates(100, 1000, 10, 1e6, 2e6, 4e6, 1.5, 1000, 1e7)
    rename = Operation("rename", "", 200)
    assert estimate(rates, [rename]) == Estimate(2.0, 0, 200_000, estimate(rates, []).memory)
    fill = Operation("fill", "", 10, 5, 8_000_000)
    assert estimate(rates, [fill]).seconds == pytest.approx(4.0)
    assert estimate(rates, [fill]).wal == 12_010_000
    build = Operation("build", "", 0, 5, 3_000_000)
    cost = estimate(rates, [build], values=10_000_000, read=4_000_000, opened=500)
    assert cost.seconds == pytest.approx(3.0 + 1.0 + 1.0 + 0.5)
    assert cost.bytes == 3_000_000

"""The status of a stage is what its post-conditions say, and nobody can type it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from bqx.errors import StoreError, UnknownNameError
from bqx.stages import status
from bqx.stages.board import FIELDS, board_rows, export
from bqx.stages.ledger import ledger_of
from bqx.stages.registry import AnyStage, stage, stages
from bqx.stages.runner import Runner
from bqx.stages.stage import Kind
from bqx.stages.status import Status, statuses
from bqx.stages.target import LEDGER, PostgresTarget
from stages.toys import Successor, Toy, failing


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> tuple[AnyStage, ...]:
    found: tuple[AnyStage, ...] = (Toy(), Successor())
    monkeypatch.setattr(status, "stages", lambda _: found)
    return found


@pytest.fixture
def target(database: str) -> Iterator[PostgresTarget]:
    with PostgresTarget(database) as found:
        found.execute("CREATE SCHEMA bqx")
        yield found


@pytest.fixture
def runner(target: PostgresTarget, toys: tuple[AnyStage, ...]) -> Runner:
    assert toys
    return Runner(target)


def of_toy(runner: Runner) -> Status:
    return statuses(runner)[0]


def test_a_stage_is_to_do_then_done_then_to_do_again(runner: Runner) -> None:
    assert of_toy(runner).text == "todo"
    runner.apply(Toy())
    done = of_toy(runner)
    assert (done.text, done.plan) == ("done", None)
    assert done.last is not None
    runner.rollback(Toy())
    assert of_toy(runner).text == "todo"


def test_what_was_lost_since_is_not_done(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(Toy())
    target.execute("DELETE FROM bqx.toy WHERE x = 1")
    found = of_toy(runner)
    assert found.text == "partial (1 of 2)"
    assert found.detail == "rows of the toy: 1, expected 2"
    target.execute("DELETE FROM bqx.toy")
    assert of_toy(runner).text == "todo"


def test_more_than_expected_is_partial(runner: Runner, target: PostgresTarget) -> None:
    """The work is there, but a condition is broken: conditions are counted."""
    runner.apply(Toy())
    target.execute("INSERT INTO bqx.toy SELECT 3")
    assert of_toy(runner).text == "partial (1 of 2)"


def test_work_done_by_hand_counts(runner: Runner, target: PostgresTarget) -> None:
    target.execute("CREATE TABLE bqx.toy AS SELECT 1 AS x UNION ALL SELECT 2")
    assert of_toy(runner).text == "done"


def test_nobody_can_type_done(runner: Runner, target: PostgresTarget) -> None:
    with pytest.raises(StoreError):
        runner.apply(Toy(during=failing))
    target.execute(f"UPDATE {LEDGER} SET status = 'done', message = ''")
    assert of_toy(runner).text == "todo"


def test_a_stage_that_cannot_start_is_blocked(runner: Runner, target: PostgresTarget) -> None:
    target.execute("DROP SCHEMA bqx")
    found = of_toy(runner)
    assert (found.text, found.detail) == ("blocked", "a schema: False, expected True")


def test_a_stage_that_failed_says_why(runner: Runner) -> None:
    with pytest.raises(StoreError):
        runner.apply(Toy(during=failing))
    found = of_toy(runner)
    assert found.text == "failed last"
    assert "it broke" in found.detail
    runner.apply(Toy())
    assert of_toy(runner).text == "done"


def test_a_stage_can_be_superseded(runner: Runner, target: PostgresTarget) -> None:
    target.execute("CREATE TABLE bqx.newer (x int)")
    assert [s.text for s in statuses(runner)] == ["superseded by BQX-9.2", "done"]


def test_a_stage_that_cannot_be_verified_is_not_done(runner: Runner) -> None:
    class Broken(Toy):
        def verify(self, *_: object) -> list[object]:  # type: ignore[override]
            raise StoreError("no such table")

    (found,) = statuses(runner, [Broken()])
    assert found.text == "todo"
    assert "no such table" in found.detail


def test_a_run_whose_session_is_gone_was_interrupted(
    runner: Runner, target: PostgresTarget, database: str
) -> None:
    with PostgresTarget(database) as other, other.exclusive():
        ledger_of(other).begin(Toy.code, "apply", "0", {})
        assert [run.status for run in runner.history()] == ["running"]
    assert [run.status for run in runner.history()] == ["interrupted"]
    assert of_toy(runner).text == "failed last"
    stored = f"SELECT status, finished IS NULL FROM {LEDGER} ORDER BY id"
    assert target.query(stored) == [("running", True)]
    runner.apply(Toy())
    assert target.query(stored) == [("interrupted", False), ("done", False)]


def test_the_ledger_is_empty_where_it_was_never_made(target: PostgresTarget) -> None:
    assert ledger_of(target).runs() == []


def test_the_history_of_one_stage(runner: Runner) -> None:
    runner.apply(Toy())
    runner.rollback(Toy())
    assert [run.action for run in runner.history(Toy.code)] == ["rollback", "apply"]
    assert runner.history("BQX-9.2") == []
    assert json.loads(json.dumps(runner.history()[0].to_json()))["status"] == "done"


def test_the_board_has_the_fields_of_a_tracker(runner: Runner, target: PostgresTarget) -> None:
    todo, _ = board_rows(target)
    assert tuple(todo) == FIELDS
    assert todo["stage_id"] == "9.1 - A toy"
    assert (todo["status"], todo["duration"], todo["partitions_affected"]) == (
        "todo", "a minute", 1,
    )  # fmt: skip
    assert (todo["estimated_cost"], todo["features_added"], todo["workers"]) == (0.5, 1, 1)
    assert (todo["backup_required"], todo["validation_queries"]) == (False, 2)
    runner.apply(Toy())
    done = board_rows(target)[0]
    assert done["status"] == "done"
    assert done["duration"].endswith(" s")


def test_the_board_in_files(runner: Runner, target: PostgresTarget) -> None:
    runner.apply(Toy())
    rows = board_rows(target)
    assert json.loads(export(rows, "json")) == rows
    read = list(csv.DictReader(io.StringIO(export(rows, "csv"))))
    assert [row["status"] for row in read] == [row["status"] for row in rows]
    lines = export([{**rows[0], "description": "a | b"}], "markdown").splitlines()
    assert len(lines) == 3
    assert "a \\| b" in lines[2]


@pytest.mark.parametrize("text", ["2.11", "BQX-2.11", "bqx-2.11", " 2.11 "])
def test_a_stage_is_found_by_its_code(text: str) -> None:
    assert stage(text).code == "BQX-2.11"


def test_an_unknown_code_is_answered_with_close_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"no stage '2.111'") as caught:
        stage("2.111")
    assert "BQX-2.11" in caught.value.expected


@pytest.mark.parametrize("kind", ["postgresql", "embedded"])
def test_every_stage_is_declared_completely(kind: Kind) -> None:
    found = stages(kind)
    assert len({s.code for s in found}) == len(found) > 0
    for each in found:
        assert each.kind == kind
        assert each.title
        assert each.summary.endswith(".")
        assert not set(each.supersedes) - {s.code for s in found}
        assert each.describe()["code"] == each.code

"""`bqx stage` from the command line, on a real database and on a folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bqx.cli.app import app
from bqx.stages.board import FIELDS
from bqx.stages.target import PostgresTarget
from servers import Server
from stages.few import content, few


@pytest.fixture
def address(server: Server) -> str:
    return few(server)


def stage(*arguments: object, code: int = 0) -> Result:
    words = ["stage", *(str(a) for a in arguments)]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output + result.stderr
    return result


def test_a_stage_from_plan_to_rollback(address: str, server: Server) -> None:
    before = content(server, address)
    store = ("--store", address)
    shown = stage("plan", "1.6.9", "--explain", *store).stdout
    assert "ALTER TABLE bqx." in shown
    assert "ACCESS EXCLUSIVE" in shown
    assert shown.endswith("ready\n")
    plan = json.loads(stage("plan", "1.6.9", "--json", *store).stdout)
    assert plan["operations"][0]["count"] == 36
    assert plan["hash"] in shown
    assert "ready" in stage("apply", "1.6.9", "--dry-run", *store).stdout
    assert "ALTER TABLE" in stage("apply", "1.6.9", "--explain", *store).stdout
    assert content(server, address) == before
    stage("verify", "1.6.9", *store, code=1)
    done = stage("apply", "1.6.9", "--yes", "--plan", plan["hash"], *store)
    assert "BQX-1.6.9: applied in" in done.stdout
    assert "committed" in done.stderr
    assert "ok" in stage("verify", "1.6.9", *store).stdout
    assert "nothing to do" in stage("apply", "BQX-1.6.9", "-y", *store).stdout
    assert "would undo" in stage("rollback", "1.6.9", "--dry-run", *store).stdout
    assert "rolled back" in stage("rollback", "1.6.9", "--yes", *store).stdout
    assert content(server, address) == before
    history = stage("history", *store).stdout
    assert history.index("rollback") < history.index("apply")
    lines = json.loads(stage("history", "1.6.9", "--json", *store).stdout)
    assert [(x["action"], x["status"]) for x in lines] == [("rollback", "done"), ("apply", "done")]


def test_json_of_every_command(address: str) -> None:
    store = ("--store", address, "--json")
    applied = json.loads(stage("apply", "2.11", "--yes", "--pairs", "eurusd", *store).stdout)
    assert applied["outcome"]["partitions"] == 2
    assert [c["passed"] for c in applied["conditions"]] == [True] * 4
    conditions = json.loads(stage("verify", "2.11", "--pairs", "eurusd", *store).stdout)
    assert all(c["passed"] for c in conditions)
    assert json.loads(stage("verify", "2.11", *store, code=1).stdout)[0]["done"] == 6
    assert json.loads(stage("rollback", "2.11", "--yes", *store).stdout)["action"] == "rollback"


def test_nobody_to_ask_is_no_consent(address: str) -> None:
    refused = stage("apply", "2.11", "--store", address, code=2)
    assert "expected: --yes" in refused.stderr
    stage("apply", "2.11", "--yes", "--store", address)
    refused = stage("rollback", "2.11", "--store", address, code=2)
    assert "stdin is no terminal" in refused.stderr


def test_the_user_sees_the_plan_and_is_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bqx.cli.stage.needs_terminal", lambda: None)
    words = ["stage", "apply", "2.13", "--store", address]
    no = CliRunner().invoke(app, words, input="n\n", env={"COLUMNS": "200"})
    assert no.exit_code == 1
    assert "3 views" in no.stdout
    assert "Apply BQX-2.13" in no.stderr
    yes = CliRunner().invoke(app, words, input="y\n", env={"COLUMNS": "200"})
    assert "applied in" in yes.stdout
    words[1] = "rollback"
    assert CliRunner().invoke(app, words, input="n\n").exit_code == 1
    assert "rolled back" in CliRunner().invoke(app, words, input="y\n").stdout


def test_exit_codes_of_refusals(address: str, tmp_path: Path) -> None:
    store = ("--store", address)
    over = stage("apply", "2.11", "--yes", "--max-seconds", "0.0001", *store, code=4)
    assert "--max-seconds" in over.stderr
    stage("apply", "2.11", "--yes", "--max-bytes", "1k", *store, code=4)
    stage("apply", "2.11", "--yes", "--max-wal", "1k", *store, code=4)
    stage("apply", "2.11", "--yes", "--max-memory", "1k", *store, code=4)
    changed = stage("apply", "2.11", "--yes", "--plan", "abc", *store, code=1)
    assert "confirmed, abc" in changed.stderr
    assert "BQX-2.11" in stage("plan", "2.111", *store, code=2).stderr
    assert "was not applied" in stage("rollback", "2.11", "--yes", *store, code=2).stderr
    stage("apply", "2.11", "--yes", "--old-names", *store, code=2)
    stage("verify", "2.11", "--html", tmp_path / "page.html", *store, code=2)
    with PostgresTarget(address) as target:
        target.execute("UPDATE bqx.reg_eurusd SET w60_b_term = 5")
    broken = stage("apply", "2.11", "--yes", *store, code=3)
    assert "window 60" in broken.stderr
    with PostgresTarget(address) as target:
        target.execute("DROP TABLE bqx.reg_eurusd_2024_07")
    assert "1 missing" in stage("apply", "2.11", "--yes", *store, code=1).stderr
    assert "not ready" in stage("plan", "2.11", *store, code=1).stdout


def test_old_names_are_an_option(address: str) -> None:
    stage("apply", "1.6.9", "--old-names", "--yes", "--store", address)
    with PostgresTarget(address) as target:
        assert target.query("SELECT count(*) FROM bqx.statistics_features_eurusd") == [(6,)]


def test_all_stages_with_their_status(address: str) -> None:
    store = ("--store", address)
    stage("apply", "1.6.9", "--yes", *store)
    found = {s["code"]: s["status"] for s in json.loads(stage("list", "--json", *store).stdout)}
    assert found["BQX-1.6.9"] == "done"
    assert found["BQX-2.11"] == found["BQX-2.13"] == "todo"
    assert "BQX-2.11" in stage("list", *store).stdout


def test_the_board_in_all_formats(address: str, tmp_path: Path) -> None:
    store = ("--store", address)
    assert "BQX-2.11" in stage("board", *store).stdout
    rows = json.loads(stage("board", "--format", "json", *store).stdout)
    assert tuple(rows[0]) == FIELDS
    text = stage("board", "--format", "csv", *store).stdout
    assert [r["stage_code"] for r in csv.DictReader(io.StringIO(text))] == [
        r["stage_code"] for r in rows
    ]
    file = tmp_path / "board.md"
    stage("board", "--format", "markdown", "--out", file, *store)
    assert file.read_text(encoding="utf-8").startswith("| stage_id |")


def test_the_store_comes_from_the_environment(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BQX_STORE", address)
    assert json.loads(stage("history", "--json").stdout) == []


def test_a_store_that_is_none(tmp_path: Path) -> None:
    assert "no store at" in stage("list", "--store", tmp_path, code=2).stderr
    lost = stage("list", "--store", "postgresql://127.0.0.1:1/x", code=2)
    assert "cannot connect to PostgreSQL" in lost.stderr


def test_a_folder_has_stages_too(tmp_path: Path) -> None:
    from bqx.api import open as open_path

    open_path(tmp_path / "store").close()
    found = json.loads(stage("list", "--store", tmp_path / "store", "--json").stdout)
    assert len(found) > 20
    assert "done" not in {s["status"] for s in found}

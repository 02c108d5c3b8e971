"""The board of a real database in AirTable, by the command line: what is true, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from bqx import redaction
from bqx.cli.app import app
from stages.airtable_server import AirTableServer, airtable

TOKEN = "patTESTSTESTSTEST." + "1e" * 32
RENAME = "BQX-1.6.9"


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Iterator[AirTableServer]:
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setenv("AIRTABLE_TOKEN", TOKEN)
    with airtable(TOKEN) as found:
        yield found


def bqx(words: str, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words.split(), *options])
    return result.exit_code, result.output


@pytest.fixture
def legacy(database: str) -> str:
    """A database as the first version left it, with one pair and one month."""
    code, output = bqx("legacy create --pairs eurusd --months 2024_07:2024_07", "--to", database)
    assert code == 0, output
    return database


def push(tracker: AirTableServer, store: str, *options: str) -> tuple[int, Any]:
    place = (
        f"stage push --to airtable --base {tracker.base} --table Stages --endpoint {tracker.url}"
    )
    code, output = bqx(f"{place} --json", "--store", store, *options)
    assert TOKEN not in output
    return code, json.loads(output)


def stored(tracker: AirTableServer, code: str = RENAME) -> dict[str, Any]:
    [found] = [r for r in tracker.table.records.values() if r["stage_code"] == code]
    return found


def codes(changes: list[dict[str, Any]]) -> list[str]:
    return [str(change["code"]) for change in changes]


@pytest.mark.slow
def test_the_board_follows_the_database(tracker: AirTableServer, legacy: str) -> None:
    code, report = push(tracker, legacy, "--dry-run")
    assert code == 0
    assert RENAME in codes(report["created"])
    assert not tracker.table.records

    code, report = push(tracker, legacy)
    assert code == 0
    assert len(report["created"]) == len(tracker.table.records)
    assert stored(tracker)["status"] == "todo"

    code, report = push(tracker, legacy)
    assert code == 0
    assert not report["created"]
    assert not report["updated"]
    assert len(report["unchanged"]) == len(tracker.table.records)

    assert bqx(f"stage apply {RENAME} --yes", "--store", legacy)[0] == 0
    code, report = push(tracker, legacy)
    assert code == 0
    assert RENAME in codes(report["updated"])
    assert stored(tracker)["status"] == "done"


def test_what_is_not_done_is_not_lowered_in_silence(tracker: AirTableServer, database: str) -> None:
    tracker.table.add(stage_code=RENAME, status="Done")
    code, report = push(tracker, database)
    assert code == 1
    assert codes(report["lowered"]) == [RENAME]
    assert stored(tracker) == {"stage_code": RENAME, "status": "Done"}

    code, report = push(tracker, database, "--allow-lower")
    assert code == 0
    assert stored(tracker)["status"] == "blocked"


def test_the_command_explains_a_refusal(tracker: AirTableServer, database: str) -> None:
    place = f"stage push --base {tracker.base} --table Other --endpoint {tracker.url}"
    code, output = bqx(place, "--store", database)
    assert code == 2
    assert "403 INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND" in output
    code, output = bqx(f"{place} --token env:NOT_SET_AT_ALL", "--store", database)
    assert code == 2
    assert "env:NOT_SET_AT_ALL does not resolve" in output

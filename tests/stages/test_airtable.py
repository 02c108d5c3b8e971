"""The ledger in AirTable: pushed once, told about, and never lowered in silence."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from bqx import redaction
from bqx.errors import ConfigError
from bqx.stages.airtable import AirTable, AirTableOptions
from bqx.stages.board import FIELDS
from bqx.stages.patience import INTERVAL
from bqx.stages.tracker import PushReport, TrackerError, progress
from stages.airtable_server import PENALTY, AirTableServer, AirTableTable, ApiError, Time, airtable

TOKEN = "patTESTSTESTSTEST." + "0f" * 32


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setenv("BQX_TEST_TOKEN", TOKEN)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def server(clock: Time) -> Iterator[AirTableServer]:
    with airtable(TOKEN, clock) as found:
        yield found


def options(server: AirTableServer, **changes: Any) -> AirTableOptions:
    found = AirTableOptions(server.base, "Stages", "env:BQX_TEST_TOKEN", endpoint=server.url)
    return replace(found, **changes)


def push(server: AirTableServer, rows: list[dict[str, Any]], **changes: Any) -> PushReport:
    clock = server.clock
    assert isinstance(clock, Time)
    return AirTable(options(server, **changes), sleep=clock.sleep, clock=clock).push(rows)


def stage(code: str, status: str = "todo", **changes: Any) -> dict[str, Any]:
    row = {
        "stage_id": f"{code} a title",
        "stage_code": code,
        "status": status,
        "description": "What it does.",
        "duration": "30 minutes",
        "estimated_cost": 0.16,
        "workers": 1,
        "features_added": 6,
        "partitions_affected": 336,
        "backup_required": False,
        "validation_queries": 2,
    }
    return row | changes


def stages(count: int, status: str = "todo") -> list[dict[str, Any]]:
    return [stage(f"BQX-2.{number}", status) for number in range(count)]


def failure(server: AirTableServer, rows: list[dict[str, Any]], **changes: Any) -> TrackerError:
    with pytest.raises(TrackerError) as caught:
        push(server, rows, **changes)
    text = "".join(traceback.format_exception(caught.value))
    assert TOKEN not in text
    assert caught.value.hint
    return caught.value


# What a push does


def test_rows_are_created_in_batches_of_ten(server: AirTableServer) -> None:
    report = push(server, stages(23))
    assert len(report.created) == 23
    assert report.passed
    assert [len(body["records"]) for body in server.writes] == [10, 10, 3]
    stored = {record["stage_code"]: record for record in server.table.records.values()}
    assert stored["BQX-2.7"] == stage("BQX-2.7")
    assert set(stored["BQX-2.7"]) == set(FIELDS)


def test_a_second_push_changes_nothing_and_says_so(server: AirTableServer) -> None:
    push(server, stages(12))
    before = len(server.writes)
    report = push(server, stages(12))
    assert len(server.writes) == before
    assert len(report.unchanged) == 12
    assert not report.created
    assert not report.updated
    assert "0 created, 0 updated, 12 unchanged" in report.to_text()


@pytest.mark.parametrize("value", [None, "", False, [], "with a line\n", "two\nlines", 0, 7.5])
def test_every_kind_of_cell_is_the_same_the_second_time(server: AirTableServer, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    name = "workers" if number else "backup_required" if value is False else "description"
    push(server, [stage("BQX-2.11", **{name: value})])
    assert push(server, [stage("BQX-2.11", **{name: value})]).unchanged == ("BQX-2.11",)


def test_only_cells_that_differ_are_sent(server: AirTableServer) -> None:
    push(server, stages(3))
    server.calls.clear()
    rows = [*stages(2), stage("BQX-2.2", "done", workers=8)]
    report = push(server, rows)
    assert [change.code for change in report.updated] == ["BQX-2.2"]
    [body] = server.writes
    [record] = body["records"]
    assert record["fields"] == {"stage_code": "BQX-2.2", "status": "done", "workers": 8}
    assert "BQX-2.2: status 'todo' -> 'done'; workers 1 -> 8" in report.to_text()


def test_fields_and_rows_of_others_stay(server: AirTableServer) -> None:
    server.table.types["notes"] = "text"
    mine = server.table.add(stage_code="BQX-2.11", notes="mine")
    other = server.table.add(stage_code="BQX-9.1", status="Done")
    nameless = server.table.add(status="Todo")
    report = push(server, [stage("BQX-2.11")])
    assert server.table.records[mine]["notes"] == "mine"
    assert server.table.records[other] == {"stage_code": "BQX-9.1", "status": "Done"}
    assert server.table.records[nameless] == {"status": "Todo"}
    assert report.unknown == ("(no code)", "BQX-9.1")
    assert report.passed


def test_a_dry_run_writes_nothing(server: AirTableServer) -> None:
    server.table.add(**stage("BQX-2.0", "todo", workers=3))
    report = push(server, stages(2, "done"), dry_run=True)
    assert not server.writes
    assert report.dry_run
    assert [change.code for change in report.created] == ["BQX-2.1"]
    assert report.updated[0].before == {"status": "todo", "workers": 3}
    assert "1 would be created, 1 would be updated" in report.to_text()


def test_a_code_typed_otherwise_is_found_and_corrected(server: AirTableServer) -> None:
    identity = server.table.add(**stage(" bqx-2.12-RATE"))
    report = push(server, [stage("BQX-2.12-rate")])
    assert [change.code for change in report.updated] == ["BQX-2.12-rate"]
    assert server.table.records == {identity: stage("BQX-2.12-rate")}


def test_a_code_that_is_there_twice_is_told_and_not_multiplied(server: AirTableServer) -> None:
    ids = (server.table.add(stage_code="BQX-2.1"), server.table.add(stage_code="BQX-2.1"))
    report = push(server, stages(3))
    assert report.duplicates == {"BQX-2.1": ids}
    assert not report.passed
    assert [change.code for change in report.created] == ["BQX-2.0", "BQX-2.2"]
    assert server.table.records[ids[0]] == {"stage_code": "BQX-2.1"}
    assert "repeated BQX-2.1: 2 rows" in report.to_text()


def test_pages_are_read_to_the_end(server: AirTableServer) -> None:
    push(server, stages(230))
    report = push(server, stages(230))
    assert len(report.unchanged) == 230
    assert not report.duplicates


# Statuses that go down


@pytest.mark.parametrize(
    ("status", "claim"),
    [
        ("done", 1),
        ("Done", 1),
        ("Completed", 1),
        ("superseded by BQX-2.12", 1),
        ("partial (84 of 336)", 0.25),
        ("partial (2,000 of 4,000)", 0.5),
        ("partial (0 of 0)", 0),
        ("In Progress", 0),
        ("todo", 0),
        (None, 0),
    ],
)
def test_what_a_status_claims(status: str | None, claim: float) -> None:
    assert progress(status) == claim


@pytest.mark.parametrize(
    ("typed", "true"), [("Done", "todo"), ("partial (3 of 4)", "partial (2 of 4)")]
)
def test_a_status_is_not_lowered_in_silence(server: AirTableServer, typed: str, true: str) -> None:
    identity = server.table.add(**stage("BQX-2.0", typed, workers=5))
    report = push(server, stages(2, true))
    assert not report.passed
    assert server.table.records[identity] == stage("BQX-2.0", typed, workers=5)
    assert [change.code for change in report.lowered] == ["BQX-2.0"]
    assert [change.code for change in report.created] == ["BQX-2.1"]
    assert f"held back BQX-2.0: status {typed!r} -> {true!r}" in report.to_text()
    assert "--allow-lower" in report.to_text()

    report = push(server, stages(2, true), allow_lower=True)
    assert report.passed
    assert server.table.records[identity] == stage("BQX-2.0", true)
    assert "1 updated, 1 unchanged" in report.to_text()
    assert "lowered  BQX-2.0" in report.to_text()


def test_a_status_that_goes_up_needs_no_leave(server: AirTableServer) -> None:
    server.table.add(**stage("BQX-2.0", "In Progress"))
    assert push(server, [stage("BQX-2.0", "partial (1 of 4)")]).passed
    assert push(server, [stage("BQX-2.0", "done")]).passed
    assert push(server, [stage("BQX-2.0", "superseded by BQX-2.12")]).passed


# Rates, waits, and trying again


def test_the_rate_limit_is_kept(server: AirTableServer, clock: Time) -> None:
    server.page = 7
    push(server, stages(100))
    push(server, stages(100))
    assert len(server.calls) > 20
    assert max(clock.waits) == pytest.approx(INTERVAL)


def test_somebody_else_uses_up_the_rate(server: AirTableServer, clock: Time) -> None:
    for _ in range(5):
        server._limit()
    report = push(server, stages(12))
    assert len(report.created) == 12
    assert PENALTY in clock.waits


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_it_waits_and_tries_again(server: AirTableServer, clock: Time, status: int) -> None:
    server.faults += ["", ApiError(status, b"<html>no JSON</html>"), ApiError(status, "BUSY")]
    report = push(server, stages(3))
    assert len(report.created) == 3
    assert len(server.table.records) == 3
    long = [wait for wait in clock.waits if wait > 0.5]
    assert long == ([PENALTY, PENALTY] if status == 429 else [1.0, 2.0])


def test_it_waits_as_long_as_it_is_told(server: AirTableServer, clock: Time) -> None:
    server.faults.append(ApiError(429, "", {"Retry-After": "7"}))
    later = datetime.now(UTC) + timedelta(seconds=60)
    server.faults.append(ApiError(503, "", {"Retry-After": format_datetime(later, usegmt=True)}))
    server.faults.append(ApiError(503, "", {"Retry-After": "soon"}))
    assert push(server, stages(1)).passed
    waits = [wait for wait in clock.waits if wait > 0.5]
    assert waits == [7, pytest.approx(60, abs=20), 4]


def test_a_connection_that_breaks(server: AirTableServer) -> None:
    server.faults += ["", "hang up", "hang up"]
    assert push(server, stages(3)).passed
    assert len(server.table.records) == 3


def test_a_write_that_was_done_but_not_answered_is_not_repeated(server: AirTableServer) -> None:
    server.table.add(**stage("BQX-2.0", "partial (1 of 2)"))
    server.faults += ["", "lose the answer"]
    report = push(server, stages(3, "done"))
    assert len(report.created) == 2
    assert len(report.updated) == 1
    assert len(server.writes) == 2
    assert len(server.table.records) == 3


def test_it_gives_up(server: AirTableServer) -> None:
    server.faults += [ApiError(503, "BUSY")] * 6
    error = failure(server, stages(1))
    assert "503 BUSY" in error.message
    assert "push again later" in error.message
    assert len(server.calls) == 6


@pytest.mark.parametrize(
    "fault",
    [
        ApiError(429, {"type": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "Used up."}),
        ApiError(429, "", {"Retry-After": "86400"}),
    ],
)
def test_it_does_not_wait_for_what_will_not_end(server: AirTableServer, fault: ApiError) -> None:
    server.faults.append(fault)
    assert "429" in failure(server, stages(1)).message
    assert len(server.calls) == 1


def test_a_list_that_was_begun_too_long_ago(server: AirTableServer) -> None:
    push(server, stages(20))
    server.page = 8
    server.faults += ["", ApiError(422, {"type": "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"})]
    assert len(push(server, stages(20)).unchanged) == 20


def test_a_push_that_stopped_is_continued(server: AirTableServer) -> None:
    server.faults += ["", "", ApiError(422, {"type": "ODD", "message": "No."})]
    error = failure(server, stages(25))
    assert "10 of 25 rows are written" in error.message
    report = push(server, stages(25))
    assert len(report.unchanged) == 10
    assert len(report.created) == 15


# Errors


def test_a_wrong_token(server: AirTableServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BQX_TEST_TOKEN", "patWRONGWRONGWRO.deadbeefdeadbeef")
    error = failure(server, stages(1))
    assert "401 UNAUTHORIZED" in error.message
    assert "deadbeef" not in "".join(traceback.format_exception(error))


def test_a_table_that_the_token_may_not_see(server: AirTableServer) -> None:
    error = failure(server, stages(1), table="Other stages")
    assert "403 INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND" in error.message
    assert "data.records:write" in error.hint


def test_a_base_that_does_not_exist(server: AirTableServer) -> None:
    assert "404 NOT_FOUND" in failure(server, stages(1), base="appNOSUCHBASE0000").message


def test_a_field_that_the_table_does_not_have(server: AirTableServer) -> None:
    del server.table.types["workers"]
    error = failure(server, stages(1), dry_run=True)
    assert 'Unknown field name: "workers"' in error.message
    assert "partitions_affected" in error.hint


def test_a_field_of_another_type(server: AirTableServer) -> None:
    server.table.types["workers"] = "text"
    assert 'Field "workers" cannot accept' in failure(server, stages(1)).message
    assert push(server, stages(1), typecast=True).passed
    assert push(server, stages(1), typecast=True).unchanged == ("BQX-2.0",)


def test_a_status_that_is_no_option(server: AirTableServer) -> None:
    server.table.types["status"] = "select"
    server.table.options["status"] = {"Todo", "Done"}
    assert "INVALID_MULTIPLE_CHOICE_OPTIONS" in failure(server, stages(1)).message
    assert not server.table.records
    assert push(server, stages(1), typecast=True).passed


def test_a_field_that_keeps_something_else(server: AirTableServer) -> None:
    server.table.types["duration"] = "number"
    error = failure(server, stages(1), typecast=True)
    assert "stored duration of BQX-2.0 differently" in error.message


def test_a_record_that_was_deleted_in_between(server: AirTableServer) -> None:
    push(server, stages(1))
    original = AirTableTable.cells

    def deleting(self: AirTableTable, fields: dict[str, Any], *, typecast: bool) -> dict[str, Any]:
        self.records.clear()
        return original(self, fields, typecast=typecast)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AirTableTable, "cells", deleting)
        assert "404 ROW_DOES_NOT_EXIST" in failure(server, stages(1, "done")).message
    assert len(push(server, stages(1, "done")).created) == 1


def test_nobody_answers(clock: Time) -> None:
    with airtable(TOKEN, clock) as server:
        gone = server
    error = failure(gone, stages(1))
    assert f"no answer of {gone.url} (ConnectionError)" in error.message
    assert [wait for wait in clock.waits if wait > 0.5] == [1, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token": TOKEN}, "the token is not a secret reference"),
        ({"token": "env:NO_SUCH_TOKEN"}, "env:NO_SUCH_TOKEN does not resolve"),
        ({"base": "Stages"}, "'Stages' is no id of a base"),
        ({"table": " "}, "no table"),
        ({"endpoint": "http://example.org"}, "so that the token is not readable"),
    ],
)
def test_options_that_cannot_be_right(
    server: AirTableServer, change: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        push(server, stages(1), **change)
    assert said in caught.value.message
    assert TOKEN not in caught.value.message
    assert not server.calls


def test_rows_that_are_not_one_for_each_stage(server: AirTableServer) -> None:
    with pytest.raises(ConfigError, match=r"BQX-2\.0 more than once"):
        push(server, [*stages(2), stage("BQX-2.0")])
    with pytest.raises(ConfigError, match="without workers"):
        push(server, [{k: v for k, v in stage("BQX-2.0").items() if k != "workers"}])
    with pytest.raises(ConfigError, match="without stage_code"):
        push(server, [stage("")])
    assert not server.writes


def test_the_extra_is_missing(server: AirTableServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyairtable", None)
    with pytest.raises(ConfigError, match=r"pip install bqx-ml\[tracker\]"):
        push(server, stages(1))


def test_the_token_goes_to_the_server_alone(server: AirTableServer, clock: Time) -> None:
    tracker = AirTable(options(server), sleep=clock.sleep, clock=clock)
    report = tracker.push(stages(1))
    texts = [repr(tracker), repr(vars(tracker)), repr(report), report.to_text(), report.to_json()]
    assert TOKEN not in "".join(str(text) for text in texts)

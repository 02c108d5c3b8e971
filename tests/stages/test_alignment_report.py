"""The alignment report names each kind of defect with its place, and the stage documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bqx.errors import StoreError
from bqx.stages.alignment_report import AlignmentReport, PartitionResult, render
from bqx.stages.alignment_run import alignment
from bqx.stages.mapping import COVARIANCES
from bqx.stages.runner import BlockedError, Runner
from bqx.stages.stage import Selection
from bqx.stages.target import PostgresTarget
from bqx.stages.validation import Validation
from servers import Server
from stages.remedied import MONTHS, PAIRS, remedied

JULY, AUGUST = MONTHS
CELLS = len(PAIRS) * len(MONTHS) * 2 * 50
REG, BQX = f"reg_eurusd_{JULY}", f"reg_bqx_eurusd_{JULY}"
CORRELATION = f"correlation_bqx_eurusd_{JULY}"
ROW = f"(SELECT ts_utc FROM bqx.{REG} WHERE w630_r2 IS NOT NULL ORDER BY 1 OFFSET 5 LIMIT 1)"


@pytest.fixture(scope="module")
def aligned(server: Server) -> Iterator[PostgresTarget]:
    with PostgresTarget(remedied(server).aligned()) as target:
        yield target


@pytest.fixture(scope="module")
def before(server: Server) -> AlignmentReport:
    """The report of the legacy database, with what must hold before the start."""
    with PostgresTarget(remedied(server).legacy()) as target:
        target.prepare()
        return alignment(target, preflight=True)


@pytest.fixture
def legacy(server: Server) -> Iterator[PostgresTarget]:
    with PostgresTarget(remedied(server).legacy()) as target:
        yield target


@dataclass(frozen=True)
class Planted:
    """A defect.

    Attributes:
        statement: What plants it.
        kind: The kind of defect that must be named.
        cell: The cell that must be named; any of its partition when empty.
        partition: The partition that must be named.
        cells: Cells that must be lost, in all.
        item: A condition that must fail.
    """

    statement: str
    kind: str
    cell: str
    partition: str
    cells: int
    item: str = ""


DEFECTS = {
    "missing column": Planted(
        "ALTER TABLE bqx.reg_bqx_eurusd DROP COLUMN w90_rmse",
        "column", "w90_rmse", BQX, 2, "schema aligned",
    ),
    "extra column": Planted(
        "ALTER TABLE bqx.reg_eurusd ADD COLUMN w60_vertex float8",
        "extra", "extra columns", REG, 2, "query 1: equal columns per window",
    ),
    "wrong window": Planted(
        "ALTER TABLE bqx.reg_bqx_eurusd RENAME COLUMN w90_r2 TO w75_r2",
        "column", "w90_r2", BQX, 8, "query 2: equal windows",
    ),
    "wrong type": Planted(
        "ALTER TABLE bqx.reg_eurusd ALTER COLUMN w60_rmse TYPE real",
        "type", "w60_rmse", REG, 2, "schema aligned",
    ),
    "broken sum": Planted(
        f"UPDATE bqx.{REG} SET w60_quadratic_term = w60_quadratic_term + 1e-6 WHERE ts_utc = {ROW}",
        "identity", "w60_prediction", REG, 1, "data integrity",
    ),
    "broken residual": Planted(
        f"UPDATE bqx.{BQX} SET w150_residual = 'NaN' WHERE ts_utc = {ROW}",
        "identity", "w150_residual", BQX, 1, "query 3: data integrity",
    ),
    "source lost": Planted(
        f"UPDATE bqx.{REG} SET rate_index = NULL WHERE ts_utc = {ROW}",
        "identity", "w630_residual", REG, 6, "data integrity",
    ),
    "value lost": Planted(
        f"UPDATE bqx.{REG} SET w390_linear_term = NULL WHERE ts_utc = {ROW}",
        "nulls", "w390_linear_term", REG, 2, "data integrity",
    ),
    "r2 lost": Planted(
        f"UPDATE bqx.{REG} SET w630_r2 = NULL WHERE ts_utc = {ROW}",
        "nulls", "w630_r2", REG, 1, "data integrity",
    ),
    "value too early": Planted(
        f"UPDATE bqx.reg_eurusd_{AUGUST} SET w630_r2 = 0.5"
        f" WHERE ts_utc = (SELECT min(ts_utc) FROM bqx.reg_eurusd_{AUGUST})",
        "nulls", "w630_r2", f"reg_eurusd_{AUGUST}", 1, "data integrity",
    ),
    "missing partition": Planted(
        f"DROP TABLE bqx.reg_eurusd_{AUGUST}",
        "partition", "w60_r2", f"reg_eurusd_{AUGUST}", 48, "no rows lost",
    ),
    "detached partition": Planted(
        f"ALTER TABLE bqx.reg_bqx_eurusd DETACH PARTITION bqx.reg_bqx_eurusd_{AUGUST}",
        "partition", "partition", f"reg_bqx_eurusd_{AUGUST}", 54, "schema aligned",
    ),
    "no key": Planted(
        "ALTER TABLE bqx.reg_eurusd DROP CONSTRAINT reg_eurusd_pkey",
        "partition", "partition", REG, 2, "schema aligned",
    ),
    "missing rows": Planted(
        f"DELETE FROM bqx.{BQX} WHERE ts_utc = {ROW}",
        "rows", "rows", BQX, 3, "cross-domain join",
    ),
    "missing rows of both": Planted(
        f"DELETE FROM bqx.{BQX} WHERE ts_utc = {ROW}; DELETE FROM bqx.{REG} WHERE ts_utc = {ROW}",
        "rows", "rows", BQX, 2, "no rows lost",
    ),
    "covariance lost": Planted(
        f"UPDATE bqx.{CORRELATION} SET cov_quad_lin_bqx_60min = NULL WHERE ts_utc = {ROW}",
        "covariance", COVARIANCES[0], BQX, 1, "query 4: covariance coverage",
    ),
    "correlation lost": Planted(
        f"UPDATE bqx.{CORRELATION} SET corr_quad_lin_bqx_60min = NULL WHERE ts_utc = {ROW}",
        "covariance", COVARIANCES[3], BQX, 1, "term covariances",
    ),
    "correlation too great": Planted(
        f"UPDATE bqx.{CORRELATION} SET corr_quad_lin_bqx_60min = 1.5 WHERE ts_utc = {ROW}",
        "covariance", COVARIANCES[3], BQX, 1, "covariance features",
    ),
    "covariance column lost": Planted(
        f"ALTER TABLE bqx.correlation_bqx_eurusd DROP COLUMN {COVARIANCES[5]}",
        "covariance", COVARIANCES[5], BQX, 4, "covariance features",
    ),
    "missing comment": Planted(
        "COMMENT ON COLUMN bqx.reg_eurusd.w90_r2 IS NULL",
        "comment", "comments", REG, 2, "documentation",
    ),
    "other comment": Planted(
        "COMMENT ON TABLE bqx.correlation_bqx_eurusd IS 'something'",
        "comment", "comments", BQX, 2, "documentation",
    ),
    "no bars": Planted(
        "DROP TABLE bqx.m1_eurusd",
        "rows", "rows", REG, 4, "feature matrix",
    ),
}  # fmt: skip


def result(report: AlignmentReport, name: str) -> PartitionResult:
    return next(part for part in report.partitions if part.name == name)


def test_the_remedied_database_is_aligned(aligned: PostgresTarget) -> None:
    report = alignment(aligned, preflight=True)
    assert [c for c in report.conditions if not c.passed] == []
    assert report.groups == ()
    assert (report.passed, report.score, report.verdict) == (True, 100.0, "aligned")
    assert report.cells == report.aligned == CELLS
    assert report.preflight is None
    assert (len(report.queries), len(report.checklist), len(report.readiness)) == (5, 10, 7)
    assert all(c.passed for c in report.current)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_named_with_its_place(aligned: PostgresTarget, name: str) -> None:
    planted = DEFECTS[name]
    with aligned.connection.transaction(force_rollback=True):
        aligned.execute(planted.statement)
        report = alignment(aligned)
    assert not report.passed
    assert report.score < 100.0
    assert CELLS - report.aligned == planted.cells
    defects = result(report, planted.partition).defects
    assert (planted.kind, planted.cell) in {(d.kind, d.cell) for d in defects}
    assert planted.item in {c.name for c in report.conditions if not c.passed}
    others = {part.pair for part in report.partitions if part.defects}
    assert others == {"eurusd"}


def test_row_of_before_the_rebuild_that_is_gone(aligned: PostgresTarget) -> None:
    stray = "'2024-07-06 12:00Z'"  # a Saturday: on no grid, and yet it was there
    with aligned.connection.transaction(force_rollback=True):
        kept = aligned.remembered("BQX-2.12")
        assert kept
        table = f"{kept[1]['backup']}.kept_{BQX}"
        aligned.execute(f"INSERT INTO {table} (ts_utc) VALUES ({stray})")
        report = alignment(aligned)
    (defect,) = result(report, BQX).defects
    assert (defect.kind, defect.found) == ("rows", "1 rows of before the rebuild are gone")


def test_place_of_the_first_wrong_row(aligned: PostgresTarget) -> None:
    planted = DEFECTS["broken sum"]
    with aligned.connection.transaction(force_rollback=True):
        moment = aligned.query(f"SELECT {ROW}")[0][0]
        aligned.execute(planted.statement)
        report = alignment(aligned)
    (defect,) = result(report, REG).defects
    assert defect.found.startswith("1 of ")
    assert defect.found.endswith(f"the first at {moment:%Y-%m-%d %H:%M}")
    assert defect.expected == "the sum of the terms"


def test_selection_of_pairs_and_months(aligned: PostgresTarget) -> None:
    report = alignment(aligned, Selection(("gbpusd",), (JULY,)))
    assert [p.name for p in report.partitions] == [f"reg_gbpusd_{JULY}", f"reg_bqx_gbpusd_{JULY}"]
    assert report.cells == report.aligned == 100


def test_an_empty_database_is_not_aligned(database: str) -> None:
    with PostgresTarget(database) as target:
        target.prepare()
        report = alignment(target, preflight=True)
    assert (report.passed, report.score, report.cells) == (False, 0.0, 0)
    assert not any(c.passed for c in report.conditions)
    assert report.verdict == "no-go"


def test_forms_of_the_report(aligned: PostgresTarget, before: AlignmentReport) -> None:
    good = alignment(aligned)
    assert "100 %, aligned" in render(good, "text")
    assert json.loads(render(good, "json"))["score"] == 100.0
    text = render(before, "text")
    assert "the window ends one row early" in text
    assert "hint: apply BQX-2.12" in text
    assert "## Defects" in render(before, "markdown")
    for report in (good, before):
        page = render(report, "html")
        assert page.count("<g class=") == len(report.partitions)
        assert "http" not in page.replace("http-equiv", "")
        assert "<script" not in page
    partitions = json.loads(render(before, "json"))["partitions"]
    assert len(partitions) == len(before.partitions)


def test_report_of_the_stage(legacy: PostgresTarget) -> None:
    legacy.prepare()
    report = Validation().report(legacy, Selection())
    assert report.verdict == "go"


def test_the_stage_refuses_what_is_not_aligned(legacy: PostgresTarget) -> None:
    with pytest.raises(BlockedError, match="cells aligned, comments aside"):
        Runner(legacy).apply(Validation())


def test_comments_are_written_and_taken_back(server: Server) -> None:
    address = remedied(server).aligned()
    after = server.dump(address, "--schema-only", "--schema=bqx")
    with PostgresTarget(address) as target:
        runner = Runner(target)
        runner.rollback(Validation())
        assert target.remembered(Validation.code) is None
        before = server.dump(address, "--schema-only", "--schema=bqx")
        assert before != after
        failed = [c.name for c in runner.verify(Validation()) if not c.passed]
        assert failed == ["cells aligned", "documentation"]
        outcome = runner.apply(Validation()).outcome
        assert outcome["comments"] > 0
        assert server.dump(address, "--schema-only", "--schema=bqx") == after
        assert runner.plan(Validation()).operations == ()
        runner.rollback(Validation())
        assert server.dump(address, "--schema-only", "--schema=bqx") == before


def test_rollback_leaves_comments_that_someone_changed(server: Server) -> None:
    with PostgresTarget(remedied(server).aligned()) as target:
        target.execute("COMMENT ON TABLE bqx.reg_eurusd IS 'changed since'")
        outcome = Validation().rollback(target, lambda *_: None)
        assert outcome["left"] == 1
        found = target.query("SELECT obj_description('bqx.reg_eurusd'::regclass)")
        assert found == [("changed since",)]


def test_rollback_without_an_application(legacy: PostgresTarget) -> None:
    with pytest.raises(StoreError, match=r"BQX-2\.15"):
        Runner(legacy).rollback(Validation())

"""The report: sums, balance, JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from barfiles import generic_lines, quiet_bars, rows_of, write
from bqx.bars.parse import parse_file
from bqx.bars.report import FileReport, IngestReport, Tally

BARS = quiet_bars("2024-02-29T23:30", 0.05)


@pytest.fixture
def reported(tmp_path: Path) -> FileReport:
    lines = generic_lines(rows_of(BARS))
    lines[5] = "yesterday,1,1,1,1"
    lines.append(lines[-1])
    (parsed,) = parse_file(write(tmp_path / "EURUSD.csv", lines))
    return FileReport.of(parsed, seconds=0.5)


def test_the_report_of_a_file(reported: FileReport) -> None:
    assert reported.months == {
        "": Tally(1, 0, 0, 1),
        "2024-02": Tally(29, 29, 0, 0),
        "2024-03": Tally(43, 42, 1, 0),
    }
    assert reported.totals == Tally(73, 71, 1, 1)
    assert reported.reasons == {"unreadable": 1}
    assert reported.balanced
    assert (reported.status, reported.pair, reported.format) == ("ingested", "eurusd", "generic")


def test_a_report_that_lost_a_row_is_not_balanced(reported: FileReport) -> None:
    lost = replace(reported, months=reported.months | {"2024-02": Tally(30, 29, 0, 0)})
    assert not IngestReport((reported, lost)).balanced
    assert not replace(reported, reasons={}).balanced
    assert IngestReport((reported, reported)).balanced


def test_totals_and_reasons_are_sums(reported: FileReport) -> None:
    refused = FileReport("x.csv", "refused", error="no such file")
    both = IngestReport((reported, refused, reported))
    assert both.totals == Tally(146, 142, 2, 2)
    assert both.reasons == {"unreadable": 2}
    assert both.balanced


def test_the_json_is_plain(reported: FileReport) -> None:
    loaded = json.loads(json.dumps(IngestReport((reported,)).to_json()))
    assert loaded["balanced"] is True
    assert loaded["totals"] == {"read": 73, "accepted": 71, "duplicate": 1, "quarantined": 1}
    (file,) = loaded["files"]
    assert file["months"]["2024-03"]["duplicate"] == 1
    assert file["clock"] == "UTC"
    assert len(file["sha256"]) == 64


def test_a_parsed_file_that_does_not_balance_cannot_exist(tmp_path: Path) -> None:
    (parsed,) = parse_file(write(tmp_path / "EURUSD.csv", generic_lines(rows_of(BARS))))
    with pytest.raises(ValueError, match="does not balance"):
        replace(parsed, bars=parsed.bars.head(3))
    with pytest.raises(ValueError, match="does not balance"):
        replace(parsed, tally=parsed.tally.with_columns(read=pl.col("read") + 1))
    with pytest.raises(ValueError, match="wrong schema"):
        replace(parsed, bars=parsed.bars.drop("volume"))

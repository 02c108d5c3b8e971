"""Reports: when they pass, how they score, and what their renderings say."""

from __future__ import annotations

import json
import math

import pytest

from bqx.checks.report import MAX_FINDINGS, Cell, CheckResult, Finding, Report, percent
from bqx.checks.tally import Check, Tally, summarise

CHECK = Check(name="terms", title="Prediction is the sum", unit="values", tolerance=1e-9)


def result(units: int, failures: int, **more: object) -> CheckResult:
    return CheckResult("terms", "Prediction is the sum", "values", units, failures, **more)  # type: ignore[arg-type]


def test_a_report_passes_only_if_something_was_checked_and_nothing_failed() -> None:
    assert Report("Alignment", (result(5, 0),)).passed
    assert not Report("Alignment", (result(5, 1),)).passed
    assert not Report("Alignment", (result(0, 0),)).passed
    assert not Report("Alignment", ()).passed


def test_a_check_with_nothing_to_look_at_neither_passes_nor_fails() -> None:
    assert result(0, 0).passed is None
    assert Report("Alignment", (result(5, 0), result(0, 0))).passed


def test_the_score_is_the_share_of_cells_without_failure() -> None:
    cells = tuple(Cell("terms", "eurusd", f"2019_0{k}", 10, int(k == 1)) for k in (1, 2, 3, 4))
    assert Report("Alignment", (result(40, 1),), cells).score == 75.0
    assert Report("Alignment", (result(40, 0),), cells[1:]).score == 100.0


def test_the_score_is_never_100_with_a_failure_or_without_a_check() -> None:
    good = (Cell("terms", "eurusd", "2019_01", 10, 0),)
    assert Report("Alignment", (result(10, 1),), good).score < 100.0
    assert Report("Alignment", ()).score == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100 %"),
        (math.nextafter(100.0, 0.0), "99.99 %"),
        (99.999, "99.99 %"),
        (0.0, "0.00 %"),
        (62.5, "62.50 %"),
    ],
)
def test_percent_never_rounds_up_to_100(value: float, text: str) -> None:
    assert percent(value) == text


def tally(pair: str, month: str) -> Tally:
    return Tally("terms", pair, month)


def test_tallies_are_summed_and_the_worst_findings_kept() -> None:
    first, second = tally("eurusd", "2019_01"), tally("usdjpy", "2019_01")
    for number in range(1, MAX_FINDINGS + 6):
        first.count(100)
        first.fail("reg_rate", f"w{number}", "1", "2", number)
    second.count(7)
    second.deviate(0.5)
    first.deviate(0.25)
    summed = summarise(CHECK, [first, second])
    assert summed.units == 100 * (MAX_FINDINGS + 5) + 7
    assert summed.failures == sum(range(1, MAX_FINDINGS + 6))
    assert summed.worst == 0.5
    assert [f.failures for f in summed.findings] == list(range(MAX_FINDINGS + 5, 5, -1))
    assert summed.findings[0].place == "reg_rate eurusd 2019_01 w25"


def test_a_deviation_that_is_no_number_is_infinite() -> None:
    counted = tally("eurusd", "2019_01")
    counted.deviate(float("nan"))
    assert counted.worst == math.inf


def test_equal_notes_are_summed() -> None:
    tallies = [tally("eurusd", "2019_01"), tally("eurusd", "2019_02")]
    for number, counted in enumerate(tallies):
        counted.note(number + 1, "bars outside")
        counted.note(0, "nothing")
    assert summarise(CHECK, tallies).notes == ("3 bars outside",)


def full_report() -> Report:
    finding = Finding("terms", "reg_rate", "eurusd", "2019_01", "w60_r2", "<b>1</b>", "2", 3)
    failed = result(10, 3, worst=math.inf, tolerance=1e-9, findings=(finding,), notes=("4 gaps",))
    cells = (
        Cell("terms", "eurusd", "2019_01", 10, 3),
        Cell("coverage", "eurusd", "2019_01", 1000, 3, found=900, expected=903, size=1000),
    )
    facts = {"store": "mine", "rows": 12345, "synthetic pairs": ["eurusd"], "stale": False}
    return Report("Alignment", (failed, result(0, 0)), cells, facts)


def test_json_holds_everything_and_is_strict() -> None:
    report = full_report()
    again = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert again["passed"] is False
    assert again["failures"] == 3
    assert again["score"] == 0.0
    assert again["checks"][0]["worst"] == "inf"
    assert again["checks"][0]["passed"] is False
    assert again["checks"][1]["passed"] is None
    assert again["checks"][0]["findings"][0]["column"] == "w60_r2"
    assert again["cells"][1]["expected"] == 903
    assert again["facts"]["rows"] == 12345


def test_text_names_verdict_place_and_numbers() -> None:
    text = full_report().to_text()
    assert text.startswith("Alignment: FAILED, 0.00 %")
    assert "12,345" in text
    assert "reg_rate eurusd 2019_01 w60_r2" in text
    assert "found:    <b>1</b>" in text
    assert "expected: 2" in text
    assert "terms: 4 gaps" in text
    assert "nothing to check" in text
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("check"))
    body = lines[lines.index(head) + 2]
    assert head.index("tolerance") + len("tolerance") == body.index("1e-09") + len("1e-09")


def test_text_says_how_many_failures_are_not_listed() -> None:
    finding = Finding("terms", "reg_rate", "eurusd", "2019_01", None, "1", "2", 3)
    text = Report("Alignment", (result(10, 8, findings=(finding,)),)).to_text()
    assert "5 more failures not listed" in text

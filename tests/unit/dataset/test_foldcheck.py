"""The audit of folds catches what is planted, by name."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqx.dataset.foldcheck import check_folds
from bqx.dataset.foldreport import FoldReport
from bqx.dataset.ranges import Ranges
from bqx.dataset.reach import Reach
from bqx.dataset.splits import Fold, PurgedKFold, PurgedWalkForward
from bqx.errors import ConfigError
from bqx.market import Calendar

REACH = Reach(behind=45, ahead=15, lookback=100)
GOOD = PurgedWalkForward(1000, 400).split(5000, 8000, REACH)


def failed(report: FoldReport) -> set[str]:
    return {check.name for check in report.checks if check.failures}


def test_good_folds_pass_and_are_accounted_for() -> None:
    report = check_folds(GOOD, REACH)
    assert report.passed
    first = report.folds[0]
    assert (first.train_rows, first.test_rows) == (1000 - 115, 400)
    assert (first.purged, first.embargoed) == (115, 0)
    assert (first.distance_before, first.distance_after) == (116, None)
    assert report.facts["reach lookback"] == 100
    value = json.loads(json.dumps(report.to_json()))
    assert [fold["fold"] for fold in value["folds"]] == [1, 2, 3, 4, 5]
    assert "to next test" in report.to_text()
    assert "passed" in report.to_html()


def test_purged_and_embargoed_rows_are_counted() -> None:
    report = check_folds(PurgedKFold(3).split(0, 3000, REACH), REACH)
    assert [(f.purged, f.embargoed) for f in report.folds] == [(0, 115), (115, 115), (115, 0)]
    assert [f.distance_after for f in report.folds] == [116, 116, None]


def test_a_training_row_that_is_tested() -> None:
    fold = replace(GOOD[0], train=GOOD[0].train.union(Ranges.of((6100, 6103))))
    report = check_folds([fold], REACH, calendar=Calendar())
    assert "shared rows" in failed(report)
    finding = next(f for f in report.findings if f.check == "shared rows")
    assert finding.place == "all fold 1"
    assert "row 6100 (1990-01-" in finding.found
    assert finding.failures == 3


def test_test_blocks_that_overlap() -> None:
    late = replace(GOOD[1], test=Ranges.of((6300, 6800)), train=Ranges.of((5400, 6100)))
    report = check_folds([GOOD[0], late], REACH)
    assert failed(report) == {"overlapping folds"}
    assert "rows [6300, 6400) are tested by 2 folds" in report.to_text()
    assert failed(check_folds([GOOD[0], GOOD[0]], REACH)) == {"overlapping folds"}


@pytest.mark.parametrize(
    ("reach", "names"),
    [
        (Reach(45, 15, 45), {"label on feature"}),
        (Reach(100, 15, 100), set()),
        (Reach(45, 16, 45), {"label on label", "label on feature"}),
    ],
)
def test_a_purge_that_is_too_small(reach: Reach, names: set[str]) -> None:
    """The folds were made for one reach and are audited for that of other targets or features."""
    folds = PurgedWalkForward(1000, 400).split(5000, 8000, reach)
    truth = Reach(max(reach.behind, 46) if "label on label" in names else 45, 15, 100)
    report = check_folds(folds, replace(truth, ahead=max(reach.ahead, 15)), strict=False)
    assert failed(report) == names


def test_a_purge_that_one_row_lacks() -> None:
    fold = replace(GOOD[0], train=Ranges.of((5000, 6000 - 114)))
    report = check_folds([fold], REACH)
    assert failed(report) == {"label on feature", "margins"}
    assert report.folds[0].violations["label on feature"] == 1


def test_an_embargo_that_is_too_small() -> None:
    folds = PurgedKFold(3, strict=False).split(0, 3000, REACH)
    assert check_folds(folds, REACH, strict=False).passed
    assert failed(check_folds(folds, REACH)) == {"feature on label"}
    early = replace(folds[0], train=Ranges.of((1000 + 60 - 1, 3000)))
    assert failed(check_folds([early], REACH, strict=False)) == {"label on label", "margins"}


def test_a_shuffled_split() -> None:
    rows = np.random.default_rng(3).permutation(1000)
    train, test = Ranges.from_rows(rows[:800]), Ranges.from_rows(rows[800:])
    report = check_folds([Fold(1, train, test, REACH.purge, REACH.embargo())], REACH)
    expected = {"shuffled", "label on label", "label on feature", "feature on label", "margins"}
    assert failed(report) == expected
    assert report.folds[0].violations["shuffled"] > 700


def test_nothing_to_check() -> None:
    with pytest.raises(ConfigError, match="no folds"):
        check_folds([], REACH)
    empty = Fold(1, Ranges(), Ranges(), 0, 0)
    assert not check_folds([empty], REACH).passed


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.integers(0, 50), max_size=12),
    st.sets(st.integers(0, 50), max_size=12),
    st.tuples(st.integers(0, 5), st.integers(1, 5), st.integers(0, 8)),
)
def test_violations_against_sets_of_rows(
    train: set[int], test: set[int], numbers: tuple[int, int, int]
) -> None:
    reach = Reach(*numbers)
    sets = [Ranges.from_rows(np.array(sorted(rows), np.int64)) for rows in (train, test)]
    report = check_folds([Fold(1, sets[0], sets[1], 0, 0)], reach)
    behind, ahead, lookback = numbers

    def label(row: int) -> set[int]:
        return set(range(row - behind, row + ahead + 1))

    def feature(row: int) -> set[int]:
        return set(range(row - lookback, row + 1))

    expected = {
        "shared rows": len(train & test),
        "label on label": sum(any(label(s) & label(t) for t in test) for s in train),
        "label on feature": sum(any(label(s) & feature(t) for t in test) for s in train),
        "feature on label": sum(any(feature(s) & label(t) for t in test) for s in train),
    }
    found = report.folds[0].violations
    assert {name: found[name] for name in expected} == expected
    before = [t - s for s in train for t in test if t >= s]
    assert report.folds[0].distance_before == min(before, default=None)

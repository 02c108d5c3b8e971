"""Splitters: purged, in order, without a row to spare or to want."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqx.dataset.foldcheck import check_folds
from bqx.dataset.ranges import Ranges
from bqx.dataset.reach import Reach
from bqx.dataset.splits import (
    CombinatorialPurged,
    Fold,
    PurgedKFold,
    PurgedWalkForward,
    Splitter,
    make_splitter,
)
from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError, LeakError
from bqx.market import Calendar, epoch_minute, month_bounds
from bqx.market.week import as_utc

REACH = Reach(behind=4, ahead=3, lookback=6)
SPLITTERS = (
    PurgedWalkForward(60, 20),
    PurgedWalkForward(60, 20, step=25, expanding=True, incomplete=True),
    PurgedKFold(4),
    CombinatorialPurged(5, 2),
)


def touching(row: int, test: int, reach: Reach, *, strict: bool) -> bool:
    """Whether a training row may not stand beside a test row: the definition, on sets of rows."""
    label = set(range(row - reach.behind, row + reach.ahead + 1))
    feature = set(range(row - reach.lookback, row + 1))
    test_label = set(range(test - reach.behind, test + reach.ahead + 1))
    test_feature = set(range(test - reach.lookback, test + 1))
    backward = strict and bool(feature & test_label)
    return bool(label & (test_label | test_feature)) or backward


def allowed(fold: Fold, rows: range, reach: Reach, *, strict: bool) -> set[int]:
    tests = fold.test.rows().tolist()
    return {
        row
        for row in rows
        if row not in tests and not any(touching(row, t, reach, strict=strict) for t in tests)
    }


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 5), st.integers(1, 5), st.integers(0, 9), st.booleans(), st.sampled_from([2, 3])
)
def test_kfold_leaves_out_exactly_the_rows_that_touch(
    behind: int, ahead: int, lookback: int, strict: bool, folds: int
) -> None:
    reach = Reach(behind, ahead, lookback)
    rows = range(100, 160)
    for fold in PurgedKFold(folds, strict=strict).split(rows.start, rows.stop, reach):
        assert set(fold.train.rows().tolist()) == allowed(fold, rows, reach, strict=strict)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
def test_all_splitters_pass_the_audit(splitter: Splitter) -> None:
    folds = splitter.split(1000, 1190, REACH)
    assert [fold.number for fold in folds] == list(range(1, len(folds) + 1))
    assert check_folds(folds, REACH).passed
    within = Ranges.of((1000, 1190))
    for fold in folds:
        assert not fold.train.minus(within)
        assert not fold.test.minus(within)


def test_walk_forward_in_rows() -> None:
    folds = PurgedWalkForward(60, 20).split(1000, 1130, REACH)
    assert [fold.test for fold in folds] == [
        Ranges.of((1060, 1080)),
        Ranges.of((1080, 1100)),
        Ranges.of((1100, 1120)),
    ]
    purge = 3 + 6
    assert [fold.train for fold in folds] == [
        Ranges.of((start, start + 60 - purge)) for start in (1000, 1020, 1040)
    ]
    whole = PurgedWalkForward(60, 20, incomplete=True).split(1000, 1130, REACH)
    assert [fold.test for fold in whole[3:]] == [Ranges.of((1120, 1130))]
    growing = PurgedWalkForward(60, 20, expanding=True).split(1000, 1130, REACH)
    assert [fold.train.first for fold in growing] == [1000] * 3


def rows_between(start: str, end: str, calendar: Calendar) -> tuple[int, int]:
    return calendar.row_range(*(epoch_minute(as_utc(moment)) for moment in (start, end)))


def test_walk_forward_in_months() -> None:
    calendar = Calendar()
    # Nobody trades on the first day of a year and on the evening of its last.
    first, stop = rows_between("2019-01-01T22:00", "2019-12-31T22:00", calendar)
    reach = Reach(behind=45, ahead=75, lookback=659)
    folds = PurgedWalkForward("6M", "1M").split(first, stop, reach, calendar)
    months = [f"2019_{m:02}" for m in range(7, 13)]
    for fold, month in zip(folds, months, strict=True):
        low, high = calendar.row_range(*month_bounds(month))
        assert fold.test == Ranges.of((low, min(high, stop)))
        begin = calendar.row_range(*month_bounds(f"2019_{int(month[5:]) - 6:02}"))[0]
        assert fold.train == Ranges.of((max(begin, first), low - fold.purge))
        assert fold.purge == 75 + 659
    assert check_folds(folds, reach, calendar=calendar).passed


def test_a_first_month_that_is_not_whole_does_not_count() -> None:
    calendar = Calendar()
    first, stop = rows_between("2019-01-20", "2019-05-20", calendar)
    folds = PurgedWalkForward("2M", "1M").split(first, stop, REACH, calendar)
    assert [fold.test.first for fold in folds] == [
        rows_between("2019-04-01", "2020-01-01", calendar)[0]
    ]
    assert folds[0].train.first == rows_between("2019-02-01", "2020-01-01", calendar)[0]
    more = PurgedWalkForward("2M", "1M", incomplete=True).split(first, stop, REACH, calendar)
    assert [fold.test.stop for fold in more][-1] == stop


def test_walk_forward_in_days_skips_days_without_trading() -> None:
    calendar = Calendar()
    first, stop = rows_between("2019-03-04", "2019-03-18", calendar)
    folds = PurgedWalkForward("3D", "1D").split(first, stop, REACH, calendar)
    # No Saturdays; Fridays and Sundays with the hours that they have.
    days = [7, 8, 10, 11, 12, 13, 14, 15, 17]
    expected = [rows_between(f"2019-03-{d:02}", f"2019-03-{d + 1:02}", calendar) for d in days]
    assert [fold.test for fold in folds] == [Ranges.of(span) for span in expected]


def test_lengths_mix_months_and_days() -> None:
    calendar = Calendar()
    first, stop = rows_between("2019-01-01T22:00", "2019-07-01", calendar)
    folds = PurgedWalkForward("30D", "1M", step="2M").split(first, stop, REACH, calendar)
    starts = [calendar.row_range(*month_bounds(f"2019_{m:02}"))[0] for m in (2, 4, 6)]
    assert [fold.test.first for fold in folds] == starts


def test_combinations_and_paths() -> None:
    splitter = CombinatorialPurged(6, 2)
    folds = splitter.split(0, 600, REACH)
    groups = [Ranges.of((k * 100, k * 100 + 100)) for k in range(6)]
    expected = [groups[a].union(groups[b]) for a, b in combinations(range(6), 2)]
    assert [fold.test for fold in folds] == expected
    assert len(folds) == comb(6, 2)
    paths = splitter.paths(0, 600)
    assert [path.number for path in paths] == list(range(1, comb(5, 1) + 1))
    used = set()
    for path in paths:
        assert [rows for _, rows in path.parts] == groups
        for number, rows in path.parts:
            assert not rows.minus(folds[number - 1].test)
            used.add((number, rows))
    assert len(used) == 2 * len(folds)


def test_inner_folds_stay_within_the_training_rows() -> None:
    for outer in (*PurgedKFold(3).split(0, 300, REACH), *SPLITTERS[0].split(0, 300, REACH)):
        for splitter in (PurgedKFold(2), PurgedWalkForward(20, 10)):
            inner = outer.inner(splitter)
            assert check_folds(inner, REACH).passed
            for fold in inner:
                assert not fold.train.union(fold.test).minus(outer.train)


def test_inner_folds_by_time_need_the_calendar() -> None:
    calendar = Calendar()
    first, stop = rows_between("2019-01-01T22:00", "2019-05-01", calendar)
    outer = PurgedWalkForward("3M", "1M").split(first, stop, REACH, calendar)[0]
    inner = outer.inner(PurgedWalkForward("1M", "10D"))
    assert inner[0].test.first == calendar.row_range(*month_bounds("2019_02"))[0]
    bare = Fold(1, outer.train, outer.test, outer.purge, outer.embargo)
    with pytest.raises(ConfigError, match="without a calendar"):
        bare.inner(PurgedWalkForward("1M", "10D"))


def test_margins_can_only_be_enlarged() -> None:
    larger = PurgedKFold(2, purge=20, embargo=30).split(0, 200, REACH)
    assert (larger[0].purge, larger[0].embargo) == (20, 30)
    assert larger[0].train == Ranges.of((130, 200))
    assert larger[1].train == Ranges.of((0, 80))
    for small in (PurgedKFold(2, purge=8), PurgedKFold(2, embargo=8)):
        with pytest.raises(LeakError, match="of 8 rows\n  expected: at least 9"):
            small.split(0, 200, REACH)
    with pytest.raises(LeakError, match="at least 20"):
        larger[0].inner(PurgedKFold(2, purge=15))


def test_reach_follows_from_targets_and_features() -> None:
    targets = [BQXTarget(60, 15), BQXTarget(60, 75), BQXTarget(15, 30, "change")]
    columns = [SimpleNamespace(history=630, memory=2000), SimpleNamespace(history=1, memory=1)]
    reach = Reach.of(targets, columns, (1, 30))
    assert reach == Reach(behind=45, ahead=75, lookback=629 + 30)
    assert reach.purge == 75 + 659
    assert reach.embargo() == 75 + 659
    assert reach.embargo(strict=False) == 75 + 45
    assert Reach.of(targets, columns, memory=True).lookback == 1999
    assert Reach.of(targets).lookback == 0
    assert Reach(1, 2, 9).combined(Reach(5, 1, 3), Reach(0, 4, 0)) == Reach(5, 4, 9)
    with pytest.raises(ConfigError, match="no target"):
        Reach.of([])
    with pytest.raises(ConfigError, match="lags"):
        Reach.of(targets, lags=[-1])
    with pytest.raises(ConfigError, match="at least 0"):
        Reach(1, -1, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PurgedWalkForward("6X", "1M"), "unreadable length '6X'"),
        (lambda: PurgedWalkForward("0M", "1M"), "unreadable length"),
        (lambda: PurgedWalkForward("6M", 100), "in rows and in time together"),
        (lambda: PurgedWalkForward(60, 20, step=10).split(0, 200, REACH), "no row is scored twice"),
        (lambda: PurgedWalkForward(60, 20).split(0, 70, REACH), "too few for PurgedWalkForward"),
        (lambda: PurgedWalkForward(9, 20).split(0, 70, REACH), "a purge of 9"),
        (lambda: PurgedWalkForward("1M", "1M").split(0, 70, REACH), "without a calendar"),
        (lambda: PurgedKFold(1), "at least two"),
        (lambda: PurgedKFold(2).split(0, 1, REACH), "a row in each"),
        (lambda: PurgedKFold(2).split(5, 5, REACH), "no rows to split"),
        (lambda: CombinatorialPurged(4, 4), "one left for training"),
        (lambda: make_splitter("shuffle:5"), "unknown splitter"),
        (lambda: make_splitter("kfold:a"), "unknown splitter"),
        (lambda: make_splitter("walk-forward", train="6M"), "without lengths"),
        (lambda: make_splitter("kfold:5", train="6M"), "takes no lengths"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_splitters_from_texts() -> None:
    assert make_splitter("kfold:6", purge=99) == PurgedKFold(6, purge=99)
    assert make_splitter("combinatorial:6:2") == CombinatorialPurged(6, 2)
    forward = make_splitter(train="6M", test="1M", expanding=True)
    assert forward == PurgedWalkForward("6M", "1M", expanding=True)

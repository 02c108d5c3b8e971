"""The audit of folds: every training row's intervals against every test row's.

Nothing here knows how folds are made. Intervals are laid out row by row from the reach, and how
many test intervals each training interval meets is counted with their sorted ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from bqx.checks.tally import Check, Tally, summarise
from bqx.dataset.foldreport import FoldAccount, FoldReport
from bqx.dataset.folds import Fold
from bqx.dataset.ranges import BoolArray, Int64Array, Ranges
from bqx.dataset.reach import Reach
from bqx.errors import ConfigError
from bqx.features.table import ALL
from bqx.market import Calendar, moment_of

SHARED = Check(name="shared rows", title="No row is trained on and tested", unit="training rows")
LABELS = Check(
    name="label on label",
    title="No training label interval touches a test label interval",
    unit="training rows",
)
FEATURES = Check(
    name="label on feature",
    title="No training label interval touches a test feature interval",
    unit="training rows",
)
BACKWARD = Check(
    name="feature on label",
    title="No training feature interval touches a test label interval",
    unit="training rows",
)
SHUFFLED = Check(
    name="shuffled",
    title="No training row lies between test rows that a label interval spans",
    unit="training rows",
)
MARGINS = Check(
    name="margins",
    title="Purge and embargo are as large as declared, before and after every test block",
    unit="margins",
)
REPEATED = Check(
    name="overlapping folds",
    title="Every tested row is tested equally often",
    unit="tested rows",
)
RULES = (SHARED, LABELS, FEATURES, BACKWARD, SHUFFLED, MARGINS)
EXAMPLES = 3
NEVER = np.iinfo(np.int64).max
Intervals = tuple[Int64Array, Int64Array]


def check_folds(
    folds: Sequence[Fold],
    reach: Reach,
    *,
    strict: bool = True,
    calendar: Calendar | None = None,
    facts: dict[str, object] | None = None,
) -> FoldReport:
    """Check folds by brute force, whoever made them.

    Args:
        folds: The folds.
        reach: Of targets and features together.
        strict: Whether training features must keep clear of test labels as well.
        calendar: The grid, for the times of example rows.
        facts: What else the report shall say.

    Returns:
        The report; it passes only if no training row breaks a rule in any fold.

    Raises:
        ConfigError: If there is no fold.
    """
    if not folds:
        raise ConfigError("no folds to check", expected="at least one")
    audits = [_audit(fold, reach, calendar, strict=strict) for fold in folds]
    tallies = [tally for _, found in audits for tally in found]
    rules = [c for c in RULES if strict or c is not BACKWARD]
    shown = {"folds": len(folds), **{f"reach {k}": v for k, v in reach.to_json().items()}}
    return FoldReport(
        title="Folds",
        checks=(
            *(summarise(c, [t for t in tallies if t.check == c.name]) for c in rules),
            summarise(REPEATED, [_evenly_tested(folds)]),
        ),
        facts={**(facts or {}), **shown},
        folds=tuple(account for account, _ in audits),
    )


def _audit(
    fold: Fold, reach: Reach, calendar: Calendar | None, *, strict: bool
) -> tuple[FoldAccount, list[Tally]]:
    train, test = fold.train.rows(), fold.test.rows()
    before, after = _distances(train, test)
    broken = _broken(train, test, reach, strict=strict)
    near = np.maximum(before, after) <= reach.behind + reach.ahead
    broken[SHUFFLED] = near & (np.minimum(before, after) > 0)
    tallies = [_tally(check, fold, train[rows], calendar) for check, rows in broken.items()]
    distances = (_least(before), _least(after))
    purged, embargoed = _left_out(fold)
    account = FoldAccount(
        fold=fold.number,
        train_rows=len(train),
        test_rows=len(test),
        purged=purged,
        embargoed=embargoed,
        distance_before=distances[0],
        distance_after=distances[1],
        violations={check.name: int(rows.sum()) for check, rows in broken.items()},
    )
    return account, [*tallies, _margins(fold, distances)]


def _broken(
    train: Int64Array, test: Int64Array, reach: Reach, *, strict: bool
) -> dict[Check, BoolArray]:
    """Which training rows break which rule."""
    labels = (train - reach.behind, train + reach.ahead)
    test_labels = (test - reach.behind, test + reach.ahead)
    found = {
        SHARED: _touching((train, train), (test, test)),
        LABELS: _touching(labels, test_labels),
        FEATURES: _touching(labels, (test - reach.lookback, test)),
    }
    if strict:
        found[BACKWARD] = _touching((train - reach.lookback, train), test_labels)
    return found


def _touching(mine: Intervals, others: Intervals) -> BoolArray:
    """Whether each interval, ends included, meets one of the others, whose ends ascend.

    Those that begin by its end, less those that end before its beginning, are those that meet it.
    """
    begun = np.searchsorted(others[0], mine[1], side="right")
    ended = np.searchsorted(others[1], mine[0], side="left")
    return np.asarray(begun > ended, np.bool_)


def _distances(train: Int64Array, test: Int64Array) -> Intervals:
    """Rows from each training row to the next test row, and from the newest one before it."""
    following = np.searchsorted(test, train, side="left")
    before = np.full(len(train), NEVER)
    some = following < len(test)
    before[some] = test[following[some]] - train[some]
    preceding = np.searchsorted(test, train, side="right") - 1
    after = np.full(len(train), NEVER)
    some = preceding >= 0
    after[some] = train[some] - test[preceding[some]]
    return before, after


def _least(distances: Int64Array) -> int | None:
    least = int(distances.min(initial=NEVER))
    return None if least == NEVER else least


def _tally(check: Check, fold: Fold, broken: Int64Array, calendar: Calendar | None) -> Tally:
    tally = Tally(check.name, ALL, "")
    tally.count(fold.train.count)
    if len(broken):
        examples = ", ".join(_named(int(row), calendar) for row in broken[:EXAMPLES])
        found = f"{len(broken):,} training rows: {examples}"
        tally.fail(None, f"fold {fold.number}", found, check.title, len(broken))
    return tally


def _named(row: int, calendar: Calendar | None) -> str:
    """A row, with its time where the grid is known."""
    if calendar is None:
        return f"row {row}"
    return f"row {row} ({moment_of(int(calendar.minutes(row, row + 1)[0])):%Y-%m-%d %H:%M})"


def _margins(fold: Fold, distances: tuple[int | None, int | None]) -> Tally:
    tally = Tally(MARGINS.name, ALL, "")
    for name, declared, distance in zip(
        ("purge", "embargo"), (fold.purge, fold.embargo), distances, strict=True
    ):
        if distance is None:
            continue
        tally.count(1)
        if distance <= declared:
            found = f"a training row {distance} rows from a test row"
            expected = f"more than the declared {name} of {declared}"
            tally.fail(None, f"fold {fold.number}", found, expected)
    return tally


def _left_out(fold: Fold) -> tuple[int, int]:
    """Rows of neither kind that lie in a purge, and those that lie in an embargo only."""
    used = fold.train.union(fold.test)
    if not used:
        return 0, 0
    left = Ranges.of((used.first, used.stop)).minus(used)
    purge = left.intersect(fold.test.widen(fold.purge, 0))
    embargo = left.intersect(fold.test.widen(0, fold.embargo)).minus(purge)
    return purge.count, embargo.count


def _evenly_tested(folds: Sequence[Fold]) -> Tally:
    """Between two neighbouring edges of test blocks, the same folds test every row."""
    tally = Tally(REPEATED.name, ALL, "")
    steps: Counter[int] = Counter()
    for start, stop in (span for fold in folds for span in fold.test):
        steps[start] += 1
        steps[stop] -= 1
    edges = sorted(steps)
    lengths = np.diff(edges)
    times = np.cumsum([steps[edge] for edge in edges])[:-1]
    tally.count(int(lengths[times > 0].sum()))
    least = int(times[times > 0].min(initial=len(folds)))
    for start, length, often in zip(edges, lengths, times, strict=False):
        if often > least:
            found = f"rows [{start}, {start + length}) are tested by {often} folds"
            tally.fail(None, None, found, f"{least} folds, as others", int(length))
    repeated = len(folds) - len({fold.test for fold in folds})
    if repeated:
        tally.fail(None, None, f"{repeated} folds test what another tests", "different folds")
    return tally

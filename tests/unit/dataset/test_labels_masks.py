"""Where labels are masked: against a slow reference row by row, and one reason at a time."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.dataset.labels import labels
from bqx.dataset.masking import REASONS
from bqx.dataset.target import BQXTarget
from bqx.domains.domain import Domains
from gridwalks import GRID, FloatArray, domains_of, walk

FRIDAY = "2019-01-11T19:00"
"""Three hours before the close of the week, 22:00 UTC."""


def path(rows: int) -> FloatArray:
    return walk(np.random.default_rng(3), rows, 1e-4)


def slow_valid(seen: list[bool], t: int, history: int) -> bool:
    """The framework's rule, in words: history there, 90 % of it observed, the newest at most 5 old.

    Element 0 of ``seen`` is the first bar.
    """
    window = seen[max(t - history + 1, 0) : t + 1]
    ages = [age for age in range(t + 1) if seen[t - age]]
    return t + 1 >= history and 10 * sum(window) >= 9 * history and ages[0] <= 5


def slow_reason(target: BQXTarget, domains: Domains, t: int) -> str | None:
    seen = domains.grid.observed.tolist()
    minutes = GRID.minutes(domains.grid.first, domains.grid.first + len(seen))
    end = t + target.horizon
    if end >= len(seen):
        return "end of data"
    if minutes[end] - minutes[t] != target.horizon:
        return "closure"
    for row in range(t, end + 1):
        if row >= 5 and not any(seen[row - 5 : row + 1]):
            return "gap"
    if not seen[end]:
        return "unobserved"
    if not (slow_valid(seen, t, target.known) and slow_valid(seen, end, target.window + 1)):
        return "history"
    return None


@pytest.mark.parametrize("shape", [(60, 15), (15, 60), (10, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_masks_agree_with_the_rule_row_by_row(shape: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    missing = rng.random(700) < 0.03
    for begin in rng.integers(1, 690, 6):
        missing[begin : begin + rng.integers(1, 12)] = True
    missing[0] = False
    rows = tuple(np.flatnonzero(missing).tolist())
    domains = domains_of(path(700), FRIDAY, rows)
    target = BQXTarget(*shape)
    found = labels(target, domains)
    reasons = [slow_reason(target, domains, t) for t in range(700)]
    assert found.valid.tolist() == [reason is None for reason in reasons]
    assert found.masked == {name: reasons.count(name) for name in REASONS}
    assert np.isnan(found.values[~found.valid]).all()
    assert np.isfinite(found.values[found.valid]).all()


def test_no_label_crosses_the_weekend() -> None:
    found = labels(BQXTarget(15, 30), domains_of(path(400), FRIDAY))
    close = 180  # rows from 19:00 to 22:00
    assert found.masked["closure"] == 30
    assert found.valid[close - 31]
    assert not found.valid[close - 30 : close].any()
    # The first rows of the week have labels: what lies behind them may bridge the weekend.
    assert found.valid[close]


@pytest.mark.parametrize(("length", "masked"), [(5, 0), (6, 21)])
def test_gaps_longer_than_five_minutes_mask(length: int, masked: int) -> None:
    missing = tuple(range(300, 300 + length))
    found = labels(BQXTarget(60, 20), domains_of(path(600), missing=missing))
    # The sixth missing minute lies in (t, t + 20] or is t itself for 21 rows.
    assert found.masked["gap"] == masked
    assert found.valid[300 - 21]


def test_a_label_ends_at_an_observed_minute() -> None:
    found = labels(BQXTarget(60, 20), domains_of(path(400), missing=(300,)))
    assert found.masked["unobserved"] == 1
    assert not found.valid[280]
    assert found.valid[300]


def test_rows_before_the_first_bar_lack_history() -> None:
    domains = domains_of(path(300))
    found = labels(BQXTarget(100, 10, "change"), domains)
    assert found.masked["history"] == 100
    assert found.valid[100]
    assert np.isnan(found.expected[:100]).all()

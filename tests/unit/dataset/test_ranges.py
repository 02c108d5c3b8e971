"""Row ranges against Python sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError

Spans = tuple[tuple[int, int], ...]

SPANS = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(0, 12)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=8,
).map(tuple)


def rows_of(spans: Spans) -> set[int]:
    return {row for start, stop in spans for row in range(start, stop)}


@settings(max_examples=60, deadline=None)
@given(SPANS, SPANS)
def test_set_algebra(left: Spans, right: Spans) -> None:
    a, b = Ranges(left), Ranges(right)
    mine, others = rows_of(left), rows_of(right)
    assert set(a.rows().tolist()) == mine
    assert set(a.union(b).rows().tolist()) == mine | others
    assert set(a.intersect(b).rows().tolist()) == mine & others
    assert set(a.minus(b).rows().tolist()) == mine - others
    assert (a == b) == (mine == others)
    assert bool(a) == bool(mine)


@settings(max_examples=60, deadline=None)
@given(SPANS, st.integers(0, 5), st.integers(0, 5))
def test_one_set(spans: Spans, before: int, after: int) -> None:
    ranges, rows = Ranges(spans), rows_of(spans)
    ordered = sorted(rows)
    assert ranges.count == len(rows)
    assert ranges.rows().tolist() == ordered
    assert [ranges.row_at(k) for k in range(len(ordered))] == ordered
    assert Ranges.from_rows(ranges.rows()) == ranges
    assert Ranges.from_json(json.loads(json.dumps(ranges.to_json()))) == ranges
    wide = rows_of(tuple((a - before, b + after) for a, b in ranges))
    assert set(ranges.widen(before, after).rows().tolist()) == wide
    asked = np.arange(60, -60, -1)
    assert ranges.mask(asked).tolist() == [row in rows for row in asked.tolist()]
    touching = zip(ranges.spans[:-1], ranges.spans[1:], strict=True)
    assert all(low[1] < high[0] for low, high in touching)


def test_rows_in_any_order_and_with_repeats_make_a_set() -> None:
    assert Ranges.from_rows(np.array([7, 3, 4, 3, 9, 8])) == Ranges.of((3, 5), (7, 10))
    assert str(Ranges.of((3, 5))) == "[3, 5)"
    assert str(Ranges()) == "no rows"
    assert str(Ranges.from_rows(np.arange(0, 10, 2))).endswith("… 5 ranges")


def test_borders() -> None:
    ranges = Ranges.of((3, 5), (7, 10))
    assert (ranges.first, ranges.stop) == (3, 10)
    with pytest.raises(ConfigError, match="empty"):
        _ = Ranges().first
    with pytest.raises(ConfigError, match="no row that far"):
        ranges.row_at(5)


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(ConfigError, match="stop not before"):
        Ranges.of((5, 3))
    with pytest.raises(ConfigError, match="at least 0"):
        Ranges.of((3, 5)).widen(-1, 0)
    for value in ({"a": 1}, [[1]], [[1, 2.5]], [[True, 2]], "1:2"):
        with pytest.raises(ConfigError, match="unreadable row ranges"):
            Ranges.from_json(value)

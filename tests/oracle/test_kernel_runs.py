"""Runs, changes, shares and grades against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import references_trend as slow
from bqx.kernels.levels import grade
from bqx.kernels.runs import changes_in, positive_share, rows_since_change
from references import Floats


def run_length(state: Floats, cap: int) -> Floats:
    out = np.full(len(state), 12345.678)
    rows_since_change(state, cap, out)
    return out


def changes(state: Floats, w: int) -> Floats:
    out = np.full(len(state), 12345.678)
    changes_in(state, w, out)
    return out


def share(y: Floats, w: int) -> Floats:
    out = np.full(len(y), 12345.678)
    positive_share(y, w, out)
    return out


def share_by_hand(windows: Floats) -> Floats:
    up, moved = (windows > 0).sum(axis=1), (windows != 0).sum(axis=1)
    known = ~np.isnan(windows).any(axis=1) & (moved > 0)
    return np.where(known, up / np.maximum(moved, 1), np.nan)


def test_a_run_counts_its_own_row() -> None:
    state = np.array([1.0, 1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0])
    assert run_length(state, 3)[2:].tolist() == [1, 2, 3, 1, 2, 3, 3]
    assert changes(state, 3)[3:].tolist() == [1, 1, 1, 1, 1, 0]
    assert np.isnan(run_length(state, 3)[:2]).all()
    assert np.isnan(changes(state, 3)[:3]).all()


states = st.lists(
    st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 2.0, -1.0, float("nan")]), min_size=1, max_size=120
)


@settings(max_examples=60, deadline=None)
@given(values=states, w=st.integers(1, 25), cut=st.integers(0, 60))
def test_counts_by_hand(values: list[float], w: int, cut: int) -> None:
    state = np.array(values)
    np.testing.assert_array_equal(run_length(state, w), slow.run_length(state, w))
    np.testing.assert_array_equal(changes(state, w), slow.changes(state, w))
    np.testing.assert_array_equal(share(state, w), slow.rolling(state, w, share_by_hand))
    for kernel, reach in ((run_length, w), (changes, w + 1), (share, w)):
        part = kernel(state[cut:], w)[reach - 1 :]
        np.testing.assert_array_equal(part, kernel(state, w)[cut + reach - 1 :])


def test_a_share_needs_a_change() -> None:
    y = np.array([1.0, -1.0, 0.0, 0.0, 0.0, 2.0, 1.0])
    np.testing.assert_array_equal(share(y, 3), [np.nan, np.nan, 0.5, 0.0, np.nan, 1.0, 1.0])


@pytest.mark.parametrize("edge", [0.7, -0.5, 1.5])
def test_an_edge_is_passed_by_what_is_greater(edge: float) -> None:
    near = np.array([np.nextafter(edge, -9.0), edge, np.nextafter(edge, 9.0), np.nan])
    out = np.empty(4)
    grade(near, (edge, edge + 1.0), out)
    np.testing.assert_array_equal(out, [0, 0, 1, np.nan])
    grade(near, (float(np.nextafter(edge, -9.0)),), out)
    np.testing.assert_array_equal(out, [0, 1, 1, np.nan])

"""Runs of equal values, and counting by a validity mask."""

from __future__ import annotations

import numpy as np

import references
from bqx.kernels.counts import count_nonfinite, zero_where
from bqx.kernels.runs import run_lengths


def test_runs_by_hand() -> None:
    y = np.array([1.0, 1.0, 2.0, 2.0, 2.0, np.nan, np.nan, 1.0])
    out = np.empty(8, np.int32)
    run_lengths(y, out)
    np.testing.assert_array_equal(out, [1, 2, 1, 2, 3, 1, 1, 1])


def test_a_run_as_long_as_the_window_is_a_flat_window() -> None:
    y = np.round(references.walk(2000, 0.2))
    out = np.empty(len(y), np.int32)
    run_lengths(y, out)
    flat = np.ptp(references.trailing(y, 10), axis=1) == 0
    assert flat.any()
    np.testing.assert_array_equal((out >= 10)[9:], flat[9:])


def test_only_valid_rows_are_counted() -> None:
    values = np.array([np.nan, 1.0, np.inf, -np.inf, np.nan, 0.0])
    valid = np.array([True, True, True, True, False, False])
    assert count_nonfinite(values, valid) == 3
    assert count_nonfinite(values, ~valid) == 1
    assert count_nonfinite(values[:0], valid[:0]) == 0


def test_what_is_not_valid_becomes_zero() -> None:
    values = np.array([np.nan, 1.0, np.inf, 4.0])
    zero_where(values, np.array([False, True, True, False]))
    np.testing.assert_array_equal(values, [0.0, 1.0, np.inf, 0.0])

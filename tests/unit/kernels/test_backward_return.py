"""The BQX kernel: definition, sign, bits."""

from __future__ import annotations

import numpy as np
import pytest

import references
from bqx.kernels.backward import BQX_WINDOWS, TILE, backward_return, backward_returns
from references import Floats

INDEX = 100.0 + references.walk(3 * TILE + 17, 0.01)


def single(index: Floats, w: int) -> Floats:
    out = np.empty_like(index)
    backward_return(index, w, out)
    return out


def test_three_prices_by_hand() -> None:
    found = single(np.array([100.0, 110.0, 80.0]), 2)
    # ((110 - 80) + (100 - 80)) / 80: positive, for the price has fallen.
    np.testing.assert_array_equal(found, [np.nan, np.nan, 0.625])


def test_one_window_and_all_windows_have_the_same_bits() -> None:
    for rows in (0, 1, 15, 16, 74, 75, 76, TILE + 75, len(INDEX)):
        index = INDEX[:rows]
        out = np.empty((len(BQX_WINDOWS), rows))
        backward_returns(index, out)
        for found, w in zip(out, BQX_WINDOWS, strict=True):
            assert found.tobytes() == single(index, w).tobytes()


@pytest.mark.parametrize("w", [1, 4, 15, 23, 75])
def test_the_sum_runs_from_the_newest_difference_to_the_oldest(w: int) -> None:
    total = np.zeros(len(INDEX) - w)
    now = INDEX[w:]
    for lag in range(1, w + 1):
        total += INDEX[w - lag : len(INDEX) - lag] - now
    assert single(INDEX, w)[w:].tobytes() == (total / now).tobytes()


def test_flat_prices_return_exactly_nothing() -> None:
    index = INDEX.copy()
    index[500:700] = 99.7
    out = np.empty((len(BQX_WINDOWS), len(index)))
    backward_returns(index, out)
    for found, w in zip(out, BQX_WINDOWS, strict=True):
        assert (found[500 + w : 700] == 0.0).all()
        assert (found[501 : 500 + w] != 0.0).any()

"""Rolling sums and means: exact where windows are flat, nothing carried along, any slice alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import references
from bqx.kernels.sums import moving_mean, moving_sum, moving_sums
from kernelcases import GARBAGE
from references import Floats

SERIES = references.accuracy_series(2600)
FEW = settings(max_examples=30, deadline=None)


def summed(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full_like(y, GARBAGE)
    moving_sum(y, w, origin, out)
    return out


def averaged(y: Floats, w: int, origin: int = 0) -> Floats:
    out = np.full_like(y, GARBAGE)
    moving_mean(y, w, origin, out)
    return out


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("w", [1, 3, 8, 9, 20, 630])
def test_sums(name: str, w: int) -> None:
    _, y = SERIES[name]
    found = summed(y, w, origin=123)
    terms = references.trailing(y, w).astype(np.longdouble)
    assert (np.isnan(found) == (np.arange(len(y)) < w - 1)).all()
    error = np.abs(found - terms.sum(axis=1))[w - 1 :]
    assert (error <= 2e-14 * np.abs(terms[w - 1 :]).sum(axis=1)).all()


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("w", [1, 3, 5, 20, 630, 1200])
def test_means(name: str, w: int) -> None:
    _, y = SERIES[name]
    found = averaged(y, w, origin=123)
    terms = references.trailing(y, w).astype(np.longdouble)
    assert (np.isnan(found) == (np.arange(len(y)) < w - 1)).all()
    error = np.abs(found - terms.mean(axis=1))[w - 1 :]
    assert (error <= 2e-14 * np.abs(terms[w - 1 :]).max(axis=1)).all()


@pytest.mark.parametrize("value", [0.1, 100.0, 1e-300, -99.97, 1e17 / 3])
@pytest.mark.parametrize("w", [1, 3, 7, 60, 99, 240])
def test_the_mean_of_a_flat_window_is_its_value(value: float, w: int) -> None:
    y = np.concatenate([np.linspace(-1.0, 1.0, 500), np.full(900, value), np.zeros(300)])
    assert (averaged(y, w, origin=41)[500 + w - 1 : 1400] == value).all()


def test_whole_numbers_are_exact() -> None:
    y = np.random.default_rng(1).integers(0, 2, 3000).astype(float)
    expected = references.trailing(y, 60).sum(axis=1)
    np.testing.assert_array_equal(summed(y, 60), expected)


def test_a_great_value_leaves_no_trace() -> None:
    y = np.zeros(400)
    y[120] = 1e300
    found = summed(y, 60)
    assert (found[59:120] == 0.0).all()
    assert (found[120:180] == 1e300).all()
    assert (found[180:] == 0.0).all()


def test_several_series_in_one_call() -> None:
    y = np.random.default_rng(2).normal(size=(3, 500))
    out = np.full_like(y, GARBAGE)
    moving_sums(y, 30, 77, out)
    for k in range(3):
        np.testing.assert_array_equal(out[k], summed(y[k], 30, 77))


@FEW
@given(data=st.data(), w=st.integers(1, 80), origin=st.integers(0, 10**8), seed=st.integers(0, 99))
@pytest.mark.parametrize("of", [summed, averaged])
def test_any_slice_gives_the_same_bits(of: Any, data: Any, w: int, origin: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=300) ** 2
    a = data.draw(st.integers(0, 299))
    b = data.draw(st.integers(a + 1, 300))
    whole, part = of(y, w, origin)[a:b], of(y[a:b], w, origin + a)
    assert part[w - 1 :].tobytes() == whole[w - 1 :].tobytes()
    assert np.isnan(part[: w - 1]).all()
    assert (part[w - 1 :] >= 0.0).all()


@FEW
@given(w=st.integers(1, 80), origin=st.integers(0, 10**8), at=st.integers(0, 299))
@pytest.mark.parametrize("of", [summed, averaged])
def test_nan_spoils_only_the_windows_that_contain_it(of: Any, w: int, origin: int, at: int) -> None:
    y = np.random.default_rng(at).normal(size=300)
    clean = of(y, w, origin)
    y[at] = np.nan
    holed = of(y, w, origin)
    spoiled = (np.arange(300) >= at) & (np.arange(300) < at + w)
    assert np.isnan(holed[spoiled]).all()
    assert holed[~spoiled].tobytes() == clean[~spoiled].tobytes()

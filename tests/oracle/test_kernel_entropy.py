"""Entropy of rolling histograms against NumPy's histograms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import references
from bqx.kernels.entropy import MOST, histogram_entropy
from bqx.kernels.extrema import minmax
from references import Floats

SERIES = references.accuracy_series(400)


def entropy(y: Floats, w: int, origin: int = 0) -> Floats:
    low, high, out = np.full((3, len(y)), 12345.678)
    minmax(y, w, origin, low, high)
    histogram_entropy(y, w, low, high, out)
    return out


def slow_entropy(y: Floats, w: int) -> Floats:
    """NaN in flat windows."""
    out = np.full(len(y), np.nan)
    for t, window in enumerate(references.trailing(y, w)):
        if np.ptp(window) > 0:
            p = np.histogram(window, 10)[0] / w
            out[t] = -(p[p > 0] * np.log2(p[p > 0])).sum()
    return out


@pytest.mark.parametrize("w", [15, 60])
@pytest.mark.parametrize("name", SERIES)
def test_against_numpy(name: str, w: int) -> None:
    y = SERIES[name][1]
    np.testing.assert_allclose(entropy(y, w), slow_entropy(y, w), rtol=0, atol=1e-14)


def test_against_scipy() -> None:
    y = np.random.default_rng(6).normal(size=300)
    found = entropy(y, 120)
    for t in range(119, 300, 10):
        counts = np.histogram(y[t - 119 : t + 1], 10)[0]
        assert found[t] == pytest.approx(stats.entropy(counts, base=2), abs=1e-14)


def test_of_returns_of_rounded_prices() -> None:
    # A few distinct values that lie on, or a rounding error beside, the edges of the bins.
    y = np.diff(np.log(SERIES["quotes"][1]))
    for w in (30, 120):
        np.testing.assert_allclose(entropy(y, w), slow_entropy(y, w), rtol=0, atol=1e-14)


def test_equal_counts_have_the_greatest_entropy() -> None:
    for w in (30, 60, 120):
        y = np.arange(3.0 * w) % 10
        assert entropy(y, w)[-1] == pytest.approx(MOST, abs=1e-15)
        assert entropy(y, w)[-1] <= MOST
    assert math.log2(10) == MOST


def test_a_flat_window_has_none() -> None:
    y = np.concatenate([np.full(40, 1.5), np.full(40, 1.6)])
    found = entropy(y, 10)
    assert np.isnan(found[:40]).all()
    assert np.isnan(found[49:]).all()
    share = np.arange(1, 10) / 10
    two = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    np.testing.assert_allclose(found[40:49], two, rtol=1e-14)


values = st.lists(st.one_of(st.integers(0, 10).map(float), st.floats(0, 10)), max_size=100)


@settings(max_examples=60, deadline=None)
@given(drawn=values, w=st.integers(2, 30), start=st.integers(0, 60), spoiled=st.integers(0, 40))
def test_a_slice_gives_the_same_bits(drawn: list[float], w: int, start: int, spoiled: int) -> None:
    y = np.array(drawn)
    y[:spoiled] = np.nan
    whole, part = entropy(y, w, 5), entropy(y[start:], w, 5 + start)
    assert whole[start + w - 1 :].tobytes() == part[w - 1 :].tobytes()
    assert np.isnan(whole[: spoiled + w - 1]).all()

"""Rolling ranks, quantiles and median deviations against sorted windows. All must be exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import references
from bqx.kernels import order
from bqx.kernels.order import median_abs_deviation, percentile_rank, quantile, quantiles
from references import Floats

SERIES = references.accuracy_series(3000)
SHARES = (0.0, 0.05, 0.25, 0.5, 0.8, 0.95, 1.0)
GARBAGE = 12345.678

Run = Callable[[Floats, int], Floats]


def rank(y: Floats, w: int) -> Floats:
    out = np.full(len(y), GARBAGE)
    percentile_rank(y, w, out)
    return out


def rank_by_blocks(y: Floats, w: int) -> Floats:
    out = np.full(len(y), GARBAGE)
    order._rank_long(y, w, out)
    order._blank(y, w, out)
    return out / (w - 1)


def quantile_at(share: float) -> Run:
    def run(y: Floats, w: int) -> Floats:
        out = np.full(len(y), GARBAGE)
        quantile(y, w, share, out)
        return out

    return run


def quantile_by_blocks(share: float) -> Run:
    def run(y: Floats, w: int) -> Floats:
        out = np.full(len(y), GARBAGE)
        order._quantile_long(y, w, share, out)
        return out

    return run


def deviation(y: Floats, w: int) -> Floats:
    out = np.full(len(y), GARBAGE)
    median_abs_deviation(y, w, out)
    return out


def slow_rank(y: Floats, w: int) -> Floats:
    views = references.trailing(y, w)
    now = views[:, -1:]
    below, equal = (views < now).sum(axis=1), (views == now).sum(axis=1)
    found = (below + 0.5 * (equal - 1)) / (w - 1)
    return np.where(np.isnan(views).any(axis=1), np.nan, found)


def slow_quantile(y: Floats, w: int, share: float) -> Floats:
    return np.asarray(np.quantile(references.trailing(y, w), share, axis=1))


def assert_same(found: Floats, expected: Floats) -> None:
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["quotes", "BQX, level 1e-3", "flat stretches"])
@pytest.mark.parametrize("w", [2, 60, 641, 1440, 2880])
def test_ranks_and_quantiles(name: str, w: int) -> None:
    y = SERIES[name][1]
    assert_same(rank(y, w), slow_rank(y, w))
    thin = references.trailing(y, w)[w - 1 :: 11]
    for share in SHARES:
        found = quantile_at(share)(y, w)
        assert np.isnan(found[: w - 1]).all()
        assert_same(found[w - 1 :: 11], np.quantile(thin, share, axis=1))


@pytest.mark.parametrize("w", [7, 240, 1000])
def test_ranks_are_those_of_scipy(w: int) -> None:
    y = SERIES["quotes"][1]
    found = rank(y, w)
    for t in range(w - 1, len(y), 100):
        average = stats.rankdata(y[t - w + 1 : t + 1], method="average")[-1]
        assert found[t] == (average - 1) / (w - 1)


@pytest.mark.parametrize("w", [1, 2, 15, 30, 60, 61])
@pytest.mark.parametrize("name", SERIES)
def test_median_absolute_deviations(name: str, w: int) -> None:
    level, y = SERIES[name]
    found = deviation(y[:300], w)
    exact = stats.median_abs_deviation(references.trailing(y[:300], w), axis=1)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-15 * max(level, 1.0))


def test_several_quantiles_are_the_single_ones() -> None:
    y = SERIES["quotes"][1]
    out = np.empty((len(SHARES), len(y)))
    quantiles(y, 60, np.array(SHARES), out)
    for found, share in zip(out, SHARES, strict=True):
        assert_same(found, quantile_at(share)(y, 60))
        assert_same(found, quantile_by_blocks(share)(y, 60))


def test_equal_values_rank_in_the_middle() -> None:
    for w in (5, 700):
        assert (rank(np.full(900, 3.5), w)[w - 1 :] == 0.5).all()


def test_extremes_rank_at_the_ends() -> None:
    up = np.arange(1500.0)
    for w in (5, 700):
        assert (rank(up, w)[w - 1 :] == 1.0).all()
        assert (rank(-up, w)[w - 1 :] == 0.0).all()


RUNS: dict[str, tuple[Run, Callable[[Floats, int], Floats]]] = {
    "rank": (rank, slow_rank),
    "rank by blocks": (rank_by_blocks, slow_rank),
    "quantile": (quantile_at(0.8), lambda y, w: slow_quantile(y, w, 0.8)),
    "quantile by blocks": (quantile_by_blocks(0.8), lambda y, w: slow_quantile(y, w, 0.8)),
    "least by blocks": (quantile_by_blocks(0.0), lambda y, w: slow_quantile(y, w, 0.0)),
    "greatest by blocks": (quantile_by_blocks(1.0), lambda y, w: slow_quantile(y, w, 1.0)),
}

EACH_RUN = pytest.mark.parametrize("name", RUNS)
FEW = settings(max_examples=40, deadline=None)

# Few distinct values give many ties; signed zeros are equal but have different bits.
coarse = st.lists(st.sampled_from((-1.0, -0.0, 0.0, 0.5, 2.0, 7.0)), min_size=1, max_size=120)
fine = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=120)
holed = st.lists(st.sampled_from((1.0, 2.0, 3.0, float("nan"))), min_size=1, max_size=120)


@EACH_RUN
@FEW
@given(values=st.one_of(coarse, fine, holed), w=st.integers(2, 40))
def test_any_series(name: str, values: list[float], w: int) -> None:
    run, slow = RUNS[name]
    y = np.array(values)
    assert_same(run(y, w), slow(y, w))


@EACH_RUN
@FEW
@given(values=st.one_of(coarse, fine, holed), w=st.integers(2, 40), start=st.integers(0, 100))
def test_a_slice_gives_the_same_bits(name: str, values: list[float], w: int, start: int) -> None:
    run = RUNS[name][0]
    y = np.array(values)
    whole, part = run(y, w)[start + w - 1 :], run(y[start:], w)[w - 1 :]
    assert np.where(np.isnan(whole), 0.0, whole).tobytes() == (
        np.where(np.isnan(part), 0.0, part).tobytes()
    )


@FEW
@given(values=st.one_of(coarse, fine, holed), w=st.integers(1, 40), start=st.integers(0, 100))
def test_a_deviation_needs_its_window_alone(values: list[float], w: int, start: int) -> None:
    y = np.array(values)
    assert_same(deviation(y, w)[start + w - 1 :], deviation(y[start:], w)[w - 1 :])
    spoiled = np.isnan(references.trailing(y, w)).any(axis=1)
    assert (np.isnan(deviation(y, w)) == spoiled).all()

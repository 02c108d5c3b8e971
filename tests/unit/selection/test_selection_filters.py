"""Filters: what they take, and that correlations are those of pairwise complete samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from bqx.errors import BqxError
from bqx.selection.ordering import MISSING, order_columns
from bqx.selection.screening import Pairwise, beyond, drift, screen, uncorrelated


def test_ranks_are_average_ranks_standardised_and_bins_hold_equal_shares() -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(3, 101)).astype(np.float32)
    columns[1] = np.round(columns[1])
    columns[2, ::4] = np.nan
    found = order_columns(columns, bins=8)
    for values, ranks, bins in zip(columns, found.ranks, found.bins, strict=True):
        there = ~np.isnan(values)
        expected = rankdata(values[there])
        expected = (expected - expected.mean()) / expected.std()
        np.testing.assert_allclose(ranks[there], expected, atol=1e-6)
        assert np.isnan(ranks[~there]).all()
        assert (bins[~there] == MISSING).all()
        for value in np.unique(values[there]):
            assert len(np.unique(bins[values == value])) == 1
    assert np.ptp(np.bincount(found.bins[0])) <= 1
    assert found.valid.tolist() == [101, 101, 75]
    assert found.longest[1] == np.unique(columns[1], return_counts=True)[1].max()


def test_infinite_values_are_an_error() -> None:
    with pytest.raises(BqxError, match="infinite"):
        order_columns(np.array([[1.0, np.inf]], np.float32), bins=4)


def test_each_filter_takes_what_it_is_for() -> None:
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(7, 1000)).astype(np.float32)
    columns[1, :101] = np.nan
    columns[2] = 3.0
    columns[3, :] = 0.0
    columns[3, ::200] = 1.0
    columns[5] = columns[4]
    columns[4, 0], columns[5, 0] = 0.0, -0.0
    columns[6] = columns[6].cumsum()
    names = ("good", "holes", "still", "nearly", "twin", "again", "walk")
    ordered = order_columns(columns, 8)
    limits = {"max_nulls": 0.1, "max_share": 0.99}
    found = screen(ordered, names, **limits, max_drift=0.4)
    # Of equal columns the first by name stays.
    own = {1: "nulls", 2: "constant", 3: "constant", 4: "duplicate"}
    assert found == own | {6: "drifting"}
    assert screen(ordered, names, **limits, max_drift=1.0) == own


def test_drift_is_the_share_of_variance_between_stretches_of_time() -> None:
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(4, 1000)).astype(np.float32)
    columns[1] = np.repeat(rng.normal(size=8), 125)
    columns[2] = columns[1] + 0.5 * columns[2]
    columns[2, rng.random(1000) < 0.3] = np.nan
    columns[3] = np.nan
    found = drift(order_columns(columns, 8).ranks)
    np.testing.assert_allclose(found[[1, 3]], [1.0, 0.0], atol=1e-6)
    known = ~np.isnan(columns[2])
    ranks = np.full(1000, np.nan)
    ranks[known] = rankdata(columns[2, known])
    stretch = np.repeat(np.arange(8), 125)
    means = [ranks[(stretch == k) & known].mean() for k in stretch[known]]
    assert found[2] == pytest.approx(np.var(means) / np.var(ranks[known]), rel=1e-5)
    assert found[0] < 0.05


def test_random_walks_drift_and_what_forgets_does_not() -> None:
    rng = np.random.default_rng(6)
    shocks = rng.normal(size=(200, 800)).astype(np.float32)
    walks = drift(order_columns(shocks.cumsum(axis=1), 8).ranks)
    assert np.median(walks) == pytest.approx(0.79, abs=0.03)
    assert np.mean(walks < 0.4) < 0.05
    recalled = np.array([np.convolve(line, np.ones(20), "valid") for line in shocks], np.float32)
    assert drift(order_columns(recalled, 8).ranks).max() < 0.4


def test_correlations_are_those_of_samples_where_both_have_a_value() -> None:
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(7, 300)).astype(np.float32)
    columns[1] += columns[0]
    columns[2, :50] = columns[3, :50] = np.nan
    columns[4, 200:] = np.nan
    columns[5] = np.where(np.arange(300) < 250, 1.0, np.nan)
    columns[6, :299] = np.nan
    found = Pairwise.of(columns).correlations(slice(0, 7), slice(0, 7))
    for i in range(5):
        for j in range(5):
            both = ~np.isnan(columns[i]) & ~np.isnan(columns[j])
            expected = np.corrcoef(columns[i, both], columns[j, both])[0, 1]
            assert found[i, j] == pytest.approx(expected, abs=2e-5)
    assert np.isnan(found[5:]).all()


def test_of_two_correlated_columns_the_better_one_stays() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(size=(3, 500))
    chain = np.stack([base[0], base[0] + 0.2 * base[1], base[0] + 0.4 * base[1], base[2]])
    ranks = order_columns(chain.astype(np.float32), 8).ranks
    near = np.abs(np.corrcoef(ranks)) > 0.95
    np.testing.assert_array_equal(beyond(ranks, 0.95), near)
    assert near[0, 1]
    assert near[1, 2]
    assert not near[0, 2]
    # The middle of the chain goes when either end is better, both ends go when it is the best.
    assert uncorrelated(ranks, np.array([0, 1, 2, 3]), 0.95).tolist() == [True, False, True, True]
    assert uncorrelated(ranks, np.array([1, 0, 2, 3]), 0.95).tolist() == [False, True, False, True]


def test_tiles_and_threads_leave_the_correlations_alone() -> None:
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(300, 80)).astype(np.float32)
    columns[200:] = columns[:100] + 0.3 * columns[200:]
    columns[::7, ::9] = np.nan
    one, two = (beyond(columns, 0.9, threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, one.T)
    both = Pairwise.of(columns).correlations(slice(0, 300), slice(0, 300))
    np.testing.assert_array_equal(one, np.abs(both) > 0.9)

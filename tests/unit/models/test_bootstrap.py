"""The stationary bootstrap: its blocks, its variance, its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bqx.errors import ConfigError
from bqx.models.blocks import Blocks, block_length
from bqx.models.bootstrap import _blocks, _count, resampled_sums
from walks import persistent_noise


def test_blocks_cover_the_sample_once_on_average_and_wrap() -> None:
    rng = np.random.default_rng(0)
    starts, lengths = _blocks(rng, 1000, 7.0)
    assert lengths.sum() == 1000
    assert lengths.min() >= 1
    assert starts.min() >= 0
    assert starts.max() < 1000
    counts = np.empty(10)
    _count(np.array([8, 3]), np.array([4, 25]), counts)
    slow = np.zeros(10)
    for start, length in ((8, 4), (3, 25)):
        for t in range(start, start + length):
            slow[t % 10] += 1
    assert counts.tolist() == slow.tolist()


def test_mean_block_length_is_as_asked() -> None:
    rng = np.random.default_rng(1)
    lengths = np.concatenate([_blocks(rng, 100_000, 50.0)[1] for _ in range(5)])
    assert lengths.mean() == pytest.approx(50.0, rel=0.05)


def test_sums_are_those_of_the_drawn_rows() -> None:
    values = np.random.default_rng(2).normal(5.0, 1.0, (700, 3))
    found = resampled_sums(values, 10.0, 4, seed=3)
    rng = np.random.default_rng(3)
    for sums in found:
        starts, lengths = _blocks(rng, 700, 10.0)
        runs = zip(starts, lengths, strict=True)
        rows = np.concatenate([np.arange(s, s + k) % 700 for s, k in runs])
        np.testing.assert_allclose(sums, values[rows].sum(axis=0), rtol=1e-12)


def test_seeds_repeat_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).normal(size=(500, 2))
    first = resampled_sums(values, 5.0, 30, seed=9)
    monkeypatch.setattr("bqx.models.bootstrap.CHUNK", 1000)
    assert np.array_equal(first, resampled_sums(values, 5.0, 30, seed=9))
    assert not np.array_equal(first, resampled_sums(values, 5.0, 30, seed=10))


def test_a_constant_is_resampled_to_itself() -> None:
    sums = resampled_sums(np.full((50, 1), 0.1), 3.0, 10, seed=0)
    assert np.all(sums == sums[0])
    assert sums[0, 0] == pytest.approx(5.0, rel=1e-15)
    assert block_length(np.full(50, 0.1)) == 1.0


def test_what_cannot_be_resampled_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"blocks of 0\.5"):
        resampled_sums(np.zeros((5, 1)), 0.5, 10, seed=0)
    with pytest.raises(ConfigError, match="11 rows"):
        block_length(np.zeros(11))


def test_intervals_are_widened_by_what_resamples_lack() -> None:
    resampled = np.random.default_rng(5).normal(size=4000)
    low, high = np.quantile(resampled, [0.025, 0.975])
    many = Blocks(1.0, 1.0, 10**9).interval(0.0, resampled, 0.95)
    assert many == pytest.approx((low, high), rel=1e-4)
    few = Blocks(100.0, 100.0, 10_000)
    assert few.shortfall == pytest.approx(0.1 + 0.02)
    # Student's quantile with 100 degrees of freedom is 1.984.
    factor = 1.984 / 1.960 / math.sqrt(0.88)
    assert few.interval(0.0, resampled, 0.95)[1] == pytest.approx(high * factor, rel=1e-3)
    # Longer blocks than the optimal ones cut less, and are fewer.
    assert Blocks(200.0, 100.0, 10_000).shortfall == pytest.approx(0.05 + 0.04)


def test_too_few_blocks_give_no_interval() -> None:
    blocks = Blocks(30.0, 30.0, 60)
    low, high = blocks.interval(np.zeros(2), np.zeros((10, 2)), 0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.slow
def test_coverage_on_autoregressive_losses_is_nominal() -> None:
    simulations, n = 300, 4000
    hits = 0
    for seed in range(simulations):
        losses = 1.0 + persistent_noise(n, seed, 1.0, memory=0.5)
        blocks = Blocks.of(losses, least=1.0)
        means = resampled_sums(losses[:, None], blocks.length, 300, seed)[:, 0] / n
        low, high = blocks.interval(losses.mean(), means, 0.95)
        hits += bool(low <= 1.0 <= high)
    # Within the 95 % interval of a binomial share.
    assert abs(hits / simulations - 0.95) < 1.96 * math.sqrt(0.95 * 0.05 / simulations)

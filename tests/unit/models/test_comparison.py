"""Tests of equal accuracy: direction, size, holes, degenerate cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bqx.errors import ConfigError
from bqx.models.comparison import adjusted, clark_west, diebold_mariano
from bqx.models.longrun import automatic_lag, effective_size, lag_products, long_run_variance
from bqx.models.timeline import Timeline
from walks import Floats, walk_outcomes


def noise(n: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=n)


def test_a_smaller_loss_is_a_better_model() -> None:
    worse, better = 2.0 + 0.1 * noise(500, 0), 1.0 + 0.1 * noise(500, 1)
    found = diebold_mariano(better, worse)
    assert found.gain == pytest.approx(1.0, abs=0.05)
    assert found.p_better < 1e-6
    turned = diebold_mariano(worse, better)
    assert turned.statistic == -found.statistic
    assert turned.p_value == found.p_value
    assert turned.p_better == pytest.approx(1.0)


def test_the_size_is_nominal_for_overlapping_errors() -> None:
    rejected = []
    for seed in range(300):
        errors = np.convolve(noise(1204, seed), np.ones(5), mode="valid")
        other = np.convolve(noise(1204, 1000 + seed), np.ones(5), mode="valid")
        found = diebold_mariano(errors**2, other**2, horizon=5)
        assert (found.kernel, found.lag, found.times) == ("uniform", 4, 1200)
        rejected.append(found.p_value < 0.05)
    assert abs(np.mean(rejected) - 0.05) < 3.0 * math.sqrt(0.05 * 0.95 / 300)


def test_clark_west_does_not_punish_superfluous_noise() -> None:
    outcomes, _ = walk_outcomes(4000, 15, 1, 5)
    assert outcomes.scale is not None
    rough = outcomes.expected + outcomes.scale * 0.3 * noise(4000, 8)
    losses = (outcomes.values - rough) ** 2, (outcomes.values - outcomes.expected) ** 2
    assert diebold_mariano(*losses).p_better > 0.99
    assert 0.01 < clark_west(outcomes.values, rough, outcomes.expected).p_better < 0.99


def test_holes_stay_holes_and_order_does_not_matter() -> None:
    d, rows = noise(300, 3), np.sort(np.random.default_rng(4).choice(1000, 300, replace=False))
    found = diebold_mariano(-d, np.zeros(300), rows=rows, horizon=4, kernel="bartlett")
    u, variance = d - d.mean(), 0.0
    for i in range(300):
        for j in range(300):
            variance += max(0.0, 1.0 - abs(rows[i] - rows[j]) / 4.0) * u[i] * u[j]
    assert found.error == pytest.approx(math.sqrt(variance) / 300, rel=1e-12)
    order = np.random.default_rng(5).permutation(300)
    mixed = diebold_mariano(
        -d[order], np.zeros(300), rows=rows[order], horizon=4, kernel="bartlett"
    )
    assert mixed.error == pytest.approx(found.error, rel=1e-12)


def test_a_negative_variance_falls_back_to_bartlett_and_says_so() -> None:
    alternating = np.tile([1.0, -1.0], 50) + 0.01 * noise(100, 6)
    found = diebold_mariano(alternating, np.zeros(100), horizon=2)
    assert found.kernel == "bartlett"
    assert found.error > 0.0


def test_what_never_varies_or_is_too_short_has_no_p_value() -> None:
    assert math.isnan(diebold_mariano(np.zeros(20), np.full(20, 0.1)).p_value)
    assert math.isnan(diebold_mariano(noise(10, 0), noise(10, 1), horizon=10).p_value)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="different shapes"):
        diebold_mariano(np.zeros(3), np.zeros(4))
    with pytest.raises(ConfigError, match="1 of 3 losses are not finite"):
        diebold_mariano(np.array([1.0, np.nan, 1.0]), np.zeros(3))
    with pytest.raises(ConfigError, match="horizon of 0"):
        diebold_mariano(np.ones(3), np.zeros(3), horizon=0)
    with pytest.raises(ConfigError, match="lag of -1"):
        diebold_mariano(noise(9, 0), np.zeros(9), lag=-1)
    with pytest.raises(ConfigError, match="different shapes"):
        clark_west(np.zeros(3), np.zeros(3), np.zeros(4))
    with pytest.raises(ConfigError, match="p values"):
        adjusted(np.array([0.5, 1.5]))


def test_undefined_tests_are_not_counted_among_many() -> None:
    found = adjusted(np.array([0.01, np.nan, 0.04]))
    assert found[[0, 2]].tolist() == [0.02, 0.04]
    assert math.isnan(found[1])
    assert len(adjusted(np.empty(0))) == 0


def test_products_variance_and_effective_size() -> None:
    u = noise(50, 7)
    assert lag_products(u, 3) == pytest.approx([u @ u, *(u[k:] @ u[:-k] for k in (1, 2, 3))])
    assert long_run_variance(u, 0, "bartlett") == pytest.approx(u @ u)
    assert long_run_variance(np.ones(3), 9, "uniform") == pytest.approx(9.0)
    overlapping = np.convolve(noise(20_019, 8), np.ones(20), mode="valid")
    size = effective_size(overlapping, overlapping, 20)
    # The variance of a mean of sums of 20 is 20 times that of independent rows.
    assert size == pytest.approx(1000, rel=0.25)
    assert math.isnan(effective_size(np.zeros(9), np.zeros(9), 1))
    assert automatic_lag(overlapping) > automatic_lag(noise(20_000, 9))
    assert automatic_lag(np.zeros(100)) == 4


def test_the_axis_of_time_adds_up_and_leaves_holes() -> None:
    line = Timeline(np.array([7, 5, 7, 9]))
    assert line.times.tolist() == [5, 7, 9]
    sums = line.sums(np.array([1.0, 2.0, 3.0, 4.0]))
    assert sums.tolist() == [2.0, 4.0, 4.0]
    assert line.dense(sums).tolist() == [2.0, 0.0, 4.0, 0.0, 4.0]

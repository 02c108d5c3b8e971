"""What learners promise about data that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bqx.models.learning import FittedModels, Learner, Samples, fit_models

Floats = NDArray[np.float64]
SHAPE = (60, 15)
FEATURES = 8


def made(x: Floats, z: Floats) -> Samples:
    n = len(z)
    names = tuple(f"f{i}" for i in range(FEATURES))
    codes = np.zeros(n, np.int16)
    return Samples(np.arange(n), codes, ("eurusd",), x.astype(np.float32), names, {SHAPE: z})


def fit(x: Floats, z: Floats, text: str = "lightgbm", threads: int = 1) -> FittedModels:
    return fit_models(made(x, z), Learner.parse(text), margin=100, threads=threads)


def overlapping(rng: np.random.Generator, n: int) -> Floats:
    """Surprises as labels are: of neighbouring rows they share most of their moves."""
    found: Floats = np.convolve(rng.standard_t(4, size=n + 14), np.ones(15), "valid")
    return np.asarray(found / np.sqrt(30.0), np.float64)


def slow_features(rng: np.random.Generator, n: int) -> Floats:
    shocks = rng.normal(size=(n + 99, FEATURES))
    sums = np.vstack([np.zeros(FEATURES), np.cumsum(shocks, axis=0)])
    found: Floats = (sums[100:] - sums[:-100]) / 10.0
    return found


@pytest.mark.slow
@pytest.mark.parametrize("text", ["lightgbm:rounds=10", "ridge"])
def test_noise_is_not_believed(text: str) -> None:
    # One in six has a t above 1 by chance; that more than 12 of 30 have it is unlikely.
    zeros = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x, z = slow_features(rng, 5000), overlapping(rng, 5000)
        models = fit(x, z, text)
        said = models.forecast(x.astype(np.float32), "eurusd", SHAPE).point
        zeros += not said.any()
        assert (models.calibration(SHAPE).shrinkage.factor == 0.0) == (not said.any())
    assert zeros >= 18


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "interaction"),
    [
        ("lightgbm:rounds=150,learning_rate=0.1", 0.5),
        ("ridge", 0.0),
        ("elastic_net", 0.0),
        ("stack", 0.3),
    ],
)
def test_planted_signals_are_found_at_their_size(text: str, interaction: float) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(24_000, FEATURES))
    signal = 0.2 * x[:, 0] + interaction * x[:, 1] * x[:, 2]
    z = signal + rng.standard_t(5, size=len(x))
    models = fit(x[:12_000], z[:12_000], text)
    fresh = x[12_000:].astype(np.float32)
    said = models.forecast(fresh, "eurusd", SHAPE).point
    slope = float(said @ z[12_000:]) / float(said @ said)
    assert slope == pytest.approx(1.0, abs=0.25)
    assert np.corrcoef(said, signal[12_000:])[0, 1] > 0.6


@pytest.mark.slow
def test_quantiles_and_probabilities_hold_for_heavy_tails_and_clustered_volatility() -> None:
    rng = np.random.default_rng(4)
    n = 40_000
    log_sd = np.zeros(n)
    for t in range(1, n):
        log_sd[t] = 0.98 * log_sd[t - 1] + 0.1 * rng.normal()
    x = rng.normal(size=(n, FEATURES))
    x[:, 0] = log_sd + 0.2 * rng.normal(size=n)
    z = np.exp(log_sd) * rng.standard_t(3, size=n) + 0.3 * x[:, 1]
    models = fit(x[:20_000], z[:20_000], "lightgbm:rounds=120")
    fresh, truth = x[20_000:].astype(np.float32), z[20_000:]
    found = models.forecast(fresh, "eurusd", SHAPE)
    for level, quantile in found.quantiles.items():
        assert np.mean(truth <= quantile) == pytest.approx(level, abs=0.02)
        if level != 0.5:
            assert models.calibration(SHAPE).levels[0].weight > 0.9
            for part in (x[20_000:, 0] < -0.4, x[20_000:, 0] > 0.4):
                assert np.mean(truth[part] <= quantile[part]) == pytest.approx(level, abs=0.06)
    for threshold in (-1.0, 0.0, 0.5, 2.0):
        p = found.cdf(threshold)
        assert np.mean(truth <= threshold) == pytest.approx(p.mean(), abs=0.02)
        places = np.digitize(p, np.quantile(p, [0.25, 0.5, 0.75]))
        for place in range(4):
            part = places == place
            assert np.mean(truth[part] <= threshold) == pytest.approx(p[part].mean(), abs=0.04)


@pytest.mark.slow
def test_the_number_of_threads_changes_no_bit() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4_000, FEATURES))
    z = x[:, 0] * x[:, 1] + rng.normal(size=len(x))
    one, two = (fit(x, z, threads=threads) for threads in (1, 2))
    matrix = x.astype(np.float32)
    a, b = (m.forecast(matrix, "eurusd", SHAPE) for m in (one, two))
    assert a.point.any()
    assert np.array_equal(a.point, b.point)
    assert all(np.array_equal(a.quantiles[q], b.quantiles[q]) for q in a.quantiles)
    c = two.forecast(matrix, "eurusd", SHAPE, threads=2)
    assert np.array_equal(b.point, c.point)

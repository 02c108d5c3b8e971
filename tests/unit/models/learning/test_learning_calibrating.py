"""Shrinkage, conformal quantiles and the distribution of residuals, each on its own."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.dataset.target import KINDS
from bqx.errors import ConfigError
from bqx.models.distributions import normal_cdf, normal_quantile
from bqx.models.learning.calibrating import NARROWEST, Calibration, spread
from bqx.models.learning.conformal import Level, below, pinball, uncrossed
from bqx.models.learning.innerblocks import inner_blocks
from bqx.models.learning.predictive import Residuals, Surprise, to_forecast
from bqx.models.learning.shrinkage import Estimate, Shrinkage, mean_of

RNG = np.random.default_rng(1)


def test_an_honest_forecast_is_kept_and_a_wrong_one_is_not() -> None:
    rows, f = np.arange(4000), RNG.normal(size=4000)
    z = f + RNG.normal(size=4000)
    found = Shrinkage.measured(rows, z, f, 10)
    assert found.slope == pytest.approx(1.0, abs=0.1)
    assert found.factor == pytest.approx(found.slope * (1.0 - (found.critical / found.t) ** 2))
    assert Shrinkage.measured(rows, z, 0.1 * f, 10).factor == 1.0
    assert Shrinkage.measured(rows, -z, f, 10).factor == 0.0
    assert Shrinkage.measured(rows, z, 0.0 * f, 10) == Shrinkage(0.0, 0.0, 0.0, 1.6449)
    assert Shrinkage.measured(rows, f, f, 10).factor == 1.0
    assert Estimate(1.7, 1.0, 1.7).kept(1.7) == Estimate(-5.0, 1.0, 1.7).kept(1.0) == 0.0
    assert Estimate(3.4, 1.0, 1.7).kept(1.7) == 0.75
    assert Estimate(0.0, 0.0, 1.7).kept(1.0) == 0.0


def test_of_forecasts_that_are_noise_one_in_twenty_is_not_silent() -> None:
    """Labels overlap, forecasts persist, and rows are few."""
    heard = []
    for _ in range(400):
        z = np.convolve(RNG.normal(size=2059), np.ones(60), "valid")
        f = np.convolve(RNG.normal(size=2039), np.ones(40), "valid")
        heard.append(Shrinkage.measured(np.arange(2000), z, f, 120).factor > 0.0)
    assert np.mean(heard) == pytest.approx(0.05, abs=0.03)


def test_labels_that_overlap_and_pairs_of_one_minute_count_less() -> None:
    moves = RNG.normal(size=3020)
    z = np.convolve(moves, np.ones(21), "valid")
    rows = np.arange(3000)
    one = mean_of(rows, z, 30)
    assert one.error > 3.0 * mean_of(rows, z, 0).error
    assert mean_of(np.tile(rows, 2), np.tile(z, 2), 30).error == pytest.approx(one.error)
    assert mean_of(rows * 7, z, 30 * 7).error == pytest.approx(one.error)
    assert one.critical > mean_of(rows, z, 0).critical


def test_the_quantile_has_its_share_below_it() -> None:
    values = RNG.normal(size=99)
    for level in (0.1, 0.5, 0.9):
        assert np.sum(values <= below(values, level)) == round(level * 100)


def test_a_quantile_model_counts_only_if_it_is_better() -> None:
    n = 6000
    rows, width = np.arange(n), np.exp(0.7 * RNG.normal(size=n))
    z, point = width * RNG.normal(size=n), np.zeros(n)
    informed = width * float(normal_quantile(np.array(0.9))) + 0.4
    for model, useful in ((informed, True), (RNG.normal(size=n), False), (None, False)):
        level = Level.calibrated(0.9, rows, z, point=point, model=model, lag=5)
        assert (level.weight > 0.5) == useful
        assert np.mean(z <= level.quantile(point, model)) == pytest.approx(0.9, abs=0.001)
    assert level.quantile(point, None)[0] == level.residual
    assert pinball(np.array([2.0, -2.0]), np.zeros(2), 0.9).tolist() == [1.8, pytest.approx(0.2)]


def test_crossing_quantiles_change_places() -> None:
    found = uncrossed({0.9: np.array([1.0, 0.0]), 0.1: np.array([0.0, 3.0])})
    assert found[0.1].tolist() == [0.0, 0.0]
    assert found[0.9].tolist() == [1.0, 3.0]


def test_residuals_have_a_smooth_symmetric_distribution_inside_0_and_1() -> None:
    found = Residuals.measured(RNG.normal(size=4000))
    x = np.linspace(-60.0, 60.0, 4001)
    p = found.probability(x)
    assert np.all((p > 0.0) & (p < 1.0))
    assert np.all(np.diff(p) >= 0.0)
    assert np.abs(p - normal_cdf(x)).max() < 0.02
    assert p + found.probability(-x) == pytest.approx(np.ones(len(x)))
    assert found.probability(np.array([-np.inf, 0.0, np.inf])).tolist() == [0.0, 0.5, 1.0]
    still = Residuals.measured(np.zeros(80)).probability(np.array([-1.0, 0.0, 1.0]))
    assert still[1] == 0.5
    assert 0.0 < still[0] < still[2] < 1.0


def test_the_width_follows_the_outermost_quantiles() -> None:
    levels = (Level(0.1, 0.5, -1.0, 0.0), Level(0.9, 0.0, 1.0, 0.0))
    found = {0.1: np.array([-3.0, 0.9, -1.0]), 0.9: np.array([1.0, 1.0, 1.0])}
    assert spread(levels, found).tolist() == [2.0, NARROWEST, 1.0]
    flat = tuple(Level(a, 0.0, r, 0.0) for a, r in ((0.1, -1.0), (0.9, 1.0)))
    assert spread(flat, found).tolist() == [1.0, 1.0, 1.0]


def test_a_calibration_reads_back() -> None:
    z, f = RNG.normal(size=(2, 500))
    found = Calibration.measured(np.arange(500), z, f, {0.1: f - 1.0, 0.9: None}, 75)
    assert Calibration.from_json(found.to_json()) == found


def test_a_surprise_serves_every_kind() -> None:
    n = 3
    point, zero = np.array([0.0, 0.5, 0.0]), np.zeros(3)
    said = Surprise(point, {0.9: point + 1.0}, lambda at: normal_cdf(np.asarray(at - point)))
    mean, scale = np.array([0.2, 0.2, 0.2]), np.array([0.1, 0.1, 0.0])
    for kind in set(KINDS) - {"direction"}:
        found = to_forecast(said, mean, scale, kind)
        assert found.point == pytest.approx([0.2, 0.25, 0.2])
        assert found.quantiles is not None
        assert found.quantiles[0.9] == pytest.approx([0.3, 0.35, 0.2])
        assert found.probability == pytest.approx([*normal_cdf(np.array([2.0, 2.5])), 1.0])
    still = to_forecast(said, np.array([-1.0, 1.0, 0.0]), zero, "level").probability
    assert still is not None
    assert still.tolist() == [0.0, 1.0, 0.5]
    rise = to_forecast(said, np.array([0.5, 0.0, -1.0]), np.ones(n), "direction")
    assert rise.quantiles is None
    assert rise.probability == pytest.approx([0.75, float(normal_cdf(np.array(0.5))), 0.0])
    assert rise.point == pytest.approx(2.0 * rise.probability - 1.0)


def test_inner_blocks_keep_their_distance() -> None:
    rows = np.repeat(np.arange(0, 300, 3), 2)
    blocks = list(inner_blocks(rows, 4, 10))
    assert np.sum([b.tested for b in blocks], axis=0).tolist() == [1] * len(rows)
    for block in blocks:
        distance = np.abs(rows[block.tested][:, None] - rows[block.trained]).min()
        assert distance > 10
    with pytest.raises(ConfigError, match="inner blocks"):
        list(inner_blocks(rows, 1, 10))
    with pytest.raises(ConfigError, match="leaves nothing"):
        list(inner_blocks(rows, 2, 500))

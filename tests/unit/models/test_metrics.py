"""Metrics beside the martingale: closed forms of a random walk, edge cases, refusals."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields

import numpy as np
import pytest

from bqx.dataset.labels import labels
from bqx.dataset.martingale import closed_form_direction, closed_form_r2
from bqx.dataset.target import BQXTarget, Kind
from bqx.errors import ConfigError
from bqx.models.columns import columns
from bqx.models.metrics import METRICS
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.skill import Measure, Score, score
from gridwalks import domains_of, walk
from walks import Floats, persistent_noise, walk_outcomes

SEEDS = 24
ROWS = 20_000


def measured(outcomes: Outcomes, forecast: Forecast, *names: str) -> list[float]:
    sums = {name: values.sum() for name, values in columns(outcomes, forecast).items()}
    return [float(METRICS[name].value(sums, "martingale")) for name in names]


@pytest.mark.parametrize(
    ("window", "horizon", "change"),
    [(60, 15, False), (30, 15, False), (75, 45, False), (15, 30, True), (75, 15, True)],
)
def test_the_martingale_scores_what_the_closed_forms_say(
    window: int, horizon: int, change: bool
) -> None:
    found = []
    for seed in range(SEEDS):
        outcomes, _ = walk_outcomes(ROWS, window, horizon, seed, change=change)
        forecast = Forecast(outcomes.expected)
        found.append(measured(outcomes, forecast, "r2_mean", "direction"))
    means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(SEEDS)
    kind: Kind = "change" if change else "level"
    assert abs(means[0] - closed_form_r2(window, horizon, kind)) < 3.0 * errors[0]
    assert abs(means[1] - closed_form_direction(window, horizon, kind)) < 3.0 * errors[1]


def scored(forecast: Floats | None = None, *, n: int = 3000, seed: int = 1) -> Score:
    outcomes, _ = walk_outcomes(n, 60, 15, seed)
    point = outcomes.expected if forecast is None else outcomes.expected + forecast
    return score(outcomes, Forecast(point), horizon=15, resamples=100)


def test_the_martingale_has_no_skill_and_no_test_against_itself() -> None:
    for name, measure in scored().measures():
        assert measure.value == measure.martingale, name
        assert measure.skill == 0.0
        assert measure.interval == (0.0, 0.0)
        assert math.isnan(measure.p_value)


def test_skill_is_one_less_the_ratio_of_losses_and_of_what_is_missing_to_one() -> None:
    found = scored(persistent_noise(3000, 1, 2e-3))
    assert found.mse.skill == pytest.approx(1.0 - found.mse.value / found.mse.martingale)
    assert found.r2_martingale.value == pytest.approx(found.mse.skill)
    assert found.r2_mean.skill == pytest.approx(found.mse.skill)
    assert found.direction.skill == pytest.approx(
        (found.direction.value - found.direction.martingale) / (1.0 - found.direction.martingale)
    )
    for _, measure in found.measures():
        assert measure.interval[0] <= measure.skill <= measure.interval[1]
    assert found.mse.interval[1] < 0.0
    assert found.mse.p_better > 0.95


def test_knowledge_of_the_future_is_seen() -> None:
    outcomes, _ = walk_outcomes(3000, 60, 15, 2)
    part = 0.3 * (outcomes.values - outcomes.expected)
    found = score(outcomes, Forecast(outcomes.expected + part), horizon=15, resamples=100)
    assert found.mse.skill == pytest.approx(1.0 - 0.7**2)
    assert found.mse.interval[0] > 0.4
    assert found.mse.p_better < 1e-4
    assert found.nested.p_better < 1e-4


def test_no_value_without_the_martingales() -> None:
    required = {f.name for f in fields(Measure) if f.default is MISSING}
    assert {"value", "martingale", "skill", "interval", "p_value"} <= required


def test_directions_of_zero_are_counted() -> None:
    values = np.tile([1.0, -1.0, 0.0, 2.0], 10)
    point = np.tile([1.0, 1.0, 5.0, 0.0], 10)
    outcomes = Outcomes(np.arange(40), values, np.zeros(40))
    found = score(outcomes, Forecast(point), horizon=1, resamples=50)
    assert (found.zeros, found.undecided) == (10, 10)
    assert found.direction.value == pytest.approx((1.0 + 0.0 + 0.5) / 3.0)
    assert found.direction.martingale == 0.5


def test_a_constant_forecast_has_no_correlation() -> None:
    outcomes, _ = walk_outcomes(500, 15, 15, 0)
    found = score(outcomes, Forecast(np.full(500, 0.1)), horizon=15, resamples=20)
    assert math.isnan(found.correlation.value)
    assert math.isnan(found.correlation.martingale)
    assert math.isnan(found.correlation.p_value)
    assert not math.isnan(found.mse.p_value)


def test_directions_of_one_sign_have_no_area_under_the_curve() -> None:
    outcomes = Outcomes(np.arange(20), np.ones(20), np.zeros(20), np.ones(20))
    forecast = Forecast(np.ones(20), probability=np.full(20, 1.0))
    found = score(outcomes, forecast, horizon=1, resamples=20)
    assert found.auc is not None
    assert math.isnan(found.auc.value)
    assert found.brier is not None
    assert (found.brier.value, found.brier.martingale) == (0.0, 0.25)


def test_a_scale_of_zero_leaves_certainty() -> None:
    outcomes = Outcomes(np.arange(3), np.ones(3), np.array([-1.0, 0.0, 1.0]), np.zeros(3))
    assert outcomes.martingale_probability().tolist() == [0.0, 0.5, 1.0]


def test_pairs_of_one_time_count_as_one() -> None:
    outcomes, _ = walk_outcomes(2000, 60, 15, 3)
    noise = persistent_noise(2000, 3, 1e-4)
    one = score(outcomes, Forecast(outcomes.expected + noise), horizon=15, resamples=100)
    twice = Outcomes(
        np.tile(outcomes.rows, 2), np.tile(outcomes.values, 2), np.tile(outcomes.expected, 2)
    )
    two = score(twice, Forecast(np.tile(outcomes.expected + noise, 2)), horizon=15, resamples=100)
    assert (two.n, two.times) == (4000, 2000)
    assert two.effective_n == pytest.approx(one.effective_n)
    assert two.block == pytest.approx(one.block)
    assert two.mse.interval == pytest.approx(one.mse.interval)
    assert two.mse.p_value == pytest.approx(one.mse.p_value)
    assert two.nested.p_better == pytest.approx(one.nested.p_better)


def test_masked_rows_are_refused_or_left_out() -> None:
    values = np.array([1.0, np.nan, 2.0])
    rows, zeros = np.arange(3), np.zeros(3)
    with pytest.raises(ConfigError, match="1 of 3 numbers of 'values' are not finite"):
        Outcomes(rows, values, zeros)
    outcomes, kept = Outcomes.valid(rows, values, zeros)
    assert outcomes.rows.tolist() == [0, 2]
    assert kept.tolist() == [True, False, True]


@pytest.mark.parametrize("kind", ["level", "direction"])
def test_labels_are_scored_without_masked_rows(kind: Kind) -> None:
    closes = walk(np.random.default_rng(3), 4000, 1e-4)
    found = labels(BQXTarget(30, 15, kind), domains_of(closes))
    outcomes, kept = Outcomes.of_labels(found.first + np.arange(len(found)), found)
    assert np.array_equal(kept, found.valid)
    assert len(outcomes.rows) < len(found)
    p = outcomes.martingale_probability()
    if kind == "direction":
        assert np.array_equal(p, found.rise[kept])
    assert np.array_equal(p > 0.5, outcomes.expected > 0.0)
    own = score(outcomes, Forecast(outcomes.expected, probability=p), horizon=15, resamples=20)
    assert own.brier is not None
    assert own.brier.skill == own.mse.skill == 0.0
    part = outcomes.take(outcomes.rows > outcomes.rows[100])
    assert np.array_equal(part.martingale_probability(), p[101:])


def test_what_does_not_fit_is_refused() -> None:
    outcomes, _ = walk_outcomes(50, 15, 15, 0)
    with pytest.raises(ConfigError, match="49 forecasts of 50 targets"):
        score(outcomes, Forecast(np.zeros(49)), horizon=15)
    with pytest.raises(ConfigError, match="probabilities from"):
        Forecast(np.zeros(2), probability=np.array([0.5, 1.5]))
    with pytest.raises(ConfigError, match="quantile level"):
        Forecast(np.zeros(2), quantiles={1.0: np.zeros(2)})
    bare = Outcomes(outcomes.rows, outcomes.values, outcomes.expected)
    with pytest.raises(ConfigError, match="without the martingale's"):
        score(bare, Forecast(np.zeros(50), probability=np.full(50, 0.5)), horizon=15)
    with pytest.raises(ConfigError, match="no rows"):
        outcomes.take(np.zeros(50, np.bool_))


@pytest.mark.slow
def test_intervals_of_a_model_that_knows_nothing_contain_zero_at_the_nominal_rate() -> None:
    simulations, n = 200, 8000
    hits = 0
    for seed in range(simulations):
        outcomes, _ = walk_outcomes(n, 60, 15, 1000 + seed)
        assert outcomes.scale is not None
        # So little noise that its own cost, the square of 0.003, is no part of the skill.
        noise = persistent_noise(n, seed, 0.003 * float(outcomes.scale[0]))
        point = outcomes.expected + noise
        found = score(outcomes, Forecast(point), horizon=15, resamples=300, seed=seed)
        hits += found.mse.interval[0] <= 0.0 <= found.mse.interval[1]
    # Within three standard errors: over 1,400 such simulations the coverage is 93.8 %.
    assert abs(hits / simulations - 0.95) < 3.0 * math.sqrt(0.95 * 0.05 / simulations)

"""The best forecast of what is planted reaches its ceiling, and no better one can be made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import bqx
from bqx.bars.planted import (
    SD,
    AutoRegression,
    LeadLag,
    SessionDrift,
    best_forecast,
    ceiling,
    planted_bars,
    weights,
)
from bqx.dataset.martingale import spread_factor, touched_terms
from bqx.dataset.planting import planted_dataset
from bqx.errors import ConfigError
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.skill import score
from planted_signals import SIGNALS

Floats = NDArray[np.float64]
DAYS = 60


def simulated_skill(name: str, days: int, seed: int) -> tuple[float, int]:
    """Skill of the best forecast of the linear form, on returns alone, and the rows behind it."""
    signal, window, horizon = SIGNALS[name]
    minutes, forecast = best_forecast(signal, window, horizon, days=days, seed=seed)
    path = signal.returns(minutes, seed)[signal.pair]
    seen = np.lib.stride_tricks.sliding_window_view(path[1:], horizon)
    surprise, known = -(seen @ weights(window, horizon)), forecast[: len(seen)]
    use = np.isfinite(known)
    loss = np.mean((surprise - known)[use] ** 2) / np.mean(surprise[use] ** 2)
    return float(1.0 - loss), int(use.sum())


@pytest.mark.parametrize("name", SIGNALS)
def test_the_closed_form_is_what_simulation_gives(name: str) -> None:
    signal, window, horizon = SIGNALS[name]
    best = ceiling(signal, window, horizon)
    assert 0.005 < best < 0.10
    found = [simulated_skill(name, 200, seed) for seed in range(2)]
    # The skill of a known forecast has the sd 2 sqrt(skill / rows that share no return).
    sd = 2.0 * np.sqrt(best / (sum(n for _, n in found) / horizon))
    assert abs(np.mean([skill for skill, _ in found]) - best) < 3.0 * sd


@pytest.mark.parametrize("window", [15, 60, 240])
@pytest.mark.parametrize("horizon", [1, 15, 75])
def test_weights_are_those_of_the_martingale(window: int, horizon: int) -> None:
    np.testing.assert_array_equal(weights(window, horizon), touched_terms(window, horizon))
    assert np.isclose(
        np.sqrt(np.sum(weights(window, horizon) ** 2)), spread_factor(window, horizon)
    )


def test_ceilings_by_hand() -> None:
    assert ceiling(AutoRegression(phi=0.5), 60, 1) == pytest.approx(0.25)
    # One unknown return of two: weights 59 and 60, and a fifth of the variance is the leader's.
    two = 59**2 / (59**2 + 60**2) / 5
    assert ceiling(LeadLag(beta=0.5, lag=1), 60, 2) == pytest.approx(two)
    assert ceiling(LeadLag(beta=0.5, lag=5), 60, 2) == pytest.approx(0.2)
    flat = SessionDrift(drift=0.1, up=(0, 24), down=(0, 0))
    assert ceiling(flat, 60, 1) == pytest.approx(0.01 / 1.01)


def test_bars_are_repeatable_and_hold_the_returns() -> None:
    signal = LeadLag()
    bars = planted_bars(signal, "2024-07-01", 5, seed=3)
    assert list(bars) == ["eurusd", "gbpusd"]
    again = planted_bars(signal, "2024-07-01", 5, seed=3)
    assert all(bars[pair].equals(again[pair]) for pair in bars)
    minutes, _ = best_forecast(signal, 60, 15, start="2024-07-01", days=5, seed=3)
    path = np.diff(np.log(bars["gbpusd"]["close"].to_numpy()))
    np.testing.assert_allclose(path, signal.returns(minutes, 3)["gbpusd"][1:], atol=1e-3 * SD)
    assert (bars["gbpusd"]["high"] >= bars["gbpusd"]["close"]).all()
    with pytest.raises(ConfigError, match="no trading minute"):
        planted_bars(signal, "2024-07-06", 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIGNALS)
def test_the_best_forecast_reaches_the_ceiling_and_a_ridge_comes_near(
    name: str, tmp_path: Path
) -> None:
    signal, window, horizon = SIGNALS[name]
    with bqx.open(tmp_path / "store") as store:
        columns = "returns_rate,reg_rate__w60_r*,time"
        dataset = planted_dataset(
            signal, store, tmp_path / "set", days=DAYS, targets="60:5,15:level", columns=columns
        )
    assert set(signal.right) <= set(dataset.features)
    assert dataset.synthetic
    assert dataset.pairs == (signal.pair,)
    label = dataset.labels(signal.pair, f"{window}:{horizon}")
    outcomes, kept = Outcomes.of_labels(label.rows, label)
    minutes, known = best_forecast(signal, window, horizon, days=DAYS)
    np.testing.assert_array_equal(dataset.minutes(label.rows), minutes)
    best = ceiling(signal, window, horizon)

    found = score(outcomes, Forecast(outcomes.expected + known[kept]), horizon=horizon)
    low, high = found.mse.interval
    assert low < best < high
    assert low > 0.0

    half = len(outcomes.rows) // 2
    said = ridge(right_features(dataset, signal.right)[kept], outcomes, half)
    test = outcomes.take(np.arange(len(outcomes.rows)) >= half + window + horizon)
    learned = score(
        test, Forecast(test.expected + said[half + window + horizon :]), horizon=horizon
    )
    assert learned.mse.skill > 0.6 * best
    assert learned.mse.interval[0] > 0.0


def right_features(dataset: bqx.Dataset, names: tuple[str, ...]) -> Floats:
    """The right features; NULL counts as 0, their mean."""
    _, matrix = dataset.matrix(dataset.pairs[0], names)
    return np.nan_to_num(matrix.astype(np.float64))


def ridge(features: Floats, outcomes: Outcomes, half: int) -> Floats:
    """Forecasts of the surprise by a ridge that has seen the first half."""
    x = features / features[:half].std(axis=0)
    y = outcomes.values - outcomes.expected
    gram = x[:half].T @ x[:half] + 10.0 * np.eye(x.shape[1])
    return np.asarray(x @ np.linalg.solve(gram, x[:half].T @ y[:half]))

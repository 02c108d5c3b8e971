"""Metrics, intervals and tests against scikit-learn, SciPy, statsmodels and arch."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from scipy.stats import norm, pearsonr, t
from sklearn import metrics as sk
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests

from bqx.models.blocks import block_length
from bqx.models.bootstrap import resampled_sums
from bqx.models.columns import columns
from bqx.models.comparison import Adjustment, adjusted, clark_west, diebold_mariano
from bqx.models.longrun import Kernel
from bqx.models.metrics import METRICS, Who, gradient
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.skill import score
from walks import Floats, persistent_noise, walk_outcomes

LEVELS = (0.1, 0.5, 0.9)
N = 1500
OUTCOMES = walk_outcomes(N, 60, 15, 21)[0]
NOISE = persistent_noise(N, 21, 5e-4)
# Whole percents, so that there are ties.
PERCENT = np.clip(np.rint(100.0 * (OUTCOMES.martingale_probability() + 100.0 * NOISE)), 5.0, 95.0)
PROBABILITY = np.asarray(PERCENT / 100.0, np.float64)
QUANTILES = {
    level: q + NOISE for level, q in zip(LEVELS, OUTCOMES.martingale_quantiles(LEVELS), strict=True)
}
FORECAST = Forecast(OUTCOMES.expected + NOISE, QUANTILES, PROBABILITY)
SUMS = {name: values.sum() for name, values in columns(OUTCOMES, FORECAST).items()}


def expected_metrics(point: Floats, quantiles: Floats, p: Floats) -> dict[str, float]:
    y = OUTCOMES.values
    pinball = [
        sk.mean_pinball_loss(y, q, alpha=level) for level, q in zip(LEVELS, quantiles, strict=True)
    ]
    return {
        "mse": sk.mean_squared_error(y, point),
        "rmse": sk.root_mean_squared_error(y, point),
        "mae": sk.mean_absolute_error(y, point),
        "r2_mean": sk.r2_score(y, point),
        "direction": sk.accuracy_score(y > 0.0, point > 0.0),
        "correlation": pearsonr(y, point).statistic,
        "pinball": np.mean(pinball),
        "crps": 2.0 * np.average(pinball, weights=[0.3, 0.4, 0.3]),
        "log_loss": sk.log_loss(y > 0.0, p),
        "brier": sk.brier_score_loss(y > 0.0, p),
        "auc": sk.roc_auc_score(y > 0.0, p),
    }


@pytest.mark.parametrize("who", ["model", "martingale"])
def test_metrics_equal_those_of_scikit_learn(who: Who) -> None:
    if who == "model":
        want = expected_metrics(FORECAST.point, FORECAST.quantile_matrix(), PROBABILITY)
    else:
        p = OUTCOMES.martingale_probability()
        want = expected_metrics(OUTCOMES.expected, OUTCOMES.martingale_quantiles(LEVELS), p)
    for name, value in want.items():
        assert METRICS[name].value(SUMS, who) == pytest.approx(value, rel=1e-10), name


def test_crps_of_many_levels_is_that_of_the_normal_distribution() -> None:
    levels = tuple(np.arange(1, 200) / 200.0)
    y = np.linspace(-2.0, 2.0, 41)
    outcomes = Outcomes(np.arange(41), y, np.zeros(41), np.ones(41))
    quantiles = dict(zip(levels, outcomes.martingale_quantiles(levels), strict=True))
    found = columns(outcomes, Forecast(np.zeros(41), quantiles))["martingale_crps"]
    want = y * (2.0 * norm.cdf(y) - 1.0) + 2.0 * norm.pdf(y) - 1.0 / np.sqrt(np.pi)
    np.testing.assert_allclose(found, want, rtol=2e-2)


@pytest.mark.parametrize("name", ["rmse", "r2_mean", "correlation", "direction", "log_loss"])
def test_gradients_equal_difference_quotients(name: str) -> None:
    metric = METRICS[name]
    for column, slope in gradient(metric, SUMS).items():
        step = 1e-5 * abs(SUMS[column])
        up, down = ({**SUMS, column: SUMS[column] + s} for s in (step, -step))
        quotient = (metric.gain(up) - metric.gain(down)) / (2.0 * step)
        assert slope == pytest.approx(float(quotient), rel=1e-5, abs=1e-7 / step), column


def ols(d: Floats, lag: int, kernel: Kernel) -> tuple[float, float]:
    options = {"maxlags": lag, "kernel": kernel, "use_correction": False}
    fit = OLS(d, np.ones(len(d))).fit(cov_type="HAC", cov_kwds=options)
    return float(fit.params[0]), float(fit.bse[0])


@pytest.mark.parametrize("kernel", ["uniform", "bartlett"])
@pytest.mark.parametrize("horizon", [1, 15])
def test_diebold_mariano_equals_a_regression_on_a_constant(kernel: Kernel, horizon: int) -> None:
    loss = (OUTCOMES.values - FORECAST.point) ** 2
    benchmark = (OUTCOMES.values - OUTCOMES.expected) ** 2
    mean, error = ols(benchmark - loss, horizon - 1, kernel)
    found = diebold_mariano(loss, benchmark, horizon=horizon, kernel=kernel)
    assert found.gain == pytest.approx(mean, rel=1e-10)
    assert found.error == pytest.approx(error, rel=1e-10)
    factor = (N + 1 - 2 * horizon + horizon * (horizon - 1) / N) / N
    statistic = mean / error * np.sqrt(factor)
    assert found.statistic == pytest.approx(statistic, rel=1e-10)
    assert found.p_value == pytest.approx(2.0 * t.sf(abs(statistic), N - 1), rel=1e-9)
    assert found.p_better == pytest.approx(t.sf(statistic, N - 1), rel=1e-9)


def test_a_score_holds_the_same_tests() -> None:
    found = score(OUTCOMES, FORECAST, horizon=15, resamples=20)
    errors = OUTCOMES.values - FORECAST.point, OUTCOMES.values - OUTCOMES.expected
    square = diebold_mariano(errors[0] ** 2, errors[1] ** 2, horizon=15)
    assert found.mse.p_value == pytest.approx(square.p_value, rel=1e-8)
    absolute = diebold_mariano(np.abs(errors[0]), np.abs(errors[1]), horizon=15)
    assert found.mae.p_value == pytest.approx(absolute.p_value, rel=1e-8)
    d = errors[1] ** 2 - errors[0] ** 2 + (OUTCOMES.expected - FORECAST.point) ** 2
    mean, error = ols(d, 14, "uniform")
    nested = clark_west(OUTCOMES.values, FORECAST.point, OUTCOMES.expected, horizon=15)
    assert found.nested == nested
    assert (nested.gain, nested.error) == pytest.approx((mean, error), rel=1e-10)


@pytest.mark.parametrize(("method", "name"), [("bh", "fdr_bh"), ("by", "fdr_by")])
def test_adjusted_p_values_equal_those_of_statsmodels(method: Adjustment, name: str) -> None:
    p = np.random.default_rng(5).uniform(size=40) ** 3
    p[7] = p[9]
    want = multipletests(p, method=name)[1]
    np.testing.assert_allclose(adjusted(p, method), want, rtol=1e-12)


@pytest.mark.parametrize("n", [12, 60, 1000, 5000])
@pytest.mark.parametrize("memory", [0.0, 0.6, 0.99])
def test_block_length_equals_that_of_arch(n: int, memory: float) -> None:
    x = persistent_noise(n, n, 1.0, memory)
    want = max(1.0, float(optimal_block_length(x).iloc[0, 0]))
    assert block_length(x) == pytest.approx(want, rel=1e-9)


def test_the_spread_of_resampled_means_is_that_of_arch() -> None:
    x = persistent_noise(400, 3, 1.0, 0.7)
    found = resampled_sums(x[:, None], 12.0, 4000, seed=1)[:, 0] / len(x)
    theirs = StationaryBootstrap(12, x, seed=2).apply(np.mean, 4000)[:, 0]
    assert found.mean() == pytest.approx(theirs.mean(), abs=0.01)
    assert found.std() == pytest.approx(theirs.std(), rel=0.05)

"""Tests of equal accuracy, and their adjustment where many are made.

Diebold and Mariano (1995), with the small-sample correction of Harvey, Leybourne and Newbold
(1997); Clark and West (2007) where the benchmark is nested in the model, as the martingale is in
every model. Where many are made, p values are `adjusted`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.causality.false_discovery import Adjustment, adjusted
from bqx.errors import ConfigError
from bqx.models.distributions import student_cdf
from bqx.models.longrun import Kernel, automatic_lag, long_run_variance
from bqx.models.timeline import Timeline

__all__ = [
    "AccuracyTest",
    "Adjustment",
    "adjusted",
    "clark_west",
    "diebold_mariano",
    "gain_test",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Lag = int | Literal["horizon", "automatic"]


@dataclass(frozen=True)
class AccuracyTest:
    """Whether a model and a benchmark are equally accurate.

    Attributes:
        gain: How much better the model is; negative where it is worse.
        error: Standard error of the gain.
        statistic: Gain over error, corrected for the sample size.
        p_value: Two-sided: equal accuracy against a difference.
        p_better: One-sided: equal accuracy against a better model.
        lag: Greatest lag of the autocovariances.
        kernel: Their weights: Bartlett's also where the uniform ones gave no positive variance.
        times: Distinct rows behind it.
    """

    gain: float
    error: float
    statistic: float
    p_value: float
    p_better: float
    lag: int
    kernel: Kernel
    times: int


def diebold_mariano(
    loss: Floats,
    benchmark: Floats,
    *,
    horizon: int = 1,
    rows: Ints | None = None,
    lag: Lag = "horizon",
    kernel: Kernel = "uniform",
) -> AccuracyTest:
    """Test of equal expected loss (Diebold and Mariano 1995), corrected for the sample size.

    Args:
        loss: Losses of the model, shape (n,).
        benchmark: Losses of the benchmark on the same rows, shape (n,).
        horizon: Rows that a forecast looks ahead: optimal errors are dependent up to one less.
        rows: Grid row of each loss; rows of several pairs may repeat, and holes are kept as holes.
            0, 1, 2, … when None.
        lag: Greatest lag: ``horizon`` for one less than the horizon, ``automatic`` by Newey and
            West (1994), or a number.
        kernel: Weights of the autocovariances.

    Raises:
        ConfigError: If lengths differ, a loss is not finite, or the horizon is below 1.
    """
    gain = _checked(benchmark - loss if loss.shape == benchmark.shape else None, horizon)
    return _of_mean(gain, horizon=horizon, rows=rows, lag=lag, kernel=kernel)


def clark_west(
    values: Floats,
    forecast: Floats,
    nested: Floats,
    *,
    horizon: int = 1,
    rows: Ints | None = None,
    lag: Lag = "horizon",
    kernel: Kernel = "uniform",
) -> AccuracyTest:
    """Test of equal squared error in the population, where the benchmark is nested (2007).

    A model with superfluous parameters pays for their noise in the sample. The adjusted difference
    ``(y - nested)² - [(y - forecast)² - (nested - forecast)²]`` takes that price out, so the test
    asks whether the model would be better if it were known exactly. Read ``p_better``; Clark and
    West show that the normal quantiles are nearly right for it.

    Args:
        values: The targets, shape (n,).
        forecast: The model's forecasts.
        nested: The benchmark's, such as the martingale's.
        horizon: See `diebold_mariano`.
        rows: See `diebold_mariano`.
        lag: See `diebold_mariano`.
        kernel: See `diebold_mariano`.

    Raises:
        ConfigError: As `diebold_mariano`.
    """
    alike = values.shape == forecast.shape == nested.shape
    adjusted_gain = (
        (values - nested) ** 2 - (values - forecast) ** 2 + (nested - forecast) ** 2
        if alike
        else None
    )
    return _of_mean(
        _checked(adjusted_gain, horizon), horizon=horizon, rows=rows, lag=lag, kernel=kernel
    )


def gain_test(
    gain: float,
    influence: Floats,
    times: int,
    *,
    horizon: int,
    lag: Lag = "horizon",
    kernel: Kernel = "uniform",
) -> AccuracyTest:
    """The test behind both: a gain against its standard error.

    Args:
        gain: How much better the model is.
        influence: Contribution of each row to it, centred, on an axis without holes.
        times: Rows of the axis that exist.
        horizon: See `diebold_mariano`.
        lag: See `diebold_mariano`.
        kernel: See `diebold_mariano`.
    """
    used = _lag(lag, horizon, influence)
    variance = long_run_variance(influence, used, kernel)
    if kernel == "uniform" and variance <= 0.0:
        kernel = "bartlett"
        variance = long_run_variance(influence, used, kernel)
    error = math.sqrt(max(variance, 0.0))
    # The correction of 1997, (n + 1 - 2h + h(h - 1)/n) / n, as a product.
    factor = (times - horizon) * (times - horizon + 1) / times**2
    # A sample not longer than the horizon supports no test; nor does a gain that never varies.
    known = error > 0.0 and times > horizon
    statistic = gain / error * math.sqrt(factor) if known else float("nan")
    below = student_cdf(statistic, max(times - 1, 1))
    both = 2.0 * student_cdf(-abs(statistic), max(times - 1, 1))
    return AccuracyTest(gain, error, statistic, both, 1.0 - below, used, kernel, times)


def _checked(gain: Floats | None, horizon: int) -> Floats:
    if gain is None or gain.ndim != 1 or len(gain) < 2:
        raise ConfigError("losses of different shapes", expected="(n,) alike, n at least 2")
    if not np.all(np.isfinite(gain)):
        raise ConfigError(
            f"{np.count_nonzero(~np.isfinite(gain))} of {len(gain)} losses are not finite",
            expected="finite losses",
            hint="leave masked rows out",
        )
    if horizon < 1:
        raise ConfigError(f"a horizon of {horizon} rows", expected="at least 1")
    return gain


def _of_mean(
    gain: Floats, *, horizon: int, rows: Ints | None, lag: Lag, kernel: Kernel
) -> AccuracyTest:
    line = Timeline(np.arange(len(gain)) if rows is None else rows)
    mean = float(gain.mean())
    influence = line.dense(line.sums(gain - mean)) / len(gain)
    # A gain that is the same in every row leaves nothing but rounding to vary.
    if not np.any(gain != gain[0]):
        influence = np.zeros_like(influence)
    return gain_test(mean, influence, len(line), horizon=horizon, lag=lag, kernel=kernel)


def _lag(lag: Lag, horizon: int, influence: Floats) -> int:
    if lag == "automatic":
        return automatic_lag(influence)
    used = horizon - 1 if lag == "horizon" else lag
    if used < 0:
        raise ConfigError(f"a lag of {used} rows", expected="at least 0")
    return used

"""Sharpe ratios with what dependence, odd shapes and many trials do to them.

Literature: Lo, "The Statistics of Sharpe Ratios" (2002); Bailey and Lopez de Prado, "The Sharpe
Ratio Efficient Frontier" (2012) and "The Deflated Sharpe Ratio" (2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.models.distributions import normal_cdf, normal_quantile
from bqx.models.longrun import automatic_lag, long_run_variance

Floats = NDArray[np.float64]

DAYS_A_YEAR = 260
"""Trading days from 17:00 to 17:00 New York time in a year of FX weeks."""
_EULER = 0.5772156649015329


@dataclass(frozen=True)
class Sharpe:
    """Sharpe ratios of daily returns; NaN where the returns do not vary.

    Attributes:
        days: Daily returns.
        daily: Mean over standard deviation, with n - 1; no rate of interest is taken off.
        plain: The same times the root of the days of a year: right if days are independent.
        annual: With Lo's factor for autocorrelation up to `lag`.
        error: Standard error of `annual`: Lo's for dependent returns, times the same factor.
        lag: Greatest lag of the autocorrelations.
        skewness: Third standardised moment.
        kurtosis: Fourth standardised moment; 3 for a normal distribution.
        probability: Probability that the true ratio is above 0.
        trials: Strategies that were tried, of which this is the best.
        hurdle: Greatest daily ratio to be expected of so many trials without any skill.
        deflated: Probability that the true ratio is above the hurdle.
    """

    days: int
    daily: float
    plain: float
    annual: float
    error: float
    lag: int
    skewness: float
    kurtosis: float
    probability: float
    trials: int
    hurdle: float
    deflated: float


def sharpe(
    returns: Floats, trials: int, *, trial_variance: float | None = None, lag: int | None = None
) -> Sharpe:
    """Sharpe ratios of daily returns.

    Args:
        returns: Daily returns in order of time, days without trades included as 0, shape (n,).
        trials: Strategies that were tried, this one included; each threshold, target and set of
            parameters that was looked at is one.
        trial_variance: Variance of the daily ratios among the trials; where it is not known,
            1/(n - 1), that of ratios of independent normal returns without skill.
        lag: Greatest lag of autocorrelations that count; by Newey and West (1994) when None.

    Raises:
        ConfigError: If there is no trial.
    """
    if trials < 1:
        raise ConfigError(f"{trials} trials", expected="at least 1: this one")
    n = len(returns)
    sd = float(np.std(returns, ddof=1)) if n > 2 else 0.0
    if not sd > 1e-15 * (1.0 + float(np.abs(returns).max(initial=0.0))):
        nan = math.nan
        return Sharpe(n, nan, nan, nan, nan, 0, nan, nan, nan, trials, nan, nan)
    daily = float(returns.mean()) / sd
    centred = returns - returns.mean()
    used = min(automatic_lag(centred) if lag is None else lag, n - 2)
    factor = annual_factor(centred, used)
    z = centred / np.std(returns)
    skewness, kurtosis = float(np.mean(z**3)), float(np.mean(z**4))
    variance = 1.0 / (n - 1) if trial_variance is None else trial_variance
    hurdle = expected_maximum(trials, variance)
    shape = (skewness, kurtosis)
    return Sharpe(
        n,
        daily,
        daily * math.sqrt(DAYS_A_YEAR),
        daily * factor,
        factor * standard_error(centred, daily, used),
        used,
        *shape,
        probabilistic(daily, 0.0, n, *shape),
        trials,
        hurdle,
        probabilistic(daily, hurdle, n, *shape),
    )


def annual_factor(centred: Floats, lag: int, periods: int = DAYS_A_YEAR) -> float:
    """Lo's factor from the ratio of one period to that of several.

    ``q / sqrt(q + 2 sum_{k=1}^{q-1} (q - k) rho_k)``, the autocorrelations beyond a lag taken as 0:
    all of a sample's together always sum to -1/2 and say nothing.

    Args:
        centred: Returns less their mean, shape (n,).
        lag: Greatest lag that counts.
        periods: q.

    Returns:
        The factor; the root of q without autocorrelation; NaN where the sum is not positive.
    """
    k = np.arange(1, min(lag, periods - 1) + 1)
    rho = np.array([centred[j:] @ centred[:-j] for j in k]) / (centred @ centred)
    total = periods + 2.0 * float((periods - k) @ rho)
    return periods / math.sqrt(total) if total > 0.0 else math.nan


def standard_error(centred: Floats, ratio: float, lag: int) -> float:
    """Lo's standard error of a one-period ratio of dependent returns.

    The long-run variance (Bartlett) of the ratio's influence ``z - ratio (z^2 - 1) / 2``, z being
    standardised returns. For independent normal returns it is near ``sqrt((1 + ratio^2 / 2) / n)``.

    Args:
        centred: Returns less their mean, shape (n,).
        ratio: The one-period ratio.
        lag: Greatest lag that counts.
    """
    z = centred / np.std(centred)
    influence = z - 0.5 * ratio * (z**2 - 1.0)
    return math.sqrt(long_run_variance(influence, lag, "bartlett")) / len(z)


def probabilistic(
    ratio: float, benchmark: float, n: int, skewness: float, kurtosis: float
) -> float:
    """Probability that the true one-period ratio is above a benchmark.

    ``Phi((S - S*) sqrt(n - 1) / sqrt(1 - skewness S + (kurtosis - 1) / 4 S^2))``.
    """
    spread = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    if not spread > 0.0:
        return math.nan
    z = (ratio - benchmark) * math.sqrt((n - 1) / spread)
    return float(normal_cdf(np.array([z]))[0])


def expected_maximum(trials: int, variance: float) -> float:
    """Greatest of so many independent normal ratios of mean 0, on average.

    ``sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)))`` with Euler's g; 0 for one trial.
    """
    if trials == 1:
        return 0.0
    high, higher = normal_quantile(np.array([1.0 - 1.0 / trials, 1.0 - 1.0 / (trials * math.e)]))
    return math.sqrt(variance) * ((1.0 - _EULER) * float(high) + _EULER * float(higher))

"""BQX of simulated random walks, beside what is known of it at each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.models.outcomes import Outcomes

Floats = NDArray[np.float64]


def walk_outcomes(
    n: int, window: int, horizon: int, seed: int, *, change: bool = False
) -> tuple[Outcomes, Floats]:
    """Targets of a Gaussian walk with their martingale mean and scale, and B_W(t).

    The moves are so small that sums of returns and of price differences agree; the scale is exact.
    """
    rng = np.random.default_rng([seed, window, horizon])
    sigma = 1e-5
    prices = np.cumsum(rng.normal(0.0, sigma, n + window + horizon))
    t = np.arange(window, window + n)
    sums = np.concatenate(([0.0], np.cumsum(prices)))

    def past(length: int, at: NDArray[np.int64]) -> Floats:
        return np.asarray(sums[at] - sums[at - length] - length * prices[at])

    now = past(window, t)
    values, expected = past(window, t + horizon), past(max(window - horizon, 0), t)
    if change:
        values, expected = values - now, expected - now
    terms = np.maximum(window - horizon + np.arange(1, horizon + 1), 0)
    scale = sigma * np.sqrt(np.sum(terms.astype(np.float64) ** 2))
    return Outcomes(np.arange(n), values, expected, np.full(n, scale)), now


def persistent_noise(n: int, seed: int, sd: float, memory: float = 0.99) -> Floats:
    """A stationary AR(1) series that knows nothing."""
    rng = np.random.default_rng([seed, 7])
    shocks = rng.normal(0.0, sd * np.sqrt(1.0 - memory**2), n)
    found = np.empty(n)
    value = rng.normal(0.0, sd)
    for t in range(n):
        found[t] = value = memory * value + shocks[t]
    return found

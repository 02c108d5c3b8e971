"""The whole distribution of a surprise: a conformal predictive system of residuals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bqx.dataset.target import Kind
from bqx.models.distributions import normal_quantile
from bqx.models.learning.samples import Floats
from bqx.models.outcomes import Forecast

KNOTS = 61
"""Points at which the distribution of residuals is kept."""

LEAST = 1e-9
"""No probability of a finite threshold is nearer to 0 or 1."""


@dataclass(frozen=True)
class Residuals:
    """The distribution of residuals: smooth, increasing, symmetric, inside (0, 1) everywhere.

    Between its knots, and beyond the outermost, the log odds are linear.

    Attributes:
        values: Residuals, ascending.
        log_odds: Log odds of a residual at or below each, ascending.
    """

    values: tuple[float, ...]
    log_odds: tuple[float, ...]

    @classmethod
    def measured(cls, residuals: Floats) -> Residuals:
        """The distribution of residuals of calibration rows (Vovk et al. 2019).

        A further exchangeable residual lies below the j-th of n with a probability of j / (n + 1).
        Of these steps a few dozen are kept, evenly spaced in log odds.

        Every residual counts with both signs. The drift of a few weeks says nothing about that of
        the next, and on real pairs it made direction probabilities worse than the martingale's; so
        did a logistic recalibration on the same rows.
        """
        both = np.concatenate([residuals, -residuals])
        n = len(both)
        edge = np.log(n)
        odds = np.linspace(-edge, edge, min(KNOTS, n))
        found = np.quantile(both, _logistic(odds), method="weibull")
        # Ties are one jump; the middle of the jump stands for it.
        values, place = np.unique(found, return_inverse=True)
        middle = np.bincount(place, odds) / np.bincount(place)
        return cls(tuple(values.tolist()), tuple(middle.tolist()))

    def probability(self, residual: Floats) -> Floats:
        """Probability of a residual at or below each value."""
        values, odds = np.array(self.values), np.array(self.log_odds)
        if len(values) == 1:
            return np.select(
                [residual < values[0], residual > values[0]], [LEAST, 1.0 - LEAST], 0.5
            )
        inner = np.interp(residual, values, odds)
        first, last = np.diff(odds)[[0, -1]] / np.diff(values)[[0, -1]]
        inner += first * np.minimum(residual - values[0], 0.0)
        inner += last * np.maximum(residual - values[-1], 0.0)
        inside = np.clip(_logistic(inner), LEAST, 1.0 - LEAST)
        return np.where(np.isinf(residual), residual > 0.0, inside)


@dataclass(frozen=True, eq=False)
class Surprise:
    """What is said about the surprise ``z = (y - expected) / scale`` of some rows.

    Attributes:
        point: Its conditional mean, shape (n,); exactly 0 where the model has no skill.
        quantiles: Level to quantile, shape (n,); they do not cross.
        cdf: Probability of a surprise at or below a threshold, a number or shape (n,).
    """

    point: Floats
    quantiles: Mapping[float, Floats]
    cdf: Callable[[Floats | float], Floats]


def to_forecast(surprise: Surprise, expected: Floats, scale: Floats, kind: Kind) -> Forecast:
    """The forecast of a target from that of its surprise.

    Args:
        surprise: Forecast of the surprise of its shape.
        expected: The target's own conditional mean under the martingale, shape (n,).
        scale: Its conditional standard deviation, shape (n,), at least 0.
        kind: The target's kind. A direction has the probability of a rise of the change, the point
            twice that less 1, and no quantiles.

    Returns:
        Point, quantiles and the probability of a target above 0. A scale of 0 leaves the expected
        value, as the martingale does.
    """
    if kind == "direction":
        rise = 1.0 - surprise.cdf(-normal_quantile((1.0 + expected) / 2.0))
        return Forecast(2.0 * rise - 1.0, None, rise)
    certain = np.where(expected == 0.0, 0.0, np.copysign(np.inf, -expected))
    threshold = np.divide(-expected, scale, out=certain, where=scale > 0.0)
    found = {level: expected + scale * q for level, q in surprise.quantiles.items()}
    return Forecast(expected + scale * surprise.point, found, 1.0 - surprise.cdf(threshold))


def _logistic(log_odds: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * log_odds))

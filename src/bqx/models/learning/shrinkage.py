"""How much of a forecast is to be believed, from rows that the model has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bqx.models.learning.samples import Floats, Ints
from bqx.models.longrun import long_run_variance
from bqx.models.timeline import Timeline

NOTHING = 1e-24
"""A forecast with a smaller share of the surprises' squares is the rounding of 0."""


BANDWIDTH = 2
"""Lags of the variance in lags over which labels overlap.

Bartlett's weights fall from the first lag on, so that with only as many lags as labels overlap a
third of the variance would be missed, and noise believed.
"""

_FIXED_B = (1.6449, 2.1859, 0.3142, -0.3427)
"""Kiefer and Vogelsang (2005): 95 % critical values by the bandwidth's share of the rows."""


@dataclass(frozen=True)
class Estimate:
    """A number from dependent rows.

    Attributes:
        value: The number.
        error: Its standard error.
        critical: What its t value exceeds with probability 0.05 where the number is 0.
    """

    value: float
    error: float
    critical: float

    @property
    def t(self) -> float:
        """The value over its error."""
        if self.error > 0.0:
            return self.value / self.error
        return math.copysign(math.inf, self.value) if self.value else 0.0

    def kept(self, threshold: float) -> float:
        """The share that is believed: ``1 - (threshold / t)²``, 0 where t is at most that.

        With a threshold of 1 its expected squared error is least; with the critical value nothing
        is believed of what is 0, in 19 of 20 cases.
        """
        return 0.0 if self.t <= threshold else 1.0 - (threshold / self.t) ** 2


@dataclass(frozen=True)
class Shrinkage:
    """The slope of surprises on forecasts, and the share of a forecast that is kept for it.

    Attributes:
        factor: In [0, 1]; 0 says that the model has no skill.
        slope: Least squares through the origin; 1 for an honest forecast, 0 for noise.
        t: The slope over its standard error.
        critical: What t must exceed.
    """

    factor: float
    slope: float
    t: float
    critical: float

    @classmethod
    def measured(cls, rows: Ints, z: Floats, f: Floats, lag: int) -> Shrinkage:
        """Regress surprises on forecasts of the same rows.

        ``factor = slope (1 - (critical/t)²)`` within [0, 1], and 0 where t is at most critical: the
        non-negative garrote (Breiman 1995) for one slope, with the threshold of a one-sided test at
        5 %. A model of noise is silent in 19 of 20 cases, and nearly so in the other one. A factor
        above 1 would enlarge forecasts; regularised models tempt to it, and noise is what it
        enlarges.

        Args:
            rows: Absolute grid rows, repeated where several pairs share one.
            z: Surprises, shape (n,).
            f: Forecasts, shape (n,).
            lag: Rows over which labels overlap; surprises further apart count as independent.
        """
        squares = float(f @ f)
        if squares <= NOTHING * float(z @ z):
            return cls(0.0, 0.0, 0.0, _FIXED_B[0])
        slope = float(f @ z) / squares
        spread, critical = _sum_spread(rows, f * (z - slope * f), lag)
        found = Estimate(slope, spread / squares, critical)
        factor = min(max(slope, 0.0) * found.kept(critical), 1.0)
        return cls(factor, slope, found.t, critical)


def mean_of(rows: Ints, values: Floats, lag: int) -> Estimate:
    """Mean of dependent values.

    Args:
        rows: Absolute grid rows, repeated where several pairs share one.
        values: Shape (n,).
        lag: Rows over which values depend on each other.
    """
    mean = float(values.mean())
    spread, critical = _sum_spread(rows, values - mean, lag)
    return Estimate(mean, spread / len(values), critical)


def _sum_spread(rows: Ints, centred: Floats, lag: int) -> tuple[float, float]:
    """Standard deviation of a sum of dependent values, and the critical value that belongs to it.

    Values of one row are added up first, because pairs move together. Where only every k-th row
    is there, the axis counts in steps of k.
    """
    times = Timeline(rows)
    step = int(np.gcd.reduce(np.diff(times.times))) if len(times) > 1 else 1
    thinned = Timeline(times.times // step)
    sums = thinned.dense(times.sums(centred))
    lags = math.ceil(BANDWIDTH * lag / step)
    share = min((lags + 1) / len(sums), 1.0)
    critical = sum(a * share**power for power, a in enumerate(_FIXED_B))
    return math.sqrt(long_run_variance(sums, lags, "bartlett")), critical

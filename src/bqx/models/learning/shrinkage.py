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


@dataclass(frozen=True)
class Shrinkage:
    """The slope of surprises on forecasts, and the share of a forecast that is kept for it.

    Attributes:
        factor: In [0, 1]; 0 says that the model has no skill.
        slope: Least squares through the origin; 1 for an honest forecast, 0 for noise.
        t: The slope over its standard error.
    """

    factor: float
    slope: float
    t: float

    @classmethod
    def measured(cls, rows: Ints, z: Floats, f: Floats, lag: int) -> Shrinkage:
        """Regress surprises on forecasts of the same rows.

        ``factor = slope (1 - 1/t²)`` within [0, 1], and 0 where t is at most 1: the positive part
        of an unbiased estimate of the share of the squared slope that is no noise. A factor above
        1 would enlarge forecasts; regularised models tempt to it, and noise is what it enlarges.

        Args:
            rows: Absolute grid rows, repeated where several pairs share one.
            z: Surprises, shape (n,).
            f: Forecasts, shape (n,).
            lag: Rows over which labels overlap; surprises further apart count as independent.
        """
        squares = float(f @ f)
        if squares <= NOTHING * float(z @ z):
            return cls(0.0, 0.0, 0.0)
        slope = float(f @ z) / squares
        error = math.sqrt(_sum_variance(rows, f * (z - slope * f), lag)) / squares
        t = slope / error if error > 0.0 else math.copysign(math.inf, slope)
        return cls(min(max(slope, 0.0) * kept_share(t), 1.0), slope, t)


def kept_share(t: float) -> float:
    """The part of an estimate that is kept: ``1 - 1/t²``, 0 where t is at most 1."""
    return 0.0 if t <= 1.0 else 1.0 - 1.0 / (t * t)


def mean_and_error(rows: Ints, values: Floats, lag: int) -> tuple[float, float]:
    """Mean of dependent values, and its standard error.

    Args:
        rows: Absolute grid rows, repeated where several pairs share one.
        values: Shape (n,).
        lag: Greatest lag of the autocovariances, in rows.
    """
    mean = float(values.mean())
    return mean, math.sqrt(_sum_variance(rows, values - mean, lag)) / len(values)


def _sum_variance(rows: Ints, centred: Floats, lag: int) -> float:
    """Variance of a sum of dependent values: Bartlett weights over lags in rows.

    Values of one row are added up first, because pairs move together. Where only every k-th row
    is there, the axis counts in steps of k.
    """
    times = Timeline(rows)
    step = int(np.gcd.reduce(np.diff(times.times))) if len(times) > 1 else 1
    thinned = Timeline(times.times // step)
    sums = thinned.dense(times.sums(centred))
    return long_run_variance(sums, math.ceil(lag / step), "bartlett")

"""Bayesian online change point detection (Adams and MacKay 2007).

The data of a run are Gaussian with unknown mean and variance under a normal-inverse-gamma prior, so
the next value's predictive distribution is Student's t (Murphy 2007). A run ends before any sample
with the same probability, the hazard.

There is one hypothesis per possible beginning of the run. A beginning of mass 1e-7, or 1e-25, may
turn out to be the right one a hundred samples later, so only the oldest are dropped, and only below
1e-50. Hypotheses stand in order of age: the constants of their lengths are contiguous, and every
loop over them is free of branches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

HAZARD = 1.0 / 250.0

PRIOR_SCALE = 1.0
"""Scale beta of the prior; its mean is 0, its count kappa and its shape alpha are 1."""

RECENT = 5
"""Longest run that counts as a recent change."""

DIGITS = 9
"""Binary digits of the exponents."""

LONGEST = 2 ** (DIGITS + 1) - 4
"""Greatest run length that the exponents allow."""

LEAST_MASS = 1e-200
"""Floor of the masses: arithmetic below 1e-308 would take fifty times as long."""

LOST = 1e-50
"""Mass below which the oldest hypothesis is dropped. On exchange rates this moves no output by
1e-12."""


class Runs(NamedTuple):
    """Hypotheses in order of age, the oldest first.

    Attributes:
        mass: Posterior probability.
        mean: Posterior mean of the run's mean.
        scale: Posterior inverse-gamma scale of the run's variance.
        precision: 1 / square root of ``scale``.
    """

    mass: Floats
    mean: Floats
    scale: Floats
    precision: Floats


class Constants(NamedTuple):
    """What depends on a run's length n alone, for the lengths limit, limit - 1 … 0.

    With kappa = n + 1 and alpha = n / 2 + 1 the predictive density of a value x at distance d from
    the mean is factor scale^(-1/2) (scale / scale')^(n / 2 + 3/2), scale' = scale + gain d².

    Attributes:
        factor: Gamma(alpha + 1/2) / Gamma(alpha) sqrt(kappa / (2 pi (kappa + 1))).
        gain: kappa / (2 kappa + 2).
        pull: 1 / (kappa + 1), the part of d by which the mean moves.
        length: n.
    """

    factor: Floats
    gain: Floats
    pull: Floats
    length: Floats


@jit
def constants_of(limit: int) -> Constants:
    """The constants of all lengths up to a limit.

    The ratio of gamma functions grows by (n + 3) / (n + 2) over two lengths; logarithms of gamma
    functions of 500 would cost three digits.
    """
    factor, length = np.empty(limit + 1), np.empty(limit + 1)
    ratio, following = 0.5 * np.sqrt(np.pi), 2.0 / np.sqrt(np.pi)
    for n in range(limit + 1):
        length[limit - n] = n
        factor[limit - n] = ratio * np.sqrt((n + 1.0) / (2.0 * np.pi * (n + 2.0)))
        ratio, following = following, ratio * ((n + 3.0) / (n + 2.0))
    pull = 1.0 / (length + 2.0)
    return Constants(factor, 0.5 * (length + 1.0) * pull, pull, length)


@jit
def _observe(runs: Runs, by: Constants, x: float) -> None:
    """Multiply each mass by the density that the run predicts for x, and let the run learn x.

    The power is taken by repeated squaring: logarithms and exponentials would take the time of
    everything else five times over.
    """
    mass, mean, scale, precision = runs
    factor, gain, pull = by.factor, by.gain, by.pull
    longest = len(mass) + 2
    for j in range(len(mass)):
        d = x - mean[j]
        new_scale = scale[j] + gain[j] * d * d
        power = scale[j] / new_scale
        root = np.sqrt(power)
        density = factor[j] * precision[j]
        exponent = longest - j
        density *= root if exponent & 1 else 1.0
        for digit in range(DIGITS):
            density *= power if (exponent >> (digit + 1)) & 1 else 1.0
            power *= power
        mass[j] = max(mass[j] * density, LEAST_MASS)
        mean[j] += d * pull[j]
        scale[j] = new_scale
        precision[j] *= root


@jit
def _total(values: Floats) -> float:
    """Sum by halves, in place; the order depends on the number of values alone."""
    n = len(values)
    while n > 1:
        half = (n + 1) // 2
        for j in range(n - half):
            values[j] += values[half + j]
        n = half
    return float(values[0])


@jit
def _normalise(mass: Floats, spare: Floats) -> None:
    """Let all runs go on: their masses sum to one less the hazard."""
    for j in range(len(mass)):
        spare[j] = mass[j]
    factor = (1.0 - HAZARD) / _total(spare[: len(mass)])
    for j in range(len(mass)):
        mass[j] *= factor


@jit
def _mean_length(mass: Floats, length: Floats, spare: Floats) -> float:
    for j in range(len(mass)):
        spare[j] = mass[j] * length[j]
    return _total(spare[: len(mass)])


@jit
def _likeliest(mass: Floats) -> int:
    """Index of the greatest mass, of the oldest one among equals."""
    top, at = mass[0], 0
    for j in range(1, len(mass)):
        if mass[j] > top:
            top, at = mass[j], j
    return at


@jit
def _join_oldest(runs: Runs, low: int, limit: int) -> None:
    """Join a run that outgrew the limit with the next one, under the data of the heavier.

    The older one is cut to the limit's length first, its variance, scale / shape, unchanged.
    """
    mass, mean, scale, precision = runs
    if mass[low] > mass[low + 1]:
        mean[low + 1] = mean[low]
        scale[low + 1] = scale[low] * (limit + 2.0) / (limit + 3.0)
        precision[low + 1] = 1.0 / np.sqrt(scale[low + 1])
    mass[low + 1] += mass[low]


@jit
def _begin(runs: Runs, at: int, mass: float) -> None:
    """Add the hypothesis that a run begins after the current sample."""
    runs.mass[at] = mass
    runs.mean[at] = 0.0
    runs.scale[at] = PRIOR_SCALE
    runs.precision[at] = 1.0 / np.sqrt(PRIOR_SCALE)


@jit
def _between(runs: Runs, low: int, high: int) -> Runs:
    parts = runs.mass[low:high], runs.mean[low:high], runs.scale[low:high]
    return Runs(*parts, runs.precision[low:high])


@jit
def _youngest(by: Constants, count: int) -> Constants:
    """The constants of the lengths count - 1 … 0."""
    first = len(by.length) - count
    return Constants(by.factor[first:], by.gain[first:], by.pull[first:], by.length[first:])


@jit
def bocpd(z: Floats, limit: int, out: Floats) -> None:
    """Run length posterior of a sequence, from the assumption that a run begins with it.

    A run that outgrows ``limit`` keeps that length: it is joined with the one that is there, and
    its statistics weigh as much as ``limit`` samples.

    Args:
        z: Shape (n,), values in units of their deviation. At a NaN nothing is learnt and NaN is
            written.
        limit: Greatest run length, from 1 to ``LONGEST``.
        out: Shape (3, n), filled: posterior mean of the run length, probability of a run length of
            at most five, and probability that the run which was the most likely one at the sample
            before has gone on.
    """
    room = len(z) + 2
    runs = Runs(np.empty(room), np.empty(room), np.empty(room), np.empty(room))
    spare, constants = np.empty(limit + 2), constants_of(limit)
    _begin(runs, 0, 1.0)
    low, high, likeliest = 0, 1, 0
    for i in range(len(z)):
        if np.isnan(z[i]):
            out[:, i] = np.nan
            continue
        _observe(_between(runs, low, high), _youngest(constants, high - low), z[i])
        _normalise(runs.mass[low:high], spare)
        if high - low > limit:
            _join_oldest(runs, low, limit)
            low += 1
        while runs.mass[low] < LOST:
            low += 1
        likeliest = max(likeliest, low)
        out[2, i] = runs.mass[likeliest]
        _begin(runs, high, HAZARD)
        high += 1
        mass = runs.mass[low:high]
        lengths = _youngest(constants, high - low).length
        # Rounding may carry both past their bounds.
        out[0, i] = min(_mean_length(mass, lengths, spare), float(limit))
        out[1, i] = min(mass[-RECENT - 1 :].sum(), 1.0)
        likeliest = low + _likeliest(mass)

"""Fit the hidden Markov model of calm, trending and shocked markets to a past.

Two variables are observed: log realised volatility and the efficiency ratio.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats, Ints
from bqx.kernels.hmm import LEAST_TRANSITION, STATES, Model, baum_welch, stationary
from bqx.kernels.jit import jit

PARAMETERS = 24
"""Transition probabilities, means and covariances, row by row."""

FEWEST = 500
"""Observations without which nothing is fitted."""

SEED = 1989
RESTARTS = 5
TRIAL_STEPS = 20
FIRST_STEPS = 200
UPDATE_STEPS = 30

LEAST_GAIN = 1e-6
"""Gain of log likelihood per observation below which a fit has converged."""

PRIOR = 1e-4
"""Prior sum of squares per observation. A state of 1 % of the observations has a standard deviation
of at least 0.1: windows of a single price change all have the efficiency ratio 1, and would
otherwise make a state of their own with an unbounded likelihood."""


def pack(model: Model) -> Floats:
    """Parameters as one vector of 24 numbers; the start is not kept."""
    return np.concatenate([part.ravel() for part in model[1:]])


def unpack(vector: Floats) -> Model:
    """The model of a vector of `pack`; it starts in its stationary distribution."""
    transition = vector[:9].reshape(STATES, STATES).copy()
    mean, covariance = vector[9:15].reshape(STATES, 2), vector[15:].reshape(STATES, 3)
    return Model(stationary(transition), transition, mean.copy(), covariance.copy())


def fit_regimes(z: Floats, earlier: Floats | None) -> Floats | None:
    """Fit by Baum-Welch to standardised observations.

    Args:
        z: Shape (2, n), log volatility and efficiency; NaN is a missing observation.
        earlier: Parameters of an earlier fit to begin with, in the units of ``z``. Without them
            the best of five random beginnings, with a fixed seed, is followed to the end.

    Returns:
        The parameters in the units of ``z``, states in the order calm, trend, shock; None with
        fewer than 500 observations, or when a variable does not vary.
    """
    seen = z[:, ~np.isnan(z).any(axis=0)]
    if seen.shape[1] < FEWEST:
        return None
    centre, spread = _centre_and_spread(seen)
    if not (spread > 0.0).all():
        return None
    scaled = (z - centre[:, None]) / spread[:, None]
    prior, least = PRIOR * seen.shape[1], LEAST_GAIN * seen.shape[1]
    if earlier is None:
        begin, steps = _best_beginning(scaled, prior, least), FIRST_STEPS
    else:
        begin, steps = _moved(unpack(earlier), 1.0 / spread, -centre / spread), UPDATE_STEPS
    model, _ = baum_welch(scaled, begin, prior, steps, least)
    return pack(_labelled(_moved(model, spread, centre)))


@jit
def _centre_and_spread(z: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row, summed from left to right."""
    centre, spread = np.empty(len(z)), np.empty(len(z))
    for k in range(len(z)):
        total = squares = 0.0
        for value in z[k]:
            total += value
        centre[k] = total / z.shape[1]
        for value in z[k]:
            squares += (value - centre[k]) ** 2
        spread[k] = np.sqrt(squares / z.shape[1])
    return centre, spread


def _best_beginning(z: Floats, prior: float, least: float) -> Model:
    """The most likely of several models after a few steps from random beginnings."""
    rng = np.random.default_rng(SEED)
    seen = z[:, ~np.isnan(z).any(axis=0)]
    trials = []
    for _ in range(RESTARTS):
        chosen = rng.choice(seen.shape[1], STATES, replace=False)
        model, reached = baum_welch(z, _beginning(seen[:, chosen]), prior, TRIAL_STEPS, least)
        trials.append((float(reached[-1]), model))
    return max(trials, key=lambda trial: trial[0])[1]


def _beginning(points: Floats) -> Model:
    """Persistent states around three points, as wide as all of the data."""
    transition = np.full((STATES, STATES), 0.05) + 0.85 * np.eye(STATES)
    covariance = np.tile([1.0, 0.0, 1.0], (STATES, 1))
    return Model(stationary(transition), transition, points.T.copy(), covariance)


def _moved(model: Model, factor: Floats, offset: Floats) -> Model:
    """The model of the variables ``factor * z + offset``."""
    x, y = factor
    return model._replace(
        mean=model.mean * factor + offset,
        covariance=model.covariance * np.array([x * x, x * y, y * y]),
    )


def _labelled(model: Model) -> Model:
    """The model with its states in the order calm, trend, shock.

    Shock is the state of the highest volatility; of the other two, trend is the more efficient.
    """
    shock = int(model.mean[:, 0].argmax())
    rest = [s for s in range(STATES) if s != shock]
    order: Ints = np.array([*sorted(rest, key=lambda s: float(model.mean[s, 1])), shock])
    transition = np.maximum(model.transition[np.ix_(order, order)], LEAST_TRANSITION)
    return Model(model.start[order], transition, model.mean[order], model.covariance[order])

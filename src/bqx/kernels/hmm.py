"""Gaussian hidden Markov model of three states over two variables: filter and Baum-Welch steps.

Forward and backward recursions are scaled to sum 1 at every sample (Rabiner 1989). A missing
observation has density 1 in every state: the filter predicts and does not update.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

STATES = 3

LEAST_TRANSITION = 1e-10
"""Floor of the transition probabilities: no observation can then rule out every state."""


class Model(NamedTuple):
    """Parameters of the model.

    Attributes:
        start: Shape (3,), probabilities of the states at the first sample.
        transition: Shape (3, 3), row: from, column: to.
        mean: Shape (3, 2), means of the two variables in each state.
        covariance: Shape (3, 3), per state: variance of the first variable, covariance, variance
            of the second.
    """

    start: Floats
    transition: Floats
    mean: Floats
    covariance: Floats


class Expected(NamedTuple):
    """Expected statistics of a sequence, given the whole sequence.

    Attributes:
        start: Shape (3,), probabilities of the states at the first sample.
        moves: Shape (3, 3), transitions.
        weight: Shape (3,), observations in each state.
        total: Shape (3, 2), sums of the observations relative to the model's means.
        products: Shape (3, 3), sums of their squares and products, as in ``Model.covariance``.
    """

    start: Floats
    moves: Floats
    weight: Floats
    total: Floats
    products: Floats


@jit
def stationary(transition: Floats) -> Floats:
    """Stationary distribution, by the Markov chain tree theorem: sums of products, no difference.

    Args:
        transition: Shape (3, 3), positive.

    Returns:
        Shape (3,), sum 1.
    """
    a = transition
    weights = np.empty(STATES)
    weights[0] = a[1, 0] * a[2, 0] + a[1, 2] * a[2, 0] + a[2, 1] * a[1, 0]
    weights[1] = a[0, 1] * a[2, 1] + a[0, 2] * a[2, 1] + a[2, 0] * a[0, 1]
    weights[2] = a[0, 2] * a[1, 2] + a[0, 1] * a[1, 2] + a[1, 0] * a[0, 2]
    return np.asarray(weights / (weights[0] + weights[1] + weights[2]))


@jit
def _log_density(z: Floats, model: Model, state: int, out: Floats) -> None:
    """Log density of each observation in one state, written to a column; 0 where missing."""
    xx, xy, yy = model.covariance[state]
    determinant = xx * yy - xy * xy
    constant = -np.log(2.0 * np.pi) - 0.5 * np.log(determinant)
    for i in range(z.shape[1]):
        dx = z[0, i] - model.mean[state, 0]
        dy = z[1, i] - model.mean[state, 1]
        distance = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / determinant
        out[i, state] = 0.0 if np.isnan(distance) else constant - 0.5 * distance


@jit
def densities(z: Floats, model: Model, out: Floats) -> float:
    """Densities of the observations in each state, relative to the most likely state's.

    Args:
        z: Shape (2, n), observations; NaN in either variable is a missing one.
        model: The parameters.
        out: Shape (n, 3), filled with values in [0, 1], the largest of each row 1.

    Returns:
        Sum of the logarithms of the densities that stand for 1.
    """
    for state in range(STATES):
        _log_density(z, model, state, out)
    total = 0.0
    for i in range(len(out)):
        top = max(out[i, 0], out[i, 1], out[i, 2])
        total += top
        for j in range(STATES):
            out[i, j] = np.exp(out[i, j] - top)
    return total


@jit
def forward(density: Floats, model: Model, alpha: Floats, scale: Floats) -> float:
    """Filtered probabilities of the states, each given the observations up to its own.

    Args:
        density: Shape (n, 3), of ``densities``.
        model: The parameters.
        alpha: Shape (n, 3), filled; rows sum to 1.
        scale: Shape (n,), filled with the predictive density of each observation.

    Returns:
        Sum of the logarithms of ``scale``.
    """
    a = model.transition
    p0, p1, p2 = model.start[0], model.start[1], model.start[2]
    total = 0.0
    for i in range(len(density)):
        p0, p1, p2 = p0 * density[i, 0], p1 * density[i, 1], p2 * density[i, 2]
        c = p0 + p1 + p2
        scale[i] = c
        total += np.log(c)
        p0, p1, p2 = p0 / c, p1 / c, p2 / c
        alpha[i, 0], alpha[i, 1], alpha[i, 2] = p0, p1, p2
        p0, p1, p2 = (
            p0 * a[0, 0] + p1 * a[1, 0] + p2 * a[2, 0],
            p0 * a[0, 1] + p1 * a[1, 1] + p2 * a[2, 1],
            p0 * a[0, 2] + p1 * a[1, 2] + p2 * a[2, 2],
        )
    return total


@jit
def _add_observation(z: Floats, model: Model, i: int, share: Floats, found: Expected) -> None:
    if np.isnan(z[0, i]) or np.isnan(z[1, i]):
        return
    for j in range(STATES):
        dx, dy = z[0, i] - model.mean[j, 0], z[1, i] - model.mean[j, 1]
        found.weight[j] += share[j]
        found.total[j, 0] += share[j] * dx
        found.total[j, 1] += share[j] * dy
        found.products[j, 0] += share[j] * dx * dx
        found.products[j, 1] += share[j] * dx * dy
        found.products[j, 2] += share[j] * dy * dy


@jit
def backward(z: Floats, model: Model, density: Floats, alpha: Floats, scale: Floats) -> Expected:
    """Expected statistics by the backward recursion over what ``forward`` has left.

    Args:
        z: Shape (2, n), observations.
        model: The parameters.
        density: Shape (n, 3), of ``densities``.
        alpha: Shape (n, 3), of ``forward``.
        scale: Shape (n,), of ``forward``.

    Returns:
        The statistics.
    """
    found = Expected(
        np.empty(STATES),
        np.zeros((STATES, STATES)),
        np.zeros(STATES),
        np.zeros((STATES, 2)),
        np.zeros((STATES, 3)),
    )
    ahead, later, share = np.empty(STATES), np.ones(STATES), np.empty(STATES)
    for i in range(len(alpha) - 1, -1, -1):
        for j in range(STATES):
            share[j] = alpha[i, j] * later[j]
        _add_observation(z, model, i, share, found)
        if i == 0:
            break
        for j in range(STATES):
            ahead[j] = density[i, j] * later[j] / scale[i]
        for k in range(STATES):
            later[k] = 0.0
            for j in range(STATES):
                step = model.transition[k, j] * ahead[j]
                later[k] += step
                found.moves[k, j] += alpha[i - 1, k] * step
    found.start[:] = share
    return found


@jit
def maximise(model: Model, found: Expected, prior: float) -> Model:
    """The parameters under which the expected statistics are most likely.

    Args:
        model: The parameters that the statistics were expected under.
        found: The statistics.
        prior: Added to the sums of squares: the mode under an inverse Wishart prior, which keeps a
            state from shrinking onto repeated observations.

    Returns:
        New parameters; a state that holds less than one observation keeps its old ones.
    """
    transition = np.empty((STATES, STATES))
    mean, covariance = model.mean.copy(), model.covariance.copy()
    for j in range(STATES):
        row = np.maximum(found.moves[j] / max(found.moves[j].sum(), 1e-300), LEAST_TRANSITION)
        transition[j] = row / row.sum()
        weight = found.weight[j]
        if weight < 1.0:
            continue
        dx, dy = found.total[j, 0] / weight, found.total[j, 1] / weight
        mean[j, 0] += dx
        mean[j, 1] += dy
        covariance[j, 0] = (found.products[j, 0] + prior) / weight - dx * dx
        covariance[j, 1] = found.products[j, 1] / weight - dx * dy
        covariance[j, 2] = (found.products[j, 2] + prior) / weight - dy * dy
    return Model(found.start / found.start.sum(), transition, mean, covariance)


@jit
def baum_welch(
    z: Floats, model: Model, prior: float, limit: int, least: float
) -> tuple[Model, Floats]:
    """Improve parameters by expectation and maximisation (Baum, Petrie, Soules and Weiss 1970).

    Args:
        z: Shape (2, n), observations; NaN is a missing one.
        model: Where to begin.
        prior: See ``maximise``.
        limit: Steps at most.
        least: Gain of the penalised log likelihood below which it stops.

    Returns:
        The parameters, and the penalised log likelihood before each step that was taken: the log
        likelihood less half of ``prior`` times the trace of the inverse covariances. It never
        decreases.
    """
    n = z.shape[1]
    density, alpha, scale = np.empty((n, STATES)), np.empty((n, STATES)), np.empty(n)
    reached = np.empty(limit)
    for step in range(limit):
        value = densities(z, model, density) + forward(density, model, alpha, scale)
        for xx, xy, yy in model.covariance:
            value -= 0.5 * prior * (xx + yy) / (xx * yy - xy * xy)
        reached[step] = value
        if step > 0 and value - reached[step - 1] < least:
            return model, reached[: step + 1]
        model = maximise(model, backward(z, model, density, alpha, scale), prior)
    return model, reached


@jit
def _entropy(p: Floats) -> float:
    """Shannon entropy of three probabilities, 1 where they are equal."""
    total = 0.0
    for value in p:
        total -= value * np.log(value) if value > 0.0 else 0.0
    # Rounding may carry three equal probabilities past 1.
    return float(min(max(total, 0.0) / np.log(3.0), 1.0))


@jit
def _describe(alpha: Floats, transition: Floats, cap: int, out: Floats) -> None:
    state, samples = -1, cap
    for i in range(len(alpha)):
        p = alpha[i]
        likeliest = int(np.argmax(p))
        samples = min(samples + 1, cap) if likeliest == state or state < 0 else 1
        state = likeliest
        leaving = staying = 0.0
        for j in range(STATES):
            out[j, i] = p[j]
            staying += p[j] * transition[j, j]
            for k in range(STATES):
                leaving += p[j] * transition[j, k] if k != state else 0.0
        out[3, i] = samples
        out[4, i] = min(leaving, 1.0)
        out[5, i] = _entropy(p)
        out[6, i] = min(staying, 1.0)


@jit
def filtered(z: Floats, model: Model, cap: int, out: Floats) -> None:
    """What is known of the state at each sample from the observations up to it (Hamilton 1989).

    Args:
        z: Shape (2, n), observations; NaN is a missing one.
        model: The parameters.
        cap: Greatest duration; also the duration while the likeliest state has never changed.
        out: Shape (7, n), filled: probabilities of the three states, samples since the likeliest
            state last changed with the current one, probability that the next state is another,
            entropy of the probabilities in units of ln 3, probability that the next state is the
            same as the current one.
    """
    n = z.shape[1]
    density, alpha = np.empty((n, STATES)), np.empty((n, STATES))
    densities(z, model, density)
    forward(density, model, alpha, np.empty(n))
    _describe(alpha, model.transition, cap, out)

"""Slow, obvious twins of the regime kernels, and a market to try the families on."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bqx.domains.domain import Domain, DomainName
from bqx.domains.together import PairBars, Together
from bqx.features.stateless import bar_arrays
from bqx.kernels.hmm import Model
from bqx.market import Calendar
from references import Floats
from synthetic import random_walk_bars

PAIR = "eurusd"
WEEK = 7_200
HAZARD = 1 / 250


@cache
def market() -> Together:
    """Seven weeks and a half of bars; the first fit is that of 1 February 2019."""
    bars = bar_arrays(random_walk_bars(PAIR, "2018-12-31", 52, seed=8))
    return Together(PAIR, {PAIR: PairBars(bars, float(bars.close[0]))}, Calendar())


@cache
def domain(name: DomainName) -> Domain:
    """All rows of the market."""
    return market().domains(PAIR, *market().rows(PAIR))[name]


def samples(minutes: NDArray[np.int64], k: int) -> list[tuple[int, int]]:
    """Last row of every complete block, and the row from which it is known to be complete."""
    found = []
    for t, minute in enumerate(minutes.tolist()):
        if minute % k == k - 1:
            found.append((t, t))
        elif t + 1 < len(minutes) and minutes[t + 1] // k > minute // k:
            found.append((t, t + 1))
    return found


def on_rows(values: Floats, known: list[int], rows: int) -> Floats:
    """The newest known value at every row."""
    out = np.full(rows, np.nan)
    for value, row in zip(values.tolist(), known, strict=True):
        out[row:] = value
    return out


def windows(y: Floats, w: int) -> list[Floats]:
    """The last w values at every index; fewer at the start."""
    return [y[max(i - w + 1, 0) : i + 1] for i in range(len(y))]


def scores(y: Floats, w: int, *, centred: bool) -> Floats:
    """Values, less their mean or not, over the sample deviation of the last w."""
    out = np.full(len(y), np.nan)
    for i, window in enumerate(windows(y.astype(np.longdouble), w)):
        if len(window) == w and np.ptp(window) > 0:
            d = window - window[-1]
            out[i] = (-d.mean() if centred else window[-1]) / d.std(ddof=1)
    return out


def observations(changes: Floats, w: int) -> Floats:
    """Log realised volatility and efficiency ratio of the last w changes."""
    out = np.full((2, len(changes)), np.nan)
    for i, window in enumerate(windows(changes.astype(np.longdouble), w)):
        if len(window) == w and np.abs(window).sum() > 0:
            out[0, i] = np.log(np.sqrt(np.mean(window**2)))
            out[1, i] = abs(window.sum()) / np.abs(window).sum()
    return out


def full(covariance: Floats) -> Floats:
    """Matrices from the three numbers per state."""
    return np.array([[[a, b], [b, c]] for a, b, c in covariance])


def likelihoods(z: Floats, model: Model) -> Floats:
    """Density of each observation in each state; 1 where it is missing."""
    out = np.ones((z.shape[1], 3))
    seen = ~np.isnan(z).any(axis=0)
    for j, (mean, matrix) in enumerate(zip(model.mean, full(model.covariance), strict=True)):
        out[seen, j] = stats.multivariate_normal(mean, matrix).pdf(z[:, seen].T)
    return out


def filtered(z: Floats, model: Model) -> tuple[Floats, float]:
    """Hamilton's filter and the log likelihood."""
    out, log_likelihood, ahead = np.empty((z.shape[1], 3)), 0.0, model.start
    for i, density in enumerate(likelihoods(z, model)):
        joint = ahead * density
        log_likelihood += float(np.log(joint.sum()))
        out[i] = joint / joint.sum()
        ahead = out[i] @ model.transition
    return out, log_likelihood


def described(p: Floats, transition: Floats, cap: int) -> Floats:
    """Probabilities, duration, transition probability, entropy and persistence."""
    likeliest = p.argmax(axis=1)
    duration, count = [], cap
    for i, state in enumerate(likeliest):
        count = 1 if i and state != likeliest[i - 1] else min(count + 1, cap)
        duration.append(count)
    leaving = 1 - (p @ transition)[np.arange(len(p)), likeliest]
    entropy = stats.entropy(p, axis=1) / np.log(3)
    return np.array([*p.T, duration, leaving, entropy, p @ np.diag(transition)])


def simulated(model: Model, n: int, seed: int) -> Floats:
    """Observations of a model."""
    rng = np.random.default_rng(seed)
    cumulative, draws = model.transition.cumsum(axis=1), rng.random(n)
    states = [0]
    for draw in draws[1:]:
        states.append(min(int(cumulative[states[-1]].searchsorted(draw)), 2))
    roots = np.linalg.cholesky(full(model.covariance))[states]
    noise = np.einsum("nij,nj->ni", roots, rng.normal(size=(n, 2)))
    return np.ascontiguousarray((model.mean[states] + noise).T)


def bocpd(z: Floats, limit: int) -> Floats:
    """The recursion of Adams and MacKay with all hypotheses, their lengths cut at the limit."""
    mass, n, mean, scale, likeliest = np.ones(1), np.zeros(1), np.zeros(1), np.ones(1), 0
    out = np.full((3, len(z)), np.nan)
    for i, x in enumerate(z.tolist()):
        if np.isnan(x):
            continue
        kappa, alpha = 1 + n, 1 + n / 2
        width = np.sqrt(scale * (kappa + 1) / (alpha * kappa))
        mass = mass * stats.t.pdf((x - mean) / width, 2 * alpha) / width
        mass = mass * (1 - HAZARD) / mass.sum()
        scale = scale + kappa * (x - mean) ** 2 / (2 * (kappa + 1))
        mean, n = (kappa * mean + x) / (kappa + 1), n + 1
        if n[0] > limit:
            if mass[0] > mass[1]:
                mean[1], scale[1] = mean[0], scale[0] * (1 + limit / 2) / (1 + (limit + 1) / 2)
            mass[1] += mass[0]
            mass, n, mean, scale = mass[1:], n[1:], mean[1:], scale[1:]
            likeliest = max(likeliest - 1, 0)
        out[2, i] = mass[likeliest]
        mass, n = np.append(mass, HAZARD), np.append(n, 0)
        mean, scale = np.append(mean, 0), np.append(scale, 1)
        out[:2, i] = mass @ n, mass[n <= 5].sum()
        likeliest = int(mass.argmax())
    return out


def cusum(z: Floats, cap: int) -> Floats:
    """Page's two sums, the alarm and the samples since it."""
    out, upper, lower, alarm = np.full((3, len(z)), np.nan), 0.0, 0.0, -cap
    for i, x in enumerate(z.tolist()):
        if np.isnan(x):
            continue
        upper, lower = max(0.0, upper + x - 0.5), max(0.0, lower - x - 0.5)
        out[0, i], fired = upper - lower, max(upper, lower) > 5
        if fired:
            upper, lower, alarm = 0.0, 0.0, i
        out[1:, i] = fired, min(i - alarm, cap)
    return out

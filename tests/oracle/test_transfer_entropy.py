"""Transfer entropy against closed forms for Gaussian series (Barnett, Barrett and Seth 2009)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov
from scipy.stats import multivariate_normal, norm

from bqx.causality.nearest import conditional_information
from bqx.causality.transfer import classes, entropy_of, history, transfer_entropy
from causalseries import two

Floats = NDArray[np.float64]
LEAD = np.array([[0.4, 0.0], [0.3, 0.3]])


def covariance(source: int, target: int) -> Floats:
    """Of the target now, the target before, the source before."""
    now = solve_discrete_lyapunov(LEAD, np.eye(2))
    before = LEAD @ now
    places = [target, 2 + target, 2 + source]
    whole = np.block([[now, before], [before.T, now]])
    return np.asarray(whole[np.ix_(places, places)])


def gaussian(source: int, target: int) -> float:
    """Half the log of the residual variances without and with the source."""
    c = covariance(source, target)
    det = np.linalg.det
    without, whole = det(c[:2, :2]) / c[1, 1], det(c) / det(c[1:, 1:])
    return float(np.log(without / whole) / 2)


def binned(source: int, target: int, bins: int = 3) -> float:
    """The same of the terciles, from the probabilities of all cells."""
    c = covariance(source, target)
    edges = np.concatenate(([-30.0], norm.ppf(np.arange(1, bins) / bins), [30.0]))
    scale = np.sqrt(np.diag(c))
    law = multivariate_normal(np.zeros(3), c / np.outer(scale, scale))
    p = np.array(
        [
            law.cdf(
                [edges[k + 1] for k in cell],
                lower_limit=[edges[k] for k in cell],
                rng=np.random.default_rng(0),
            )
            for cell in product(range(bins), repeat=3)
        ]
    ).reshape(3, 3, 3)

    def entropy(q: Floats) -> float:
        return -float(np.sum(q * np.log(q)))

    pasts, own = p.sum(axis=0), p.sum(axis=(0, 2))
    return entropy(p.sum(axis=2)) - entropy(own) - entropy(p) + entropy(pasts)


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0)])
def test_bins_agree_with_the_closed_form(source: int, target: int) -> None:
    found = []
    for seed in range(6):
        panel = two(8000, seed)
        codes = [classes(series, 3) for series in panel.values]
        past = [history(c, 1, 1, 3) for c in codes]
        found.append(transfer_entropy(codes[target], past[target], past[source], (3, 3, 3)))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(binned(source, target), abs=4.0 * error)


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0)])
def test_neighbours_agree_with_the_closed_form(source: int, target: int) -> None:
    found = []
    for seed in range(8):
        x, y = two(2000, seed).values[[source, target]]
        found.append(conditional_information(x[:-1, None], y[1:, None], y[:-1, None]))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(gaussian(source, target), abs=4.0 * error)


def test_neighbours_are_counted_as_by_hand() -> None:
    rng = np.random.default_rng(1)
    x, y, z = rng.standard_normal((3, 120, 1))
    z = np.column_stack([z, rng.standard_normal(120)])
    from scipy.special import digamma

    def distances(*parts: Floats) -> Floats:
        all_ = np.column_stack(parts)
        return np.asarray(np.abs(all_[:, None] - all_[None]).max(axis=2))

    for part in (z, z[:, :1]):
        reach = np.sort(distances(x, y, part), axis=1)[:, 4:5]
        counts = [(distances(*s) < reach).sum(1) for s in ((part,), (x, part), (y, part))]
        wanted = digamma(4) + np.mean(digamma(counts[0]) - digamma(counts[1]) - digamma(counts[2]))
        assert conditional_information(x, y, part) == pytest.approx(wanted, abs=1e-12)


def test_states_and_their_entropy_are_those_counted_by_hand() -> None:
    rng = np.random.default_rng(4)
    y, x = rng.integers(0, 2, (2, 60))
    counts: dict[tuple[int, int, int], int] = {}
    for t in range(2, 60):
        key = (int(2 * y[t - 1] + y[t - 2]), int(x[t - 2]), int(y[t]))
        counts[key] = counts.get(key, 0) + 1

    def entropy(places: tuple[int, ...]) -> float:
        found: dict[tuple[int, ...], int] = {}
        for key, c in counts.items():
            part = tuple(key[p] for p in places)
            found[part] = found.get(part, 0) + c
        p = np.array(list(found.values())) / 58
        return float(-np.sum(p * np.log(p)) + (len(p) - 1) / (2 * 58))

    wanted = entropy((0, 2)) - entropy((0,)) - entropy((0, 1, 2)) + entropy((0, 1))
    found = transfer_entropy(y, history(y, 2, 1, 2), history(x, 1, 2, 2), (2, 4, 2))
    assert found == pytest.approx(wanted, abs=1e-12)
    assert np.isnan(entropy_of(np.zeros((2, 2, 2), np.int64)))

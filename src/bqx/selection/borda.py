"""Many rankings joined to one by places (Borda 1781)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def places(scores: Floats) -> Floats:
    """The share of the other features that each one beats, ties one half.

    Args:
        scores: Greater is better, NaN is worst; shape (..., f).

    Returns:
        1 for the best, 0 for the worst, the same shape; all 1 where there is one feature.
    """
    lines = np.where(np.isnan(scores), -np.inf, scores).reshape(-1, scores.shape[-1])
    others = scores.shape[-1] - 1
    if others < 1:
        return np.ones(scores.shape)
    found = [_beaten(line) / others for line in lines]
    return np.asarray(found, np.float64).reshape(scores.shape)


def _beaten(line: Floats) -> Floats:
    """How many others are worse, and half of those that are as good."""
    _, which, counts = np.unique(line, return_inverse=True, return_counts=True)
    worse = np.cumsum(counts) - counts
    return np.asarray((worse + 0.5 * (counts - 1))[which], np.float64)


def join(scores: Mapping[str, Floats]) -> Floats:
    """The mean place of each feature: over the targets of a ranking, then over the rankings.

    Args:
        scores: Of each ranking, shape (targets, f) or (f,).

    Returns:
        Shape (f,), between 0 and 1.
    """
    means = [places(np.atleast_2d(found)).mean(axis=0) for found in scores.values()]
    return np.asarray(np.mean(means, axis=0), np.float64)


def by_score(scores: Floats, names: tuple[str, ...]) -> Ints:
    """Positions of the features, the best first; equal ones by name."""
    return np.lexsort((np.array(names), -scores)).astype(np.int64)

"""Transfer entropy by nearest neighbours: conditional mutual information without bins, in nats.

Kraskov, Stögbauer and Grassberger (2004), with a condition by Frenzel and Pompe (2007):
``I(X; Y | Z) = psi(k) + < psi(n_z) - psi(n_xz) - psi(n_yz) >``, with n the number of points within
the distance of the k-th neighbour in the joint space (maximum norm), the point itself included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.causality.distributions import scipy_part
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEIGHBOURS = 4


def conditional_information(x: Floats, y: Floats, z: Floats, k: int = NEIGHBOURS) -> float:
    """Mutual information of x and y given z; NaN for fewer than k + 2 points.

    Values must be continuous: equal ones have to be parted before, as `untied` does.

    Args:
        x: Shape (n, a).
        y: Shape (n, b).
        z: Shape (n, c).
        k: Neighbours; few make it unbiased, many make it less noisy.
    """
    if len(x) < k + 2:
        return float("nan")
    tree = scipy_part("spatial").cKDTree
    joint = np.column_stack([x, y, z])
    # A little less, so that rounding never counts the neighbour at the distance itself.
    reach = tree(joint).query(joint, [k + 1], p=np.inf)[0][:, 0] * (1.0 - 1e-10)
    spaces = (z, np.column_stack([x, z]), np.column_stack([y, z]))
    psi = scipy_part("special").digamma
    of_z, of_xz, of_yz = (psi(_within(space, reach)) for space in spaces)
    return float(psi(k) + np.mean(of_z - of_xz - of_yz))


def _within(points: Floats, reach: Floats) -> Ints:
    """Points within a distance of each point, itself included."""
    if points.shape[1] == 1:
        line = np.sort(points[:, 0])
        high = np.searchsorted(line, points[:, 0] + reach, side="right")
        return np.asarray(high - np.searchsorted(line, points[:, 0] - reach, side="left"))
    if points.shape[1] == 2:
        return _within_plane(points, reach)
    tree = scipy_part("spatial").cKDTree(points)
    return np.asarray(tree.query_ball_point(points, reach, p=np.inf, return_length=True))


def _within_plane(points: Floats, reach: Floats) -> Ints:
    """The same in two dimensions, by a sweep over the first and a tree of counts for the second."""
    first, second = points[:, 0], points[:, 1]
    order = np.argsort(first, kind="stable")
    across, along = np.sort(second), first[order]
    rank = np.searchsorted(across, second[order], side="left")
    low = np.searchsorted(across, second - reach, side="left")
    high = np.searchsorted(across, second + reach, side="right")
    begin = np.searchsorted(along, first - reach, side="left")
    end = np.searchsorted(along, first + reach, side="right")
    out = np.zeros(len(points), np.int64)
    for border, sign in ((begin, -1), (end, 1)):
        out += sign * _swept(rank, border, np.argsort(border, kind="stable"), (low, high))
    return out


@jit
def _swept(rank: Ints, border: Ints, order: Ints, sides: tuple[Ints, Ints]) -> Ints:
    """How many of the first ``border`` points have a rank between the sides."""
    n = len(rank)
    tree, out, done = np.zeros(n + 1, np.int64), np.zeros(n, np.int64), 0
    for at in order:
        while done < border[at]:
            j = rank[done] + 1
            while j <= n:
                tree[j] += 1
                j += j & -j
            done += 1
        out[at] = _below(tree, sides[1][at]) - _below(tree, sides[0][at])
    return out


@jit
def _below(tree: Ints, rank: int) -> int:
    total, j = 0, rank
    while j > 0:
        total += tree[j]
        j -= j & -j
    return total


def untied(values: Floats, rng: np.random.Generator) -> Floats:
    """Values of variance 1 with equal ones parted by noise of 1e-8 (Kraskov et al. 2004).

    Args:
        values: Shape (n,); NaN stays NaN.
        rng: Source of the noise.
    """
    sd = float(np.nanstd(values)) if np.any(~np.isnan(values)) else 0.0
    return values / (sd or 1.0) + 1e-8 * rng.standard_normal(len(values))

"""First principal component of a group of peers, fitted again at every 60th row."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.membership import LEAST_PEERS, Blend, Rows, size

PERIOD = 60
"""Components are fitted at absolute rows that are multiples of this, and used until the next."""
FIT = 240
"""Rows of a fit, the anchor's own the last."""

MOST = 16
"""Greatest number of members. Matrices are padded with zeros to this size, for loops of fixed
length are several times faster."""

_SQUARINGS = 40
_CONVERGED = 1.0 - 1e-14


@jit
def _centred(blend: Blend, members: int, start: int) -> Floats:
    """Values of the members less their means over the fit: shape (``FIT``, ``MOST``)."""
    out = np.zeros((FIT, MOST))
    column = 0
    for k in range(len(blend.row)):
        if members >> k & 1:
            series = blend.values[blend.row[k], start : start + FIT]
            total = 0.0
            for t in range(FIT):
                total += series[t] - series[0]
            centre = total / FIT
            for t in range(FIT):
                out[t, column] = series[t] - series[0] - centre
            column += 1
    return out


@jit
def _products(centred: Floats) -> Floats:
    """Sums of products of all pairs of columns."""
    out = np.empty((MOST, MOST))
    for i in range(MOST):
        # Four columns at a time: one sum alone would wait for its own last addition.
        for j in range(0, i + 1, 4):
            a = b = c = d = 0.0
            for t in range(FIT):
                factor = centred[t, i]
                a += factor * centred[t, j]
                b += factor * centred[t, j + 1]
                c += factor * centred[t, j + 2]
                d += factor * centred[t, j + 3]
            out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = a, b, c, d
    _mirror(out)
    return out


@jit
def _mirror(matrix: Floats) -> None:
    """Copy what lies below the diagonal to above it."""
    for i in range(MOST):
        for j in range(i):
            matrix[j, i] = matrix[i, j]


@jit
def _square(matrix: Floats, out: Floats) -> None:
    """Square a symmetric matrix."""
    for i in range(MOST):
        for j in range(i + 1):
            total = 0.0
            for k in range(MOST):
                total += matrix[i, k] * matrix[j, k]
            out[i, j] = total
    _mirror(out)


@jit
def _trace(matrix: Floats) -> float:
    total = 0.0
    for i in range(MOST):
        total += matrix[i, i]
    return total


@jit
def leading_vector(products: Floats) -> Floats:
    """The eigenvector of the greatest eigenvalue of a positive semidefinite matrix, of length 1.

    Method: the matrix is squared, at trace 1, until only the greatest eigenvalue is left; then each
    row is a multiple of the vector. All are 0 for a matrix of zeros.

    Args:
        products: Shape (``MOST``, ``MOST``), symmetric.
    """
    trace = _trace(products)
    if not trace > 0.0:
        return np.zeros(MOST)
    power, other = products / trace, np.empty((MOST, MOST))
    for _ in range(_SQUARINGS):
        _square(power, other)
        trace = _trace(other)
        power, other = other / trace, power
        if trace > _CONVERGED:
            break
    best = 0
    for i in range(MOST):
        best = i if power[i, i] > power[best, best] else best
    vector: Floats = power[best] / np.sqrt(np.sum(power[best] * power[best]))
    return vector


@jit
def _oriented(own: Floats, centred: Floats, vector: Floats) -> float:
    """1 if the component moves with the pair's own series, -1 if it moves against it."""
    total = 0.0
    for t in range(FIT):
        now = 0.0
        for j in range(MOST):
            now += centred[t, j] * vector[j]
        total += now * (own[t] - own[0])
    return 1.0 if total >= 0.0 else -1.0


@jit
def loadings(own: Floats, blend: Blend, origin: int, out: Floats, used: Rows) -> None:
    """Loadings of the first principal component of the members' covariance.

    At each row the component of the newest anchor is in use: an absolute row that is a multiple of
    ``PERIOD``. It is fitted on the ``FIT`` rows that end there, and points into the direction in
    which the pair's own series moves with it.

    Args:
        own: Shape (n,), the pair's series.
        blend: The group, with the peers that count over a fit; its weights are not used.
        origin: Absolute grid row of element 0.
        out: Shape (n // PERIOD + 1, peers), filled: loadings from the first anchor in the slice
            on, 0 for others than members.
        used: Shape (n,), filled: the members of the component in use, 0 where there is none.
    """
    out[:] = 0.0
    used[:] = 0
    first = -origin % PERIOD
    for anchor in range(first, len(own), PERIOD):
        start = anchor - FIT + 1
        now = blend.members[anchor]
        if start < 0 or not LEAST_PEERS <= size(now) <= MOST:
            continue
        used[anchor : anchor + PERIOD] = now
        centred = _centred(blend, now, start)
        vector = leading_vector(_products(centred))
        sign = _oriented(own[start : anchor + 1], centred, vector)
        column = 0
        for k in range(len(blend.row)):
            if now >> k & 1:
                out[(anchor - first) // PERIOD, k] = sign * vector[column]
                column += 1

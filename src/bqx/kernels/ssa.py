"""Singular spectrum analysis of every trailing window (Broomhead and King 1986).

The lagged vectors of a window are its 181 runs of 60 successive values. The eigenvectors of their
matrix of products are the directions in which they vary most; a component of the series is what the
vectors have in such a direction, turned back into a series by averaging over the vectors that
contain a row (Golyandina, Nekrutkin and Zhigljavsky 2001).

Eigenvectors cost more than all the rest, so they are made at every 15th row only.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.lanczos import leading_vectors
from bqx.kernels.sums import moving_sum

WINDOW = 240
LENGTH = 60
"""Values in a lagged vector."""
VECTORS = WINDOW - LENGTH + 1
PERIOD = 15
"""Eigenvectors are made at absolute rows that are multiples of this, and used until the next."""
MEMORY = WINDOW + PERIOD - 1
"""Rows that a value depends on."""
MEASURES = 8
"""Outputs of ``ssa_measures``."""
COMPONENTS = 3
ROUNDING = 1e-14
"""Shares of the variance below this are rounding."""

PER_VECTOR = np.array([1.0 / min(n + 1, LENGTH, WINDOW - n) for n in range(WINDOW)])
"""1 over the number of lagged vectors that contain a row."""


@jit
def _centred(u: Floats, out: Floats) -> None:
    """Values less the mean of the first window."""
    last, total = u[WINDOW - 1], 0.0
    for i in range(WINDOW):
        total += u[i] - last
    mean = total / WINDOW
    for i in range(len(u)):
        out[i] = u[i] - last - mean


@jit
def _products(y: Floats, out: Floats) -> float:
    """Sums of products of the lagged vectors' elements, divided by their trace, which is returned.

    An element differs from the one up and left of it by the first and the last product.
    """
    out[0] = 0.0
    for s in range(VECTORS):
        for j in range(LENGTH):
            out[0, j] += y[s] * y[s + j]
    for i in range(1, LENGTH):
        gone, come = y[i - 1], y[i - 1 + VECTORS]
        for j in range(i, LENGTH):
            out[i, j] = out[i - 1, j - 1] - gone * y[j - 1] + come * y[j - 1 + VECTORS]
    trace = 0.0
    for i in range(LENGTH):
        trace += out[i, i]
    for i in range(LENGTH):
        for j in range(i, LENGTH):
            out[i, j] /= trace
            out[j, i] = out[i, j]
    return trace


@jit
def _scores(y: Floats, vector: Floats, out: Floats) -> None:
    """Lagged vectors in one direction, four elements at a time."""
    out[:] = 0.0
    for k in range(0, LENGTH, 4):
        a, b, c, d = vector[k], vector[k + 1], vector[k + 2], vector[k + 3]
        part = y[k:]
        for s in range(len(out)):
            out[s] += (a * part[s] + b * part[s + 1]) + (c * part[s + 2] + d * part[s + 3])


@jit
def _spread(vector: Floats, score: float, out: Floats) -> None:
    """Add a lagged vector's part in one direction to the rows that it contains."""
    for k in range(LENGTH):
        out[k] += score * vector[k]


@jit
def _component(vector: Floats, scores: Floats, out: Floats) -> None:
    """Add the first window's component in one direction, summed over the vectors of each row.

    It is a convolution, and so the scores of the reversed direction between zeros.
    """
    edge = LENGTH - 1
    padded, found = np.zeros(VECTORS + 2 * edge), np.empty(WINDOW)
    padded[edge : edge + VECTORS] = scores[:VECTORS]
    _scores(padded, vector[::-1].copy(), found)
    for n in range(WINDOW):
        out[n] += found[n]


@jit
def _moving_squares(values: Floats, w: int, out: Floats) -> None:
    """Sums of the squares of w successive values; the first stands at 0."""
    squares, sums = np.empty(len(values)), np.empty(len(values))
    for i in range(len(values)):
        squares[i] = values[i] * values[i]
    moving_sum(squares, w, 0, sums)
    for i in range(len(out)):
        out[i] = sums[i + w - 1]


@jit
def _variances(y: Floats, scores: Floats, rows: int) -> Floats:
    """Sums over each window's vectors of their squared lengths and squared scores.

    Returns:
        Shape (4, rows).
    """
    out, lengths = np.empty((4, rows)), np.empty(scores.shape[1])
    _moving_squares(y, LENGTH, lengths)
    for s in range(len(lengths)):
        lengths[s] = np.sqrt(lengths[s])
    _moving_squares(lengths, VECTORS, out[0])
    for i in range(COMPONENTS):
        _moving_squares(scores[i], VECTORS, out[i + 1])
    return out


@jit
def _shares(trace: float, trend: float, oscillation: float, out: Floats, t: int) -> None:
    """Write the shares of the variance; NaN where there is none."""
    some = trace > 0.0
    first = min(trend / trace, 1.0) if some else np.nan
    second = min(oscillation / trace, 1.0 - first) if some else np.nan
    out[3, t] = first
    out[4, t] = second
    out[5, t] = max(1.0 - first - second, 0.0) if some else np.nan


@jit
def _compare(y: Floats, trend: Floats, oscillation: Floats, sums: Floats) -> None:
    """Sums of products of two components and of the squares of what they leave.

    Args:
        y: Shape (240,), the series.
        trend: Shape (240,), the component times the number of vectors that contain the row.
        oscillation: As ``trend``.
        sums: Shape (4, 60), filled with parts of the sums.
    """
    sums[:] = 0.0
    rest, one, two, cross = sums[0], sums[1], sums[2], sums[3]
    for begin in range(0, WINDOW, LENGTH):
        part, a, b, weight = y[begin:], trend[begin:], oscillation[begin:], PER_VECTOR[begin:]
        for i in range(LENGTH):
            left = part[i] - (a[i] + b[i]) * weight[i]
            rest[i] += left * left
            one[i] += a[i] * a[i] * weight[i]
            two[i] += b[i] * b[i] * weight[i]
            cross[i] += a[i] * b[i] * weight[i]


@jit
def _fidelity(sums: Floats, out: Floats, t: int) -> None:
    """Write the separability and the root mean square of what the components leave."""
    rest = one = two = cross = 0.0
    for i in range(LENGTH):
        rest += sums[0, i]
        one += sums[1, i]
        two += sums[2, i]
        cross += sums[3, i]
    known = min(out[3, t], out[4, t]) > ROUNDING
    alike = min(abs(cross) / (np.sqrt(one) * np.sqrt(two)), 1.0) if known else np.nan
    out[6, t] = 1.0 - alike
    out[7, t] = np.sqrt(rest / WINDOW)


@jit
def _last_values(y: Floats, vectors: Floats, scores: Floats, j: int) -> tuple[float, float, float]:
    """Trend, oscillation and noise at the last row of window j, which only one vector contains."""
    s, end = VECTORS - 1 + j, LENGTH - 1
    trend = vectors[0, end] * scores[0, s]
    oscillation = vectors[1, end] * scores[1, s] + vectors[2, end] * scores[2, s]
    return trend, oscillation, y[WINDOW - 1 + j] - trend - oscillation


@jit
def _exchange(vectors: Floats, scores: Floats, j: int, parts: Floats) -> None:
    """Turn the components of window j - 1 into those of window j: one vector goes, one comes."""
    for i in range(COMPONENTS):
        part = parts[min(i, 1)]
        _spread(vectors[i], -scores[i, j - 1], part[j - 1 :])
        come = j + VECTORS - 1
        _spread(vectors[i], scores[i, come], part[come:])


@jit
def _decompose(u: Floats, work: Floats, out: Floats, first: int) -> None:
    """All measures of the windows between two anchors.

    Args:
        u: Shape (240 … 254,), the window of the anchor and the rows after it.
        work: Shape (60, 60), scratch.
        out: Shape (8, n), filled from column ``first`` on.
        first: Place of the anchor.
    """
    rows = len(u) - WINDOW + 1
    y, vectors = np.empty(len(u)), np.empty((COMPONENTS, LENGTH))
    _centred(u, y)
    if not _products(y, work) > 0.0:
        out[:, first : first + rows] = np.nan
        return
    leading_vectors(work, vectors)
    scores, parts = np.empty((COMPONENTS, rows + VECTORS - 1)), np.zeros((2, len(u)))
    for i in range(COMPONENTS):
        _scores(y, vectors[i], scores[i])
        _component(vectors[i], scores[i], parts[min(i, 1)])
    variance, sums = _variances(y, scores, rows), np.empty((4, LENGTH))
    for j in range(rows):
        t = first + j
        out[0, t], out[1, t], out[2, t] = _last_values(y, vectors, scores, j)
        _shares(variance[0, j], variance[1, j], variance[2, j] + variance[3, j], out, t)
        if j > 0:
            _exchange(vectors, scores, j, parts)
        _compare(y[j:], parts[0, j:], parts[1, j:], sums)
        _fidelity(sums, out, t)


@jit
def ssa_measures(u: Floats, origin: int, out: Floats) -> None:
    """Components of every trailing window of 240 rows, the current row included.

    The mean and the eigenvectors are those of the 240 rows up to the newest absolute row that is a
    multiple of 15; the window that they are applied to is the current row's. At such rows the
    result is the textbook's, at the others it differs from it by the age of the eigenvectors.
    Component 1 is the trend, 2 and 3 together are the oscillation.

    Args:
        u: Shape (n,), the series. NaN makes exactly the rows NaN whose window, or the window of
            whose eigenvectors, contains it.
        origin: Absolute grid row of element 0.
        out: Shape (8, n), filled: trend, oscillation and noise at the row, which add up to the
            value less the mean; the shares of the three in the variance of the lagged vectors;
            1 - the size of the weighted correlation of trend and oscillation, NaN where one of them
            is nothing; the root mean square of the noise. All are NaN where the window of the
            eigenvectors is constant or does not fit into the slice.
    """
    n = len(u)
    out[:] = np.nan
    work = np.empty((LENGTH, LENGTH))
    for anchor in range(-origin % PERIOD, n, PERIOD):
        if anchor >= WINDOW - 1:
            stop = min(anchor + PERIOD, n)
            _decompose(u[anchor - WINDOW + 1 : stop], work, out, anchor)

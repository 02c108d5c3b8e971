"""Leading eigenvectors of a symmetric, positive semidefinite matrix by the method of Lanczos.

Each step adds the matrix times the newest vector to an orthonormal basis; in that basis the matrix
is tridiagonal, and the greatest eigenvalues of the small matrix soon are those of the great one
(Golub and Van Loan 2013, chapters 8 and 10). The start is fixed, so the result depends on the
matrix alone.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

FIRST = 18
"""Steps before convergence is tested for the first time."""
MORE = 6
"""Steps between two tests."""
CONVERGED = 1e-12
"""Greatest residual of an eigenvector, relative to the trace of the matrix."""
EXHAUSTED = 1e-14
"""A new direction shorter than this, relative to the trace, is rounding."""
EPSILON = 1e-14
"""An element beside the diagonal smaller than this, relative to the trace, is nothing."""
SWEEPS = 40
"""Sweeps of the QR method per eigenvalue; two are usual."""


@jit
def _dot(x: Floats, y: Floats) -> float:
    """Sum of products; four at a time, for one sum alone would wait for its last addition."""
    a = b = c = d = 0.0
    whole = len(x) - len(x) % 4
    for i in range(0, whole, 4):
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
    for i in range(whole, len(x)):
        a += x[i] * y[i]
    return (a + b) + (c + d)


@jit
def _add_multiple(x: Floats, factor: float, out: Floats) -> None:
    for i in range(len(out)):
        out[i] += factor * x[i]


@jit
def _times(matrix: Floats, x: Floats, out: Floats) -> None:
    """Product of a symmetric matrix and a vector, four rows at a time."""
    size = len(x)
    out[:] = 0.0
    for i in range(0, size - size % 4, 4):
        r0, r1, r2, r3 = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(size):
            out[j] += (a * r0[j] + b * r1[j]) + (c * r2[j] + d * r3[j])
    for i in range(size - size % 4, size):
        _add_multiple(matrix[i], x[i], out)


@jit
def _orthogonalise(basis: Floats, vector: Floats) -> float:
    """Take off the vector what lies in the basis; returns its length."""
    for i in range(len(basis)):
        _add_multiple(basis[i], -_dot(basis[i], vector), vector)
    return float(np.sqrt(_dot(vector, vector)))


@jit
def _unseen(basis: Floats, vector: Floats) -> float:
    """Fill in the axis of which the basis holds least, orthogonalised; returns its length."""
    least, axis = np.inf, 0
    for j in range(len(vector)):
        held = 0.0
        for i in range(len(basis)):
            held += basis[i, j] * basis[i, j]
        if held < least:
            least, axis = held, j
    vector[:] = 0.0
    vector[axis] = 1.0
    _orthogonalise(basis, vector)
    return _orthogonalise(basis, vector)


@jit
def _extend(matrix: Floats, basis: Floats, step: int, diagonal: Floats, beside: Floats) -> bool:
    """Add a vector to the basis, and the elements of the tridiagonal matrix that come with it.

    In exact arithmetic the new vector has to be orthogonalised against the last two only; against
    all it is for rounding.

    Returns:
        Whether there was a new direction; if not, the matrix falls into blocks.
    """
    now, vector = basis[step], basis[step + 1]
    _times(matrix, now, vector)
    diagonal[step] = _dot(now, vector)
    _add_multiple(now, -diagonal[step], vector)
    if step > 0:
        _add_multiple(basis[step - 1], -beside[step - 1], vector)
    beside[step] = length = _orthogonalise(basis[: step + 1], vector)
    found = length > EXHAUSTED
    if not found:
        beside[step] = 0.0
        length = _unseen(basis[: step + 1], vector) if step + 1 < len(vector) else 1.0
    for i in range(len(vector)):
        vector[i] /= length
    return found


@jit
def _rotate(rows: Floats, k: int, cosine: float, sine: float) -> None:
    """Turn two neighbouring rows."""
    x, y = rows[k], rows[k + 1]
    for i in range(len(x)):
        a, b = x[i], y[i]
        x[i] = cosine * a + sine * b
        y[i] = cosine * b - sine * a


@jit
def _shift(d: Floats, e: Floats, last: int) -> float:
    """The eigenvalue of the last 2 by 2 block that is nearer to its last element (Wilkinson)."""
    half = 0.5 * (d[last - 1] - d[last])
    square = e[last - 1] * e[last - 1]
    root = np.sqrt(half * half + square)
    return float(d[last] - square / (half + root if half >= 0.0 else half - root))


@jit
def _sweep(d: Floats, e: Floats, block: tuple[int, int], rows: Floats) -> None:
    """One implicit QR step on the block of rows ``block[0]`` to ``block[1]``."""
    first, last = block
    x, z = d[first] - _shift(d, e, last), e[first]
    for k in range(first, last):
        length = np.sqrt(x * x + z * z)
        cosine, sine = (x / length, z / length) if length > 0.0 else (1.0, 0.0)
        if k > first:
            e[k - 1] = length
        a, b, c = d[k], e[k], d[k + 1]
        cross = 2.0 * cosine * sine * b
        d[k] = cosine * cosine * a + cross + sine * sine * c
        d[k + 1] = sine * sine * a - cross + cosine * cosine * c
        e[k] = cosine * sine * (c - a) + (cosine * cosine - sine * sine) * b
        if k < last - 1:
            x, z = e[k], sine * e[k + 1]
            e[k + 1] *= cosine
        _rotate(rows, k, cosine, sine)


@jit
def _diagonalise(d: Floats, e: Floats, rows: Floats) -> None:
    """Make a tridiagonal matrix diagonal; ``rows`` begins as the identity, ends as eigenvectors."""
    last = len(d) - 1
    for _ in range(SWEEPS * len(d)):
        while last > 0 and abs(e[last - 1]) <= EPSILON:
            last -= 1
        if last == 0:
            break
        first = last - 1
        while first > 0 and abs(e[first - 1]) > EPSILON:
            first -= 1
        _sweep(d, e, (first, last), rows)


@jit
def _greatest(values: Floats, count: int) -> list[int]:
    """Places of the greatest values, from the greatest on."""
    left = values.copy()
    places = [0 for _ in range(count)]
    for k in range(count):
        places[k] = int(np.argmax(left))
        left[places[k]] = -np.inf
    return places


@jit
def _begin(size: int) -> Floats:
    """A basis of one vector, with room for all; lopsided, for an even one would miss odd ones."""
    basis = np.empty((size + 1, size))
    for i in range(size):
        basis[0, i] = 1.0 + i / size
    length = np.sqrt(_dot(basis[0], basis[0]))
    for i in range(size):
        basis[0, i] /= length
    return basis


@jit
def leading_vectors(matrix: Floats, out: Floats) -> None:
    """Eigenvectors of the greatest eigenvalues, from the greatest on, each of length 1.

    Steps are made until the residuals of all vectors are below ``CONVERGED``. Where the matrix
    falls into blocks, as with equal eigenvalues, all steps are made, and the vectors are exact up
    to rounding.

    Args:
        matrix: Shape (n, n), symmetric and positive semidefinite, with trace 1.
        out: Shape (count, n), filled. Where eigenvalues are equal, some basis of their space.
    """
    size, done = len(matrix), 0
    basis, diagonal, beside = _begin(size), np.empty(size), np.empty(size)
    steps = min(FIRST, size)
    while True:
        while done < steps:
            steps = steps if _extend(matrix, basis, done, diagonal, beside) else size
            done += 1
        values, rows = diagonal[:done].copy(), np.eye(done)
        _diagonalise(values, beside[:done].copy(), rows)
        places = _greatest(values, len(out))
        worst = 0.0
        for place in places:
            worst = max(worst, abs(beside[done - 1] * rows[place, done - 1]))
        if worst <= CONVERGED or done == size:
            break
        steps = min(done + MORE, size)
    for k in range(len(out)):
        out[k] = 0.0
        for i in range(done):
            _add_multiple(basis[i], rows[places[k], i], out[k])

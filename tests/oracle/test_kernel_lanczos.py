"""Leading eigenvectors against LAPACK, with and without gaps between the eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest

from bqx.kernels.lanczos import leading_vectors
from references import Floats

SIZE, COUNT = 60, 3


def rotated(values: Floats, seed: int = 1) -> Floats:
    """A matrix with these eigenvalues, divided by their sum."""
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(SIZE, SIZE)))[0]
    matrix = (turn * (values / values.sum())) @ turn.T
    return np.asarray((matrix + matrix.T) / 2)


k = np.arange(float(SIZE))
SPECTRA: dict[str, Floats] = {
    "fast decay": 1.0 / (k + 0.5) ** 2,
    "slow decay": 0.97**k,
    "noise": 1.0 + 0.01 * (SIZE - k),
    "pairs": 0.5 ** (k // 2),
    "rank 2": (k < 2).astype(np.float64),
    "rank 1": (k < 1).astype(np.float64),
    "equal": np.ones(SIZE),
}


def leading(matrix: Floats) -> Floats:
    out = np.full((COUNT, SIZE), 12345.678)
    leading_vectors(matrix, out)
    return out


@pytest.mark.parametrize("name", SPECTRA)
def test_eigenvectors_of_great_eigenvalues(name: str) -> None:
    matrix = rotated(SPECTRA[name])
    found = leading(matrix)
    exact = np.linalg.eigvalsh(matrix)[::-1][:COUNT]
    np.testing.assert_allclose(found @ found.T, np.eye(COUNT), atol=1e-13)
    np.testing.assert_allclose(found @ matrix @ found.T, np.diag(exact), atol=1e-12)
    assert float(np.abs(matrix @ found.T - found.T * exact).max()) <= 2e-12


def test_axes_are_found_although_the_start_is_none() -> None:
    values = np.zeros(SIZE)
    values[[7, 31, 59]] = 0.5, 0.2, 0.3
    found = leading(np.diag(values))
    expected = np.zeros((COUNT, SIZE))
    expected[[0, 1, 2], [7, 59, 31]] = 1.0
    np.testing.assert_allclose(np.abs(found), expected, atol=1e-12)


def test_eigenvectors_that_are_even_and_odd() -> None:
    # A Toeplitz matrix: an even start would never find the odd eigenvectors.
    matrix = 0.9 ** np.abs(k[:, None] - k) / SIZE
    found = leading(matrix)
    values, vectors = np.linalg.eigh(matrix)
    np.testing.assert_allclose(
        np.abs(found @ vectors[:, ::-1][:, :COUNT]), np.eye(COUNT), atol=1e-10
    )
    assert values[-1] > values[-2]

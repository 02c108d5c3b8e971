"""Least squares from a triangle: of products that many tests share, or of the design itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WELL = 1e3
"""Greatest condition number of regressors for which their products are used.

Products square it: at 1e3 about 2e-16 * 1e6 = 2e-10 of a statistic is lost. Beyond, the design is
factored by QR.
"""
SINGULAR = 1e10
"""Condition number beyond which regressors count as linearly dependent."""


@dataclass(frozen=True)
class Fit:
    """A regression of a series on k regressors.

    Attributes:
        beta: Coefficients, shape (k,).
        inverse: Inverse of the regressors' products, shape (k, k).
        squares: Sum of squared residuals.
        condition: Condition number of the regressors, each scaled to length 1.
    """

    beta: Floats
    inverse: Floats
    squares: float
    condition: float

    def gain(self, tested: Sequence[int]) -> float:
        """By how much the sum of squares would grow without some regressors."""
        at = list(tested)
        beta = self.beta[at]
        return float(beta @ np.linalg.solve(self.inverse[np.ix_(at, at)], beta))


def triangle_of(products: Floats) -> Floats | None:
    """Upper triangular root of a matrix of products; None when it has none to be trusted."""
    scale = np.sqrt(np.diag(products))
    if not np.all(scale > 0.0):
        return None
    try:
        lower = np.linalg.cholesky(products / np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return None
    return np.asarray(lower.T * scale)


def fit(triangle: Floats) -> Fit | None:
    """The regression of the last column on the others; None when they are linearly dependent.

    Args:
        triangle: Upper triangular root of the products of all columns, shape (k + 1, k + 1).
    """
    root, column = triangle[:-1, :-1], triangle[:-1, -1]
    length = np.sqrt(np.sum(root**2, axis=0))
    if not np.all(length > 0.0):
        return None
    condition = float(np.linalg.cond(root / length))
    if not condition < SINGULAR:
        return None
    turned = np.linalg.inv(root)
    return Fit(turned @ column, turned @ turned.T, float(triangle[-1, -1] ** 2), condition)


def is_well(found: Fit | None) -> bool:
    """Whether a fit from products is as good as one from the design."""
    return found is not None and found.condition <= WELL


def triangle_of_design(columns: Sequence[Floats]) -> Floats:
    """Upper triangular root of the products of columns, without making the products (QR).

    Args:
        columns: Matrices of shape (n, …) or vectors of shape (n,), side by side.
    """
    design = np.column_stack(columns)
    return np.asarray(np.linalg.qr(design, mode="r"))


def reordered(triangle: Floats, order: Sequence[int]) -> Floats:
    """The triangle of some of the columns in another order."""
    return np.asarray(np.linalg.qr(triangle[:, list(order)], mode="r"))

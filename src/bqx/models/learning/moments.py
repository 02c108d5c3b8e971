"""Least squares with penalties, from sums of products alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqx.kernels.jit import jit
from bqx.models.learning.samples import Floats

PASSES = 1_000
"""Most passes of coordinate descent over all columns."""

TOLERANCE = 1e-6
"""A pass that moves no standardised weight by more than this is the last."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of products of the columns x, of a column of ones behind them, and of the target z.

    Attributes:
        gram: ``sum x x'``, shape (f + 1, f + 1).
        cross: ``sum x z``, shape (f + 1,).
        square: ``sum z²``.
    """

    gram: Floats
    cross: Floats
    square: float

    def __sub__(self, other: Moments) -> Moments:
        """Moments of the rows that the other has not."""
        gram, cross = self.gram - other.gram, self.cross - other.cross
        return Moments(gram, cross, self.square - other.square)

    def squared_errors(self, line: Line) -> float:
        """Sum of squared errors of a line on these rows."""
        b = np.append(line.weights, line.intercept)
        return float(self.square - 2.0 * b @ self.cross + b @ self.gram @ b)

    def standardised(self) -> Standardised:
        """Correlations of the columns and with the target."""
        n = self.gram[-1, -1]
        mean, level = self.gram[-1, :-1] / n, float(self.cross[-1] / n)
        covariance = self.gram[:-1, :-1] / n - np.outer(mean, mean)
        variance = np.diag(covariance)
        # What is left of a constant column is rounding.
        kept = variance > 1e-10 * (1.0 + mean * mean)
        sd = np.where(kept, np.sqrt(np.maximum(variance, 0.0)), np.inf)
        matrix = covariance / sd[:, None] / sd
        np.fill_diagonal(matrix, 1.0)
        return Standardised(matrix, (self.cross[:-1] / n - mean * level) / sd, mean, sd, level)


@dataclass(frozen=True, eq=False)
class Line:
    """``intercept + weights · x``."""

    weights: Floats
    intercept: float


@dataclass(frozen=True, eq=False)
class Standardised:
    """A least-squares problem in columns of mean 0 and standard deviation 1.

    Attributes:
        matrix: Correlations of the columns, shape (f, f).
        cross: Covariances with the target, shape (f,); 0 for constant columns.
        mean: Means of the columns.
        sd: Their standard deviations, infinite for constant ones, whose weight is then 0.
        level: Mean of the target.
    """

    matrix: Floats
    cross: Floats
    mean: Floats
    sd: Floats
    level: float

    def ridge(self, penalty: float) -> Line:
        """Minimise ``mean squared error + penalty |w|²`` over standardised weights w."""
        from scipy.linalg import cho_factor, cho_solve

        if not len(self.cross):
            return self._line(self.cross)
        matrix = self.matrix.copy()
        matrix[np.diag_indices_from(matrix)] += penalty
        factor = cho_factor(matrix, overwrite_a=True, check_finite=False)
        return self._line(cho_solve(factor, self.cross, check_finite=False))

    def elastic_net(self, penalties: Floats, l1_ratio: float) -> list[Line]:
        """Minimise ``mse / 2 + penalty (l1_ratio |w|_1 + (1 - l1_ratio) |w|² / 2)``.

        Args:
            penalties: Descending, so that each fit starts from the one before (Friedman, Hastie
                and Tibshirani 2010).
            l1_ratio: Share of the penalty on sizes.
        """
        weights, lines = np.zeros(len(self.cross)), []
        for penalty in penalties.tolist():
            _descend(self.matrix, self.cross, penalty * l1_ratio, penalty * (1 - l1_ratio), weights)
            lines.append(self._line(weights))
        return lines

    def _line(self, weights: Floats) -> Line:
        own = weights / self.sd
        return Line(own, self.level - float(own @ self.mean))


@jit
def _descend(matrix: Floats, cross: Floats, size: float, square: float, weights: Floats) -> None:
    """Coordinate descent until no weight moves; ``weights`` is where it starts and ends."""
    gradient = cross - matrix @ weights
    for _ in range(PASSES):
        greatest = 0.0
        for j in range(len(weights)):
            before = weights[j]
            free = gradient[j] + before
            after = np.sign(free) * max(abs(free) - size, 0.0) / (1.0 + square)
            if after != before:
                weights[j] = after
                moved = after - before
                for i in range(len(weights)):
                    gradient[i] -= moved * matrix[j, i]
                greatest = max(greatest, abs(moved))
        if greatest < TOLERANCE:
            break

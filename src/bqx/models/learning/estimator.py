"""What every kind of learner offers: a bench that fits, and the estimators that come from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bqx.models.learning.samples import Floats, Inputs, Ints

Files = Mapping[str, bytes]
"""Contents of the files of an estimator, by name."""


class Estimator(Protocol):
    """One fitted function of the features."""

    def predict(self, inputs: Inputs, threads: int = 1) -> Floats:
        """Its value for each row, shape (n,)."""

    def contributions(self, inputs: Inputs) -> Floats:
        """Parts of the value that belong to each column, shape (n, columns + 1), base value last.

        They add up to the value.
        """

    def gains(self, features: int) -> Floats:
        """How much each column was used, at least 0, shape (columns,).

        Args:
            features: Number of features; what stands behind them belongs to the pair.
        """

    def files(self) -> Files:
        """All that is needed to restore it, as the contents of files."""


@dataclass(frozen=True, eq=False)
class Material:
    """Rows to fit on, and how.

    Args:
        inputs: Features and pairs of the rows.
        rows: Their absolute grid rows.
        margin: Rows that must lie between rows that are fitted on and rows that judge the fit.
        seed: Where random choices begin.
        threads: Threads that may be used.
    """

    inputs: Inputs
    rows: Ints
    margin: int
    seed: int
    threads: int


class Bench(Protocol):
    """A matrix that is prepared once and then fitted to several targets.

    Attributes:
        parallel: Whether several fits may run at a time, each on a thread of its own.
    """

    parallel: bool

    def point(self, z: Floats) -> Estimator:
        """Fit the conditional mean."""

    def quantile(self, z: Floats, level: float) -> Estimator | None:
        """Fit a conditional quantile; None where the learner has no way to do so."""


def pooled(gains: Floats, features: int) -> Floats:
    """Gains of the features, and behind them the sum of all columns of the pair, if any."""
    own, pair = gains[:features], gains[features:]
    return np.append(own, pair.sum()) if len(pair) else own

"""Small samples for learners: planted signals, noise, several pairs, gaps, masked labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Samples, Shape

SIGNAL: Shape = (60, 15)
NOISE: Shape = (60, 30)

SMALL = {
    "lightgbm": "lightgbm:rounds=15,min_data_in_leaf=40,learning_rate=0.2,lambda_l2=1",
    "ridge": "ridge",
    "elastic_net": "elastic_net",
    "xgboost": "xgboost:rounds=15,min_child_weight=40,learning_rate=0.2,reg_lambda=1",
    "catboost": "catboost:rounds=15,learning_rate=0.2,l2_leaf_reg=1",
    "stack": "stack:blocks=2,lightgbm.rounds=8,lightgbm.min_data_in_leaf=40,"
    "lightgbm.learning_rate=0.2",
}
"""A quick learner of each kind."""


def learner(kind: str) -> Learner:
    return Learner.parse(SMALL[kind])


def samples(n: int = 1600, features: int = 5, *, pairs: int = 2, seed: int = 0) -> Samples:
    """Every fifth row, with a signal in two columns, one column of flags, one that is constant."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, features)).astype(np.float32)
    matrix[:, -1] = 1.0
    matrix[:, -2] = rng.random(n) < 0.1
    signal = 0.5 * matrix[:, 0] + 0.3 * matrix[:, 1]
    matrix[rng.random((n, features)) < 0.02] = np.nan
    surprises = {
        SIGNAL: masked(signal + rng.normal(size=n), rng),
        NOISE: masked(rng.standard_t(5, size=n), rng),
    }
    codes = (np.arange(n) % pairs).astype(np.int16)
    names = tuple(["eurusd", "gbpusd", "usdjpy"][:pairs])
    return Samples(
        7_000 + np.arange(n) // pairs * 5,
        codes,
        names,
        matrix,
        tuple(f"feature_{i}" for i in range(features)),
        surprises,
    )


def masked(z: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """One label in a hundred is missing."""
    return np.where(rng.random(len(z)) < 0.01, np.nan, z)

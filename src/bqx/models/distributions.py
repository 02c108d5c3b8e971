"""The few probability functions that scores need, from the optional dependency SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.extras import library

Floats = NDArray[np.float64]


def _special() -> Any:
    return library("scipy.special", "models")


def normal_cdf(x: Floats) -> Floats:
    """Probability that a standard normal variable is at most each value."""
    return np.asarray(_special().ndtr(x), np.float64)


def normal_quantile(p: Floats) -> Floats:
    """The value below which a standard normal variable lies with each probability."""
    return np.asarray(_special().ndtri(p), np.float64)


def student_quantile(p: float, freedom: float) -> float:
    """The value below which Student's t lies with a probability."""
    return float(_special().stdtrit(freedom, p))


def student_cdf(x: float, freedom: int) -> float:
    """Probability that Student's t is at most x; NaN where x is."""
    return float(_special().stdtr(freedom, x))

"""Arithmetic of whole columns."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.kernels.present import mean_std_of_present


def missing(d: Domain) -> FloatArray:
    """A column without any value."""
    return np.full(len(d), np.nan)


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """The quotient; NaN where the denominator is not positive."""
    out = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0.0)
    return out


def later(values: FloatArray, rows: int) -> FloatArray:
    """Each value ``rows`` rows later; NaN before."""
    out = np.full(len(values), np.nan)
    out[rows:] = values[:-rows]
    return out


def trailing_moments(d: Domain, values: FloatArray, rows: int) -> FloatArray:
    """Mean and standard deviation of a column over trailing rows, of which 90 % have a value.

    Returns:
        Array of shape (2, rows of the slice).
    """
    out = d.block(2)
    mean_std_of_present(values, rows, -(-9 * rows // 10), d.first, out)
    return out

"""Every kernel behind one signature, for the properties that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bqx.kernels.backward import BQX_WINDOWS, backward_return, backward_returns
from bqx.kernels.covariance import covariances_and_correlations, term_covariances
from bqx.kernels.extrema import minmax
from bqx.kernels.moments import mean_std
from bqx.kernels.quadratic import quadratic_fit
from references import Floats

GARBAGE = 12345.678
"""What stands in an output array before a kernel fills it."""


@dataclass(frozen=True)
class Kernel:
    """A kernel as a function of one series.

    Attributes:
        name: As the function is called.
        run: From series, window and absolute row of the first element to one row per output.
        reach: Rows that an output needs, by window.
    """

    name: str
    run: Callable[[Floats, int, int], Floats]
    reach: Callable[[int], int]


def companions(y: Floats) -> tuple[Floats, Floats, Floats]:
    """Three more series with the NaN of ``y``, each a function of its own row alone."""
    return y * y, np.sin(50.0 * y), 3.0 - 0.5 * y + np.cos(90.0 * y)


def _quadratic(y: Floats, w: int, origin: int) -> Floats:
    out = np.full((7, len(y)), GARBAGE)
    quadratic_fit(y, w, origin, out)
    return out


def _term_covariances(y: Floats, w: int, origin: int) -> Floats:
    out = np.full((6, len(y)), GARBAGE)
    lin, constant, residual = companions(y)
    term_covariances(y, lin, constant, residual, w, origin, out)
    return out


def _correlations(y: Floats, w: int, origin: int) -> Floats:
    out = np.full((6, len(y)), GARBAGE)
    lin, residual, _ = companions(y)
    covariances_and_correlations(y, lin, residual, w, origin, out)
    return out


def _mean_std(y: Floats, w: int, origin: int) -> Floats:
    out = np.full((2, len(y)), GARBAGE)
    mean_std(y, w, origin, out[0], out[1])
    return out


def _minmax(y: Floats, w: int, origin: int) -> Floats:
    out = np.full((2, len(y)), GARBAGE)
    minmax(y, w, origin, out[0], out[1])
    return out


def _backward(y: Floats, w: int, _origin: int) -> Floats:
    out = np.full((1, len(y)), GARBAGE)
    backward_return(y, w, out[0])
    return out


def _backward_all(y: Floats, _w: int, _origin: int) -> Floats:
    out = np.full((len(BQX_WINDOWS), len(y)), GARBAGE)
    backward_returns(y, out)
    return out[-1:]


KERNELS = (
    Kernel("quadratic_fit", _quadratic, lambda w: w),
    Kernel("term_covariances", _term_covariances, lambda w: w),
    Kernel("covariances_and_correlations", _correlations, lambda w: w),
    Kernel("mean_std", _mean_std, lambda w: w),
    Kernel("minmax", _minmax, lambda w: w),
    Kernel("backward_return", _backward, lambda w: w + 1),
    Kernel("backward_returns", _backward_all, lambda _w: BQX_WINDOWS[-1] + 1),
)

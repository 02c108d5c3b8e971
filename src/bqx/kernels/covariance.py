"""Rolling sample covariances and correlations."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def _covariance(x: Floats, y: Floats, w: int, out: Floats) -> None:
    out[: w - 1] = np.nan
    for t in range(w - 1, len(y)):
        s = t - w + 1
        sx = sy = sxy = 0.0
        for i in range(s, t + 1):
            sx += x[i] - x[s]
            sy += y[i] - y[s]
        for i in range(s, t + 1):
            sxy += (x[i] - x[s] - sx / w) * (y[i] - y[s] - sy / w)
        out[t] = sxy / (w - 1)


@jit
def term_covariances(
    q: Floats, l: Floats, c: Floats, e: Floats, w: int, origin: int, out: Floats
) -> None:
    """First version."""
    _covariance(q, l, w, out[0])
    _covariance(q, c, w, out[1])
    _covariance(q, e, w, out[2])
    _covariance(l, c, w, out[3])
    _covariance(l, e, w, out[4])
    _covariance(c, e, w, out[5])


@jit
def covariances_and_correlations(
    q: Floats, l: Floats, e: Floats, w: int, origin: int, out: Floats
) -> None:
    """First version."""
    var = np.empty(len(q))
    _covariance(q, l, w, out[0])
    _covariance(e, q, w, out[1])
    _covariance(e, l, w, out[2])
    out[3:] = out[:3]
    _covariance(q, q, w, var)
    sd = np.sqrt(var)
    out[3] /= sd
    out[4] /= sd
    _covariance(l, l, w, var)
    sd = np.sqrt(var)
    out[3] /= sd
    out[5] /= sd
    _covariance(e, e, w, var)
    sd = np.sqrt(var)
    out[4] /= sd
    out[5] /= sd
    for k in range(3, 6):
        for t in range(len(q)):
            if not np.isnan(out[k, t]):
                out[k, t] = min(1.0, max(-1.0, out[k, t]))

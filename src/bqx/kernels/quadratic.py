"""Rolling quadratic regression by a two-sided scan."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import first_border, flat_rows
from bqx.kernels.jit import jit


@jit
def _backward(y: Floats, b: int, w: int, m: int, g: Floats) -> None:
    ref = y[b]
    s0 = s1 = s2 = sd = 0.0
    g[:, w - 1] = 0.0
    for i in range(1, m + 1):
        d = y[b - i] - ref
        p = -float(i)
        s0 += d
        s1 += p * d
        s2 += p * p * d
        sd += d * d
        g[0, w - 1 - i] = s0
        g[1, w - 1 - i] = s1
        g[2, w - 1 - i] = s2
        g[3, w - 1 - i] = sd


@jit
def _forward(y: Floats, b: int, hi: int, f: Floats) -> None:
    ref = y[b]
    s0 = s1 = s2 = sd = 0.0
    for j in range(hi):
        d = y[b + j] - ref
        p = float(j)
        s0 += d
        s1 += p * d
        s2 += p * p * d
        sd += d * d
        f[0, j] = s0
        f[1, j] = s1
        f[2, j] = s2
        f[3, j] = sd


@jit
def _combine(y: Floats, b: int, w: int, lo: int, hi: int, f: Floats, g: Floats, out: Floats) -> None:
    ref = y[b]
    h = 0.5 * (w - 1)
    k = (w * w - 1.0) / 12.0
    n1 = w * k
    n2 = w * (w * w - 1.0) * (w * w - 4.0) / 180.0
    for j in range(lo, hi):
        s0 = f[0, j] + g[0, j]
        s1 = f[1, j] + g[1, j]
        s2 = f[2, j] + g[2, j]
        sd = f[3, j] + g[3, j]
        c = j - h
        m1 = s1 - c * s0
        m2 = s2 - 2.0 * c * s1 + (c * c - k) * s0
        a0 = s0 / w
        a1 = m1 / n1
        a2 = m2 / n2
        sst = sd - s0 * a0
        sse = sst - m1 * a1 - m2 * a2
        sse = 0.0 if sse < 0.0 else sse
        q = a2 * (2.0 * h) * (2.0 * h)
        lin = a1 * 2.0 * h - q
        end = a2 * (h * h - k)
        fit = a0 + a1 * h + end
        t = b + j
        out[0, t] = q
        out[1, t] = lin
        out[2, t] = ref + (a0 - a1 * h + end)
        out[3, t] = (y[t] - ref) - fit
        r2 = 1.0 - sse / sst
        out[4, t] = np.nan if sst < 1e-18 else (0.0 if r2 < 0.0 else r2)
        out[5, t] = np.sqrt(sse / w)
        out[6, t] = ref + fit


@jit
def quadratic_fit(y: Floats, w: int, origin: int, out: Floats) -> None:
    """First version."""
    f = np.empty((4, w))
    g = np.empty((4, w))
    out[:, : w - 1] = np.nan
    for b in range(first_border(origin, w), len(y), w):
        lo = max(0, w - 1 - b)
        hi = min(w, len(y) - b)
        if lo >= hi:
            continue
        _backward(y, b, w, w - 1 - lo, g)
        _forward(y, b, hi, f)
        _combine(y, b, w, lo, hi, f, g, out)
        first, stop = flat_rows(y, b, w)
        for j in range(max(first, lo), min(stop, hi)):
            t = b + j
            out[:, t] = 0.0
            out[2, t] = y[t]
            out[4, t] = np.nan
            out[6, t] = y[t]

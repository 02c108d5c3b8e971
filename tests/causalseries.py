"""Simulated networks of series whose links are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.causality.series import Panel

Floats = NDArray[np.float64]


def shocks(rng: np.random.Generator, n: int, m: int, *, wild: bool) -> Floats:
    """Shocks of variance about 1, shape (n, m); wild ones have Student's t of 4 and GARCH(1, 1)."""
    if not wild:
        return rng.standard_normal((n, m))
    raw = rng.standard_t(4, (n, m)) / np.sqrt(2.0)
    out, variance = np.empty((n, m)), np.ones(m)
    for t in range(n):
        out[t] = np.sqrt(variance) * raw[t]
        variance = 0.05 + 0.08 * np.minimum(out[t] ** 2, 50.0) + 0.87 * variance
    return out


def network(
    n: int, m: int, links: int, seed: int, *, wild: bool = False, apart: bool = False
) -> tuple[Panel, set[tuple[str, str]]]:
    """A sparse VAR(1) and its links.

    Args:
        n: Rows.
        m: Series.
        links: Links, at random.
        seed: Of everything.
        wild: Heavy tails and clustered volatility.
        apart: Whether no series is in two links, so that there are no indirect ones.
    """
    rng = np.random.default_rng([seed, 11])
    lead = np.diag(rng.uniform(0.0, 0.4, m))
    if apart:
        order = rng.permutation(m)
        places = list(zip(order[:links], order[links : 2 * links], strict=True))
    else:
        every = [(i, j) for i in range(m) for j in range(m) if i != j]
        places = [every[k] for k in rng.choice(len(every), links, replace=False)]
    for source, target in places:
        lead[target, source] = rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.25)
    noise = shocks(rng, n + 200, m, wild=wild)
    values, now = np.empty((n + 200, m)), np.zeros(m)
    for t in range(n + 200):
        values[t] = now = lead @ now + noise[t]
    names = [f"s{k:02d}" for k in range(m)]
    panel = Panel.of({name: values[200:, k] for k, name in enumerate(names)})
    return panel, {(names[s], names[t]) for s, t in places}


def two(n: int, seed: int, *, strength: float = 0.3) -> Panel:
    """``y`` follows ``x`` by one row, and itself; ``x`` follows nothing but itself."""
    rng = np.random.default_rng(seed)
    e = rng.standard_normal((n, 2))
    x, y = np.zeros(n), np.zeros(n)
    for t in range(1, n):
        x[t] = 0.4 * x[t - 1] + e[t, 0]
        y[t] = 0.3 * y[t - 1] + strength * x[t - 1] + e[t, 1]
    return Panel.of({"x": x, "y": y})

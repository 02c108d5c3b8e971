"""Slow, obvious twins of the correlation families, row by row, with libraries' functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.domains.domain import Domain
from bqx.market import peer_groups
from references import Floats

Flags = NDArray[np.bool_]
NONE = float("nan")


def log_returns(index: Floats) -> Floats:
    """One-row log returns, in extended precision until the end."""
    return np.diff(np.log(index.astype(np.longdouble)), prepend=np.nan).astype(np.float64)


@dataclass(frozen=True)
class View:
    """A pair among others: what the twins read, one array per pair; c is what is correlated."""

    pair: str
    bqx: bool
    first: int
    level: dict[str, Floats]
    c: dict[str, Floats]
    seen: dict[str, Flags]
    age: dict[str, NDArray[np.int64]]

    @classmethod
    def of(cls, d: Domain) -> View:
        everyone = d.everyone
        bqx = d.traits.name == "bqx"
        return cls(
            pair=d.pair,
            bqx=bqx,
            first=d.first,
            level={p: e.series if bqx else np.log(e.series) for p, e in everyone.items()},
            c={p: e.series if bqx else log_returns(e.series) for p, e in everyone.items()},
            seen={p: e.grid.observed for p, e in everyone.items()},
            age={p: e.grid.age for p, e in everyone.items()},
        )

    @cached_property
    def groups(self) -> dict[str, dict[str, int]]:
        """Peers that exist, with their signs."""
        known = peer_groups(self.pair)
        groups = {"base": known.base, "quote": known.quote, "cross": dict.fromkeys(known.cross, 1)}
        return {g: {p: s for p, s in m.items() if p in self.level} for g, m in groups.items()}

    def counts(self, peer: str, t: int, w: int) -> bool:
        """Whether a peer counts at t in a window of w rows."""
        rows = slice(t - w + 1, t + 1)
        if t < w or np.isnan(self.c[peer][rows]).any() or np.isnan(self.c[self.pair][rows]).any():
            return False
        both = int((self.seen[self.pair][rows] & self.seen[peer][rows]).sum())
        fresh = max(self.age[self.pair][t], self.age[peer][t]) <= 5
        return bool(10 * both >= 9 * w and fresh)

    def members(self, groups: Iterable[str], t: int, w: int) -> dict[str, int]:
        """The peers of groups that count; empty if there are fewer than 3."""
        wanted = {p: s for g in groups for p, s in self.groups[g].items()}
        found = {p: s for p, s in wanted.items() if self.counts(p, t, w)}
        return found if len(found) >= 3 else {}


def flat(values: Floats) -> bool:
    return bool(np.ptp(values) == 0)


def corr(x: Floats, y: Floats) -> float:
    return NONE if flat(x) or flat(y) else float(np.corrcoef(x, y)[0, 1])


def group_correlation(v: View, group: str, t: int, w: int) -> float:
    rows = slice(t - w + 1, t + 1)
    found = [
        sign * corr(v.c[v.pair][rows], v.c[p][rows])
        for p, sign in v.groups[group].items()
        if v.counts(p, t, w)
    ]
    values = np.array([r for r in found if not np.isnan(r)])
    if len(values) < 3:
        return NONE
    return float(np.mean(np.abs(values) if group == "cross" else values))


def mean_correlation(v: View, t: int, w: int) -> float:
    return (group_correlation(v, "base", t, w) + group_correlation(v, "quote", t, w)) / 2


def present(values: list[float]) -> Floats | None:
    """The values that there are, if they are 90 %."""
    array = np.array(values)
    there = array[~np.isnan(array)]
    return there if 10 * len(there) >= 9 * len(array) else None


def score(values: list[float]) -> float:
    """Standard score of the last value."""
    there = present(values)
    if there is None or np.isnan(values[-1]) or flat(there):
        return NONE
    return float((values[-1] - there.mean()) / there.std(ddof=1))


def stability(values: list[float]) -> float:
    there = present(values)
    return NONE if there is None else 1.0 - float(there.std(ddof=1))


def window_value(v: View, pair: str, t: int, w: int) -> float:
    """Return over w rows, or the mean of BQX."""
    if v.bqx:
        return float(v.level[pair][t - w + 1 : t + 1].mean())
    return float(v.level[pair][t] - v.level[pair][t - w])


def divergence(v: View, group: str, t: int, w: int) -> float:
    members = v.members([group], t, w)
    if not members:
        return NONE
    mean = np.mean([s * window_value(v, p, t, w) for p, s in members.items()])
    return window_value(v, v.pair, t, w) - float(mean)


def strength(v: View, group: str, t: int) -> float:
    members = v.members([group], t, 60)

    def value(pair: str) -> float:
        return float(v.level[pair][t]) if v.bqx else window_value(v, pair, t, 60)

    values = np.array([s * value(p) for p, s in members.items()])
    if not members or flat(values):
        return NONE
    return float((value(v.pair) - values.mean()) / values.std(ddof=1))


def volatility_ratio(v: View, group: str, t: int) -> float:
    rows = slice(t - 59, t + 1)
    deviations = [v.c[p][rows].std(ddof=1) for p in v.members([group], t, 60)]
    if not deviations or max(deviations) == 0:
        return NONE
    return float(v.c[v.pair][rows].std(ddof=1) / np.mean(deviations))


def composite(series: dict[str, Floats], weights: dict[str, float], rows: slice) -> Floats:
    return np.asarray(np.mean([w * series[p][rows] for p, w in weights.items()], axis=0))


def spread_score(v: View, t: int, w: int) -> float:
    members = v.members(["base", "quote"], t, w)
    if not members:
        return NONE
    rows = slice(t - w + 1, t + 1)
    signs = {p: float(s) for p, s in members.items()}
    spread = v.level[v.pair][rows] - composite(v.level, signs, rows)
    own_flat = flat(v.level[v.pair][rows]) and all(flat(v.level[p][rows]) for p in members)
    return NONE if own_flat else score(list(spread))


def residual(v: View, group: str, t: int, models: Any) -> float:
    """Residual at t of the regression by statsmodels over 240 rows."""
    members = v.members([group], t, 240)
    if not members:
        return NONE
    rows = slice(t - 239, t + 1)
    g = composite(v.level, {p: float(s) for p, s in members.items()}, rows)
    y = v.level[v.pair][rows]
    # Centred first: the library's pseudo-inverse loses digits on levels.
    fit = models.OLS(y - y.mean(), models.add_constant(g - g.mean())).fit()
    return float(fit.resid[-1])


def component(v: View, t: int, members: Iterable[str]) -> tuple[dict[str, float], float]:
    """Loadings of the newest anchor's component, and how clear it is: the ratio of eigenvalues."""
    anchor = (v.first + t) // 60 * 60 - v.first
    fitted = v.members(["cross"], anchor, 240)
    if not fitted:
        return {}, 0.0
    rows = slice(anchor - 239, anchor + 1)
    data = np.array([v.c[p][rows] for p in fitted])
    values, vectors = np.linalg.eigh(np.cov(data))
    vector = vectors[:, -1]
    moves = (data - data.mean(axis=1, keepdims=True)).T @ vector
    own = v.c[v.pair][rows]
    vector = vector * np.sign(moves @ (own - own.mean()))
    loadings = dict(zip(fitted, vector.tolist(), strict=True))
    used = {p: loadings[p] for p in members if p in loadings}
    return (used if len(used) >= 3 else {}), float(values[-1] / max(values[-2], 1e-300))


def lead_lag(v: View, group: str, t: int) -> tuple[float, float]:
    """The value, and how clear its component is."""
    if t < 66:
        return NONE, 0.0
    now, before = v.members([group], t, 60), v.members([group], t - 5, 60)
    both = {p: float(s) for p, s in now.items() if p in before}
    weights, clear = component(v, t, both) if group == "cross" else (both, np.inf)
    if len(weights) < 3:
        return NONE, clear
    rows = slice(t - 64, t + 1)
    g, c = composite(v.c, weights, rows), v.c[v.pair][rows]
    leads = [corr(g[5 - k : 65 - k], c[5:]) for k in range(1, 6)]
    follows = [corr(c[5 - k : 65 - k], g[5:]) for k in range(1, 6)]
    return float(np.max(leads) - np.max(follows)), clear

"""The columns of the cross-sectional panel, written row by row with NumPy and scipy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import stats

from bqx.domains.grid import BarArrays
from references import Floats, Long

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Reference:
    """A market on the minutes of a grid that begins with its first bars.

    Attributes:
        market: Bars by pair, each with its first one in the first minute.
        minutes: The minutes.
    """

    market: Mapping[str, BarArrays]
    minutes: NDArray[np.int64]

    @cached_property
    def names(self) -> list[str]:
        """The pairs in alphabetical order."""
        return sorted(self.market)

    @cached_property
    def least(self) -> int:
        """Pairs that must count."""
        return max(5, int(np.ceil(len(self.names) * 20 / 28 - 1e-9)))

    @cached_property
    def seen(self) -> Flags:
        """Whether a minute has a bar, by pair."""
        return np.array([np.isin(self.minutes, self.market[p].minutes) for p in self.names])

    @cached_property
    def newest(self) -> NDArray[np.int64]:
        """Index of the newest bar, by pair."""
        return np.cumsum(self.seen, axis=1) - 1

    @cached_property
    def fresh(self) -> Flags:
        """Whether one of the last 6 minutes has a bar."""
        padded = np.pad(self.seen, ((0, 0), (5, 0)))
        return np.asarray(sliding_window_view(padded, 6, axis=1).any(axis=2))

    @cached_property
    def logs(self) -> Long:
        """Logarithms of filled closes."""
        closes = [self.market[p].close[at] for p, at in zip(self.names, self.newest, strict=True)]
        return np.log(np.array(closes).astype(np.longdouble))

    @cached_property
    def returns(self) -> Long:
        """One-row log returns."""
        return np.diff(self.logs, axis=1, prepend=np.nan)

    @cached_property
    def spread(self) -> Floats:
        """Spread over close; NaN without quotes."""
        found = []
        for name, at in zip(self.names, self.newest, strict=True):
            bars = self.market[name]
            quotes = np.full((2, len(bars.close)), np.nan) if bars.quotes is None else bars.quotes
            found.append(((quotes[1] - quotes[0]) / bars.close)[at])
        return np.array(found)

    @cached_property
    def dollar(self) -> Floats:
        """The dollar factor."""
        out = np.zeros(len(self.minutes))
        signs = np.array([("usd" in p) * (1 if p.startswith("usd") else -1) for p in self.names])
        for t in range(1, len(out)):
            members = (signs != 0) & self.fresh[:, t]
            if members.any():
                out[t] = np.mean((signs * self.returns[:, t])[members])
        out[0] = np.nan
        return out

    @cached_property
    def calm(self) -> Floats:
        """Deviations of 60 returns, by pair, rounded so that equal ones are equal."""
        return self.volatilities(60).astype(np.float32).astype(np.float64)

    @cached_property
    def quick(self) -> Floats:
        """One-row changes of the deviations of 15 returns, by pair."""
        return np.diff(self.volatilities(15), axis=1, prepend=np.nan)

    def volatilities(self, rows: int) -> Floats:
        windows = sliding_window_view(self.returns, rows, axis=1).std(axis=2, ddof=1)
        return np.pad(windows, ((0, 0), (rows - 1, 0)), constant_values=np.nan).astype(np.float64)

    def counts(self, t: int, history: int) -> Flags:
        """The pairs that count at a row."""
        if t < history - 1:
            return np.zeros(len(self.names), np.bool_)
        window = self.seen[:, t - history + 1 : t + 1]
        enough: Flags = 10 * window.sum(axis=1) >= 9 * history
        return enough & self.fresh[:, t]

    def attribute(self, name: str, t: int) -> Long:
        """An attribute of all pairs; NaN for those that do not count."""
        if name == "spread":
            return np.where(self.counts(t, 1), self.spread[:, t], np.nan).astype(np.longdouble)
        kind, _, text = name.partition("_")
        h = int(text)
        counting = self.counts(t, h + 1)
        if kind == "momentum":
            values = self.logs[:, t] - self.logs[:, t - h]
        else:
            values = self.returns[:, t - h + 1 : t + 1].std(axis=1, ddof=1)
        return np.where(counting, values, np.nan)

    def _spearman(self, x: Long, y: Long) -> float:
        both = ~np.isnan(x) & ~np.isnan(y)
        if both.sum() < self.least or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
            return np.nan
        found = stats.spearmanr(x[both].astype(np.float64), y[both].astype(np.float64))
        return float(found.statistic)

    def _dispersion(self, name: str, t: int) -> float:
        there = self.attribute(name, t)
        there = there[~np.isnan(there)]
        return float(there.std(ddof=1)) if len(there) >= self.least else np.nan

    def _less_median(self, values: Long, own: int) -> float:
        there = values[~np.isnan(values)]
        enough = len(there) >= self.least
        return float(values[own] - np.median(there)) if enough else np.nan

    def ranks(self, t: int, own: int) -> dict[str, float]:
        """The columns of the first family at a row."""
        found = {}
        momenta = [f"momentum_{h}" for h in (15, 30, 45, 60)]
        volatilities = [f"volatility_{h}" for h in (15, 30, 60)]
        for name in (*momenta, *volatilities, "spread"):
            values = self.attribute(name, t)
            there = ~np.isnan(values)
            rank = np.nan
            if there[own] and there.sum() >= self.least:
                rank = float(stats.rankdata(-values[there])[there[:own].sum()])
            found[f"rank_{name}"] = rank
            found[f"pctile_{name}"] = (there.sum() - rank) / (there.sum() - 1)
        for name in [n for n in (*momenta, *volatilities) if n != "momentum_45"]:
            found[f"dispersion_{name}"] = self._dispersion(name, t)
            found[f"divergence_{name}"] = self._less_median(self.attribute(name, t), own)
        size = np.abs(self.attribute("momentum_60", t))
        volatility, spread = self.attribute("volatility_60", t), self.attribute("spread", t)
        found["momentum_volatility"] = self._spearman(size, volatility)
        found["momentum_spread"] = self._spearman(size, spread)
        found["volatility_spread"] = self._spearman(volatility, spread)
        return found

    def _moves(self, t: int, pair: int, back: int = 0) -> Floats:
        """240 returns."""
        return self.returns[pair, t - 239 - back : t + 1 - back].astype(np.float64)

    def _correlation(self, x: Floats, y: Floats) -> float:
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            return np.nan
        return float(stats.pearsonr(x, y).statistic)

    def _mean_of_peers(self, terms: Mapping[int, float], t: int, history: int, own: int) -> float:
        counting = self.counts(t, history)
        there = [v for k, v in terms.items() if k != own and counting[k] and not np.isnan(v)]
        return float(np.mean(there)) if len(there) >= self.least - 1 else np.nan

    def _exposures(self, t: int, own: int) -> dict[str, float]:
        dollars = [k for k, p in enumerate(self.names) if "usd" in p]
        f, r = self.dollar[t - 239 : t + 1], self._moves(t, own)
        if self.counts(t, 241)[dollars].sum() < 3 or np.ptp(f) == 0:
            return {"beta_momentum": np.nan, "shock": np.nan}
        line = stats.linregress(f, r)
        rest = r - line.intercept - line.slope * f
        beyond = self.logs[own, t] - self.logs[own, t - 15] - line.slope * f[-15:].sum()
        flat = np.ptp(r) == 0
        shock = np.nan if flat else float(beyond / (np.sqrt(15) * rest.std(ddof=1)))
        return {"beta_momentum": float(line.slope), "shock": shock}

    def _volatility_beta(self, t: int, own: int) -> float:
        if self.counts(t, 256).sum() < self.least:
            return np.nan
        rows = slice(t - 239, t + 1)
        fresh = self.fresh[:, rows]
        members = np.where(fresh.any(axis=0), fresh, True)
        mean = np.average(self.quick[:, rows], axis=0, weights=members)
        return float(stats.linregress(mean, self.quick[own, rows]).slope)

    def _change(self, name: str, t: int) -> Long:
        """Change over 30 rows, of the pairs that count over both."""
        kind = name.partition("_")[0]
        if kind == "momentum":
            moved = [self.logs[:, s] - self.logs[:, s - 30] for s in (t, t - 30)]
        else:
            moved = [self.returns[:, s - 29 : s + 1].std(axis=1, ddof=1) for s in (t, t - 30)]
        return np.where(self.counts(t, 61), moved[0] - moved[1], np.nan)

    def _coherence(self, t: int, own: int) -> float:
        window = self.calm[:, t - 1439 : t + 1]
        above = self.calm[:, t] > np.median(window, axis=1)
        others = {k: float(above[k] == above[own]) for k in range(len(self.names))}
        return self._mean_of_peers(others, t, 1500, own)

    def _contagion(self, t: int, own: int) -> float:
        dollars = [k for k, p in enumerate(self.names) if "usd" in p]
        if self.counts(t, 241)[dollars].sum() < 3:
            return np.nan
        size = np.abs(self.dollar[t - 239 : t + 1])
        rows = size >= np.quantile(size, 0.9)
        mine = self._moves(t, own)[rows]
        terms = {
            k: abs(self._correlation(mine, self._moves(t, k)[rows])) for k in range(len(self.names))
        }
        return self._mean_of_peers(terms, t, 241, own)

    def relations(self, t: int, own: int) -> dict[str, float]:
        """The columns of the second family at a row, which must have all of its history."""
        mine, before = self._moves(t, own), self._moves(t, own, 1)
        pairs = range(len(self.names))
        size = {k: abs(self._correlation(mine, self._moves(t, k))) for k in pairs}
        lead = {
            k: self._correlation(before, self._moves(t, k))
            - self._correlation(self._moves(t, k, 1), mine)
            for k in pairs
        }
        past = self._dispersion("momentum_30", t - 30)
        now, then = self.attribute("momentum_60", t), self.attribute("momentum_60", t - 60)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return {
                **self._exposures(t, own),
                "beta_volatility": self._volatility_beta(t, own),
                "momentum_acceleration": self._less_median(self._change("momentum", t), own),
                "volatility_acceleration": self._less_median(self._change("volatility", t), own),
                "dispersion_change": self._dispersion("momentum_30", t) / past - 1
                if past > 0
                else np.nan,
                "rank_stability": self._spearman(now, then),
                "regime_coherence": self._coherence(t, own),
                "leadership_score": self._mean_of_peers(lead, t, 242, own),
                "contagion_exposure": self._contagion(t, own),
                "isolation_score": 1 - self._mean_of_peers(size, t, 241, own),
            }

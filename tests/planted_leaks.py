"""The leaks that the first version of the system had, as families that the checks must catch."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature

_LATER = "the rows after it are not there yet"


def _known(values: FloatArray) -> FloatArray:
    """The values with 0 in place of those that a slice begins without."""
    return np.where(np.isfinite(values), values, 0.0)


class WholeMonthCorrelation(Family):
    """One correlation of all rows with the twin domain's, written on every row."""

    table = "month_correlation_{domain}"

    constant = Feature("constant", "Correlation of the whole slice.", history=20, memory=40)

    def compute_fixed(self, d: Domain) -> Columns:
        """The correlation of the changes of both domains over the slice."""
        first, second = (_known(each.step_change) for each in (d, d.twin))
        rho = (first @ second) / max(float(np.sqrt((first @ first) * (second @ second))), 1e-300)
        return {"constant": np.full(len(d), rho)}


class WholeSampleTerciles(Family):
    """A regime whose borders are terciles of everything, the future included."""

    table = "sample_terciles_{domain}"

    tercile = Feature(
        "tercile", "Tercile of the size of the change.", history=20, memory=40, kind="category"
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """0, 1 or 2 by the terciles of the slice."""
        size = np.abs(_known(d.step_change))
        borders = np.quantile(size, [1 / 3, 2 / 3])
        return {"tercile": np.searchsorted(borders, size).astype(np.float64)}


class SmoothedState(Family):
    """Probability of a calm state given all observations, before and after the row."""

    table = "smoothed_state_{domain}"

    calm = Feature("calm", "Smoothed probability.", history=20, memory=400)

    def compute_fixed(self, d: Domain) -> Columns:
        """Forward-backward recursion of two states with fixed parameters."""
        size = np.abs(_known(d.step_change)) / np.array([[0.5e-4], [2e-4]])
        likely = np.exp(-0.5 * size**2) / np.array([[1.0], [4.0]]) + 1e-12
        forward, backward = self._pass(likely), self._pass(likely[:, ::-1])[:, ::-1]
        both = forward * backward / likely
        return {"calm": both[0] / both.sum(axis=0)}

    @staticmethod
    def _pass(likely: FloatArray) -> FloatArray:
        out = np.empty_like(likely)
        state = np.array([0.5, 0.5])
        for t in range(likely.shape[1]):
            state = likely[:, t] * (0.95 * state + 0.05 * state[::-1])
            state /= state.sum()
            out[:, t] = state
        return out


class UnconfirmedFractal(Family):
    """Marks a swing high in its own row, two rows before anyone can know it."""

    table = "early_fractal_{domain}"

    swing = Feature("swing", "Swing high.", history=3, memory=3, kind="flag", null_rule=_LATER)

    def compute_fixed(self, d: Domain) -> Columns:
        """1 where the value is above the two before and the two after it."""
        u = d.series
        swing = np.full(len(u), np.nan)
        neighbours = np.maximum.reduce([u[:-4], u[1:-3], u[3:-1], u[4:]])
        swing[2:-2] = u[2:-2] > neighbours
        return {"swing": swing}


class LaterMid(Family):
    """A realized spread with the mid price of five rows later, dated at the trade."""

    table = "later_mid_{domain}"
    domains = ("rate",)

    realized = Feature("realized", "Realized spread.", history=1, memory=1, null_rule=_LATER)

    def compute_fixed(self, d: Domain) -> Columns:
        """Twice the distance of the price from the mid five rows later."""
        realized = np.full(len(d), np.nan)
        realized[:-5] = 2.0 * (d.series[:-5] - d.series[5:]) / d.series[5:]
        return {"realized": realized}


_RULES = ("truncation", "shock", "incremental")
LEAKS: dict[str, tuple[type[Family], tuple[str, ...]]] = {
    "whole_month_correlation": (WholeMonthCorrelation, _RULES),
    "whole_sample_terciles": (WholeSampleTerciles, ("truncation", "incremental")),
    "smoothed_state": (SmoothedState, _RULES),
    "unconfirmed_fractal": (UnconfirmedFractal, ("truncation", "incremental")),
    "later_mid": (LaterMid, _RULES),
}
"""Families by name, with the rules of the contract that each of them breaks."""

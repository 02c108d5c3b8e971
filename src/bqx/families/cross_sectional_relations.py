"""How a pair behaves beside all pairs of the store: betas, shocks, order over time, co-movement."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.cross_sectional_panel import FEW, MEMORY, no_columns
from bqx.families.shared.columns import ratio
from bqx.families.shared.panel import (
    CALM_HISTORY,
    across,
    counting,
    dollar,
    dollar_known,
    enough,
    own_attributes,
    own_logs,
    panel,
    place,
    sides,
)
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.comovement import Counting, Tail, co_movement, tail_correlation
from bqx.kernels.correlation import correlation, slope
from bqx.kernels.elementwise import change
from bqx.kernels.moments import mean_std
from bqx.kernels.order import quantile
from bqx.kernels.panel_attributes import CHANGE, LAG
from bqx.kernels.sums import moving_sum

ROWS = 240
"""Rows of regressions and correlations."""
SHOCK_ROWS = 15
TAIL = 0.9
"""Quantile of the size of the dollar factor from which a row is in its tail."""
FITTED = 1e-12
"""Share of a pair's variance that must be left beside the dollar factor."""
RETURNS_HISTORY = ROWS + 1
CHANGES_HISTORY = ROWS + 16
"""Rows of closes behind 240 changes of a standard deviation of 15 returns."""
LAGGED_HISTORY = ROWS + 2

_NO_DOLLAR = "fewer than 3 dollar pairs of the store count, or f does not vary"
_DOLLAR = "f: mean one-row log return of the dollar pairs, positive when the dollar rises"


class CrossSectionalRelations(Family):
    """How a pair behaves beside all pairs of the store.

    Which pairs count, and how many must, is as for the ranks; a pair counts in a statistic over
    rows by the history of that statistic, and one that does not vary is left out of means of
    correlations. Averages of the panel at the rows of a window are taken over the pairs with a bar
    in the last 5 rows, and over all where none has one. There is one dollar factor for all pairs:
    the pair itself, if it is a dollar pair, is part of it.
    """

    table = "cross_sectional_panel"
    domains = ("rate",)

    beta_momentum = Feature(
        "xs_beta_to_panel_avg_momentum",
        "Slope of the pair's one-row log returns on the dollar factor over 240 rows.",
        unit="ratio",
        formula=f"slope of r on f, with intercept, 240 rows; {_DOLLAR}",
        history=RETURNS_HISTORY,
        memory=MEMORY,
        null_rule=_NO_DOLLAR,
        source="Lustig, Roussanov and Verdelhan 2011",
        requires=("peers",),
    )
    beta_volatility = Feature(
        "xs_beta_to_panel_avg_volatility",
        "Slope of the changes of the pair's 15-row volatility on their mean across all pairs.",
        unit="ratio",
        formula="slope of dv on mean across pairs of dv, with intercept, 240 rows; dv: one-row "
        "change of the standard deviation of 15 one-row log returns",
        history=CHANGES_HISTORY,
        memory=MEMORY,
        null_rule=f"the panel's volatility does not vary, or {FEW}",
        requires=("peers",),
    )
    shock = Feature(
        "xs_idiosyncratic_shock_panel",
        "15-row return beyond the dollar factor, in deviations of one-row residuals.",
        unit="deviations",
        formula="(R_15 - beta F_15) / (sqrt(15) sd(e)), beta and e: slope and residuals of r on f "
        f"over 240 rows, ddof 1; F_15: sum of 15 rows of f; {_DOLLAR}",
        history=RETURNS_HISTORY,
        memory=MEMORY,
        null_rule="f explains all of the pair's returns (but 1e-12 of their variance), the pair "
        f"does not vary, {_NO_DOLLAR}",
        requires=("peers",),
    )
    momentum_acceleration = Feature(
        "panel_momentum_acceleration",
        "Change over 30 rows of the pair's 30-row log return, less the median across all pairs.",
        unit="log return",
        formula="a - median across pairs of a, a = R_30(t) - R_30(t-30)",
        history=61,
        memory=MEMORY,
        null_rule=FEW,
        requires=("peers",),
    )
    volatility_acceleration = Feature(
        "panel_volatility_acceleration",
        "Change over 30 rows of the pair's 30-row volatility, less the median across all pairs.",
        unit="log return",
        formula="a - median across pairs of a, a = sd_30(t) - sd_30(t-30)",
        history=61,
        memory=MEMORY,
        null_rule=FEW,
        requires=("peers",),
    )
    dispersion_change = Feature(
        "panel_dispersion_change",
        "Relative change over 30 rows of the dispersion of 30-row returns; the same for every "
        "pair.",
        unit="ratio",
        formula="dispersion_momentum_30(t) / dispersion_momentum_30(t-30) - 1",
        low=-1.0,
        history=61,
        memory=MEMORY,
        null_rule=f"no pair had moved over the 30 rows before, or now or then {FEW}",
        requires=("peers",),
    )
    rank_stability = Feature(
        "panel_rank_stability",
        "Rank correlation across all pairs of the 60-row log return with that of 60 rows before; "
        "the same for every pair.",
        unit="ratio",
        formula="Spearman correlation of R_60(t) and R_60(t-60) across the pairs that count in "
        "both rows, ties averaged",
        low=-1.0,
        high=1.0,
        history=121,
        memory=MEMORY,
        null_rule=f"all pairs are equal now or then, or {FEW}",
        source="Spearman 1904",
        requires=("peers",),
    )
    regime_coherence = Feature(
        "panel_regime_coherence",
        "Share of the other pairs whose 60-row volatility is on the same side of its own 1440-row "
        "median as the pair's.",
        unit="ratio",
        formula="sides: above the median; at or below it, compared in single precision. The pair "
        "itself is not among the pairs that are counted",
        low=0.0,
        high=1.0,
        history=CALM_HISTORY,
        memory=MEMORY,
        null_rule=FEW,
        requires=("peers",),
    )
    leadership_score = Feature(
        "panel_leadership_score",
        "How much better the pair's last return correlates with the others' next one than the "
        "reverse, 240 rows.",
        unit="ratio",
        formula="mean over peers of corr(r_(s-1), peer r_s) - corr(peer r_(s-1), r_s), 240 rows s",
        low=-2.0,
        high=2.0,
        history=LAGGED_HISTORY,
        memory=MEMORY,
        null_rule=f"the pair does not vary, or {FEW}, without those that do not vary",
        requires=("peers",),
    )
    contagion_exposure = Feature(
        "panel_contagion_exposure",
        "Mean size of the correlation with the other pairs in the rows of the last 240 in which "
        "the dollar moves most.",
        unit="ratio",
        formula="mean over peers of abs(corr(r, peer r)) over the rows of 240 with abs(f) at or "
        f"above its 0.9 quantile (type 7), 24 of them without ties; {_DOLLAR}",
        low=0.0,
        high=1.0,
        history=RETURNS_HISTORY,
        memory=MEMORY,
        null_rule="fewer than 3 dollar pairs of the store count, the pair does not vary in these "
        f"rows, or {FEW}, without those that do not vary",
        requires=("peers",),
    )
    isolation_score = Feature(
        "panel_isolation_score",
        "1 less the mean size of the correlation of one-row returns with the other pairs, 240 "
        "rows.",
        unit="ratio",
        formula="1 - mean over peers of abs(corr(r, peer r)), 240 rows",
        low=0.0,
        high=1.0,
        history=RETURNS_HISTORY,
        memory=MEMORY,
        null_rule=f"the pair does not vary, or {FEW}, without those that do not vary",
        requires=("peers",),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; without other pairs they are empty."""
        if d.pair not in d.everyone:
            return no_columns(self, d)
        found, own = across(d), own_attributes(d)
        return {
            **_exposures(d),
            "beta_volatility": _volatility_beta(d),
            "momentum_acceleration": own[7] - found.median[6],
            "volatility_acceleration": own[8] - found.median[7],
            "dispersion_change": _dispersion_change(d),
            "rank_stability": found.correlation[3],
            "regime_coherence": _coherence(d),
            **_co_movements(d),
        }


def _moves(d: Domain) -> FloatArray:
    """The pair's one-row log returns."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        change(own_logs(d), 1, out)
        return out

    return d.memo("panel_moves", make)


def _exposures(d: Domain) -> dict[str, FloatArray]:
    """Beta to the dollar factor, and the last 15 rows beyond it."""
    beta: FloatArray
    beta, rho, mean, deviation, moved = d.block(5)
    slope(_moves(d), dollar(d), ROWS, d.first, beta)
    correlation(_moves(d), dollar(d), ROWS, d.first, rho)
    mean_std(_moves(d), ROWS, d.first, mean, deviation)
    moving_sum(dollar(d), SHOCK_ROWS, d.first, moved)
    beta[~dollar_known(d, RETURNS_HISTORY)] = np.nan
    left = (1.0 - rho) * (1.0 + rho)
    left[left <= FITTED] = np.nan
    unit = np.sqrt(SHOCK_ROWS * left) * deviation
    return {"beta_momentum": beta, "shock": ratio(own_attributes(d)[0] - beta * moved, unit)}


def _volatility_beta(d: Domain) -> FloatArray:
    beta: FloatArray = d.block(1)[0]
    slope(own_attributes(d)[CHANGE], across(d).mean_change, ROWS, d.first, beta)
    beta[~enough(d, CHANGES_HISTORY)] = np.nan
    return beta


def _dispersion_change(d: Domain) -> FloatArray:
    now = across(d).dispersion[1]
    before = np.full(len(d), np.nan)
    before[LAG:] = now[:-LAG]
    return ratio(now, before) - 1.0


def _coherence(d: Domain) -> FloatArray:
    every = sides(d)
    own = every[place(d)]
    others: FloatArray = (every >= 0).sum(axis=0, dtype=np.int8) - 1.0
    same = (every == own).sum(axis=0, dtype=np.int8) - 1.0
    others[(own < 0) | (others < panel(d).least - 1)] = np.nan
    share: FloatArray = same / others
    return share


def _tail(d: Domain) -> Tail:
    """The rows in which the dollar moves most."""

    def make() -> Tail:
        size, threshold = np.abs(dollar(d)), np.empty(len(d))
        quantile(size, ROWS, TAIL, threshold)
        return Tail(ROWS, size, threshold)

    return d.common("dollar_tail", make)


def _co_movements(d: Domain) -> dict[str, FloatArray]:
    contagion: FloatArray
    both, contagion = d.block(2), d.block(1)[0]
    least = panel(d).least - 1
    valid = counting(d, RETURNS_HISTORY), counting(d, LAGGED_HISTORY)
    co_movement(panel(d).logs, place(d), valid, least, both)
    peers = Counting(np.ascontiguousarray(valid[0].T), least)
    tail_correlation(panel(d).logs, place(d), _tail(d), peers, contagion)
    contagion[~dollar_known(d, RETURNS_HISTORY)] = np.nan
    return {
        "leadership_score": both[1],
        "contagion_exposure": contagion,
        "isolation_score": 1.0 - both[0],
    }

"""A pair against composites of its groups: strength, stability, lead, cointegration, spread."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray, Int64Array
from bqx.families.shared.columns import missing, ratio, trailing_moments
from bqx.families.shared.peers import (
    FEW,
    GROUPS,
    LEVEL,
    LONG_MEMORY,
    PeerStatistics,
    levels,
    mean_peer_correlation,
    peer_statistics,
)
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.composites import (
    LAGS,
    component_lead_lag,
    group_lead_lag,
    group_residual,
    spread_score,
)
from bqx.kernels.peer import CROSS
from bqx.kernels.present import standard_score
from bqx.kernels.principal import FIT, PERIOD, loadings

STABILITY_ROWS = {15: 240, 60: 240, 240: 960}
"""Trailing rows over which the correlation of each window is looked at."""
SPREAD_WINDOWS = (15, 60, 240)
COINTEGRATION = 240
"""Rows of the regression, and of the residuals' standard score."""
STRENGTH = 60


def _strength(group: str) -> Feature:
    return Feature(
        f"rel_strength_{group}",
        f"Return over 60 rows (BQX: the value) in deviations from the other {group} pairs.",
        unit="deviations",
        formula="(R_60 - mean over peers of sign R_60) / sd over peers, ddof 1",
        history=STRENGTH + 1,
        null_rule=f"the peers do not differ, or {FEW}",
        requires=("peers",),
    )


def _stability(w: int) -> Feature:
    rows = STABILITY_ROWS[w]
    return Feature(
        f"corr_stability_{w}min",
        f"1 less the deviation, over {rows} rows, of the mean base and quote correlation.",
        unit="ratio",
        formula=f"1 - sd((corr_base_{w} + corr_quote_{w}) / 2), ddof 1, over those of {rows} rows "
        "that have a value",
        high=1.0,
        history=w + rows,
        memory=LONG_MEMORY,
        null_rule=f"fewer than 90 % of the last {rows} rows have a correlation; each needs that "
        f"the series varies, and is NULL when {FEW}",
        requires=("peers",),
    )


def _lead_lag(group: str) -> Feature:
    composite = "mean aligned c of the group" if group != "cross" else "first principal component"
    return Feature(
        f"lead_lag_{group}",
        f"How much better the past of the {group} group correlates with the pair than the reverse.",
        unit="ratio",
        formula="max over k = 1..5 of corr(g_(s-k), c_s) - max over k of corr(c_(s-k), g_s), "
        f"60 rows s; g: {composite}",
        low=-2.0,
        high=2.0,
        history=66,
        memory=66 if group != "cross" else PERIOD + FIT,
        null_rule=f"a series is constant over a window, or {FEW}"
        + ("" if group != "cross" else ", or the same over the 240 rows of the component"),
        requires=("peers",),
    )


def _cointegration(group: str) -> Feature:
    return Feature(
        f"cointegration_{group}",
        f"Standard score of the residual of the log index (BQX: BQX) on its {group} group's mean.",
        unit="deviations",
        formula="z over 240 rows of e; e_s: residual at s of the least-squares line over the 240 "
        "rows to s, each with its own coefficients",
        history=2 * COINTEGRATION,
        null_rule="the group's mean or the residuals have not varied, fewer than 90 % of the last "
        f"240 rows have a residual, or {FEW}",
        source="Engle and Granger 1987",
        requires=("peers",),
    )


def _spread(w: int) -> Feature:
    return Feature(
        f"pair_spread_{w}min",
        f"Standard score over {w} rows of the log index (BQX: BQX) less the mean aligned one of "
        "the base and quote groups.",
        unit="deviations",
        formula=f"(s_t - mean) / sd, ddof 1, {w} rows",
        history=w + 1,
        null_rule=f"the spread does not vary, or {FEW}",
        source="Gatev, Goetzmann and Rouwenhorst 2006",
        requires=("peers",),
    )


def _volatility(group: str) -> Feature:
    return Feature(
        f"vol_ratio_{group}",
        f"Deviation of c over 60 rows relative to the mean one of the {group} group.",
        unit="ratio",
        formula="sd_60(c) / mean over peers of sd_60(c)",
        low=0.0,
        history=61,
        null_rule=f"no peer varies, or {FEW}",
        requires=("peers",),
    )


class PeerRelation(Family):
    """A pair against one series made of each of its groups of peers.

    Groups, alignment and c are those of the correlations; the cross group has no signs, so the mean
    of its plain log indices is taken. The members of a composite are the peers that count at t,
    over all of its window. The principal component is that of the covariance of c over 240 rows,
    fitted at every 60th grid row and used until the next, and points the way of the pair.
    """

    table = "correlation_{domain}"

    rel_strength_base = _strength("base")
    rel_strength_quote = _strength("quote")
    stability_15 = _stability(15)
    stability_60 = _stability(60)
    stability_240 = _stability(240)
    lead_lag_base = _lead_lag("base")
    lead_lag_quote = _lead_lag("quote")
    lead_lag_cross = _lead_lag("cross")
    cointegration_base = _cointegration("base")
    cointegration_quote = _cointegration("quote")
    cointegration_cross = _cointegration("cross")
    spread_15 = _spread(15)
    spread_60 = _spread(60)
    spread_240 = _spread(240)
    vol_ratio_base = _volatility("base")
    vol_ratio_quote = _volatility("quote")
    vol_ratio_cross = _volatility("cross")

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; without peers they are empty."""
        s = peer_statistics(d)
        if s is None:
            return dict.fromkeys(self.features, missing(d))
        return {
            **_strengths(d, s),
            **{f"stability_{w}": _stable(d, s, w) for w in STABILITY_ROWS},
            **_lead_lags(d, s),
            **{f"cointegration_{name}": _residual_score(d, s, g) for g, name in enumerate(GROUPS)},
            **_spreads(d, s),
            **_volatilities(s),
        }


def _strengths(d: Domain, s: PeerStatistics) -> dict[str, FloatArray]:
    own = d.series if d.traits.name == "bqx" else s.own_mean[1 + LEVEL[STRENGTH]] * STRENGTH
    return {
        f"rel_strength_{group}": ratio(own - s.groups.centre[g], s.groups.spread[g])
        for g, group in enumerate(GROUPS[:CROSS])
    }


def _stable(d: Domain, s: PeerStatistics, w: int) -> FloatArray:
    _, std = trailing_moments(d, mean_peer_correlation(d, s, w), STABILITY_ROWS[w])
    out: FloatArray = 1.0 - std
    return out


def _members_of_lags(s: PeerStatistics, group: int) -> Int64Array:
    """The peers that count in the last 60 rows, and in the 60 rows ``LAGS`` rows earlier."""
    now = s.members(60, (group,))
    both: Int64Array = np.zeros_like(now)
    both[LAGS:] = now[LAGS:] & now[:-LAGS]
    return both


def _lead_lags(d: Domain, s: PeerStatistics) -> dict[str, FloatArray]:
    base, quote, cross = d.block(3)
    values = s.market.series
    for g, out in enumerate((base, quote)):
        group_lead_lag(s.series, s.blend(values, _members_of_lags(s, g)), d.first, out)
    weights = np.empty((len(d) // PERIOD + 1, len(s.peers.row)))
    used = np.empty(len(d), np.int64)
    loadings(s.series, s.blend(values, s.members(FIT, (CROSS,))), d.first, weights, used)
    blend = s.blend(values, used & _members_of_lags(s, CROSS))
    component_lead_lag(s.series, blend, weights, d.first, cross)
    return {"lead_lag_base": base, "lead_lag_quote": quote, "lead_lag_cross": cross}


def _own_level(d: Domain) -> FloatArray:
    own: FloatArray = levels(d)[sorted(d.everyone).index(d.pair)]
    return own


def _residual_score(d: Domain, s: PeerStatistics, group: int) -> FloatArray:
    residuals: FloatArray
    out: FloatArray
    residuals, out = d.block(2)
    blend = s.blend(levels(d), s.members(COINTEGRATION, (group,)))
    group_residual(_own_level(d), blend, COINTEGRATION, d.first, residuals)
    mean, std = trailing_moments(d, residuals, COINTEGRATION)
    standard_score(residuals, mean, std, out)
    return out


def _spreads(d: Domain, s: PeerStatistics) -> dict[str, FloatArray]:
    found = {}
    for w in SPREAD_WINDOWS:
        out = d.block(1)[0]
        spread_score(_own_level(d), s.blend(levels(d), s.members(w, (0, 1))), w, d.first, out)
        found[f"spread_{w}"] = out
    return found


def _volatilities(s: PeerStatistics) -> dict[str, FloatArray]:
    own = np.sqrt(s.own_squares[1 + LEVEL[60]] / 59)
    return {f"vol_ratio_{name}": ratio(own, s.groups.deviation[g]) for g, name in enumerate(GROUPS)}

"""A pair's correlation with, and distance from, the pairs that share a currency with it."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.shared.columns import missing, trailing_moments
from bqx.families.shared.peers import (
    FEW,
    GROUPS,
    LEVEL,
    LONG_MEMORY,
    PeerStatistics,
    mean_peer_correlation,
    peer_statistics,
)
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.elementwise import change
from bqx.kernels.present import standard_score

WINDOWS = (15, 30, 60, 120)
CHANGES = (5, 15, 30, 60, 120, 240)
SCORE_ROWS = {15: 240, 60: 960}
"""Trailing rows over which a correlation of each window is standardised."""

_PEARSON = "Pearson 1895"


def _signed(group: str, w: int) -> Feature:
    return Feature(
        f"corr_{group}_pairs_{w}min",
        f"Mean correlation over {w} rows with the other pairs of the {group} currency, aligned.",
        unit="ratio",
        formula=f"mean over peers of corr(c, sign c_peer), {w} rows",
        low=-1.0,
        high=1.0,
        history=w + 1,
        null_rule=f"the series is constant over the window, or {FEW}",
        source=_PEARSON,
        requires=("peers",),
    )


def _unsigned(w: int) -> Feature:
    return Feature(
        f"corr_cross_pairs_{w}min",
        f"Mean size of the correlation over {w} rows with the pairs that share no currency.",
        unit="ratio",
        formula=f"mean over peers of abs(corr(c, c_peer)), {w} rows",
        low=0.0,
        high=1.0,
        history=w + 1,
        null_rule=f"the series is constant over the window, or {FEW}",
        source=_PEARSON,
        requires=("peers",),
    )


def _changed(h: int) -> Feature:
    return Feature(
        f"corr_change_{h}min",
        f"Change over {h} rows of the mean of the base and quote correlations over 60 rows.",
        unit="ratio",
        formula=f"c60_t - c60_(t-{h})",
        low=-2.0,
        high=2.0,
        history=61 + h,
        null_rule=f"one of the two correlations is NULL: the series is constant, or {FEW}",
        requires=("peers",),
    )


def _scored(group: str, w: int) -> Feature:
    rows = SCORE_ROWS[w]
    return Feature(
        f"corr_zscore_{group}_{w}min",
        f"Standard score of corr_{group}_pairs_{w}min in its last {rows} rows.",
        unit="deviations",
        formula=f"(corr - mean) / sd, ddof 1, over those of {rows} rows that have a value",
        history=w + rows,
        memory=LONG_MEMORY,
        null_rule=(
            f"the correlation is NULL or has not varied, fewer than 90 % of its last {rows} rows "
            f"have one, or {FEW}"
        ),
        requires=("peers",),
    )


def _diverged(group: str, w: int) -> Feature:
    return Feature(
        f"divergence_{group}_{w}min",
        f"Return over {w} rows (BQX: mean of {w} rows) less that of the other {group} pairs.",
        unit="series",
        formula=f"R_{w} - mean over peers of sign R_{w}",
        history=w + 1,
        null_rule=FEW,
        requires=("peers",),
    )


class Correlation(Family):
    """Correlation of a pair with its groups of peers, and the distance from them.

    The base group are the 6 other pairs with the base currency as a leg, the quote group those with
    the quote currency; changes of a peer are aligned, so that positive means the direction of the
    pair. The cross group are the 15 pairs that share no currency. c is the one-row log return in
    the rate domain and BQX itself in the BQX domain, where 15 rows hold about one independent
    value. A peer counts where at least 90 % of the window's minutes have a bar of both pairs and
    both are fresh; one that is constant over the window has no correlation.
    """

    table = "correlation_{domain}"

    corr_base_15 = _signed("base", 15)
    corr_base_30 = _signed("base", 30)
    corr_base_60 = _signed("base", 60)
    corr_base_120 = _signed("base", 120)
    corr_quote_15 = _signed("quote", 15)
    corr_quote_30 = _signed("quote", 30)
    corr_quote_60 = _signed("quote", 60)
    corr_quote_120 = _signed("quote", 120)
    corr_cross_15 = _unsigned(15)
    corr_cross_30 = _unsigned(30)
    corr_cross_60 = _unsigned(60)
    corr_cross_120 = _unsigned(120)
    change_5 = _changed(5)
    change_15 = _changed(15)
    change_30 = _changed(30)
    change_60 = _changed(60)
    change_120 = _changed(120)
    change_240 = _changed(240)
    zscore_base_15 = _scored("base", 15)
    zscore_base_60 = _scored("base", 60)
    zscore_quote_15 = _scored("quote", 15)
    zscore_quote_60 = _scored("quote", 60)
    zscore_cross_15 = _scored("cross", 15)
    zscore_cross_60 = _scored("cross", 60)
    divergence_base_15 = _diverged("base", 15)
    divergence_base_60 = _diverged("base", 60)
    divergence_quote_15 = _diverged("quote", 15)
    divergence_quote_60 = _diverged("quote", 60)

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; without peers they are empty."""
        s = peer_statistics(d)
        if s is None:
            return dict.fromkeys(self.features, missing(d))
        return {
            **{
                f"corr_{group}_{w}": s.groups.correlation[g, LEVEL[w]]
                for g, group in enumerate(GROUPS)
                for w in WINDOWS
            },
            **_changes(d, mean_peer_correlation(d, s, 60)),
            **_scores(d, s),
            **_divergences(d, s),
        }


def _changes(d: Domain, correlation: FloatArray) -> dict[str, FloatArray]:
    out = d.block(len(CHANGES))
    for to, h in zip(out, CHANGES, strict=True):
        change(correlation, min(h, len(d)), to)
    return {f"change_{h}": values for h, values in zip(CHANGES, out, strict=True)}


def _scores(d: Domain, s: PeerStatistics) -> dict[str, FloatArray]:
    found = {}
    for g, group in enumerate(GROUPS):
        for w, rows in SCORE_ROWS.items():
            values = s.groups.correlation[g, LEVEL[w]]
            mean, std = trailing_moments(d, values, rows)
            out = d.block(1)[0]
            standard_score(values, mean, std, out)
            found[f"zscore_{group}_{w}"] = out
    return found


def _divergences(d: Domain, s: PeerStatistics) -> dict[str, FloatArray]:
    found = {}
    for g, group in enumerate(GROUPS[:2]):
        for k, w in enumerate(SCORE_ROWS):
            per_row = s.own_mean[1 + LEVEL[w]] - s.groups.mean[g, k]
            # A sum of one-row log returns is the return over all of the rows.
            found[f"divergence_{group}_{w}"] = np.multiply(
                per_row, w if d.traits.name == "rate" else 1
            )
    return found

"""Where a pair stands among all pairs of the store, and how the pairs differ."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.shared.panel import (
    CALM_HISTORY,
    across,
    own_attributes,
    panel,
    place,
    relative_spread,
)
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature

FEW = "fewer pairs count than 5 in 7 of the store's, or than 5"
"""The rule of NULL that nearly all columns share."""
NO_QUOTES = "the minute has no quotes"
MEMORY = CALM_HISTORY
"""Greatest look-back of the families, declared by all columns so that they share a slice."""

MOMENTUM = {h: f"{h}-row log return" for h in (15, 30, 45, 60)}
VOLATILITY = {h: f"standard deviation of {h} one-row log returns" for h in (15, 30, 60)}
_HISTORY = {
    **{f"momentum_{h}": h + 1 for h in MOMENTUM},
    **{f"volatility_{h}": h + 1 for h in VOLATILITY},
    "spread": 1,
}
"""The attributes in the order of their scores, and the rows of closes behind each."""
_WORDS = {
    **{f"momentum_{h}": text for h, text in MOMENTUM.items()},
    **{f"volatility_{h}": text for h, text in VOLATILITY.items()},
    "spread": "spread over close",
}
_DISPERSED = tuple(f"{kind}_{h}" for kind in ("momentum", "volatility") for h in (15, 30, 60))
"""The attributes in the order of dispersions and medians."""

_SPEARMAN = "Spearman 1904"


def _placed(word: str, name: str, formula: str, bounds: tuple[float, float], unit: str) -> Feature:
    quoted = name == "spread"
    return Feature(
        f"{word}_{name}_panel",
        f"{'Rank' if word == 'rank' else 'Percentile'} of the {_WORDS[name]} among all pairs.",
        unit=unit,
        formula=formula,
        low=bounds[0],
        high=bounds[1],
        history=_HISTORY[name],
        memory=MEMORY,
        null_rule=f"{NO_QUOTES}, or {FEW}" if quoted else FEW,
        requires=("peers", "quotes") if quoted else ("peers",),
    )


def _rank(name: str) -> Feature:
    formula = "place in descending order from 1, ties averaged"
    return _placed("rank", name, formula, (1.0, 28.0), "rank")


def _percentile(name: str) -> Feature:
    return _placed("pctile", name, "(N - rank) / (N - 1)", (0.0, 1.0), "ratio")


def _dispersion(name: str) -> Feature:
    return Feature(
        f"dispersion_{name}_panel",
        f"Standard deviation across all pairs of the {_WORDS[name]}; the same for every pair.",
        unit="log return",
        formula="sd across pairs, ddof 1",
        low=0.0,
        history=_HISTORY[name],
        memory=MEMORY,
        null_rule=FEW,
        requires=("peers",),
    )


def _divergence(name: str) -> Feature:
    return Feature(
        f"divergence_from_median_{name}_panel",
        f"The pair's {_WORDS[name]} less the median across all pairs.",
        unit="log return",
        formula="own - median across pairs",
        history=_HISTORY[name],
        memory=MEMORY,
        null_rule=FEW,
        requires=("peers",),
    )


def _related(first: str, second: str) -> Feature:
    words = {
        "momentum": "size of the 60-row log return",
        "volatility": _WORDS["volatility_60"],
        "spread": _WORDS["spread"],
    }
    quoted = second == "spread"
    few = FEW + (" for both" if quoted else "")
    return Feature(
        f"xs_correlation_{first}_{second}_panel",
        f"Rank correlation across all pairs of the {words[first]} with the {words[second]}; the "
        "same for every pair.",
        unit="ratio",
        formula="Spearman correlation across pairs, ties averaged",
        low=-1.0,
        high=1.0,
        history=_HISTORY["momentum_60"],
        memory=MEMORY,
        null_rule=f"all pairs are equal by one of the two, or {few}",
        source=_SPEARMAN,
        requires=("peers", "quotes") if quoted else ("peers",),
    )


class CrossSectionalPanel(Family):
    """A pair among all pairs of the store, the own one included, minute by minute.

    A pair counts at a row where the compared attribute is valid for it: with its own history of the
    same length after its first bar, 90 % of it observed, and a bar in the last 5 rows; for the
    spread, with quotes in that very minute. At least 5 in 7 of the pairs that the store has, and
    never fewer than 5, must count: 20 of 28 pairs, 7 of 9, 5 of 5 to 7. A smaller store has no
    value.
    """

    table = "cross_sectional_panel"
    domains = ("rate",)

    rank_momentum_15 = _rank("momentum_15")
    rank_momentum_30 = _rank("momentum_30")
    rank_momentum_45 = _rank("momentum_45")
    rank_momentum_60 = _rank("momentum_60")
    rank_volatility_15 = _rank("volatility_15")
    rank_volatility_30 = _rank("volatility_30")
    rank_volatility_60 = _rank("volatility_60")
    rank_spread = _rank("spread")
    pctile_momentum_15 = _percentile("momentum_15")
    pctile_momentum_30 = _percentile("momentum_30")
    pctile_momentum_45 = _percentile("momentum_45")
    pctile_momentum_60 = _percentile("momentum_60")
    pctile_volatility_15 = _percentile("volatility_15")
    pctile_volatility_30 = _percentile("volatility_30")
    pctile_volatility_60 = _percentile("volatility_60")
    pctile_spread = _percentile("spread")
    dispersion_momentum_15 = _dispersion("momentum_15")
    dispersion_momentum_30 = _dispersion("momentum_30")
    dispersion_momentum_60 = _dispersion("momentum_60")
    dispersion_volatility_15 = _dispersion("volatility_15")
    dispersion_volatility_30 = _dispersion("volatility_30")
    dispersion_volatility_60 = _dispersion("volatility_60")
    divergence_momentum_15 = _divergence("momentum_15")
    divergence_momentum_30 = _divergence("momentum_30")
    divergence_momentum_60 = _divergence("momentum_60")
    divergence_volatility_15 = _divergence("volatility_15")
    divergence_volatility_30 = _divergence("volatility_30")
    divergence_volatility_60 = _divergence("volatility_60")
    momentum_volatility = _related("momentum", "volatility")
    momentum_spread = _related("momentum", "spread")
    volatility_spread = _related("volatility", "spread")

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; without other pairs they are empty."""
        if d.pair not in d.everyone:
            return no_columns(self, d)
        found, own = across(d), own_attributes(d)
        row = {name: k for k, name in enumerate(_HISTORY)}
        related = ("momentum_volatility", "momentum_spread", "volatility_spread")
        return {
            **_places(d),
            **{f"dispersion_{k}": v for k, v in zip(_DISPERSED, found.dispersion, strict=True)},
            **{
                f"divergence_{name}": own[row[name]] - found.median[k]
                for k, name in enumerate(_DISPERSED)
            },
            **dict(zip(related, found.correlation, strict=False)),
        }


def no_columns(family: Family, d: Domain) -> dict[str, FloatArray]:
    """Columns without any value."""
    return dict.fromkeys(family.features, np.full(len(d), np.nan))


def _places(d: Domain) -> dict[str, FloatArray]:
    """Ranks and percentiles from scores."""
    found, own = across(d), place(d)
    columns = {}
    for k, name in enumerate(_HISTORY):
        score, count = found.score[k, own], found.counting[k].astype(np.float64)
        enough = found.counting[k] >= panel(d).least
        if name == "spread":
            enough &= np.isfinite(relative_spread(d))
        count[~enough] = np.nan
        columns[f"rank_{name}"] = (count + 1.0 - score) * 0.5
        columns[f"pctile_{name}"] = (count - 1.0 + score) / (2.0 * (count - 1.0))
    return columns

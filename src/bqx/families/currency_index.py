"""A pair among the currency indices, and how well it agrees with its triangles."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.currency_indices import (
    FEW_PAIRS,
    NAMES,
    counting,
    indices_of_currencies,
    log_levels_of_currencies,
    pair_names,
    triangles_of,
)
from bqx.families.shared.columns import missing
from bqx.families.shared.peers import FEW, LONG_MEMORY, mean_peer_correlation, peer_statistics
from bqx.features.family import Columns, Family
from bqx.features.feature import Bound, Feature
from bqx.kernels.currencies import index_divergence, strength_percentiles, triangle_gaps
from bqx.kernels.elementwise import log
from bqx.market import PAIRS

TABLE = "currency_index"
CORRELATION_ROWS = 60


def _of_the_row(
    name: str,
    description: str,
    unit: str,
    formula: str = "",
    *,
    bounds: tuple[Bound, Bound] = (None, None),
    null_rule: str = FEW_PAIRS,
) -> Feature:
    """A feature of one row."""
    low, high = bounds
    return Feature(
        name,
        description,
        unit=unit,
        formula=formula,
        low=low,
        high=high,
        history=1,
        null_rule=null_rule,
        requires=("peers",),
    )


def _index(side: str) -> Feature:
    return _of_the_row(
        f"{side}_currency_index",
        f"Index of the {side} currency, as in the table currency_indices.",
        "index",
        bounds=(0.0, None),
    )


def _strength(side: str) -> Feature:
    return _of_the_row(
        f"{side}_currency_strength_percentile",
        f"Rank of the {side} currency's index among the known ones, 0 for the weakest.",
        "percent",
        "100 (average rank - 1)/(currencies - 1)",
        bounds=(0.0, 100.0),
        null_rule=f"{FEW_PAIRS}, or fewer than 5 currencies have an index",
    )


class CurrencyIndex(Family):
    """The two currencies of a pair by their indices, and the pair's distance from them.

    With prices that agree in all triangles a pair's log move is 7/8 of the difference of its
    currencies' log levels, so the divergence then stays where the baselines have put it: at 0 when
    all pairs have theirs in the same minute.
    """

    table = TABLE
    domains = ("rate",)
    precision = "float64"

    base_index = _index("base")
    quote_index = _index("quote")
    differential = _of_the_row(
        "currency_index_differential",
        "Index of the base currency less that of the quote currency.",
        "index",
        "base_currency_index - quote_currency_index",
    )
    base_strength = _strength("base")
    quote_strength = _strength("quote")
    divergence = _of_the_row(
        "pair_divergence_from_index",
        "Rate index less the one that the indices of both currencies imply.",
        "index",
        "P - 100 (base_currency_index/quote_currency_index)^(7/8)",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; without any pairs they are empty."""
        if d.pair not in d.everyone:
            return dict.fromkeys(self.features, missing(d))
        pair = PAIRS[d.pair]
        base, quote = NAMES.index(pair.base), NAMES.index(pair.quote)
        index, strength = indices_of_currencies(d), _strengths(d)
        level, divergence = log_levels_of_currencies(d), d.block(1)[0]
        index_divergence(d.series, level[base], level[quote], divergence)
        return {
            "base_index": index[base],
            "quote_index": index[quote],
            "differential": index[base] - index[quote],
            "base_strength": strength[base],
            "quote_strength": strength[quote],
            "divergence": divergence,
        }


class RelatedPairs(Family):
    """How closely a pair moves with the other pairs of its currencies."""

    table = TABLE
    domains = ("rate",)

    correlation = Feature(
        "related_pairs_correlation_60min",
        "Mean of the pair's correlations over 60 rows with its base and its quote group.",
        unit="ratio",
        formula="(corr_base_pairs_60min + corr_quote_pairs_60min)/2",
        low=-1.0,
        high=1.0,
        history=CORRELATION_ROWS + 1,
        memory=LONG_MEMORY,
        null_rule=f"one of the two correlations is NULL: the series is constant, or {FEW}",
        source="Pearson 1895",
        requires=("peers",),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """The column; without peers it is empty."""
        s = peer_statistics(d)
        found = missing(d) if s is None else mean_peer_correlation(d, s, CORRELATION_ROWS)
        return {"correlation": found}


class TriangularConsistency(Family):
    """Distance of a pair's price from those that its triangles imply.

    From prices and not from indices: the product of indices around a triangle depends on the
    baselines, that of prices is 1 without any constant.
    """

    table = TABLE
    domains = ("rate",)
    raw_prices = True

    score = _of_the_row(
        "triangular_consistency_score",
        "Mean size of the log difference between the close and the product of two closes by way of"
        " each of the up to 6 other currencies K.",
        "ratio * 10^4",
        "mean over K of abs(ln close_BQ - ln close_BK - ln close_KQ) 10^4",
        bounds=(0.0, None),
        null_rule="the pair or all of its triangles lack a pair that is in the store and fresh",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """The column; without any pairs it is empty."""
        if d.pair not in d.everyone:
            return {"score": missing(d)}
        own, out = pair_names(d).index(d.pair), d.block(1)[0]
        triangle_gaps(_log_closes(d), counting(d), own, triangles_of(d), out)
        return {"score": out}


def _strengths(d: Domain) -> FloatArray:
    """Percentiles of all currencies, computed once for all pairs."""

    def make() -> FloatArray:
        out = d.block(len(NAMES))
        strength_percentiles(log_levels_of_currencies(d), out)
        return out

    return d.common("currency_strengths", make)


def _log_closes(d: Domain) -> FloatArray:
    """Logarithms of all pairs' closes, computed once for all pairs."""

    def make() -> FloatArray:
        out = d.block(len(d.everyone))
        for to, name in zip(out, pair_names(d), strict=True):
            log(d.everyone[name].grid.close, to)
        return out

    return d.common("log_closes", make)

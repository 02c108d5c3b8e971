"""Currency indices: the level of each currency against the others, one table for all pairs."""

from __future__ import annotations

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.domains.validity import MAX_AGE
from bqx.families.shared.peers import levels
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature
from bqx.kernels.currencies import LOG_BASE, Panel, currency_index, currency_means
from bqx.market import CURRENCIES, PAIRS, TRIANGLES

NAMES = tuple(sorted(CURRENCIES))

FEW_PAIRS = "fewer than 5 of the currency's 7 pairs are in the store and fresh"


def pair_names(d: Domain) -> list[str]:
    """The pairs of the store, in the order of the rows of all panels."""
    return sorted(d.everyone)


def counting(d: Domain) -> BoolArray:
    """Whether each pair counts: its history has begun and its newest bar is 5 rows old at most.

    Returns:
        Array of shape (pairs, rows); computed once for all pairs.
    """

    def make() -> BoolArray:
        out = np.empty((len(d.everyone), len(d)), np.bool_)
        for to, name in zip(out, pair_names(d), strict=True):
            grid = d.everyone[name].grid
            np.less_equal(grid.age, MAX_AGE, out=to)
            to[: max(grid.start - grid.first, 0)] = False
        return out

    return d.common("counting_pairs", make)


def log_levels_of_currencies(d: Domain) -> FloatArray:
    """Log level of each currency in the order of `NAMES`, 0 at the baselines.

    Returns:
        Array of shape (8, rows), NaN where too few pairs count; computed once for all pairs.
    """

    def make() -> FloatArray:
        out = d.block(len(NAMES))
        currency_means(Panel(levels(d), counting(d), legs_of(d), LOG_BASE), out)
        return out

    return d.common("currency_levels", make)


def indices_of_currencies(d: Domain) -> FloatArray:
    """Index of each currency in the order of `NAMES`, 100 at the baselines.

    Returns:
        Array of shape (8, rows), NaN where too few pairs count; computed once for all pairs.
    """

    def make() -> FloatArray:
        out = d.block(len(NAMES))
        for level, to in zip(log_levels_of_currencies(d), out, strict=True):
            currency_index(level, to)
        return out

    return d.common("currency_indices", make)


def triangles_of(d: Domain) -> Int64Array:
    """The triangles of the pair whose other two pairs are in the store too.

    Returns:
        Array of shape (k, 4): row and exponent of both other pairs, so that the product of
        rate**exponent is 1 with the exponent 1 for the pair itself.
    """
    rows = {name: k for k, name in enumerate(pair_names(d))}
    found = []
    for triangle in TRIANGLES:
        legs = dict(triangle.legs)
        if d.pair in legs and legs.keys() <= rows.keys():
            own = legs.pop(d.pair)
            found.append([v for name, up in legs.items() for v in (rows[name], own * up)])
    return np.array(found, np.int64).reshape(-1, 4)


def legs_of(d: Domain) -> Int64Array:
    """Places in `NAMES` of the base and the quote currency of each pair, shape (pairs, 2)."""
    pairs = [PAIRS[name] for name in pair_names(d)]
    places = [[NAMES.index(pair.base), NAMES.index(pair.quote)] for pair in pairs]
    return np.array(places, np.int64).reshape(-1, 2)


def _index(currency: str) -> Feature:
    return Feature(
        f"{currency}_index",
        f"Geometric mean of the {currency.upper()} side of its pairs' indices; base 100.",
        unit="index",
        formula="100 exp(mean over its pairs of s ln(P/100)), s = 1 as base and -1 as quote",
        low=0.0,
        history=1,
        null_rule=FEW_PAIRS,
        requires=("peers",),
    )


class CurrencyIndices(Family):
    """Geometric index of each of the 8 currencies against the others.

    A pair counts where its newest bar is at most 5 rows old; a missing minute repeats the close.
    Where all 28 pairs count, the geometric mean of the 8 indices is 100. Where a pair drops out,
    the mean is that of the others, which moves the index.
    """

    table = "currency_indices"
    domains = ("rate",)
    single = True
    precision = "float64"

    aud = _index("aud")
    cad = _index("cad")
    chf = _index("chf")
    eur = _index("eur")
    gbp = _index("gbp")
    jpy = _index("jpy")
    nzd = _index("nzd")
    usd = _index("usd")

    def compute_fixed(self, d: Domain) -> Columns:
        """The indices of all currencies."""
        return dict(zip(NAMES, indices_of_currencies(d), strict=True))

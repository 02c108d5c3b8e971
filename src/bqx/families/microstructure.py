"""Advanced microstructure: costs, information and noise in prices, from bars, quotes and ticks.

What is made of quotes or volume alone belongs to no domain and is the same in both tables.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray
from bqx.families.liquidity import (
    AMIHUD,
    KYLE,
    NO_QUOTES,
    amihud_illiquidity,
    kyle_lambda,
    quoted_spread,
    relative_spread,
    spread_moments,
)
from bqx.families.momentum import deviation, moved
from bqx.families.shared.columns import later, ratio
from bqx.families.spread import DELAY, NO_SIDE, Spread
from bqx.families.volume import (
    SILENT,
    UNKNOWN,
    directed_volume,
    over,
    volume_moments,
    volume_sum,
    volume_weighted,
)
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.composites import group_lead_lag
from bqx.kernels.correlation import correlation
from bqx.kernels.membership import Blend
from bqx.kernels.moments import mean_std
from bqx.kernels.reversal import large_moves
from bqx.kernels.sums import moving_sum
from bqx.kernels.toxicity import bulk_imbalance, vpin
from bqx.market import peer_groups

W = 60
SHORT = 20
LONG = 240
DAY = 1_440
BARS = 5
"""Bars of the variance ratio's longer change, and rows in which a move may be taken back."""

LED = 66
"""Rows behind a lead or a lag."""

EVERY = 15
"""Rows between two values of the toxicity in buckets."""

FEW = (
    "fewer than 3 of the pairs that share a currency count: in the store, fresh, with bars in 90 % "
    "of the minutes"
)


def _spread_columns(d: Domain) -> Columns:
    """The columns of the spread table, which belong to no domain; once per slice."""
    rate = d if d.traits.name == "rate" else d.twin
    return rate.memo("spread_columns", lambda: Spread().compute_fixed(rate))


def _bounce(d: Domain) -> FloatArray:
    """Minus the correlation of neighbouring one-row changes."""
    out: FloatArray = d.block(1)[0]
    correlation(d.step_change, later(d.step_change, 1), W, d.first, out)
    found: FloatArray = -out
    return found


def _vpin(d: Domain) -> FloatArray:
    net: FloatArray
    out: FloatArray
    net, out = d.block(2)
    bulk_imbalance(d.change, deviation(d, "change", LONG), d.volume, net)
    vpin(d.volume, net, DAY, d.first, out)
    return out


def _resilience(d: Domain) -> FloatArray:
    """Share of large one-row moves that were soon taken back."""
    moves, sums = d.block(2), d.block(4)
    mean_std(d.step_change, LONG, d.first, sums[2], sums[3])
    large_moves(d.series, d.step_change, sums[3], BARS, moves)
    for each, total in zip(moves, sums[:2], strict=True):
        moving_sum(each, LONG, d.first, total)
    return ratio(sums[1], sums[0])


def _efficiency(d: Domain) -> FloatArray:
    """Closeness of the variance ratio to that of a random walk of prices."""
    mean, std = d.block(2)
    mean_std(moved(d, BARS * d.traits.step), LONG, d.first, mean, std)
    short = deviation(d, "change", LONG)
    # Changes of BQX over one bar and over five have the same variance, those of prices five times.
    expected = BARS if d.traits.name == "rate" else 1
    found: FloatArray = 1.0 - np.abs(ratio(std * std, expected * (short * short)) - 1.0)
    return found


def _noise(d: Domain) -> FloatArray:
    total: FloatArray = d.block(1)[0]
    moving_sum(d.step_change * d.step_change, W, d.first, total)
    found: FloatArray = total * (0.5 / W)
    return found


def _discovery(d: Domain) -> FloatArray:
    """Lead of the pairs that share a currency over the pair."""
    groups = peer_groups(d.pair)
    peers = {n: s for n, s in {**groups.base, **groups.quote}.items() if n in d.peers}
    out: FloatArray = d.block(1)[0]
    values = d.block(max(len(peers), 1))
    members = np.zeros(len(d), np.int64)
    rate = d.traits.name == "rate"
    for k, (to, name) in enumerate(zip(values, peers, strict=False)):
        peer = d.peers[name]
        to[:] = peer.change if rate else peer.series
        members |= peer.valid(LED + d.traits.lead).astype(np.int64) << k
    blend = Blend(values, np.arange(len(peers)), np.array(list(peers.values()), float), members)
    group_lead_lag(d.change if rate else d.series, blend, d.first, out)
    return out


_feature = partial(Feature, unit="ratio", history=W)


class Microstructure(Family):
    """Costs of trading and sides of trades from quotes, and the clustering of volume.

    s is the quoted spread, m the mid, V the tick volume of the row; the five first columns are
    those of the spread table. The same in both domains.
    """

    table = "microstructure_{domain}"
    from_closes = True

    effective = Spread.effective
    realized = Spread.realized
    impact = Spread.impact
    toxicity = Spread.toxicity
    tick_rule = Spread.tick_rule
    stability = _feature(
        "quoted_spread_stability",
        "How little the spread has varied in its last 60 rows: 1 where it is constant.",
        formula="1 / (1 + sd_60(s) / mean_60(s))",
        low=0.0,
        high=1.0,
        null_rule=f"{NO_QUOTES}, or all spreads are 0",
        requires=("quotes",),
    )
    weighted = _feature(
        "depth_weighted_spread",
        "Mean spread of the last 60 rows, weighted with the volume, for no source has sizes.",
        formula="sum of s V / sum of V, in the unit of the rate index",
        unit="index",
        low=0.0,
        null_rule=f"{NO_QUOTES}, or {SILENT}",
        requires=("quotes", "volume"),
    )
    selection = _feature(
        "adverse_selection",
        "Share of the effective spread of the trade of 5 rows ago that the mid has moved since "
        "towards its side.",
        formula="price_impact_t / effective_spread_(t-5)",
        history=W + 1 + DELAY,
        null_rule=f"{NO_SIDE}, or the effective spread is 0",
        source="Huang and Stoll 1996",
        requires=("quotes",),
    )
    clustering = _feature(
        "trade_clustering",
        "Variance over mean of the volumes of the bars of the last 60 rows: 1 for Poisson arrivals "
        "of ticks, more where they cluster.",
        formula="var_60(V) / mean_60(V)",
        unit="ticks",
        low=0.0,
        null_rule=SILENT,
        requires=("volume",),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns; those of quotes are NaN where the slice has none."""
        of_spread, mean_volume = _spread_columns(d), volume_moments(d, W)
        shared = ("effective", "realized", "impact", "toxicity", "tick_rule")
        found = {
            **{name: of_spread[name] for name in shared},
            "selection": ratio(of_spread["impact"], later(of_spread["effective"], DELAY)),
            "clustering": over(mean_volume[1] * mean_volume[1], mean_volume[0]),
        }
        spread = quoted_spread(d)
        if spread is None:
            nothing = np.full(len(d), np.nan)
            return {**found, "stability": nothing, "weighted": nothing}
        mean, std = spread_moments(d, spread)
        in_index = volume_weighted(d, spread, W) * (d.index.close / d.grid.close)
        return {**found, "stability": 1.0 / (1.0 + ratio(std, mean)), "weighted": in_index}


class PriceFormation(Family):
    """Impact, noise, information and resilience of the prices themselves.

    r is the change of a bar: the one-row log return in the rate domain, the 15-row difference of
    BQX in the BQX domain; V is the volume of the bar, of 1 row or 15. D is the one-row change of ln
    P or x. Neighbouring differences of BQX over 15 rows have a correlation of -1/2 by construction,
    so noise is looked for in D; a move of the price by a small share moves BQX by -15 times it.
    """

    table = "microstructure_{domain}"

    amihud = _feature(
        "amihud_illiquidity",
        "Mean size of the bar change per tick, 60 rows; bars without volume are left out.",
        formula="mean of |r| / V",
        unit="return per tick",
        low=0.0,
        history=by_step(lambda step: W + step),
        null_rule=f"{UNKNOWN}, or it has no volume",
        source=AMIHUD,
        requires=("volume",),
    )
    kyle = _feature(
        "kyle_lambda",
        "Slope of the bar change on the bar's volume with the sign of the change, 60 rows.",
        formula="cov(r, sign(r) V) / var(sign(r) V)",
        unit="return per tick",
        history=by_step(lambda step: W + step),
        null_rule=f"{UNKNOWN}, or the signed volume is constant over it",
        source=KYLE,
        requires=("volume",),
    )
    information = _feature(
        "hasbrouck_info_share",
        "Share of the variance of one-row changes that is not noise, by a first moving average. "
        "There is one market in the data, so it is no share among markets.",
        formula="min(1, max(0, 1 - 2 bid_ask_bounce))",
        low=0.0,
        high=1.0,
        history=W + 2,
        null_rule="the changes, or those one row earlier, are constant",
        source="Hasbrouck 1993",
    )
    vpin = _feature(
        "vpin",
        "Imbalance of buying and selling in 50 buckets of equal volume of the last 1,440 rows, by "
        "bulk classification; made at rows whose number on the grid is a multiple of 15, and "
        "standing until the next one.",
        formula=(
            "sum over buckets of |bought - sold| / sum V; bought V Phi(r / sd_240(r)), V of the row"
        ),
        low=0.0,
        high=1.0,
        history=by_step(lambda step: DAY + LONG + EVERY + step - 2),
        null_rule="a bar of the 1,440 rows has no known volume, or they have none at all",
        source="Easley, Lopez de Prado and O'Hara 2012",
        requires=("volume",),
    )
    imbalance = _feature(
        "volume_imbalance",
        "Volume of up rows less that of down rows, relative to the volume of 20 rows.",
        formula="sum of sign(r) V / sum of V, V of the row",
        low=-1.0,
        high=1.0,
        history=by_step(lambda step: SHORT + step),
        null_rule=SILENT,
        requires=("volume",),
    )
    bounce = _feature(
        "bid_ask_bounce",
        "Minus the correlation of neighbouring one-row changes: positive where prices bounce.",
        formula="-corr(D_s, D_(s-1)) over 60 rows",
        low=-1.0,
        high=1.0,
        history=W + 2,
        null_rule="the changes, or those one row earlier, are constant",
        source="Roll 1984",
    )
    resilience = _feature(
        "price_resilience",
        "Share of the large one-row moves that were at least half taken back within 5 rows, of "
        "those whose 5 rows ended among the last 240.",
        formula="count(taken back) / count(|D_i| > 2 sd_240(D) at i-1)",
        low=0.0,
        high=1.0,
        history=2 * LONG + BARS + 1,
        null_rule="there was no large move",
    )
    efficiency = _feature(
        "market_efficiency",
        "Closeness of the variance ratio of 5 bars to that of a random walk, 240 rows: 1 where "
        "they agree.",
        formula=(
            "1 - |VR - 1|; rate: VR = var(change over 5 rows) / (5 var(r));"
            " BQX: var(x_s - x_(s-75)) / var(r)"
        ),
        high=1.0,
        history=by_step(lambda step: LONG + BARS * step),
        null_rule="the changes are constant",
        source="Lo and MacKinlay 1988",
    )
    inventory = _feature(
        "inventory_risk",
        "Relative spread times the deviation of the bar change over 60 rows.",
        formula="s/m sd_60(r); BQX: 15 s/m sd_60(r)",
        unit="return^2",
        low=0.0,
        history=by_step(lambda step: W + step),
        null_rule="the bar's quotes are missing",
        source="Stoll 1978",
        requires=("quotes",),
    )
    noise = _feature(
        "microstructure_noise",
        "Variance of the noise in prices, if all one-row changes are noise: half their mean "
        "square, 60 rows.",
        formula="sum of D^2 / 120",
        unit="return^2",
        low=0.0,
        history=W + 1,
        source="Zhang, Mykland and Ait-Sahalia 2005",
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """All columns."""
        bounce = _bounce(d)
        up, down = directed_volume(d, SHORT)
        return {
            "amihud": amihud_illiquidity(d),
            "kyle": kyle_lambda(d),
            "information": np.clip(1.0 - 2.0 * bounce, 0.0, 1.0),
            "vpin": _vpin(d),
            "imbalance": over(up - down, volume_sum(d, SHORT)),
            "bounce": bounce,
            "resilience": _resilience(d),
            "efficiency": _efficiency(d),
            "inventory": relative_spread(d) * deviation(d, "change", W),
            "noise": _noise(d),
        }


class PriceDiscovery(Family):
    """Whether the pair or its relatives move first."""

    table = "microstructure_{domain}"

    discovery = _feature(
        "price_discovery",
        "How much better the past of the pairs that share a currency correlates with the pair than "
        "the reverse; positive: they lead. g is the mean aligned change of those 12 pairs.",
        formula=(
            "max over k = 1..5 of corr(g_(s-k), c_s) - max over k of corr(c_(s-k), g_s), 60 rows "
            "s; c = r in the rate domain, x in the BQX domain"
        ),
        low=-2.0,
        high=2.0,
        history=LED,
        null_rule=f"a series is constant over a window, or {FEW}",
        requires=("peers",),
    )

    def compute_fixed(self, d: Domain) -> Columns:
        """The column; without peers it is empty."""
        return {"discovery": _discovery(d) if d.peers else np.full(len(d), np.nan)}

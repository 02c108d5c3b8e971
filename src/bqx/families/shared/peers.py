"""What the correlation families share: all pairs on the same rows, and statistics of the groups.

The changes that are correlated are one-row log returns in the rate domain and the BQX series itself
in the BQX domain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqx.domains.domain import Domain
from bqx.domains.grid import FloatArray, Int64Array
from bqx.domains.validity import MAX_AGE
from bqx.kernels.elementwise import log
from bqx.kernels.groups import Market, Own, Peers, Statistics, group_statistics
from bqx.kernels.membership import Blend
from bqx.kernels.nested import WINDOWS, inverse_roots, nested_moments
from bqx.kernels.peer import CROSS, LEVELS
from bqx.market import peer_groups

GROUPS = ("base", "quote", "cross")
LEVEL = {w: k for k, w in enumerate(WINDOWS)}
"""Place of each window."""

FEW = "fewer than 3 peers count: in the store, fresh, with 90 % of the window seen by both pairs"
"""The rule of NULL that all columns share."""

LONG_MEMORY = 1200
"""Greatest look-back of the families, declared by both so that they share a slice."""


@dataclass(frozen=True)
class PeerStatistics:
    """A pair among all pairs.

    Attributes:
        market: All pairs.
        peers: Those that are in the store, the base group first, then the quote and the cross one.
        series: The pair's own changes.
        own_mean: Its means over 3 rows and the nested windows.
        own_squares: Its sums of squares about them.
        groups: Statistics of its groups.
    """

    market: Market
    peers: Peers
    series: FloatArray
    own_mean: FloatArray
    own_squares: FloatArray
    groups: Statistics

    def members(self, window: int, groups: tuple[int, ...]) -> Int64Array:
        """The peers of some groups that count in a window, as bits, one number per row."""
        wanted = sum(1 << k for k, g in enumerate(self.peers.group) if g in groups)
        bits: Int64Array = self.groups.members[LEVEL[window]] & wanted
        return bits

    def blend(self, values: FloatArray, members: Int64Array) -> Blend:
        """A composite of aligned series."""
        return Blend(values, self.peers.row, self.peers.sign, members)


def mean_peer_correlation(d: Domain, s: PeerStatistics, window: int) -> FloatArray:
    """Mean of the base and quote groups' correlations over a window."""

    def make() -> FloatArray:
        base, quote = s.groups.correlation[:CROSS, LEVEL[window]]
        out: FloatArray = 0.5 * (base + quote)
        return out

    return d.memo(("mean_peer_correlation", window), make)


def levels(d: Domain) -> FloatArray:
    """Logarithms of all pairs' rate indices, or their BQX, one pair a row."""
    if d.traits.name == "bqx":
        return _market(d).series

    def make() -> FloatArray:
        everyone = d.everyone
        out = d.block(len(everyone))
        for k, name in enumerate(sorted(everyone)):
            log(everyone[name].series, out[k])
        return out

    return d.common("log_levels", make)


def peer_statistics(d: Domain) -> PeerStatistics | None:
    """The pair among all pairs; None when there are no other pairs. Computed once per slice."""
    return d.memo("peer_statistics", lambda: _peer_statistics(d))


def _market(d: Domain) -> Market:
    def make() -> Market:
        pairs = [d.everyone[name] for name in sorted(d.everyone)]
        series = d.block(len(pairs))
        for out, pair in zip(series, pairs, strict=True):
            out[:] = pair.change if d.traits.name == "rate" else pair.series
        observed = np.array([pair.grid.observed for pair in pairs])
        fresh = np.array([pair.grid.age <= MAX_AGE for pair in pairs])
        return Market(series, observed, fresh)

    return d.common("correlated_series", make)


def _peers(d: Domain) -> Peers:
    known = peer_groups(d.pair)
    signs = (known.base, known.quote, dict.fromkeys(known.cross, 1))
    rows = {name: k for k, name in enumerate(sorted(d.everyone))}
    found = [
        (rows[name], group, float(sign))
        for group, members in enumerate(signs)
        for name, sign in members.items()
        if name in rows
    ]
    row, group, sign = zip(*found, strict=True)
    return Peers(np.array(row), np.array(group), np.array(sign))


def _peer_statistics(d: Domain) -> PeerStatistics | None:
    if not d.peers:
        return None
    market, peers = _market(d), _peers(d)
    row = sorted(d.everyone).index(d.pair)
    mean, squares, scale = d.block(LEVELS + 1), d.block(LEVELS + 1), d.block(LEVELS)
    nested_moments(market.series[row], mean, squares)
    inverse_roots(squares[1:], scale)
    groups = _empty_statistics(d)
    own = Own(row, mean, scale, d.traits.name == "bqx")
    group_statistics(market, own, peers, groups)
    return PeerStatistics(market, peers, market.series[row], mean, squares, groups)


def _empty_statistics(d: Domain) -> Statistics:
    n = len(d)
    return Statistics(
        correlation=d.block(3 * LEVELS).reshape(3, LEVELS, n),
        mean=d.block(4).reshape(2, 2, n),
        deviation=d.block(3),
        centre=d.block(2),
        spread=d.block(2),
        members=d.block(LEVELS).view(np.int64),
    )

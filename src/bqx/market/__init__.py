"""Facts of the market: pairs, currencies, triangles, the trading week."""

from bqx.market.pairs import (
    CURRENCIES,
    PAIRS,
    TRIANGLES,
    Pair,
    PeerGroups,
    Triangle,
    parse_pair,
    parse_pairs,
    peer_groups,
)
from bqx.market.week import (
    FX_WEEK,
    Calendar,
    Closure,
    TradingWeek,
    calendar,
    epoch_minute,
    moment_of,
)

__all__ = [
    "CURRENCIES",
    "FX_WEEK",
    "PAIRS",
    "TRIANGLES",
    "Calendar",
    "Closure",
    "Pair",
    "PeerGroups",
    "TradingWeek",
    "Triangle",
    "calendar",
    "epoch_minute",
    "moment_of",
    "parse_pair",
    "parse_pairs",
    "peer_groups",
]

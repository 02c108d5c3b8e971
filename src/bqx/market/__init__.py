"""Facts of the market: pairs, currencies, triangles, the trading week."""

from bqx.market.months import (
    month_bounds,
    month_of,
    months_between,
    parse_month,
    select_months,
)
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
    as_utc,
    calendar,
    epoch_minute,
    moment_of,
    read_moment,
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
    "as_utc",
    "calendar",
    "epoch_minute",
    "moment_of",
    "month_bounds",
    "month_of",
    "months_between",
    "parse_month",
    "parse_pair",
    "parse_pairs",
    "peer_groups",
    "read_moment",
    "select_months",
]

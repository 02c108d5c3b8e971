"""Bars and signals of all pairs as flat arrays in the order in which time lets them happen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.models.backtest.market import Market
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.signals import Signals
from bqx.models.backtest.sizing import Sizing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[Any]

FAR = 1 << 40
PRICES = ("open", "high", "low", "close")


BAR = np.dtype(
    [
        ("row", np.int64),
        ("pair", np.int64),
        ("bar", np.int64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("session", np.int64),
        ("left", np.int64),
    ]
)
"""A bar on the tape: absolute row, number of the pair, index among the bars of the pair, prices, a
number that is equal for rows between which no closure lies, and rows until the next closure."""

ORDER = np.dtype([("row", np.int64), ("side", np.int64), ("session", np.int64)])
"""A signal: row of the decision, what it asks for (-1, 0 or 1), and the session of the row."""


def make_tape(market: Market, names: tuple[str, ...]) -> Records:
    """Bars of some pairs (`BAR`) in order of row, then pair."""
    parts = [market.pairs[name] for name in names]
    tape = np.empty(sum(len(part) for part in parts), BAR)
    tape["pair"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    tape["bar"] = np.concatenate([np.arange(len(part)) for part in parts])
    for field, name in (*zip(PRICES, PRICES, strict=True), ("row", "rows"), ("session", "minutes")):
        tape[field] = np.concatenate([getattr(part, name) for part in parts])
    # Minute less row is constant while the market is open, and grows with each closure.
    tape["session"] -= tape["row"]
    if len(parts) > 1:
        # The pairs are sorted runs, which a stable sort only merges.
        tape = tape[np.argsort(tape["row"] * len(parts) + tape["pair"], kind="stable")]
    tape["left"] = rows_left(market, tape["row"])
    return tape


def rows_left(market: Market, rows: Ints) -> Ints:
    """Rows after each row until the market closes; ascending rows."""
    first, stop = int(rows[0]), int(rows[-1]) + 2
    minutes = market.calendar.minutes(first, stop + 7 * 1440)
    last_open = first + np.flatnonzero(np.diff(minutes) > 1)
    place = np.searchsorted(last_open, rows)
    ends = np.append(last_open, FAR)
    return np.asarray(ends[place] - rows, np.int64)


def make_orders(
    market: Market, signals: Signals, rules: Rules, sizing: Sizing
) -> tuple[Records, Ints, Floats]:
    """Lay out signals, one pair after the other.

    Args:
        market: The bars.
        signals: The signals.
        rules: Which signals count.
        sizing: How much they ask for; what is asked for without a size is nothing.

    Returns:
        The signals (`ORDER`); the index of the first one of each pair, and their number at the end;
        and the size of the position that each would open.

    Raises:
        ConfigError: If probabilities are needed and not known.
    """
    hold = rules.hold or signals.horizon
    first = np.concatenate(([0], np.cumsum([len(part) for part in signals.pairs.values()])))
    orders, sizes = np.empty(int(first[-1]), ORDER), np.empty(int(first[-1]))
    for number, (name, part) in enumerate(signals.pairs.items()):
        mine = slice(int(first[number]), int(first[number + 1]))
        vol = market.volatility(name, part.rows) if sizing.needs_volatility else None
        sizes[mine] = sizing.sizes(name, part, vol, rules, hold)
        orders["row"][mine] = part.rows
        orders["side"][mine] = rules.sides(name, part) * (sizes[mine] > 0.0)
    orders["session"] = market.minute(orders["row"]) - orders["row"]
    return orders, first, sizes

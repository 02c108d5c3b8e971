"""The loop over bars: what was decided before a minute fills at its open, or not at all.

In each minute, over all pairs: positions that are to end do so at the open, then orders fill at the
open, then stop and take-profit are looked for between low and high. A decision of row t is heard
before the first bar after t. Nothing looks at a later bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.jit import jit
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.tape import FAR, Records

Ints = NDArray[np.int64]

REASONS = ("none", "time", "opposite", "stop", "take_profit", "closure", "end")
"""Why a position ended: its time was over, the opposite signal came, a price was hit, the market
was about to close, the bars ended."""
TIME, OPPOSITE, STOP, TAKE, CLOSURE, END = range(1, 7)
LAPSES = ("stale", "closure", "positions")
"""Why an order lapsed: no bar in time, a closure, too many positions."""


_STATE = ("side", "due", "signal", "entry", "leave", "wanted", "order", "heard", "stop", "last")
_TRADE = ("signal", "side", "entry", "exit", "due", "reason")


class Limits(NamedTuple):
    """The rules as numbers: see `Rules`; FAR where there is none."""

    hold: int
    renew: bool
    patience: int
    before_close: int
    most: int
    take: float
    stop: float


POSITION = np.dtype([(name, np.int64) for name in _STATE])
"""State of a pair. A position: side (0: none), row after which its time is over, its signal, bar of
its entry, why it is to end (0: it is not). An order: side (0: none), its signal. Then the next
signal to be heard, one after the last one, and the newest bar."""

TRADE = np.dtype([*((name, np.int64) for name in _TRADE), ("price", np.float64)])
"""A trade: index of its signal, side, indexes of the bars of entry and exit on the tape, row after
which its time was over, why it ended, price of the exit."""

COUNTS = ("trades", "held", *LAPSES)
"""Trades that ended, positions that are open, and orders that lapsed."""
_TRADES, _HELD, _STALE, _CLOSED, _FULL = range(5)


class Desk(NamedTuple):
    """All that the loop works on.

    Few arrays of records, because compiled code counts its references to every array in every call.
    """

    tape: Records
    orders: Records
    limits: Limits
    book: Records
    trades: Records
    counts: Ints


def trade(
    tape: Records, orders: Records, first: Ints, rules: Rules, horizon: int
) -> tuple[Records, dict[str, int]]:
    """Run over all bars.

    Args:
        tape: The bars.
        orders: The signals.
        first: Index of the first signal of each pair, and the number of all at the end.
        rules: The rules.
        horizon: Rows that a position is held unless the rules say otherwise.

    Returns:
        The trades (`TRADE`) in the order in which they ended, and the orders that lapsed by reason.
    """
    book = np.zeros(len(first) - 1, POSITION)
    book["heard"], book["stop"] = first[:-1], first[1:]
    trades, counts = np.zeros(len(orders) + 1, TRADE), np.zeros(len(COUNTS), np.int64)
    limits = Limits(
        rules.hold or horizon,
        rules.renew,
        rules.patience,
        rules.before_close,
        rules.max_positions or FAR,
        rules.take_profit or 0.0,
        rules.stop or 0.0,
    )
    _run(Desk(tape, orders, limits, book, trades, counts))
    lapsed = dict(zip(LAPSES, counts[_STALE:].tolist(), strict=True))
    return trades[: counts[_TRADES]], lapsed


@jit
def _run(desk: Desk) -> None:
    tape, book = desk.tape, desk.book
    first, n = 0, len(tape)
    while first < n:
        stop = first + 1
        while stop < n and tape[stop].row == tape[first].row:
            stop += 1
        for k in range(first, stop):
            _hear(desk, k)
            _leave(desk, k)
        for k in range(first, stop):
            _enter(desk, k)
        for k in range(first, stop):
            _touch(desk, k)
            book[tape[k].pair].last = k
        first = stop
    for p in range(len(book)):
        if book[p].side != 0:
            _close(desk, book[p].last, tape[book[p].last].close, END)


@jit
def _hear(desk: Desk, k: int) -> None:
    """Decisions of rows before this bar; the newest one replaces an order that has not filled."""
    held, orders, limits = desk.book[desk.tape[k].pair], desk.orders, desk.limits
    while held.heard < held.stop and orders[held.heard].row < desk.tape[k].row:
        row, wanted = orders[held.heard].row, orders[held.heard].side
        held.order = held.heard
        held.heard += 1
        held.wanted = wanted
        if held.side != 0 and wanted == -held.side:
            held.leave = OPPOSITE
        elif held.side != 0 and wanted == held.side:
            if limits.renew:
                held.leave = 0
                held.due = row + limits.hold
                held.wanted = 0
            elif held.due > row and held.leave == 0:
                held.wanted = 0


@jit
def _leave(desk: Desk, k: int) -> None:
    """End a position at the open, if that was decided or its time is over."""
    bar, limits = desk.tape[k], desk.limits
    held = desk.book[bar.pair]
    if held.side == 0:
        return
    reason = held.leave
    if reason == 0 and bar.row > held.due:
        reason = TIME
    if reason == 0 and limits.before_close > 0:
        crossed = bar.session != desk.tape[held.last].session
        if crossed or bar.left < limits.before_close:
            reason = CLOSURE
    if reason != 0:
        _close(desk, k, bar.open, reason)


@jit
def _enter(desk: Desk, k: int) -> None:
    """Fill an order at the open, or let it lapse."""
    bar, limits, counts = desk.tape[k], desk.limits, desk.counts
    held = desk.book[bar.pair]
    wanted = held.wanted
    held.wanted = 0
    if wanted == 0 or held.side != 0:
        return
    order = desk.orders[held.order]
    if bar.session != order.session or bar.left < limits.before_close:
        counts[_CLOSED] += 1
    elif bar.row - order.row > limits.patience:
        counts[_STALE] += 1
    elif counts[_HELD] >= limits.most:
        counts[_FULL] += 1
    else:
        held.side = wanted
        held.signal = held.order
        held.entry = k
        held.due = order.row + limits.hold
        counts[_HELD] += 1


@jit
def _touch(desk: Desk, k: int) -> None:
    """Look for stop and take-profit; a gap fills at the open, and of both the stop counts."""
    bar, limits = desk.tape[k], desk.limits
    held = desk.book[bar.pair]
    side = held.side
    if side == 0:
        return
    entry = desk.tape[held.entry].open
    worst, best = (bar.low, bar.high) if side > 0 else (bar.high, bar.low)
    stop, take = entry * (1.0 - side * limits.stop), entry * (1.0 + side * limits.take)
    stops, takes = limits.stop > 0.0, limits.take > 0.0
    if stops and (bar.open - stop) * side <= 0.0:
        _close(desk, k, bar.open, STOP)
    elif takes and (bar.open - take) * side >= 0.0:
        _close(desk, k, bar.open, TAKE)
    elif stops and (worst - stop) * side <= 0.0:
        _close(desk, k, stop, STOP)
    elif takes and (best - take) * side >= 0.0:
        _close(desk, k, take, TAKE)


@jit
def _close(desk: Desk, k: int, price: float, reason: int) -> None:
    held, counts = desk.book[desk.tape[k].pair], desk.counts
    ended = desk.trades[counts[_TRADES]]
    ended.signal = held.signal
    ended.side = held.side
    ended.entry = held.entry
    ended.exit = k
    ended.due = held.due
    ended.reason = reason
    ended.price = price
    held.side = 0
    held.leave = 0
    counts[_TRADES] += 1
    counts[_HELD] -= 1

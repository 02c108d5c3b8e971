"""A second computation of every trade, from its log and the bars, with nothing of the engine.

Plain arithmetic, one trade at a time: which bar fills, at which price, whether stop or take-profit
came before, what it cost, what is left.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import polars as pl

from bqx.errors import PostConditionError
from bqx.models.backtest.market import Market, PairBars

TOLERANCE = 1e-12
"""Relative deviation that is allowed, of the sum of the absolute parts of a number."""
SHOWN = 5
_MONEY = ("gross", "spread_cost", "slippage_cost", "commission", "net")


@dataclass(frozen=True)
class Recomputation:
    """What the second computation found.

    Attributes:
        trades: Trades.
        with_bars: Whether fills were compared with bars, or only the money with the log.
        worst: Greatest relative deviation of a profit or cost.
        net: Net profit by pair, as recomputed.
        total: Net profit of all.
        problems: What does not agree, in words; the first ones.
        failures: How many do not agree.
    """

    trades: int
    with_bars: bool
    worst: float
    net: Mapping[str, float]
    total: float
    problems: tuple[str, ...]
    failures: int

    @property
    def passed(self) -> bool:
        """Whether all agrees."""
        return self.failures == 0 and self.worst <= TOLERANCE

    def require(self) -> None:
        """Refuse a log that does not agree.

        Raises:
            PostConditionError: If something deviates.
        """
        if not self.passed:
            raise PostConditionError(
                f"the trade log does not recompute: {self.to_text()}",
                expected=f"agreement to {TOLERANCE:g}",
            )

    def to_text(self) -> str:
        """One line, and one for each of the first problems."""
        against = "log and bars" if self.with_bars else "log alone"
        head = (
            f"{self.trades:,} trades recomputed from {against}: net {self.total:.2f}, worst "
            f"relative deviation {self.worst:.1e}, {self.failures} disagree"
        )
        return "\n".join([head, *(f"  {problem}" for problem in self.problems)])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "passed": self.passed,
            "trades": self.trades,
            "with_bars": self.with_bars,
            "worst": self.worst,
            "total": self.total,
            "net": dict(self.net),
            "failures": self.failures,
            "problems": list(self.problems),
        }


@dataclass(frozen=True)
class _Lists:
    """Bars as plain lists."""

    rows: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    spread: list[float]

    @classmethod
    def of(cls, bars: PairBars) -> _Lists:
        return cls(**{field.name: getattr(bars, field.name).tolist() for field in fields(cls)})


def recompute(
    log: pl.DataFrame, settings: Mapping[str, Any], market: Market | None = None
) -> Recomputation:
    """Compute every trade of a log again.

    Args:
        log: The trades, see `bqx.models.backtest.trades.SCHEMA`.
        settings: ``rules`` and ``costs`` as plain values, as they stand in the log's file.
        market: The bars; without them prices and spreads of the log are taken as they are.
    """
    worst, failures, problems = 0.0, 0, []
    nets: dict[str, list[float]] = {}
    bars = {} if market is None else {name: _Lists.of(b) for name, b in market.pairs.items()}
    for number, trade in enumerate(log.iter_rows(named=True)):
        found = _money(trade, settings["costs"]["commission"])
        size = sum(abs(found[name]) for name in _MONEY)
        for name in _MONEY:
            worst = max(worst, _relative(trade[name], found[name], size))
        nets.setdefault(trade["pair"], []).append(found["net"])
        said = list(_fills(trade, settings, bars[trade["pair"]])) if bars else []
        failures += bool(said)
        problems += [f"trade {number}, {trade['pair']}: {text}" for text in said]
    net = {pair: math.fsum(values) for pair, values in sorted(nets.items())}
    total = math.fsum(value for values in nets.values() for value in values)
    return Recomputation(
        len(log), market is not None, worst, net, total, tuple(problems[:SHOWN]), failures
    )


def _relative(said: float, found: float, size: float) -> float:
    if said == found:
        return 0.0
    deviation = abs(said - found) / size if size > 0.0 else math.inf
    return deviation if math.isfinite(deviation) else math.inf


def _money(trade: Mapping[str, Any], commission: float) -> dict[str, float]:
    """Bought units times what each fill really paid or got, in the quote currency, at entry."""
    units = trade["notional"] / trade["entry_price"]
    bought, sold = trade["entry_price"], trade["exit_price"]
    if trade["side"] < 0:
        bought, sold = sold, bought
    spread = trade["entry_half_spread"] * units + trade["exit_half_spread"] * units
    slippage = trade["entry_slippage"] * units + trade["exit_slippage"] * units
    traded = units * trade["entry_price"] + units * trade["exit_price"]
    fee = traded * commission / 1e4
    gross = (sold - bought) * units
    net = math.fsum((gross, -spread, -slippage, -fee))
    return dict(zip(_MONEY, (gross, spread, slippage, fee, net), strict=True))


def _fills(trade: Mapping[str, Any], settings: Mapping[str, Any], bars: _Lists) -> Iterator[str]:
    """What does not agree with the bars."""
    rules = settings["rules"]
    entry = bisect_left(bars.rows, trade["decision_row"] + 1)
    last = bisect_left(bars.rows, trade["exit_row"])
    if last >= len(bars.rows) or bars.rows[last] != trade["exit_row"] or last < entry:
        yield f"no bar at the exit row {trade['exit_row']}, or it lies before the entry"
        return
    if bars.rows[entry] != trade["entry_row"]:
        yield f"the first bar after the decision is row {bars.rows[entry]}, not the entry's"
    if bars.rows[entry] - trade["decision_row"] > rules["patience"]:
        yield "the entry is later than orders wait"
    if bars.open[entry] != trade["entry_price"]:
        yield f"the entry bar opens at {bars.open[entry]}, not {trade['entry_price']}"
    if last - entry != trade["bars"]:
        yield f"{last - entry} bars from entry to exit, not {trade['bars']}"
    yield from _exit(trade, rules, bars, entry, last)
    for part, at in (("entry", entry), ("exit", last)):
        expected = _half_spread(trade["pair"], settings["costs"], bars, at)
        if not math.isclose(trade[f"{part}_half_spread"], expected, rel_tol=TOLERANCE):
            yield f"half spread {trade[f'{part}_half_spread']} at the {part}, not {expected}"
        slip = _distance(trade["pair"], settings["costs"]["slippage"], trade[f"{part}_price"])
        if not math.isclose(trade[f"{part}_slippage"], slip, rel_tol=TOLERANCE):
            yield f"slippage {trade[f'{part}_slippage']} at the {part}, not {slip}"


def _exit(
    trade: Mapping[str, Any], rules: Mapping[str, Any], bars: _Lists, entry: int, last: int
) -> Iterator[str]:
    """Whether the position ended where, at what and why the log says."""
    touched = _first_touch(trade, rules, bars, entry, last)
    reason, price = trade["reason"], trade["exit_price"]
    if reason in {"stop", "take_profit"}:
        if touched != (last, price, reason):
            yield f"{reason} at {price}, but the bars say {touched}"
        return
    if touched is not None and (touched[0] < last or reason == "end"):
        yield f"{touched[2]} came before, at row {bars.rows[touched[0]]}"
    if price != (bars.close[last] if reason == "end" else bars.open[last]):
        yield f"the exit price {price} is not the bar's"
    over = bars.rows[last] > trade["due_row"]
    before = last > entry and bars.rows[last - 1] > trade["due_row"]
    if (reason == "time" and not over) or before:
        yield f"its time was over after row {trade['due_row']}"
    if reason == "end" and last != len(bars.rows) - 1:
        yield "there are later bars"


def _first_touch(
    trade: Mapping[str, Any], rules: Mapping[str, Any], bars: _Lists, entry: int, last: int
) -> tuple[int, float, str] | None:
    """The first bar at which stop or take-profit is hit, up to the last one, and the price."""
    side, paid = trade["side"], trade["entry_price"]
    stop = None if rules["stop"] is None else paid * (1.0 - side * rules["stop"])
    take = None if rules["take_profit"] is None else paid * (1.0 + side * rules["take_profit"])
    if stop is None and take is None:
        return None
    for k in range(entry, last + 1):
        opened, low, high = bars.open[k], bars.low[k], bars.high[k]
        for level, name, below in ((stop, "stop", side > 0), (take, "take_profit", side < 0)):
            if level is not None and (opened <= level if below else opened >= level):
                return k, opened, name
        for level, name, below in ((stop, "stop", side > 0), (take, "take_profit", side < 0)):
            if level is not None and (low <= level if below else high >= level):
                return k, level, name
    return None


def _half_spread(pair: str, costs: Mapping[str, Any], bars: _Lists, at: int) -> float:
    if costs["free"]:
        return 0.0
    quoted = bars.spread[at]
    if not math.isnan(quoted):
        return quoted / 2.0
    return _distance(pair, costs["pairs"].get(pair) or costs["default"], bars.open[at]) / 2.0


def _distance(pair: str, text: str, price: float) -> float:
    """A cost such as ``0.6pip`` or ``0.5bp`` in price."""
    if text.endswith("bp"):
        return float(text[:-2]) / 10_000.0 * price
    return float(text[:-3]) / (100.0 if pair[3:] == "jpy" else 10_000.0)

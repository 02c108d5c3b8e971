"""The outcome of a backtest as text, JSON and files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from bqx.models.backtest.comparison import Held, RandomEntry
from bqx.models.backtest.costs import Costs
from bqx.models.backtest.measures import Measures
from bqx.models.backtest.recompute import Recomputation
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.trades import LOG, write_log

REPORT = "backtest.json"
CSV = "trades.csv"


@dataclass(frozen=True, eq=False)
class Backtest:
    """A trade log and what it came to.

    Attributes:
        trades: The log; see `bqx.models.backtest.trades.SCHEMA`.
        measures: Its measures.
        held: Buying and holding all pairs over the same rows.
        random: The same trades at random times; None without trades.
        checked: The independent recomputation of the log, which agreed.
        facts: What was traded, on what, from where.
        settings: Rules, costs and sizes.
    """

    trades: pl.DataFrame
    measures: Measures
    held: Held
    random: RandomEntry | None
    checked: Recomputation
    facts: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def synthetic(self) -> bool:
        """Whether any of the bars is generated."""
        return bool(self.facts["synthetic"])

    def to_json(self) -> dict[str, Any]:
        """Plain values; a number that nothing defines is None."""
        return {
            "synthetic": self.synthetic,
            "facts": dict(self.facts),
            "settings": dict(self.settings),
            "measures": self.measures.to_json(),
            "buy_and_hold": _finite(asdict(self.held)),
            "random_entry": None if self.random is None else _finite(asdict(self.random)),
            "recomputed": self.checked.to_json(),
        }

    def to_text(self) -> str:
        """Lines for a terminal."""
        blocks = (self._head(), self._result(), self._pairs(), self._beside(), self._foot())
        return "\n\n".join("\n".join(block) for block in blocks)

    def write(self, folder: Path) -> None:
        """Write log (Parquet and CSV) and report (JSON) into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        rules = Rules.from_json(self.settings["rules"])
        costs = Costs.from_json(self.settings["costs"])
        facts = {"synthetic": self.synthetic, "pairs": self.facts["pairs"]}
        write_log(folder / LOG, self.trades, rules, costs, facts)
        write_log(folder / CSV, self.trades, rules, costs, facts)
        text = json.dumps(self.to_json(), indent=2, allow_nan=False, default=str)
        (folder / REPORT).write_text(text + "\n", encoding="utf-8")

    def _head(self) -> Iterator[str]:
        if self.synthetic:
            yield "SYNTHETIC DATA: generated bars, nothing of this could have been earned."
        rules = {k: v for k, v in self.settings["rules"].items() if v not in {None, 0}}
        shown = {name: _show(value) for name, value in self.facts.items()}
        shown["rules"] = ", ".join(f"{name} {value}" for name, value in rules.items())
        yield from _lines(shown)

    def _result(self) -> Iterator[str]:
        found = self.measures
        ratio = found.sharpe
        ended = ", ".join(f"{name} {count:,}" for name, count in found.reasons.items())
        shown = {
            "trades": f"{found.trades:,} ({ended})" if found.trades else "0",
            "net profit": f"{found.net:,.2f} = {_percent(found.returned)} of the capital",
            "gross profit": f"{found.gross:,.2f}",
            "costs": f"{found.costs:,.2f} (spread {found.spread_cost:,.2f}, slippage "
            f"{found.slippage_cost:,.2f}, commission {found.commission:,.2f})",
            "sharpe": f"{_number(ratio.annual)} a year, standard error {_number(ratio.error)} "
            f"(days as independent {_number(ratio.plain)}; {ratio.days} days, lag {ratio.lag})",
            "above 0": f"probability {_number(ratio.probability)}; above the best of "
            f"{ratio.trials} trials without skill: {_number(ratio.deflated)}",
            "drawdown": f"{_percent(found.drawdown)}, {found.drawdown_days} days at most",
            "win rate": _percent(found.win_rate),
            "profit factor": _number(found.profit_factor),
            "holding": f"{_number(found.mean_bars)} bars",
            "turnover": f"{_number(found.turnover)} times the capital a year",
            "exposure": f"{_percent(found.exposure)} of rows, leverage {_number(found.leverage)}",
        }
        yield from _lines(shown)

    def _pairs(self) -> Iterator[str]:
        yield f"{'pair':<8}{'net':>14}{'held':>14}"
        for pair, net in self.measures.pairs.items():
            yield f"{pair:<8}{net:>14,.2f}{self.held.pairs[pair]:>14,.2f}"

    def _beside(self) -> Iterator[str]:
        held = self.held
        shown = {
            "buy and hold": f"net {held.net:,.2f}, sharpe {_number(held.sharpe)}, drawdown "
            f"{_percent(held.drawdown)}"
        }
        if self.random is not None:
            drawn = self.random
            shown["random entry"] = (
                f"net {drawn.mean:,.2f} on average, {drawn.low:,.2f} to {drawn.high:,.2f} in "
                f"95 % of {drawn.draws:,} draws; p {drawn.p_value:.4f}"
            )
        yield from _lines(shown)

    def _foot(self) -> Iterator[str]:
        yield self.checked.to_text()


def _lines(shown: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, shown)) + 2
    for name, text in shown.items():
        yield f"{name:<{width}}{text}"


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _percent(value: float) -> str:
    return f"{value:.2%}".replace("%", " %") if math.isfinite(value) else "undefined"


def _number(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "undefined"


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }

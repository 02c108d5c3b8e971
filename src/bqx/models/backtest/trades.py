"""The trade log: one line per trade with everything from which its profit follows.

Money is in the account's currency. A position of notional N (its value in that currency when it is
opened) over a price that goes from a to b gains ``N side (b - a) / a``. That is exactly the profit
in the quote currency, turned into the account's at the rate of the entry; a rate of the exit would
differ by the product of two returns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.errors import InputFileError
from bqx.models.backtest.costs import Costs
from bqx.models.backtest.engine import REASONS
from bqx.models.backtest.market import Market
from bqx.models.backtest.rules import Rules
from bqx.models.backtest.signals import Signals
from bqx.models.backtest.tape import Records

Floats = NDArray[np.float64]

LOG = "trades.parquet"
SETTINGS = "bqx.backtest"
"""Key of the rules and costs in the metadata of a log."""

SCHEMA = pl.Schema(
    {
        "pair": pl.String(),
        "side": pl.Int8(),
        "decision_row": pl.Int64(),
        "decision_utc": pl.Datetime("us", "UTC"),
        "move": pl.Float64(),
        "rise": pl.Float64(),
        "entry_row": pl.Int64(),
        "entry_utc": pl.Datetime("us", "UTC"),
        "entry_price": pl.Float64(),
        "entry_half_spread": pl.Float64(),
        "entry_slippage": pl.Float64(),
        "due_row": pl.Int64(),
        "exit_row": pl.Int64(),
        "exit_utc": pl.Datetime("us", "UTC"),
        "exit_price": pl.Float64(),
        "exit_half_spread": pl.Float64(),
        "exit_slippage": pl.Float64(),
        "reason": pl.String(),
        "bars": pl.Int64(),
        "notional": pl.Float64(),
        "gross": pl.Float64(),
        "spread_cost": pl.Float64(),
        "slippage_cost": pl.Float64(),
        "commission": pl.Float64(),
        "net": pl.Float64(),
    }
)
"""Columns of a log. Prices are those of bars, half spreads and slippage distances in price; times
are the open minutes of the bars; ``bars`` counts the bars from entry to exit."""


@dataclass(frozen=True)
class Traded:
    """What the engine worked on, and what it did.

    Attributes:
        market: The bars.
        signals: The signals.
        names: Pairs in the order of the tape.
        tape: The bars as the engine saw them.
        orders: The signals as the engine saw them.
        fills: What happened.
    """

    market: Market
    signals: Signals
    names: tuple[str, ...]
    tape: Records
    orders: Records
    fills: Records


def trade_log(done: Traded, notional: Floats, costs: Costs) -> pl.DataFrame:
    """The log of trades.

    Args:
        done: What happened, and on what.
        notional: Value of the position that each signal would open, in the account's currency.
        costs: Costs of fills.

    Returns:
        The trades (`SCHEMA`) in order of entry, then pair.

    Raises:
        ConfigError: If bars have no quotes and no cost is known.
    """
    columns = _columns(done)
    columns["notional"] = notional[done.fills["signal"]]
    for part in ("decision", "entry", "exit"):
        columns[f"{part}_utc"] = done.market.minute(columns[f"{part}_row"]) * 60_000_000
    for part in ("entry", "exit"):
        bars = done.tape[done.fills[part]]
        columns |= _distances(done, costs, part, bars, columns[f"{part}_price"])
    columns |= money(columns, costs.commission)
    frame = pl.DataFrame({name: columns[name] for name in SCHEMA}).cast(SCHEMA)
    frame = frame.with_columns(pl.col("rise").fill_nan(None))
    return frame.sort("entry_row", "pair", "exit_row")


def _columns(done: Traded) -> dict[str, Any]:
    """What happened, without times and money."""
    names, fills = done.names, done.fills
    opened, closed = done.tape[fills["entry"]], done.tape[fills["exit"]]
    said = {
        part: np.concatenate([getattr(done.signals.pairs[name], part) for name in names])
        for part in ("move", "rise")
    }
    return {
        "pair": np.array(names)[opened["pair"]],
        "side": fills["side"],
        "decision_row": done.orders["row"][fills["signal"]],
        **{part: values[fills["signal"]] for part, values in said.items()},
        "entry_row": opened["row"],
        "entry_price": opened["open"],
        "due_row": fills["due"],
        "exit_row": closed["row"],
        "exit_price": fills["price"],
        "reason": np.array(REASONS)[fills["reason"]],
        "bars": closed["bar"] - opened["bar"],
    }


def _distances(
    done: Traded, costs: Costs, part: str, bars: Records, price: Floats
) -> dict[str, Floats]:
    """Half spread and slippage of fills in some bars of the tape, in price."""
    half, slip = np.zeros(len(bars)), np.zeros(len(bars))
    for number, name in enumerate(done.names):
        mine = bars["pair"] == number
        spreads = costs.half_spread(name, done.market.pairs[name])
        half[mine] = spreads[bars["bar"][mine]]
        slip[mine] = costs.slip(name, price[mine])
    return {f"{part}_half_spread": half, f"{part}_slippage": slip}


def money(trades: Mapping[str, Any], commission: float) -> dict[str, Floats]:
    """Profit and costs of each trade, from the columns of a log."""
    entry, notional = trades["entry_price"], trades["notional"]
    units = notional / entry
    gross = units * (trades["side"] * (trades["exit_price"] - entry))
    spread = units * (trades["entry_half_spread"] + trades["exit_half_spread"])
    slippage = units * (trades["entry_slippage"] + trades["exit_slippage"])
    fee = commission * 1e-4 * (notional + units * trades["exit_price"])
    return {
        "gross": gross,
        "spread_cost": spread,
        "slippage_cost": slippage,
        "commission": fee,
        "net": gross - spread - slippage - fee,
    }


def write_log(
    path: Path, trades: pl.DataFrame, rules: Rules, costs: Costs, facts: Mapping[str, Any]
) -> None:
    """Write a log, as Parquet with rules, costs and facts in it, or as CSV by its suffix."""
    if path.suffix == ".csv":
        trades.write_csv(path)
        return
    settings = {"rules": rules.to_json(), "costs": costs.to_json(), **facts}
    trades.write_parquet(path, metadata={SETTINGS: json.dumps(settings)})


def read_log(path: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
    """A log and its settings: ``rules``, ``costs`` and facts.

    Args:
        path: The Parquet file, or the folder that holds it.

    Raises:
        InputFileError: If there is no such log.
    """
    file = path / LOG if path.is_dir() else path
    if not file.is_file():
        raise InputFileError(f"no trade log {file}", expected=LOG, hint="bqx backtest RUN --out")
    try:
        found = pl.read_parquet_metadata(file).get(SETTINGS)
        frame = pl.read_parquet(file)
    except pl.exceptions.ComputeError as error:
        raise InputFileError(f"unreadable trade log {file}: {error}") from error
    if found is None or frame.schema != SCHEMA:
        raise InputFileError(f"{file} is no trade log", expected="the Parquet file of a backtest")
    settings: dict[str, Any] = json.loads(found)
    return frame, settings

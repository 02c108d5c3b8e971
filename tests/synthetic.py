"""Generated bars for tests: random walks inside the FX week, with gaps and flat stretches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.bars.schema import BAR_SCHEMA
from bqx.market import CURRENCIES, Calendar, epoch_minute

LEVELS = {"eurusd": 1.1, "gbpusd": 1.3, "usdjpy": 110.0, "audusd": 0.7, "eurjpy": 125.0}
"""Price at the start; 1 for other pairs."""

_LONG_GAP = 120
_STILL, _STILL_EVERY = 90, 2900
"""Minutes in which a market of several pairs stands still, and how often it does."""


def random_walk_bars(
    pair: str,
    start: str | datetime,
    days: float,
    seed: int,
    *,
    gaps: bool = True,
    calendar: Calendar | None = None,
) -> pl.DataFrame:
    """One-minute bars of a driftless random walk, in the schema of accepted bars.

    The bars stand in trading minutes only and repeat exactly for equal arguments. Prices have 5
    digits, 3 for yen; about 8 stretches of 20 to 90 minutes a week are flat. Bid and ask are NULL.

    Args:
        pair: Sets the level and the digits.
        start: First minute, ISO 8601 or a time, in UTC.
        days: Calendar days from ``start``; the last minute is excluded.
        seed: Of the generator, beside the pair's name.
        gaps: Whether minutes are missing: about one stretch of 1 to 10 in 300 minutes, and one of
            two hours in the middle of slices longer than 10 hours. The first minute always exists.
        calendar: Trading minutes; those of the FX week when None.
    """
    moment = datetime.fromisoformat(start) if isinstance(start, str) else start
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    grid = calendar or Calendar()
    rows = grid.row_range(epoch_minute(moment), epoch_minute(moment + timedelta(days=days)))
    minutes = grid.minutes(*rows)
    rng = np.random.default_rng([seed, *pair.encode()])
    prices, volume = _walk(rng, len(minutes), pair)
    keep = _observed(rng, len(minutes)) if gaps else np.ones(len(minutes), np.bool_)
    columns = {"ts_utc": minutes * 60_000_000, **prices, "volume": volume}
    frame = pl.DataFrame(columns).filter(pl.Series(keep))
    missing = [pl.lit(None).alias(name) for name in BAR_SCHEMA if name not in columns]
    return frame.with_columns(missing).select(BAR_SCHEMA.names()).cast(BAR_SCHEMA)


def market_bars(
    pairs: Sequence[str], start: str, days: float, seed: int
) -> dict[str, pl.DataFrame]:
    """Bars of several pairs of one market, with quotes.

    Each currency walks on its own, and a pair's close is the ratio of its two currencies and a
    little noise; bid and ask stand around it. See `random_walk_bars` for gaps, flat stretches,
    digits and volume.
    """
    frames = {pair: random_walk_bars(pair, start, days, seed) for pair in pairs}
    walks: dict[str, NDArray[np.float64]] = {}
    first, last = start_and_end(frames)
    for k, currency in enumerate(CURRENCIES):
        rng = np.random.default_rng([seed, k])
        walks[currency] = np.cumsum(rng.normal(0.0, 7e-5, last - first + 1))
    return {pair: _moved(frame, pair, walks, first) for pair, frame in frames.items()}


def start_and_end(frames: dict[str, pl.DataFrame]) -> tuple[int, int]:
    """Epoch minutes of the first and last bar of several pairs."""
    stamps = [frame["ts_utc"].dt.epoch("s") // 60 for frame in frames.values()]
    return min(int(s[0]) for s in stamps), max(int(s[-1]) for s in stamps)


def _moved(
    frame: pl.DataFrame, pair: str, walks: dict[str, NDArray[np.float64]], first: int
) -> pl.DataFrame:
    """A pair's own walk, made small, on top of the difference of its currencies' walks."""
    at = (frame["ts_utc"].dt.epoch("s") // 60 - first).to_numpy()
    common = np.exp(walks[pair[:3]] - walks[pair[3:]])[at]
    level = LEVELS.get(pair, 1.0)
    digits = 3 if pair.endswith("jpy") else 5
    columns = {}
    for name in ("open", "high", "low", "close"):
        own = (frame[name].to_numpy() / level) ** 0.2
        columns[name] = np.round(level * own * common, digits)
    still = _held(at % _STILL_EVERY < _STILL)
    columns = {
        name: np.where(still >= 0, columns["close"][still], p) for name, p in columns.items()
    }
    half = 0.6 * 10.0 ** (1 - digits) * (1.0 + 0.3 * np.sin(at / 50.0))
    for side, sign in (("bid", -1.0), ("ask", 1.0)):
        for name in ("open", "high", "low", "close"):
            columns[f"{side}_{name}"] = np.round(columns[name] + sign * half, digits + 1)
    return frame.with_columns(**{name: pl.Series(v) for name, v in columns.items()})


def _held(still: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row of a still stretch the first row of it, -1 elsewhere."""
    rows = np.arange(len(still))
    begins = still & ~np.concatenate([[False], still[:-1]])
    return np.where(still, np.maximum.accumulate(np.where(begins, rows, 0)), -1)


def by_month(bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The bars of each UTC month, by ``yyyy_mm``."""
    labelled = bars.with_columns(pl.col("ts_utc").dt.strftime("%Y_%m").alias("month"))
    parts = labelled.partition_by("month", maintain_order=True)
    return {str(part["month"][0]): part.drop("month") for part in parts}


def _walk(
    rng: np.random.Generator, n: int, pair: str
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Four prices per minute, high and low around open and close, and whole-number volumes."""
    digits = 3 if pair.endswith("jpy") else 5
    flat = _stretches(rng, n, chance=8 / 7200, low=20, high=90)
    steps = np.where(flat, 0.0, rng.normal(0.0, 1e-4, n))
    close = LEVELS.get(pair, 1.0) * np.exp(np.cumsum(steps))
    opens = np.concatenate([close[:1], close[:-1]])
    reach = np.where(flat, 0.0, np.abs(rng.normal(0.0, 5e-5, n)))
    prices = {
        "open": opens,
        "high": np.maximum(opens, close) * (1 + reach),
        "low": np.minimum(opens, close) * (1 - reach),
        "close": close,
    }
    volume = np.where(flat, 1.0, 1.0 + rng.poisson(60, n))
    return {name: np.round(values, digits) for name, values in prices.items()}, volume


def _observed(rng: np.random.Generator, n: int) -> NDArray[np.bool_]:
    missing = _stretches(rng, n, chance=1 / 300, low=1, high=10)
    if n > 5 * _LONG_GAP:
        missing[n // 2 : n // 2 + _LONG_GAP] = True
    missing[:1] = False
    return ~missing


def _stretches(
    rng: np.random.Generator, n: int, *, chance: float, low: int, high: int
) -> NDArray[np.bool_]:
    """Flags of stretches that begin with the given chance per row and last ``low`` to ``high``."""
    flags = np.zeros(n, np.bool_)
    for begin in np.flatnonzero(rng.random(n) < chance):
        flags[begin : begin + int(rng.integers(low, high + 1))] = True
    return flags

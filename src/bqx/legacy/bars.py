"""Bars for the first version's tables: of vendor files, generated, or a few per month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from bqx.bars.names import pair_in
from bqx.bars.parse import parse_file
from bqx.bars.schema import PRICES
from bqx.bars.synthetic import MONEY, synthetic_bars
from bqx.domains.grid import BarArrays, Int64Array
from bqx.errors import ConfigError, InputFileError
from bqx.market import PAIRS, Calendar, moment_of, month_bounds, month_of

MINUTES_A_DAY = 24 * 60
_STEP = 1e-4
_SUFFIXES = {".csv", ".gz", ".parquet", ".txt", ".zip"}


@dataclass(frozen=True)
class PairBars:
    """What a pair's tables are made of.

    Attributes:
        bars: The bars, history before the first month included.
        origin: Where they come from, in words.
        full: Months with all of their bars, so that features can be computed; the others have a
            few rows, for the structure alone.
    """

    bars: BarArrays
    origin: str
    full: frozenset[str]

    def months(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The wanted months, and those before them that have bars."""
        days = np.unique(self.bars.minutes // MINUTES_A_DAY)
        early = {month_of(int(day) * MINUTES_A_DAY) for day in days}
        return (*sorted(m for m in early if m < wanted[0]), *wanted)


def few_bars(
    pair: str, months: Iterable[str], rows: int, seed: int, level: float | None = None
) -> PairBars:
    """The first minutes of each month, with the prices of a random walk.

    Args:
        pair: The pair.
        months: The months.
        rows: Minutes of each.
        seed: Of the walk.
        level: Price at the start; a usual one when None.
    """
    calendar = Calendar()
    minutes = np.concatenate([_first_minutes(calendar, month, rows) for month in months])
    rng = np.random.default_rng([seed, *pair.encode()])
    start = level or MONEY[PAIRS[pair].base].level / MONEY[PAIRS[pair].quote].level
    ticks = rng.normal(0.0, _STEP, (len(minutes), 4)).cumsum().reshape(-1, 4)
    prices = np.round(start * np.exp(ticks), 3 if pair.endswith("jpy") else 5)
    bars = BarArrays(
        minutes=minutes,
        open=prices[:, 0],
        high=prices.max(axis=1),
        low=prices.min(axis=1),
        close=prices[:, -1],
        volume=1.0 + rng.poisson(60, len(minutes)).astype(np.float64),
    )
    return PairBars(bars, f"{rows} generated bars a month, seed {seed}", frozenset())


def with_few(source: PairBars, few: PairBars) -> PairBars:
    """Bars of full months, and a few of later ones behind them."""
    parts = (source.bars, few.bars)
    bars = BarArrays(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("minutes", "open", "high", "low", "close", "volume")
        }
    )
    return PairBars(bars, f"{source.origin}; then {few.origin}", source.full)


def _first_minutes(calendar: Calendar, month: str, rows: int) -> Int64Array:
    first, last = calendar.row_range(*month_bounds(month))
    return calendar.minutes(first, min(first + rows, last))


def generated_bars(
    pairs: Sequence[str], span: tuple[int, int], full: frozenset[str], seed: int
) -> dict[str, PairBars]:
    """Generated bars of all minutes of a span, for some pairs.

    Args:
        pairs: The pairs.
        span: First epoch minute, and the end.
        full: The months that this makes full.
        seed: Of the generator.
    """
    if not pairs:
        return {}
    days = (span[1] - span[0]) // MINUTES_A_DAY
    made = synthetic_bars(list(pairs), moment_of(span[0]), days, seed)
    origin = f"generated bars, seed {seed}"
    return {pair: PairBars(_arrays(bars), origin, full) for pair, bars in made.items()}


def real_bars(
    files: Iterable[str | Path],
    pairs: Sequence[str],
    span: tuple[int, int],
    full: frozenset[str],
    weeks: int,
) -> dict[str, PairBars]:
    """Bars of vendor files, moved by a whole number of weeks.

    Args:
        files: Vendor files, or folders of them.
        pairs: Pairs that are wanted; files of others are passed over.
        span: First epoch minute that is wanted, and the end.
        full: The months that this makes full.
        weeks: Weeks that are added to every time.

    Raises:
        InputFileError: If a file cannot be read, or two files of a pair contradict each other.
        ConfigError: If a pair has no bar in the span.
    """
    found: dict[str, list[pl.DataFrame]] = {}
    for path in _listed(files):
        named = pair_in(path.stem)
        if named is None or named in pairs:
            for parsed in parse_file(path):
                found.setdefault(parsed.pair, []).append(parsed.bars)
    moved = f", moved by {weeks} weeks" if weeks else ""
    return {
        pair: PairBars(
            _joined(pair, found[pair], span, weeks), f"bars of vendor files{moved}", full
        )
        for pair in sorted(found.keys() & set(pairs))
    }


def _listed(files: Iterable[str | Path]) -> list[Path]:
    listed: list[Path] = []
    for path in map(Path, files):
        inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in _SUFFIXES)
        listed += inside if path.is_dir() else [path]
    return listed


def _joined(pair: str, frames: list[pl.DataFrame], span: tuple[int, int], weeks: int) -> BarArrays:
    bars = pl.concat(frames).unique().sort("ts_utc")
    if bars["ts_utc"].is_duplicated().any():
        raise InputFileError(
            f"{pair}: two files have other bars of the same minute",
            expected="one source a pair",
            hint="name the files of one vendor",
        )
    arrays = _arrays(bars, weeks * 7 * MINUTES_A_DAY)
    inside = (arrays.minutes >= span[0]) & (arrays.minutes < span[1])
    if not inside.any():
        first, last = (moment_of(int(arrays.minutes[k])) for k in (0, -1))
        raise ConfigError(
            f"the bars of {pair} lie from {first:%Y-%m-%d} to {last:%Y-%m-%d}",
            expected=f"bars from {moment_of(span[0]):%Y-%m-%d} to {moment_of(span[1]):%Y-%m-%d}",
            hint="choose other months, or move the bars with --shift-weeks",
        )
    return arrays.take(inside)


def _arrays(bars: pl.DataFrame, moved: int = 0) -> BarArrays:
    minutes = (bars["ts_utc"].dt.epoch("s") // 60).to_numpy().astype(np.int64) + moved
    opens, highs, lows, closes = (bars[name].to_numpy() for name in PRICES)
    return BarArrays(
        minutes, opens, highs, lows, closes, bars["volume"].fill_null(np.nan).to_numpy()
    )

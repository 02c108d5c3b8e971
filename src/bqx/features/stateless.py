"""Compute a table from a frame of bars, without a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from bqx.domains.grid import BarArrays, FloatArray, open_bars
from bqx.domains.rate import first_baseline
from bqx.domains.together import PairBars, Together
from bqx.errors import BqxError
from bqx.features.arrow import to_arrow, to_polars
from bqx.features.compute import Slice, TableData, compute_tables
from bqx.features.registry import Registry
from bqx.features.registry import registry as default_registry
from bqx.features.table import KEY, TableSpec
from bqx.market import Calendar, parse_pair

PRICES = ("open", "high", "low", "close")


def compute(
    table: str,
    bars: pl.DataFrame,
    *,
    pair: str,
    columns: Sequence[str] | None = None,
    calendar: Calendar | None = None,
    baseline: float | None = None,
    registry: Registry | None = None,
    peers: Mapping[str, pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """Compute a table from bars alone; nothing is stored.

    Args:
        table: Table name without pair and month, for example ``reg_bqx``.
        bars: Frame with ``ts_utc`` (timezone-aware, increasing), ``open``, ``high``, ``low``,
            ``close`` and optionally ``volume``, ``bid_close``, ``ask_close``, ``bid_low`` and
            ``ask_high``.
        pair: The pair of the bars.
        columns: Columns to compute; all of the table's when None.
        calendar: Trading-minute grid; the FX week when None.
        baseline: Close that stands for 100; the first bar's when None.
        registry: Families to use; all installed ones when None.
        peers: Bars of other pairs by pair, for tables that compare pairs.

    Returns:
        One row per grid minute from the first to the last bar: ``ts_utc`` and the columns.

    Raises:
        UnknownNameError: If the pair, the table or a column is unknown.
        BqxError: If the bars are unusable.
    """
    families = registry or default_registry()
    spec = families.table(table)
    spec = spec if columns is None else spec.select(tuple(columns))
    own = parse_pair(pair).name
    arrays = {parse_pair(name).name: bar_arrays(frame) for name, frame in (peers or {}).items()}
    arrays[own] = bar_arrays(bars)
    together = surroundings(own, arrays, calendar or Calendar(), baseline)
    return to_polars(to_arrow(compute_data(families, {table: spec}, together)[table]))


def surroundings(
    pair: str, bars: Mapping[str, BarArrays], calendar: Calendar, baseline: float | None = None
) -> Together:
    """Bars of a pair and of others; what lies outside trading minutes is left out.

    Args:
        pair: The pair.
        bars: Bars by pair.
        calendar: Trading-minute grid.
        baseline: Close of the pair that stands for 100; that of each pair's first bar when None.

    Raises:
        BqxError: If no bar of a pair lies in a trading minute.
    """
    found = {}
    for name, all_bars in bars.items():
        usable = open_bars(all_bars, calendar)
        first = first_baseline(usable)
        if first is None:
            raise BqxError(
                f"none of {len(all_bars.minutes)} bars of {name} lies in a trading minute",
                expected=f"bars inside {calendar.identity}",
                hint="is the clock of the bars UTC?",
            )
        own = name == pair and baseline is not None
        found[name] = PairBars(usable, baseline if own and baseline else first.rate)
    return Together(pair, found, calendar)


def compute_data(
    families: Registry,
    specs: Mapping[str, TableSpec],
    together: Together,
    *,
    exact: bool = False,
) -> dict[str, TableData]:
    """Tables of a pair over all grid rows from its first to its last bar; see `compute_tables`."""
    rows = together.rows(together.pair)
    found: dict[str, TableData] = {}
    for single in (False, True):
        wanted = {name: spec for name, spec in specs.items() if spec.single == single}
        if wanted:
            piece = Slice(together.slice(*rows, single=single), 0)
            found |= compute_tables(families, wanted, piece, exact=exact)
    return found


def bar_arrays(bars: pl.DataFrame) -> BarArrays:
    """Bars as arrays.

    Raises:
        BqxError: If a column is missing, times are naive or not increasing, or a price is missing
            or not positive.
    """
    missing = [c for c in (KEY, *PRICES) if c not in bars.columns]
    if missing:
        raise BqxError(
            f"the bars have no column {', '.join(missing)}",
            expected="ts_utc, open, high, low, close",
            hint=f"found {bars.columns}",
        )
    kind = bars.schema[KEY]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise BqxError(
            f"ts_utc is {kind}",
            expected="timezone-aware timestamps",
            hint="dt.replace_time_zone('UTC') if the clock is UTC",
        )
    minutes = bars[KEY].dt.epoch("s").to_numpy() // 60
    if len(minutes) == 0 or np.any(np.diff(minutes) <= 0):
        raise BqxError(
            "ts_utc is empty or not increasing by whole minutes",
            expected="one bar per minute, in order",
            hint="sort the frame and drop repeated minutes",
        )
    volume = bars["volume"] if "volume" in bars.columns else pl.repeat(None, len(bars), eager=True)
    floats = volume.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    opens, highs, lows, closes = (_price(bars, name) for name in PRICES)
    return BarArrays(minutes, opens, highs, lows, closes, floats, _quotes(bars))


def _quotes(bars: pl.DataFrame) -> FloatArray | None:
    names = ("bid_close", "ask_close", "bid_low", "ask_high")
    if not set(names) <= set(bars.columns):
        return None
    sides = [bars[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names]
    return np.array(sides)


def _price(bars: pl.DataFrame, name: str) -> FloatArray:
    values: FloatArray = bars[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if not (np.isfinite(values) & (values > 0)).all():
        raise BqxError(
            f"{name} holds missing or non-positive prices",
            expected="positive finite numbers",
            hint="`bqx ingest` moves such rows to quarantine",
        )
    return values

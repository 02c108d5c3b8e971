"""Compute a table from a frame of bars, without a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from bqx.domains.domain import Domains
from bqx.domains.grid import BarArrays, FloatArray, fill, open_bars
from bqx.domains.rate import Baseline, first_baseline
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
) -> pl.DataFrame:
    """Compute a table from bars alone; nothing is stored.

    Args:
        table: Table name without pair and month, for example ``reg_bqx``.
        bars: Frame with ``ts_utc`` (timezone-aware, increasing), ``open``, ``high``, ``low``,
            ``close`` and optionally ``volume``.
        pair: The pair of the bars.
        columns: Columns to compute; all of the table's when None.
        calendar: Trading-minute grid; the FX week when None.
        baseline: Close that stands for 100; the first bar's when None.
        registry: Families to use; all installed ones when None.

    Returns:
        One row per grid minute from the first to the last bar: ``ts_utc`` and the columns.

    Raises:
        UnknownNameError: If the pair, the table or a column is unknown.
        BqxError: If the bars are unusable.
    """
    families = registry or default_registry()
    spec = families.table(table)
    spec = spec if columns is None else spec.select(tuple(columns))
    parse_pair(pair)
    data = compute_data(families, {table: spec}, bar_arrays(bars), calendar or Calendar(), baseline)
    return to_polars(to_arrow(data[table]))


def compute_data(
    families: Registry,
    specs: Mapping[str, TableSpec],
    bars: BarArrays,
    calendar: Calendar,
    baseline: float | None = None,
) -> dict[str, TableData]:
    """Tables over all grid rows from the first to the last bar.

    Raises:
        BqxError: If no bar lies in a trading minute.
    """
    usable = open_bars(bars, calendar)
    base = first_baseline(usable) if baseline is None else Baseline(0, baseline)
    if base is None:
        raise BqxError(
            f"none of {len(bars.minutes)} bars lies in a trading minute",
            expected=f"bars inside {calendar.identity}",
            hint="is the clock of the bars UTC?",
        )
    first, last = (int(r) for r in calendar.row_at_or_after(usable.minutes[[0, -1]]))
    grid = fill(usable, calendar, first, last + 1, start=first)
    return compute_tables(families, specs, Slice(Domains(grid, base.rate), 0))


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
    return BarArrays(minutes, opens, highs, lows, closes, floats)


def _price(bars: pl.DataFrame, name: str) -> FloatArray:
    values: FloatArray = bars[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if not (np.isfinite(values) & (values > 0)).all():
        raise BqxError(
            f"{name} holds missing or non-positive prices",
            expected="positive finite numbers",
            hint="`bqx ingest` moves such rows to quarantine",
        )
    return values

"""Bars in a store: monthly partitions as delivered, their days, and the pair's baseline."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import xxhash

from bqx.bars.schema import BAR_SCHEMA, empty_bars
from bqx.domains.grid import BarArrays, FloatArray
from bqx.domains.rate import Baseline
from bqx.errors import IntegrityError, StoreError
from bqx.features.arrow import minutes_of, to_polars
from bqx.features.table import ALL
from bqx.market import Calendar, moment_of, month_bounds, month_of
from bqx.store.hashing import content_hash
from bqx.store.partitioncache import PartitionCache
from bqx.store.partitions import Partitions
from bqx.store.state import Day, Partition, State

M1 = "m1"
CACHED_MONTHS = 120
"""Months of bars kept in memory, about 1.5 MB each: tables are made of the bars of many pairs."""
MINUTES_A_DAY = 1440
_KERNEL_COLUMNS = ("ts_utc", "open", "high", "low", "close", "volume")
_QUOTE_COLUMNS = ("bid_close", "ask_close", "bid_low", "ask_high")
_COMMENTS = {
    "ts_utc": "Open minute of the bar, UTC; the bar is known one minute later.",
    "open": "First price of the minute.",
    "high": "Highest price.",
    "low": "Lowest price.",
    "close": "Last price.",
    "volume": "Tick volume, never traded volume; NULL where the source has none.",
}
COMMENT = "One-minute bars as delivered, in UTC."


def m1_schema() -> pa.Schema:
    """Arrow schema of the bars, with comments."""
    fields = []
    for name in BAR_SCHEMA:
        kind = pa.timestamp("us", tz="UTC") if name == "ts_utc" else pa.float64()
        side, _, part = name.partition("_")
        comment = _COMMENTS.get(name) or f"{part.title()} of the {side} price."
        required = name in _KERNEL_COLUMNS[:5]
        fields.append(pa.field(name, kind, nullable=not required, metadata={"comment": comment}))
    return pa.schema(fields, metadata={"comment": COMMENT})


def day_hashes(pair: str, table: pa.Table) -> list[Day]:
    """The UTC days of a pair's bars, each with the hash of its bars."""
    minutes = minutes_of(table)
    numbers, starts = np.unique(minutes // MINUTES_A_DAY, return_index=True)
    ends = [*starts[1:], len(minutes)]
    return [
        Day(pair, int(day), content_hash(table.slice(int(a), int(b - a))), int(b - a))
        for day, a, b in zip(numbers, starts, ends, strict=True)
    ]


class BarStore:
    """The bars of all pairs in one store.

    Args:
        parts: Partitions of the store.
        state: State of the store.
        calendar: Trading-minute grid.
        baseline_minute: Earliest epoch minute of a baseline, or None.
    """

    def __init__(
        self, parts: Partitions, state: State, calendar: Calendar, baseline_minute: int | None
    ) -> None:
        self._parts = parts
        self._state = state
        self._calendar = calendar
        self._baseline_minute = baseline_minute
        self._extents: dict[tuple[str, str], tuple[int, int] | None] = {}
        self._cache: PartitionCache[BarArrays] = PartitionCache(CACHED_MONTHS)

    def months(self, pair: str) -> tuple[str, ...]:
        """Months with bars of a pair, or of any pair where `ALL` stands for it."""
        found = self._state.partitions(M1, None if pair == ALL else pair)
        return tuple(sorted({month for _, _, month in found}))

    def frame(self, pair: str, month: str) -> pl.DataFrame:
        """The bars of a month; an empty frame when there are none."""
        key = (M1, pair, month)
        return to_polars(self._parts.read(key)) if self._parts.exists(key) else empty_bars()

    def replace(self, pair: str, month: str, bars: pl.DataFrame) -> None:
        """Write a month of bars (`BAR_SCHEMA`) and record it."""
        key = (M1, pair, month)
        self._state.forget([key])
        table = bars.to_arrow().cast(m1_schema())
        self._record(pair, month, table, self._parts.write(key, table))

    def record(self, pair: str, month: str) -> None:
        """Record a month of bars as it is stored."""
        key = (M1, pair, month)
        self._record(pair, month, self._parts.read(key), self._parts.size(key))

    def _record(self, pair: str, month: str, table: pa.Table, size: int) -> None:
        minutes = minutes_of(table)
        partition = Partition(
            tbl=M1,
            pair=pair,
            month=month,
            rows=table.num_rows,
            hash=content_hash(table),
            bytes=size,
            fingerprint="",
            inputs="",
            first=int(minutes[0]),
            last=int(minutes[-1]),
        )
        self._state.record([partition], day_hashes(pair, table))

    def unrecorded(self) -> list[tuple[str, str]]:
        """Bar partitions that there are but not in the state."""
        found = self._parts.keys(M1)
        recorded = self._state.partitions(M1) if found else {}
        return [(pair, month) for _, pair, month in found if (M1, pair, month) not in recorded]

    def load(self, pair: str, first: int, last: int) -> BarArrays:
        """Bars inside trading minutes from epoch minute ``first`` to ``last``, both included.

        When ``first`` has no bar, the newest bar before it comes along: its close fills the start.
        """
        months = [m for m in self.months(pair) if m <= month_of(last)]
        parts: list[BarArrays] = []
        for month in reversed(months):
            part = self._open_bars(pair, month)
            parts.insert(0, part)
            if len(part.minutes) and part.minutes[0] <= first:
                break
        bars = _concat(parts)
        low = max(int(np.searchsorted(bars.minutes, first, side="right")) - 1, 0)
        high = int(np.searchsorted(bars.minutes, last, side="right"))
        return bars.take(slice(low, high))

    def _open_bars(self, pair: str, month: str) -> BarArrays:
        version = self._parts.version((M1, pair, month))
        return self._cache.get((pair, month), version, lambda: self._read_open_bars(pair, month))

    def _read_open_bars(self, pair: str, month: str) -> BarArrays:
        table = self._parts.read((M1, pair, month), (*_KERNEL_COLUMNS, *_QUOTE_COLUMNS))
        if table.num_columns < len(_KERNEL_COLUMNS) + len(_QUOTE_COLUMNS):
            raise IntegrityError(
                f"bars of {pair} {month} hold the columns {table.column_names}",
                expected=", ".join((*_KERNEL_COLUMNS, *_QUOTE_COLUMNS)),
                hint="`bqx verify` lists what is damaged",
            )
        opens, highs, lows, closes, volume = (
            table.column(name).to_numpy() for name in _KERNEL_COLUMNS[1:]
        )
        quotes = [table.column(name) for name in _QUOTE_COLUMNS]
        minutes = minutes_of(table)
        known = any(column.null_count < len(minutes) for column in quotes)
        sides = np.array([column.to_numpy() for column in quotes]) if known else None
        bars = BarArrays(minutes, opens, highs, lows, closes, volume, sides)
        keep = self._calendar.is_open(minutes)
        return bars if keep.all() else bars.take(keep)

    def extent(self, pair: str) -> tuple[int, int] | None:
        """Epoch minutes of the first and last bar inside trading minutes; None without one."""
        partitions = list(self._state.partitions(M1, pair).values())
        key = (pair, "|".join(p.hash for p in partitions))
        if key not in self._extents:
            self._extents[key] = self._find_extent(pair, [p.month for p in partitions])
        return self._extents[key]

    def _find_extent(self, pair: str, months: list[str]) -> tuple[int, int] | None:
        first = next((b for m in months if len(b := self._open_bars(pair, m).minutes)), None)
        last = next((b for m in months[::-1] if len(b := self._open_bars(pair, m).minutes)), None)
        if first is None or last is None:
            return None
        return int(first[0]), int(last[-1])

    def version(self) -> str:
        """Changes when the bars of any pair do."""
        rows = self._state.query(
            "SELECT hash FROM partitions WHERE tbl = ? ORDER BY pair, month", (M1,)
        )
        return xxhash.xxh3_128(",".join(str(h) for (h,) in rows).encode()).hexdigest()

    def baseline(self, pair: str) -> Baseline:
        """The pair's baseline: the stored one, or the first bar's at or after the configured start.

        Raises:
            StoreError: If no bar qualifies.
        """
        stored = self._state.baseline(pair)
        return stored or self._first_baseline(pair)

    def fix_baseline(self, pair: str) -> Baseline:
        """Store the pair's baseline for good.

        Raises:
            StoreError: If no bar qualifies.
        """
        baseline = self.baseline(pair)
        self._state.set_baseline(pair, baseline)
        return baseline

    def _first_baseline(self, pair: str) -> Baseline:
        start = self._baseline_minute or 0
        for month in self.months(pair):
            if month_bounds(month)[1] <= start:
                continue
            bars = self._open_bars(pair, month)
            at = int(np.searchsorted(bars.minutes, start))
            if at < len(bars.minutes):
                return Baseline(int(bars.minutes[at]), float(bars.close[at]))
        raise StoreError(
            f"{pair} has no bar in a trading minute at or after {moment_of(start)}",
            expected="a bar to stand for a rate index of 100",
            hint="ingest later bars, or set an earlier `baseline_start` in bqx.toml",
        )


def _concat(parts: list[BarArrays]) -> BarArrays:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        nothing = np.empty(0)
        return BarArrays(np.empty(0, np.int64), nothing, nothing, nothing, nothing, nothing)
    return BarArrays(
        minutes=np.concatenate([p.minutes for p in parts]),
        open=np.concatenate([p.open for p in parts]),
        high=np.concatenate([p.high for p in parts]),
        low=np.concatenate([p.low for p in parts]),
        close=np.concatenate([p.close for p in parts]),
        volume=np.concatenate([p.volume for p in parts]),
        quotes=_concat_quotes(parts),
    )


def _concat_quotes(parts: list[BarArrays]) -> FloatArray | None:
    if all(p.quotes is None for p in parts):
        return None
    unknown = (np.full((len(_QUOTE_COLUMNS), len(p.minutes)), np.nan) for p in parts)
    sides = [u if p.quotes is None else p.quotes for p, u in zip(parts, unknown, strict=True)]
    return np.concatenate(sides, axis=1)

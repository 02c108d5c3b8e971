"""Read a table of a pair: from the bars, which is faster than files, or from its partitions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import polars as pl
import pyarrow as pa

from bqx.bars.schema import BAR_SCHEMA
from bqx.errors import UnknownNameError
from bqx.features.arrow import schema_of, to_arrow, to_polars
from bqx.features.compute import compute_tables
from bqx.features.table import ALL, KEY, TableSpec
from bqx.market import read_moment
from bqx.store.around import load_slice
from bqx.store.barstore import M1
from bqx.store.base import BaseStore
from bqx.store.slices import extent, row_runs

THREADS = os.cpu_count() or 1

Moment = datetime | date | str
Source = Literal["computed", "stored"]


def read_table(
    store: BaseStore,
    table: str,
    pair: str | None = None,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    columns: Sequence[str] | None = None,
    source: Source = "computed",
) -> pl.DataFrame:
    """Rows of a table, sorted by ``ts_utc``.

    Args:
        store: The store.
        table: Table name without pair and month; ``m1`` for the bars as delivered.
        pair: The pair; None for a table that is one for all pairs.
        start: First time, included; an ISO text or a naive time is UTC. The beginning when None.
        end: Last time, excluded. The end when None.
        columns: Columns beside ``ts_utc``; all when None.
        source: ``computed`` makes the values from the bars, whether or not they are stored;
            ``stored`` reads the partitions that exist. Current partitions hold equal values.

    Raises:
        UnknownNameError: If the table, the pair or a column is unknown.
        BqxError: If ``start`` or ``end`` cannot be read.
    """
    window = (_minute(start, 0), _minute(end, 2**40))
    if table == M1:
        return _bars(store, _pair(store, table, pair, single=False), window, columns)
    spec = store.registry.table(table)
    pair = _pair(store, table, pair, single=spec.single)
    spec = spec if columns is None else spec.select(tuple(columns))
    parts = (_computed if source == "computed" else _stored)(store, spec, pair, window)
    joined = pa.concat_tables(parts) if parts else schema_of(spec).empty_table()
    return to_polars(joined)


def _pair(store: BaseStore, table: str, pair: str | None, *, single: bool) -> str:
    if single and pair in {None, ALL}:
        return ALL
    if single or pair is None:
        raise UnknownNameError(
            f"table {table} of the pair {pair}",
            expected="no pair: it is one table for all" if single else "a pair",
            hint=f"read({table!r})" if single else f"read({table!r}, 'eurusd')",
        )
    return store.select_pairs([pair])[0]


def _minute(moment: Moment | None, default: int) -> int:
    if moment is None:
        return default
    # A time within a minute excludes that minute's open, as it does for any comparison.
    return -(-int(read_moment(moment).timestamp()) // 60)


def _bars(
    store: BaseStore, pair: str, window: tuple[int, int], columns: Sequence[str] | None
) -> pl.DataFrame:
    names = [n for n in BAR_SCHEMA if n != KEY] if columns is None else list(columns)
    unknown = [n for n in names if n not in BAR_SCHEMA]
    if unknown:
        raise UnknownNameError(f"m1 has no column {unknown}", expected=f"{list(BAR_SCHEMA)}")
    frames = [store.bars.frame(pair, m).select(KEY, *names) for m in store.bars.months(pair)]
    return _within(pl.concat(frames), window)


def _within(frame: pl.DataFrame, window: tuple[int, int]) -> pl.DataFrame:
    """The rows whose epoch minute lies in ``window``, half open."""
    seconds = pl.col(KEY).dt.epoch("s")
    return frame.filter(seconds >= window[0] * 60, seconds < window[1] * 60)


def _computed(
    store: BaseStore, spec: TableSpec, pair: str, window: tuple[int, int]
) -> list[pa.Table]:
    span = extent(store, pair)
    if span is None or not spec.columns:
        return []
    low, high = (int(r) for r in store.calendar.row_range(*window))
    tables = []
    for first, last in row_runs(store, pair, span):
        rows = max(first, low), min(last, high)
        if rows[0] < rows[1]:
            piece = load_slice(store, pair, span, rows, spec.memory)
            data = compute_tables(store.registry, {spec.name: spec}, piece, threads=THREADS)
            tables.append(to_arrow(data[spec.name]))
    return tables


def _stored(
    store: BaseStore, spec: TableSpec, pair: str, window: tuple[int, int]
) -> list[pa.Table]:
    tables = []
    for partition in store.state.partitions(spec.name, pair).values():
        if partition.last < window[0] or partition.first >= window[1]:
            continue
        key = (spec.name, pair, partition.month)
        table = store.parts.read(key, [KEY, *spec.column_names]).replace_schema_metadata(None)
        if partition.first < window[0] or partition.last >= window[1]:
            table = _within(to_polars(table), window).to_arrow().cast(table.schema)
        tables.append(table)
    return tables

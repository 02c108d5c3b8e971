"""Columns of a pair on consecutive rows, computed from bars or read from partitions.

Everything becomes float32, and NULL where the pair has no row or no value. Under a NULL stands NaN,
so that the bytes of an array are as reproducible as its values. A lag is another view of the same
memory: columns are made with a few rows more in front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from bqx.dataset.columns import Choice
from bqx.dataset.naming import Place, owner
from bqx.dataset.narrow import as_float32
from bqx.dataset.stored import read_stored
from bqx.features.compute import LOOK_BACKS, compute_tables
from bqx.features.registry import Registry, group_of
from bqx.features.table import ALL, TableSpec
from bqx.store.around import load_slice
from bqx.store.base import BaseStore
from bqx.store.reading import Source
from bqx.store.slices import Extent, extent, row_runs

Rows = tuple[int, int]
Specs = Mapping[str, TableSpec]
Arrays = dict[Place, pa.Array]


def tables_by_owner(families: Registry, choice: Choice, pair: str) -> dict[str, Specs]:
    """The tables that a pair's rows need, with just their columns, by the pair that they are of."""
    wanted: dict[str, dict[str, dict[str, None]]] = {}
    for feature in choice.features:
        tables = wanted.setdefault(owner(feature, pair, families), {})
        tables.setdefault(feature.table, {})[feature.column] = None
    return {
        name: {t: families.tables[t].select(tuple(columns)) for t, columns in tables.items()}
        for name, tables in wanted.items()
    }


def grouped(specs: Specs) -> list[dict[str, TableSpec]]:
    """Tables that are computed together; one group is in memory at a time."""
    groups: dict[str, dict[str, TableSpec]] = {}
    for name, spec in specs.items():
        groups.setdefault(group_of(name), {})[name] = spec
    return list(groups.values())


def look_back(specs: Specs) -> int:
    """Rows with which a slice for these tables begins, the first one that is asked for included.

    Tables that look at other pairs ask for one of a few lengths, so that they share the slices of
    all pairs.
    """
    memory = max(spec.memory for spec in specs.values())
    if any(spec.peers for spec in specs.values()):
        return next((k for k in LOOK_BACKS if k >= memory), memory)
    return memory


def read_columns(store: BaseStore, pair: str, specs: Specs, rows: Rows, source: Source) -> Arrays:
    """Columns of a pair over absolute rows, NULL where the pair has no row.

    Args:
        store: The store.
        pair: The pair, or `ALL`.
        specs: Tables with the columns that are wanted.
        rows: Absolute rows, half open.
        source: ``computed`` from the bars, or ``stored`` partitions.

    Raises:
        StoreError: If a stored partition has other rows than the grid.
    """
    span = extent(store, pair) if pair in {ALL, *store.state.pairs()} else None
    pieces = [] if span is None else _present(store, pair, span, rows)
    parts = [
        read_stored(store, pair, specs, piece)
        if span is None or source == "stored"
        else _computed(store, (pair, span), specs, piece)
        for piece in pieces
    ]
    places = [(t, c) for t, spec in specs.items() for c in spec.column_names]
    return {place: _joined([part[place] for part in parts], pieces, rows) for place in places}


def _present(store: BaseStore, pair: str, span: Extent, rows: Rows) -> list[Rows]:
    """The parts of ``rows`` in which the pair has rows."""
    runs = row_runs(store, pair, span)
    cut = [(max(low, rows[0]), min(high, rows[1])) for low, high in runs]
    return [(low, high) for low, high in cut if low < high]


def _joined(parts: Sequence[pa.Array], pieces: Sequence[Rows], rows: Rows) -> pa.Array:
    """Pieces of a column with NULLs before, between and behind them."""
    if list(pieces) == [rows]:
        return parts[0]
    borders = [rows[0], *(row for piece in pieces for row in piece), rows[1]]
    gaps = [high - low for low, high in pairwise(borders)][::2]
    arrays = [_nothing(gaps[0])]
    for part, gap in zip(parts, gaps[1:], strict=True):
        arrays += [part, _nothing(gap)]
    return pa.concat_arrays(arrays)


def _nothing(rows: int) -> pa.Array:
    return as_float32(np.full(rows, np.nan, np.float32), np.zeros(rows, np.bool_))


def _computed(store: BaseStore, of: tuple[str, Extent], specs: Specs, rows: Rows) -> Arrays:
    found: Arrays = {}
    for group in grouped(specs):
        # A new slice per group: what the last one computed on its way is let go.
        piece = load_slice(store, *of, rows, look_back(group))
        for name, data in compute_tables(store.registry, group, piece).items():
            for column in data.columns:
                valid = column.valid if column.nulls else None
                found[name, column.column.name] = as_float32(column.values, valid)
    return found

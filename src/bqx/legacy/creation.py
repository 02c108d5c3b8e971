"""Making the first version's database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bqx.domains.grid import FloatArray, Int64Array
from bqx.domains.rate import BASE, first_baseline
from bqx.errors import ConfigError
from bqx.legacy.bars import PairBars
from bqx.legacy.recipe import Recipe
from bqx.legacy.room import MARK, make_room
from bqx.legacy.rows import write
from bqx.legacy.schema import FIBONACCI, KINDS, M1, SCHEMA, Kind
from bqx.legacy.values import bar_values, few_values, month_values
from bqx.market import month_bounds
from bqx.postgres.connect import Connection, connect, reported, run

BASELINE_MONTH = "2024_07"
"""The rate index is 100 at the first bar of this month, in UTC."""
_COLD = {FIBONACCI: 240}
"""Rows that the first version left out at the start of each month."""


@dataclass(frozen=True)
class Created:
    """What was made.

    Attributes:
        tables: Parents.
        partitions: Months of them.
        rows: Rows of all tables.
        pairs: Pairs.
        months: Months of the feature tables.
        full: Pairs with all bars, and where these come from.
        shift_weeks: Weeks by which bars of vendor files were moved.
        seconds: Wall time.
    """

    tables: int
    partitions: int
    rows: int
    pairs: tuple[str, ...]
    months: tuple[str, ...]
    full: dict[str, str]
    shift_weeks: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The account as plain values."""
        return asdict(self)


def create(address: str, recipe: Recipe | None = None, *, replace: bool = False) -> Created:
    """Make the first version's tables in a database.

    Args:
        address: Of the server and database, as `bqx.postgres.connect.connect` reads it.
        recipe: What they are made of; 28 pairs and 12 months with three rows each when None.
        replace: Whether tables made by an earlier call are deleted first.

    Raises:
        ConfigError: If vendor files have no bar in the months.
        InputFileError: If a file cannot be read.
        StoreError: If the schema holds something already, or the server refuses.
    """
    began = time.perf_counter()
    wanted = recipe or Recipe()
    sources = wanted.sources()
    with connect(address, autocommit=True) as connection:
        make_room(connection, replace=replace)
        made = np.zeros(3, np.int64)
        for pair in wanted.pair_names:
            made += _make_pair(connection, pair, sources.get(pair) or wanted.few(pair), wanted)
        run(connection, f"COMMENT ON SCHEMA {SCHEMA} IS '{MARK}'")
    tables, partitions, rows = made.tolist()
    return Created(
        tables=tables,
        partitions=partitions,
        rows=rows,
        pairs=wanted.pair_names,
        months=wanted.month_names,
        full={pair: source.origin for pair, source in sources.items()},
        shift_weeks=wanted.shift_weeks,
        seconds=time.perf_counter() - began,
    )


def _make_pair(
    connection: Connection, pair: str, source: PairBars, recipe: Recipe
) -> tuple[int, int, int]:
    """Make the tables of a pair in one transaction; numbers of tables, partitions and rows."""
    months = recipe.month_names
    statements = [
        statement
        for kind in KINDS.values()
        for statement in kind.statements(pair, source.months(months) if kind is M1 else months)
    ]
    note = f"One-minute bars with the rate index: {source.origin}."
    comment = f"COMMENT ON TABLE {SCHEMA}.{M1.parent(pair)} IS '{note}'"
    with reported(f"making the tables of {pair}"), connection.transaction():
        run(connection, ";".join([*statements, comment]))
        rows = _fill(connection, pair, source, recipe)
    return len(KINDS), len(statements) - len(KINDS), rows


def _fill(connection: Connection, pair: str, source: PairBars, recipe: Recipe) -> int:
    bars = source.bars
    index = _index(source, recipe.month_names)
    rows = write(connection, M1, pair, bars.minutes, bar_values(bars, index))
    rng = np.random.default_rng([recipe.seed, *pair.encode()])
    parts: dict[Kind, list[tuple[Int64Array, FloatArray]]] = {}
    for kind, minutes, values in _months(source, index, recipe.month_names, rng):
        parts.setdefault(kind, []).append((minutes, values))
    for kind, made in parts.items():
        minutes = np.concatenate([part[0] for part in made])
        values = np.concatenate([part[1] for part in made], axis=1)
        rows += write(connection, kind, pair, minutes, values)
    return rows


def _months(
    source: PairBars, index: FloatArray, months: tuple[str, ...], rng: np.random.Generator
) -> Iterator[tuple[Kind, Int64Array, FloatArray]]:
    """Minutes and values of each kind of feature table: of every full month, then of the rest."""
    minutes = source.bars.minutes
    rest = minutes >= month_bounds(months[0])[0]
    for month in sorted(source.full):
        low, high = np.searchsorted(minutes, month_bounds(month))
        rest[low:high] = False
        for kind, values in month_values(index[low:high], rng).items():
            cold = _COLD.get(kind, 0)
            yield kind, minutes[low:high][cold:], values[:, cold:]
    for kind, values in few_values(index[rest], rng).items():
        yield kind, minutes[rest], values


def _index(source: PairBars, months: tuple[str, ...]) -> FloatArray:
    """The rate index; the first bar of `BASELINE_MONTH`, or of an earlier first month, is 100."""
    start = month_bounds(min(BASELINE_MONTH, months[0]))[0]
    baseline = first_baseline(source.bars, start)
    if baseline is None:
        raise ConfigError(f"no bar in {months[0]} or later", expected="bars in the months")
    index: FloatArray = source.bars.close / baseline.rate * BASE
    return index

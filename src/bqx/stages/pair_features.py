"""Tables of a pair, month by month, from its bars alone, and the NULLs that they must have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from bqx.domains.domain import TRAITS
from bqx.domains.grid import BoolArray, Int64Array
from bqx.domains.together import Together
from bqx.features.arrow import MICROSECONDS, TIMESTAMP, bitmap, number_array, to_arrow
from bqx.features.compute import Slice, TableData, compute_tables
from bqx.features.feature import Column
from bqx.features.registry import Registry, registry
from bqx.features.table import KEY, TableSpec
from bqx.market import month_bounds
from bqx.stages.legacy_bars import LegacyBars

SERIES = {"rate": "rate_index", "bqx": "w15_bqx_return"}
"""Column of the table ``bqx`` that is the series a domain's regression is fitted to."""
# Not w15_…: the programme's own queries take whatever stands before the first "_" for a window.
SOURCES = {"rate": "rate_index", "bqx": "bqx_return"}
"""Name of that series beside the regression."""


def source_column(domain: str) -> Column:
    """The contract of the series that a domain's regression is fitted to."""
    return registry().table("bqx").column(SERIES[domain])


def selected(table: str, names: Sequence[str] | None = None) -> TableSpec:
    """The contract of a table, or of some of its columns."""
    spec = registry().table(table)
    return spec if names is None else spec.select(tuple(names))


@dataclass(frozen=True)
class Content:
    """What a partition must hold.

    Attributes:
        table: Key and columns, in order of time.
        nulls: NULLs that each column must have.
    """

    table: pa.Table
    nulls: Mapping[str, int]


class PairFeatures:
    """Tables of one pair.

    Args:
        bars: Its bars.
        families: Where the tables are declared; all installed families when None.
    """

    def __init__(self, bars: LegacyBars, families: Registry | None = None) -> None:
        self.bars = bars
        self._families = families or registry()
        self._together = Together(bars.pair, {bars.pair: bars.known}, bars.calendar)
        self._known: dict[tuple[int, int, int], BoolArray] = {}
        self._first = self._together.rows(bars.pair)[0]

    def rows(self, month: str) -> tuple[int, int] | None:
        """Absolute grid rows from the first to the last bar in a month; None where it has none."""
        minutes = self.bars.usable.minutes
        low, high = np.searchsorted(minutes, month_bounds(month))
        if low == high:
            return None
        first, last = self.bars.calendar.row_at_or_after(minutes[[low, high - 1]])
        return int(first), int(last) + 1

    def minutes(self, month: str) -> Int64Array:
        """Epoch minutes of those rows."""
        rows = self.rows(month)
        return np.zeros(0, np.int64) if rows is None else self.bars.calendar.minutes(*rows)

    def content(
        self, spec: TableSpec, month: str, *, source: bool = False, others: Sequence[int] = ()
    ) -> Content:
        """A partition.

        Args:
            spec: The table.
            month: The month.
            source: Whether the series stands before the columns.
            others: Further times, in microseconds, whose rows have no values.
        """
        rows = self.rows(month)
        if rows is None:
            names = [*self._source(spec, source=source), *spec.column_names]
            table = _empty(names, others)
            return Content(table, dict.fromkeys(names, len(others)))
        piece = self._slice(spec, rows)
        data = compute_tables(self._families, {spec.name: spec}, piece)[spec.name]
        table = to_arrow(data)
        nulls = self._nulls(spec, rows, data)
        if source:
            name = SOURCES[spec.domain]
            table = table.add_column(1, name, _series(spec, piece))
            nulls = {name: self._source_nulls(spec, rows), **nulls}
        if others:
            more = _empty(table.column_names[1:], others)
            table = pa.concat_tables([table.replace_schema_metadata(), more]).sort_by(KEY)
            nulls = {name: count + len(others) for name, count in nulls.items()}
        return Content(table, nulls)

    def nulls(
        self, spec: TableSpec, month: str, *, source: bool = False, others: int = 0
    ) -> dict[str, int]:
        """NULLs that each column of a partition must have; see `content`.

        Where a column's own rule has no second implementation, its values are computed.
        """
        rows = self.rows(month)
        if rows is None:
            return dict.fromkeys([*self._source(spec, source=source), *spec.column_names], others)
        found = self._nulls(spec, rows, self._computed(spec, rows))
        if source:
            found[SOURCES[spec.domain]] = self._source_nulls(spec, rows)
        return {name: count + others for name, count in found.items()}

    def inputs(self, spec: TableSpec, month: str, others: Sequence[int] = ()) -> str:
        """Hash of everything that a partition's values depend on."""
        bars, rows = self.bars.usable, self.rows(month)
        digest = xxhash.xxh3_128(f"{spec.name}|{spec.fingerprint}|{spec.column_names}".encode())
        digest.update(f"{self.bars.calendar.identity}|{self.bars.rate!r}|{self._first}".encode())
        digest.update(f"{rows}|{list(others)}".encode())
        if rows is not None:
            first, last = self.bars.calendar.minutes(self._reach(spec, rows), rows[1])[[0, -1]]
            low = max(int(bars.minutes.searchsorted(first)) - 1, 0)
            high = int(bars.minutes.searchsorted(last, side="right"))
            for part in (bars.minutes, bars.open, bars.high, bars.low, bars.close):
                digest.update(np.ascontiguousarray(part[low:high]).data.cast("B"))
        return str(digest.hexdigest())

    def _reach(self, spec: TableSpec, rows: tuple[int, int]) -> int:
        return max(rows[0] - spec.memory + 1, self._first)

    def _slice(self, spec: TableSpec, rows: tuple[int, int]) -> Slice:
        first = self._reach(spec, rows)
        return Slice(self._together.slice(first, rows[1]), rows[0] - first)

    def _span(self, rows: tuple[int, int]) -> tuple[int, int]:
        """The rows as positions of the second implementation, which count from the first bar."""
        return rows[0] - self._first, rows[1] - self._first

    def masks(self, spec: TableSpec, month: str) -> dict[str, BoolArray]:
        """Where each column of a partition must have a value, on its rows of the grid."""
        rows = self.rows(month)
        if rows is None:
            return {name: np.zeros(0, np.bool_) for name in spec.column_names}
        return self._masks(spec, rows, self._computed(spec, rows))

    def _computed(self, spec: TableSpec, rows: tuple[int, int]) -> TableData | None:
        """The values, where a column's own NULL rule has no second implementation."""
        if all(_known(column) for column in spec.columns):
            return None
        piece = self._slice(spec, rows)
        return compute_tables(self._families, {spec.name: spec}, piece)[spec.name]

    def _masks(
        self, spec: TableSpec, rows: tuple[int, int], data: TableData | None
    ) -> dict[str, BoolArray]:
        low, high = self._span(rows)
        masks: dict[tuple[int, int | None], BoolArray] = {}
        found = {}
        for at, column in enumerate(spec.columns):
            if data is not None and not _known(column):
                found[column.name] = data.columns[at].valid
                continue
            window = column.window if column.nullable else None
            key = (column.history, window)
            if key not in masks:
                masks[key] = self._valid(column.history, rows)
                if window is not None:
                    flat = self.bars.truth.flat(spec.domain, window, low, high)
                    masks[key] = masks[key] & ~flat
            found[column.name] = masks[key]
        return found

    def _nulls(
        self, spec: TableSpec, rows: tuple[int, int], data: TableData | None
    ) -> dict[str, int]:
        found = self._masks(spec, rows, data)
        return {name: len(mask) - int(np.count_nonzero(mask)) for name, mask in found.items()}

    def _source_nulls(self, spec: TableSpec, rows: tuple[int, int]) -> int:
        shown = np.zeros(rows[1] - rows[0], np.bool_)
        for history in _histories(spec):
            shown |= self._valid(history, rows)
        return len(shown) - int(np.count_nonzero(shown))

    def _valid(self, history: int, rows: tuple[int, int]) -> BoolArray:
        key = (history, *rows)
        if key not in self._known:
            self._known[key] = self.bars.truth.valid(history, *self._span(rows))
        return self._known[key]

    def _source(self, spec: TableSpec, *, source: bool) -> tuple[str, ...]:
        return (SOURCES[spec.domain],) if source else ()


def _known(column: Column) -> bool:
    """Whether `bqx.checks.expected` knows where the column is NULL."""
    return not column.nullable or column.key == "r2"


def _histories(spec: TableSpec) -> Iterable[int]:
    """The series is shown where its own column is, and wherever a fit is: else it has no source."""
    return {TRAITS[spec.domain].lead + 1, *(c.history for c in spec.columns)}


def _series(spec: TableSpec, piece: Slice) -> pa.Array:
    values = np.ascontiguousarray(piece.domains[spec.domain].series[piece.low :])
    valid = np.zeros(len(values), np.bool_)
    for history in _histories(spec):
        valid |= piece.valid(history)
    return number_array(values, bitmap(valid), len(values) - int(np.count_nonzero(valid)))


def _empty(names: Sequence[str], micros: Sequence[int]) -> pa.Table:
    key: Any = pa.array(micros, pa.int64()).cast(TIMESTAMP)
    fields = [pa.field(KEY, TIMESTAMP, nullable=False)]
    fields += [pa.field(name, pa.float64()) for name in names]
    values = [pa.nulls(len(micros), pa.float64()) for _ in names]
    return pa.Table.from_arrays([key, *values], schema=pa.schema(fields))


def micros(minutes: Int64Array) -> Int64Array:
    """Epoch minutes in microseconds."""
    return minutes * MICROSECONDS

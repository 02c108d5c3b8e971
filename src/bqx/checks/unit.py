"""What the checks look at: a pair's truth and its stored partitions of one month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from bqx.checks.expected import Truth, truth
from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.errors import IntegrityError
from bqx.features.arrow import MICROSECONDS
from bqx.features.feature import Column
from bqx.features.table import ALL, KEY, TableSpec
from bqx.market import PAIRS, moment_of
from bqx.store.barstore import M1
from bqx.store.base import BaseStore
from bqx.store.slices import Inputs

Values = tuple[FloatArray, BoolArray]
"""A column on the expected rows: values, and where they are not NULL."""


class Stored:
    """A stored partition, laid on the rows that it should have.

    Args:
        table: The partition as it was read.
        expected: Epoch minutes of the expected rows.

    Attributes:
        minutes: Epoch minute of each stored row.
        uneven: Stored rows whose time is no whole minute.
    """

    def __init__(self, table: pa.Table, expected: Int64Array) -> None:
        self.table = table
        times = _micros(table)
        self.minutes = times // MICROSECONDS
        self.uneven = int(np.count_nonzero(times % MICROSECONDS))
        self._expected = expected

    @property
    def schema(self) -> pa.Schema:
        """Names, types and comments as stored."""
        return self.table.schema

    @cached_property
    def _rows(self) -> tuple[Int64Array, BoolArray] | None:
        """Stored row of each expected one, and whether there is one; None when all agree."""
        if np.array_equal(self.minutes, self._expected):
            return None
        if not len(self.minutes):
            return np.zeros(len(self._expected), np.int64), np.zeros(len(self._expected), np.bool_)
        order = np.argsort(self.minutes, kind="stable")
        at = np.searchsorted(self.minutes[order], self._expected)
        rows = order[np.minimum(at, len(order) - 1)]
        return rows, self.minutes[rows] == self._expected

    def has(self, name: str) -> bool:
        """Whether the column exists and holds numbers."""
        at = self.schema.get_field_index(name)
        if at < 0:
            return False
        kind = self.schema.field(at).type
        return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))

    def column(self, name: str) -> Values:
        """A column on the expected rows; what is not stored counts as NULL."""
        if not self.has(name):
            return np.zeros(len(self._expected)), np.zeros(len(self._expected), np.bool_)
        values, valid = _values(self.table.column(name))
        if self._rows is None:
            return values, valid
        rows, present = self._rows
        if not len(values):
            return np.zeros(len(rows)), present
        return values[rows], valid[rows] & present


def minutes_of(table: pa.Table) -> Int64Array:
    """Epoch minutes of a table's key, rounded down."""
    return _micros(table) // MICROSECONDS


def _micros(table: pa.Table) -> Int64Array:
    times = table.column(KEY).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(times.fill_null(-1).to_numpy(), dtype=np.int64)


def _values(column: pa.ChunkedArray) -> Values:
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [])
    array = array.cast(pa.float64())
    _, data = array.buffers()
    values = np.frombuffer(data, np.float64, len(array), 8 * array.offset)
    if array.null_count == 0:
        return values, np.ones(len(array), np.bool_)
    return values, np.asarray(array.is_valid().to_numpy(zero_copy_only=False))


@dataclass(frozen=True)
class Unit:
    """One pair and month.

    Attributes:
        store: The store.
        truth: What the pair's tables must hold.
        month: ``yyyy_mm``.
        low: First position of the month.
        high: One after its last.
        tables: Partitions that could be read, by table.
        problems: Why the others could not, by table.
    """

    store: BaseStore
    truth: Truth
    month: str
    low: int
    high: int
    tables: Mapping[str, Stored]
    problems: Mapping[str, str]
    _memo: dict[object, BoolArray] = field(default_factory=dict)

    @property
    def pair(self) -> str:
        """The pair."""
        return self.truth.pair

    @property
    def rows(self) -> int:
        """Rows that each partition should have."""
        return self.high - self.low

    @property
    def minutes(self) -> Int64Array:
        """Epoch minutes of those rows."""
        return self.truth.minutes[self.low : self.high]

    @cached_property
    def inputs(self) -> Inputs:
        """What partitions of this pair and month are made from."""
        return Inputs(self.store)

    @cached_property
    def lacking(self) -> frozenset[str]:
        """Inputs beside the prices that are absent: of this month's bars, or pairs of the store."""
        found = {"peers"} if len(self.store.state.pairs()) < len(PAIRS) else set()
        if self.pair == ALL:
            return frozenset(found)
        bars = self.store.parts.read((M1, self.pair, self.month), ["volume", "bid_close"])
        for need, name in (("volume", "volume"), ("quotes", "bid_close")):
            if bars.column(name).null_count == bars.num_rows:
                found.add(need)
        return frozenset(found)

    def spec(self, table: str) -> TableSpec:
        """The contract of a table."""
        return self.store.tables[table]

    def columns(self, table: str) -> Iterator[tuple[Column, FloatArray, BoolArray]]:
        """The columns of a partition; one that the file lacks counts as NULL in every row."""
        for column in self.spec(table).columns:
            yield column, *self.tables[table].column(column.name)

    def valid(self, history: int) -> BoolArray:
        """Where values of that history must be shown, own rules of a column aside."""
        return self.memo(history, lambda: self.truth.valid(history, self.low, self.high))

    def memo(self, key: object, make: Callable[[], BoolArray]) -> BoolArray:
        """A mask, worked out once: several checks ask for it."""
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]

    def series(self, domain: str) -> FloatArray:
        """The domain's series on the expected rows."""
        return self.truth.series(domain)[self.low : self.high]

    def time(self, row: int) -> str:
        """Time of an expected row."""
        return f"{moment_of(int(self.minutes[row])):%Y-%m-%d %H:%M}"


def load_truth(store: BaseStore, pair: str) -> Truth | None:
    """Read a pair's bars; None when none of them lies in a trading minute.

    For `ALL`: the minutes from the first bar of any pair to the last, each as good as observed.
    """
    if pair == ALL:
        return _everywhere([load_truth(store, name) for name in store.state.pairs()])
    bars = {}
    for month in store.bars.months(pair):
        table = store.parts.read((M1, pair, month), [KEY, "close"])
        bars[month] = minutes_of(table), _values(table.column("close"))[0]
    if not any(store.calendar.is_open(minutes).any() for minutes, _ in bars.values()):
        return None
    baseline = store.bars.baseline(pair)
    return truth(pair, bars, store.calendar, (baseline.minute, baseline.rate))


def _everywhere(truths: Iterable[Truth | None]) -> Truth | None:
    known = [t for t in truths if t is not None]
    if not known:
        return None
    minutes = known[0].minutes
    for other in known[1:]:
        minutes = np.union1d(minutes, other.minutes)
    rows = np.arange(len(minutes))
    return Truth(ALL, minutes, rows, np.ones(len(rows)), 0, 1.0)


def read_stored(
    store: BaseStore,
    key: tuple[str, str, str],
    expected: Int64Array,
    columns: Sequence[str] | None = None,
) -> Stored | str:
    """Read a partition, or say why it cannot be read.

    Args:
        store: The store.
        key: Table, pair and month.
        expected: Epoch minutes of the rows that are asked for.
        columns: Columns beside the key; all when None.
    """
    if not store.parts.exists(key):
        return f"no {store.parts.unit}"
    wanted = None if columns is None else [KEY, *columns]
    try:
        return Stored(store.parts.read(key, wanted), expected)
    except (IntegrityError, KeyError, pa.ArrowException) as error:
        return str(error)


def load_unit(store: BaseStore, known: Truth, month: str, names: Iterable[str]) -> Unit:
    """Read the partitions of a pair and month, each file once."""
    low, high = known.span(month)
    minutes = known.minutes[low:high]
    read = {name: read_stored(store, (name, known.pair, month), minutes) for name in names}
    tables = {name: stored for name, stored in read.items() if isinstance(stored, Stored)}
    problems = {name: reason for name, reason in read.items() if isinstance(reason, str)}
    return Unit(store, known, month, low, high, tables, problems)

"""The two domains of a pair over one slice of the grid.

The *rate* domain's series is the rate index (the cause); the *BQX* domain's is the backward
cumulative return over 15 minutes (the effect). A family is written once, over a ``Domain``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import pyarrow as pa

from bqx.domains.around import Alone, Around, Fit, Market, Memo
from bqx.domains.bars import Bars, index_bars, trailing_bars
from bqx.domains.grid import BoolArray, FloatArray, Grid, Quotes
from bqx.domains.rate import IndexBars
from bqx.domains.validity import Validity
from bqx.kernels.backward import backward_return
from bqx.kernels.elementwise import change, log_change

DomainName = Literal["rate", "bqx"]
PRIMARY_WINDOW = 15
"""Window of the primary BQX series, ``w15_bqx_return``."""

T = TypeVar("T")


@dataclass(frozen=True)
class DomainTraits:
    """What tells one domain from the other.

    Attributes:
        name: As in table names.
        tag: As in column names that carry the domain.
        lead: Rows of closes that the series itself needs before its first value.
        step: Rows of one bar.
        label: For comments and documentation.
    """

    name: DomainName
    tag: str
    lead: int
    step: int
    label: str


TRAITS: dict[str, DomainTraits] = {
    "rate": DomainTraits("rate", "idx", 0, 1, "rate index, base 100 (cause)"),
    "bqx": DomainTraits(
        "bqx",
        "bqx",
        PRIMARY_WINDOW,
        PRIMARY_WINDOW,
        "BQX, backward cumulative return (effect)",
    ),
}


class Domain:
    """One domain of a pair over one slice of the grid; all arrays have one value per row.

    Args:
        traits: Which domain it is.
        index: Open, high, low and close index.
        series: See below.
        domains: Both domains of the slice.

    Attributes:
        traits: Which domain it is.
        index: Open, high, low and close index.
        series: The domain's series; NaN in the rows (``traits.lead`` of them, at the start of the
            slice) whose value would need earlier closes.
    """

    def __init__(
        self, traits: DomainTraits, index: IndexBars, series: FloatArray, domains: Domains
    ) -> None:
        self.traits = traits
        self.index = index
        self.series = series
        self._domains = domains
        self._memo = domains.memo(traits.name)

    @property
    def grid(self) -> Grid:
        """The slice."""
        return self._domains.grid

    @property
    def pair(self) -> str:
        """Name of the pair."""
        return self._domains.around.pair

    @property
    def first(self) -> int:
        """Absolute row of element 0."""
        return self.grid.first

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.series)

    @property
    def change(self) -> FloatArray:
        """Change over one bar: one-row log returns of the index, 15-row differences of BQX."""
        return self._change(self.traits.step)

    @property
    def step_change(self) -> FloatArray:
        """Change over one row: log returns of the index, differences of BQX."""
        return self._change(1)

    def _change(self, rows: int) -> FloatArray:
        def make() -> FloatArray:
            out: FloatArray = self.block(1)[0]
            (log_change if self.traits.name == "rate" else change)(self.series, rows, out)
            return out

        return self.memo(("change", rows), make)

    @property
    def bars(self) -> Bars:
        """The bar that ends at each row; the bar before it ends ``traits.step`` rows earlier."""

        def make() -> Bars:
            if self.traits.name == "rate":
                return index_bars(self.index)
            return trailing_bars(self.series, self.traits.step, self.first, self.block(3))

        return self.memo("bars", make)

    @property
    def volume(self) -> FloatArray:
        """Tick volume: 0 in a minute without a bar, NaN where the source has none."""
        return self.grid.volume

    @property
    def quotes(self) -> Quotes | None:
        """Bid and ask prices; None where no bar of the slice has them."""
        return self.grid.quotes

    @property
    def twin(self) -> Domain:
        """The other domain of the same slice."""
        return self._domains["bqx" if self.traits.name == "rate" else "rate"]

    @property
    def everyone(self) -> Mapping[str, Domain]:
        """This domain of all pairs of the store, the own one too, on the same rows.

        A pair's series is NaN before its first bar; ``grid.age`` and ``valid`` say where it has
        bars. A pair without any bars in the store is not there.
        """

        def make() -> Mapping[str, Domain]:
            pairs = self._domains.market.pairs
            return {name: domains[self.traits.name] for name, domains in pairs.items()}

        return self.memo("everyone", make)

    @property
    def peers(self) -> Mapping[str, Domain]:
        """This domain of the other pairs; see `everyone`."""
        return {name: domain for name, domain in self.everyone.items() if name != self.pair}

    def common(self, key: object, make: Callable[[], T]) -> T:
        """The value of ``make``, computed once for all pairs on these rows.

        It must depend on `everyone` alone, and not on the pair.
        """
        return self._domains.market.memo.get((self.traits.name, key), make)

    def valid(self, history: int) -> BoolArray:
        """Where a value made from the last ``history`` rows may be shown."""
        return self._domains.validity(history)

    def month_starts(self) -> Sequence[int]:
        """Absolute rows at which months begin, from that of the pair's first bar on."""
        return self._domains.around.month_starts()

    def fitted(self, name: str, row: int, fit: Fit) -> FloatArray | None:
        """Parameters fitted on all of the pair's rows before ``row``, the start of a month.

        Args:
            name: What is fitted.
            row: Absolute row, one of `month_starts`.
            fit: Called with the domain over the past, at most once per pair and month, and with
                the parameters of the month before.

        Returns:
            The parameters; None when the past is too short.
        """
        return self._domains.around.fitted(self.traits.name, name, row, fit)

    def block(self, columns: int) -> FloatArray:
        """A new block of ``columns`` arrays, one value per row each.

        It comes from Arrow's memory pool, which hands freed memory out again: the first touch of
        fresh pages would cost more than most kernels.
        """
        memory = pa.allocate_buffer(columns * len(self) * 8)
        return np.frombuffer(memory, np.float64).reshape(columns, len(self))

    def memo(self, key: object, make: Callable[[], T]) -> T:
        """The value of ``make``, computed once per slice: families share intermediate results."""
        return self._memo.get(key, make)


class Domains:
    """Both domains of a slice by name, each made when it is first asked for.

    A `Domain` refers to this object and not the other way round: without a cycle, the great blocks
    of a slice are free for the next one as soon as nobody needs it any more.

    Args:
        grid: The slice.
        baseline: The close that stands for 100.
        around: The slice's surroundings; there are none when None.

    Attributes:
        grid: The slice.
        baseline: The close that stands for 100.
        around: The slice's surroundings.
    """

    def __init__(self, grid: Grid, baseline: float, around: Around | None = None) -> None:
        self.grid = grid
        self.baseline = baseline
        self.around: Around = around or Alone()
        self._series: dict[str, FloatArray] = {}
        self._memos = {name: Memo() for name in TRAITS}
        self._lock = threading.RLock()
        self._validity = Validity(grid)
        self._market: Market | None = None
        self._index = IndexBars(grid, baseline)

    def __getitem__(self, name: DomainName) -> Domain:
        """The domain of that name."""
        with self._lock:
            if name not in self._series:
                self._series[name] = self._index.close if name == "rate" else self._bqx()
            return Domain(TRAITS[name], self._index, self._series[name], self)

    def memo(self, name: str) -> Memo:
        """What was computed from the domain of that name."""
        return self._memos[name]

    def since(self, row: int) -> Domains:
        """The same domains over the rows from absolute row ``row`` on."""
        return Domains(self.grid.since(row), self.baseline, self.around)

    def validity(self, history: int) -> BoolArray:
        """Where a value made from the last ``history`` rows may be shown."""
        with self._lock:
            return self._validity.mask(history)

    @property
    def market(self) -> Market:
        """All pairs on the rows of the slice."""
        with self._lock:
            if self._market is None:
                first = self.grid.first
                self._market = self.around.market(first, first + len(self.grid))
            return self._market

    def _bqx(self) -> FloatArray:
        series = np.empty(len(self.grid))
        backward_return(self._index.close, PRIMARY_WINDOW, series)
        return series

"""The two domains of a pair over one slice of the grid.

The *rate* domain's series is the rate index (the cause); the *BQX* domain's is the backward
cumulative return over 15 minutes (the effect). A family is written once, over a ``Domain``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

import numpy as np
import pyarrow as pa

from bqx.domains.grid import FloatArray, Grid
from bqx.domains.rate import IndexBars
from bqx.kernels.backward import backward_return

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
        label: For comments and documentation.
    """

    name: DomainName
    tag: str
    lead: int
    label: str


TRAITS: dict[str, DomainTraits] = {
    "rate": DomainTraits("rate", "idx", 0, "rate index, base 100 (cause)"),
    "bqx": DomainTraits("bqx", "bqx", PRIMARY_WINDOW, "BQX, backward cumulative return (effect)"),
}


@dataclass(frozen=True)
class Domain:
    """One domain of a pair over one slice of the grid.

    Attributes:
        traits: Which domain it is.
        grid: The slice.
        index: Open, high, low and close index.
        series: The domain's series, one value per row; NaN in the rows (``traits.lead`` of them,
            at the start of the slice) whose value would need earlier closes.
    """

    traits: DomainTraits
    grid: Grid
    index: IndexBars
    series: FloatArray
    _memo: dict[object, object] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """Absolute row of element 0."""
        return self.grid.first

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.series)

    def block(self, columns: int) -> FloatArray:
        """A new block of ``columns`` arrays, one value per row each.

        It comes from Arrow's memory pool, which hands freed memory out again: the first touch of
        fresh pages would cost more than most kernels.
        """
        memory = pa.allocate_buffer(columns * len(self) * 8)
        return np.frombuffer(memory, np.float64).reshape(columns, len(self))

    def memo(self, key: object, make: Callable[[], T]) -> T:
        """The value of ``make``, computed once per slice: families share intermediate results."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast("T", self._memo[key])


def rate_domain(grid: Grid, baseline: float) -> Domain:
    """The rate domain of a slice; ``baseline`` is the close that stands for 100."""
    index = IndexBars(grid, baseline)
    return Domain(TRAITS["rate"], grid, index, index.close)


def bqx_domain(rate: Domain) -> Domain:
    """The BQX domain of the same slice."""
    series = np.empty(len(rate))
    backward_return(rate.index.close, PRIMARY_WINDOW, series)
    return Domain(TRAITS["bqx"], rate.grid, rate.index, series)


class Domains:
    """Both domains of a slice by name, the BQX domain made when it is first asked for.

    Args:
        grid: The slice.
        baseline: The close that stands for 100.
    """

    def __init__(self, grid: Grid, baseline: float) -> None:
        self.grid = grid
        self._rate = rate_domain(grid, baseline)
        self._bqx: Domain | None = None
        self._lock = threading.Lock()

    def __getitem__(self, name: DomainName) -> Domain:
        """The domain of that name."""
        if name == "rate":
            return self._rate
        with self._lock:
            if self._bqx is None:
                self._bqx = bqx_domain(self._rate)
            return self._bqx

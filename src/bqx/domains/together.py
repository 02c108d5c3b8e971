"""Several pairs' bars in memory, as the surroundings of a slice of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bqx.domains.around import Fit, Fitter, Market
from bqx.domains.domain import Domains
from bqx.domains.grid import BarArrays, FloatArray, bare_grid, fill
from bqx.market import Calendar, month_bounds, months_between


@dataclass(frozen=True)
class PairBars:
    """A pair's bars inside trading minutes.

    Attributes:
        bars: The bars.
        baseline: Close that stands for an index of 100.
        start: Absolute row from which the history counts; that of the first bar when None.
    """

    bars: BarArrays
    baseline: float
    start: int | None = None


class Together:
    """Surroundings made of bars in memory.

    Args:
        pair: The pair whose slices are looked at.
        pairs: The bars of all pairs, its own too.
        calendar: The grid.
        fitter: Where parameters come from; they are fitted on the pair's bars when None.
    """

    def __init__(
        self,
        pair: str,
        pairs: Mapping[str, PairBars],
        calendar: Calendar,
        fitter: Fitter | None = None,
    ) -> None:
        self.pair = pair
        self._given = fitter
        self._pairs = pairs
        self._calendar = calendar
        self._markets: dict[tuple[int, int], Market] = {}

    def rows(self, pair: str) -> tuple[int, int]:
        """Absolute rows from a pair's first to its last bar, half open."""
        ends = self._calendar.row_at_or_after(self._pairs[pair].bars.minutes[[0, -1]])
        return int(ends[0]), int(ends[1]) + 1

    def domains(self, pair: str, first: int, last: int) -> Domains:
        """A pair's domains on the rows ``[first, last)``; they may begin before its first bar."""
        known = self._pairs[pair]
        start = self.rows(pair)[0] if known.start is None else known.start
        grid = fill(known.bars, self._calendar, first, last, start, may_begin_later=True)
        return Domains(grid, known.baseline, self)

    def slice(self, first: int, last: int, *, single: bool = False) -> Domains:
        """The rows ``[first, last)``: of the pair, or for tables of all pairs, of none."""
        if single:
            return Domains(bare_grid(self._calendar, first, last), 1.0, self)
        return self.domains(self.pair, first, last)

    def market(self, first: int, last: int) -> Market:
        """All pairs on the rows ``[first, last)``."""
        key = (first, last)
        if key not in self._markets:
            self._markets[key] = Market({p: self.domains(p, first, last) for p in self._pairs})
        return self._markets[key]

    def month_starts(self) -> Sequence[int]:
        """Absolute rows at which months begin, from that of the pair's first bar on."""
        return self._fitter.starts

    def fitted(self, domain: str, name: str, row: int, fit: Fit) -> FloatArray | None:
        """Parameters fitted on all rows before ``row``, the start of a month."""
        return self._fitter.fitted(domain, name, row, fit)

    @cached_property
    def _fitter(self) -> Fitter:
        if self._given is not None:
            return self._given
        minutes = self._pairs[self.pair].bars.minutes
        months = months_between(int(minutes[0]), int(minutes[-1]))
        starts = [self._calendar.row_range(*month_bounds(m))[0] for m in months]
        first = self.rows(self.pair)[0]
        return Fitter(starts, lambda row: self.domains(self.pair, first, max(row, first)))

"""What lies around a slice: the other pairs on the same rows, the pair's past, fitted parameters.

A family asks its domain for these things, and the domain asks this object. The store has one over
its files, the stateless path one over frames, tests one over arrays: the families see no
difference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from bqx.domains.grid import FloatArray

if TYPE_CHECKING:
    from bqx.domains.domain import Domain, Domains

T = TypeVar("T")
Fit = Callable[["Domain", FloatArray | None], FloatArray | None]
"""Fits parameters on a domain that ends where they begin to be used. The second argument are the
parameters of the month before, if there were any; None means that the past is too short."""


class Memo:
    """Values made once and shared between threads."""

    def __init__(self) -> None:
        self._found: dict[object, object] = {}
        self._locks: dict[object, threading.RLock] = {}
        self._guard = threading.Lock()

    def get(self, key: object, make: Callable[[], T]) -> T:
        """The value of ``make``, computed by the first who asks."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            if key not in self._found:
                self._found[key] = make()
            return cast("T", self._found[key])


class Market:
    """All pairs on the same rows.

    Args:
        pairs: Domains by pair, all over the same absolute rows.

    Attributes:
        pairs: The same.
        memo: What is computed from all of them and serves every pair.
    """

    def __init__(self, pairs: Mapping[str, Domains]) -> None:
        self.pairs = pairs
        self.memo = Memo()


class Around(Protocol):
    """The surroundings of a pair's slices."""

    @property
    def pair(self) -> str:
        """Name of the pair; empty when nobody said it."""

    def market(self, first: int, last: int) -> Market:
        """All pairs, the own one too, on the absolute rows ``[first, last)``."""

    def month_starts(self) -> Sequence[int]:
        """Absolute rows at which months begin, from that of the pair's first bar on."""

    def fitted(self, domain: str, name: str, row: int, fit: Fit) -> FloatArray | None:
        """Parameters fitted on all rows before ``row``, the start of a month."""


class Alone:
    """No surroundings: a slice on its own, as kernels' tests and simple features need it."""

    pair = ""

    def market(self, first: int, last: int) -> Market:
        """There is no other pair."""
        del first, last
        return Market({})

    def month_starts(self) -> Sequence[int]:
        """No month is known."""
        return ()

    def fitted(self, domain: str, name: str, row: int, fit: Fit) -> FloatArray | None:
        """Nothing is known of the past."""
        del domain, name, row, fit
        return None


class Fitter:
    """Fits parameters month after month, each fit once.

    Args:
        starts: Absolute rows at which months begin, in order.
        past: Makes the domains over all of the pair's rows before an absolute row.
        load: Finds parameters that were stored, by domain, name, row and fit.
        keep: Is told of new ones.
    """

    def __init__(
        self,
        starts: Sequence[int],
        past: Callable[[int], Domains],
        load: Callable[[str, str, int, Fit], tuple[bool, FloatArray | None]] | None = None,
        keep: Callable[[str, str, int, Fit, FloatArray | None], None] | None = None,
    ) -> None:
        self.starts = starts
        self._past = past
        self._load = load
        self._keep = keep
        self._memo = Memo()
        self._newest: tuple[int, Domains] | None = None

    def fitted(self, domain: str, name: str, row: int, fit: Fit) -> FloatArray | None:
        """Parameters for the month that begins at ``row``; None when the past is too short."""
        earlier = None
        for start in self.starts:
            if start > row:
                break
            key = (domain, name, start)
            earlier = self._memo.get(key, partial(self._one, key, fit, earlier))
        return earlier

    def _one(
        self, key: tuple[str, str, int], fit: Fit, earlier: FloatArray | None
    ) -> FloatArray | None:
        domain, name, row = key
        if self._load is not None:
            known, found = self._load(domain, name, row, fit)
            if known:
                return found
        past = self._before(row)
        found = fit(past[domain], earlier) if len(past.grid) else None  # type: ignore[index]
        if self._keep is not None:
            self._keep(domain, name, row, fit, found)
        return found

    def _before(self, row: int) -> Domains:
        """The past of the row; what is fitted to the same past comes one after the other."""
        newest = self._newest
        if newest is None or newest[0] != row:
            newest = self._newest = (row, self._past(row))
        return newest[1]

"""What the comparisons with other libraries share: series, and pairs of calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bqx.domains.grid import fill
from bqx.domains.rate import IndexBars
from bqx.domains.together import PairBars
from bqx.kernels.elementwise import log_change
from bqx.market import Calendar

Floats = NDArray[np.float64]
Call = Callable[[], Sequence[Any]]
"""Returns the outputs."""


class Case(NamedTuple):
    """A kernel and a peer.

    Attributes:
        name: What both compute.
        peer: Library.
        window: Rows of the window.
        ours: The kernel; returns the outputs that the peer has, too.
        theirs: The peer.
        bar: Greatest ratio of the times that passes.
        scale: Turns an output of the peer into the kernel's unit.
    """

    name: str
    peer: str
    window: int
    ours: Call
    theirs: Call
    bar: float = 1.0
    scale: Callable[[Floats], Floats] = np.asarray


class Data(NamedTuple):
    """Series of equal length.

    Attributes:
        origin: Absolute row of the first element.
        high: Index of the highest price.
        low: Index of the lowest price.
        close: Index of the close.
        returns: Log returns of the pair, of another one, and their mean.
        out: Block for outputs.
    """

    origin: int
    high: Floats
    low: Floats
    close: Floats
    returns: tuple[Floats, Floats, Floats]
    out: Floats


def load(pair: PairBars, other: PairBars) -> Data:
    """The series of a pair on the grid, and the returns of another one beside its own."""
    calendar = Calendar()
    ends = [calendar.row_at_or_after(p.bars.minutes[[0, -1]]) for p in (pair, other)]
    first, last = max(int(e[0]) for e in ends), min(int(e[1]) for e in ends) + 1
    index, second = (
        IndexBars(fill(p.bars, calendar, first, last, first), p.baseline) for p in (pair, other)
    )
    changes = np.empty((2, last - first))
    log_change(index.close, 1, changes[0])
    log_change(second.close, 1, changes[1])
    # The first row has no return.
    one, two = changes[:, 1:].copy()
    returns = (one, two, 0.5 * (one + two))
    out = np.empty((8, len(one)))
    return Data(first + 1, index.high[1:], index.low[1:], index.close[1:], returns, out)

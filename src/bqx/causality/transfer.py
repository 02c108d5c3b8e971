"""Transfer entropy by quantile bins (Schreiber 2000), in nats.

``TE = H(now | own past) - H(now | own past, source's past)``: what the source's past tells of the
target beyond the target's own past. Each entropy is corrected by (occupied cells - 1) / 2N (Miller
1955, Madow). Binned returns show size as well as direction, so series whose volatilities move
together have transfer entropy where Granger's test of the mean finds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.kernels.jit import jit

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Cells = NDArray[np.int32]
Size = tuple[int, int, int]
"""Numbers of states of the target now, of its past, and of the source's past."""

MOST_CELLS = 2**20


@dataclass(frozen=True)
class Bins:
    """How states are made.

    Args:
        bins: Classes of a value, between quantiles.
        own: Rows of the target's past.
        past: Rows of the source's past.
        delay: Rows by which the newest of the source's past is earlier.

    Raises:
        ConfigError: If a number is too small, or there would be too many cells to count.
    """

    bins: int = 3
    own: int = 1
    past: int = 1
    delay: int = 1

    def __post_init__(self) -> None:
        if self.bins < 2 or min(self.own, self.past, self.delay) < 1:
            raise ConfigError(
                f"{self.bins} bins, past {self.own} and {self.past}, delay {self.delay}",
                expected="at least 2 bins, and 1 for the others",
            )
        if self.cells > MOST_CELLS:
            raise ConfigError(
                f"{self.cells:,} cells", expected=f"at most {MOST_CELLS:,}", hint="a shorter past"
            )

    @property
    def cells(self) -> int:
        """Cells of the joint histogram."""
        return int(self.bins ** (1 + self.own + self.past))

    @property
    def reach(self) -> int:
        """Rows before its own that a row needs."""
        return max(self.own, self.past + self.delay - 1)


def classes(values: Floats, bins: int) -> Codes:
    """Class of each value between the quantiles of the valid ones; -1 where there is none.

    Equal values get equal classes, so with many ties (minutes without a move) classes are of
    unequal size, and some may be empty.

    Args:
        values: Shape (n,), NaN in holes.
        bins: How many.
    """
    valid = ~np.isnan(values)
    out = np.full(len(values), -1, np.int64)
    if valid.any():
        edges = np.quantile(values[valid], np.arange(1, bins) / bins)
        out[valid] = np.searchsorted(edges, values[valid], side="left")
    return out


def history(codes: Codes, length: int, delay: int, bins: int) -> Codes:
    """Number of the state of the ``length`` rows that end ``delay`` rows earlier; -1 in holes."""
    n = len(codes)
    out, known = np.zeros(n, np.int64), np.ones(n, np.bool_)
    for lag in range(delay, delay + length):
        moved = np.full(n, -1, np.int64)
        moved[lag:] = codes[: max(n - lag, 0)]
        known &= moved >= 0
        out = out * bins + moved
    return np.where(known, out, -1)


def transfer_entropy(now: Codes, own: Codes, source: Codes, size: Size) -> float:
    """Transfer entropy of states, corrected for its bias; NaN without a complete row.

    Args:
        now: State of the target, shape (n,); -1 in holes, as in the others.
        own: State of its past.
        source: State of the source's past.
        size: Numbers of states of the three.
    """
    cells, states = flat(now, own, source, size)
    return entropy_of(counted(cells, states, np.arange(len(now)), size))


def flat(now: Codes, own: Codes, source: Codes, size: Size) -> tuple[Cells, Cells]:
    """Place of (own past, now), and step by the source's past, in a flat histogram; -1 in holes."""
    cells = np.where((now >= 0) & (own >= 0), own * size[2] * size[0] + now, -1)
    return cells.astype(np.int32), np.where(source >= 0, source * size[0], -1).astype(np.int32)


def counted(cells: Cells, states: Cells, places: Codes, size: Size) -> Codes:
    """Histogram by (own past, source's past, now) of a source that is taken from places.

    Args:
        cells: See `flat`.
        states: See `flat`.
        places: Where each row takes the state of the source from.
        size: Numbers of states of now, own past, source's past.
    """
    counts = np.zeros(size[0] * size[1] * size[2], np.int64)
    _count(cells, states, places, counts)
    return counts.reshape(size[1], size[2], size[0])


@jit
def _count(cells: Cells, states: Cells, places: Codes, counts: Codes) -> None:
    for t in range(len(cells)):
        state = states[places[t]]
        if cells[t] >= 0 and state >= 0:
            counts[cells[t] + state] += 1


def entropy_of(counts: Codes) -> float:
    """Transfer entropy of counts by (own past, source's past, now), corrected (Miller-Madow)."""
    total = int(counts.sum())
    if not total:
        return float("nan")
    parts = (counts, counts.sum(axis=1), counts.sum(axis=2), counts.sum(axis=(1, 2)))
    whole, without, pasts, own = (_entropy(part.ravel(), total) for part in parts)
    return (without - own) - (whole - pasts)


@jit
def _entropy(counts: Codes, total: int) -> float:
    """Entropy in nats, with the correction of Miller and Madow."""
    told, occupied = 0.0, 0
    for count in counts:
        if count:
            told += count * np.log(count)
            occupied += 1
    return float(np.log(total) - told / total + (occupied - 1) / (2.0 * total))

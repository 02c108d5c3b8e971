"""Runs that must show no skill: labels in another order, or features of another time.

Whatever skill such a run shows, after its own selection and tuning, is made by the procedure and
not by the market.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.reach import Reach
from bqx.errors import ConfigError
from bqx.models.runs.spec import Shape

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY = 1440
SHIFT = 5 * DAY
"""Rows between a row and the time that its features are taken from, at least."""
BLOCK = (DAY // 2, 3 * DAY // 2)
"""Rows of a block of labels: longer than labels overlap, and of no length that keeps the hour."""


def derived(seed: int, *names: object) -> int:
    """A seed for one purpose, the same on every machine."""
    text = "|".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1


def shuffled_labels(
    rows: Ints, pairs: NDArray[np.int16], surprises: Mapping[Shape, Floats], seed: int
) -> dict[Shape, Floats]:
    """Surprises in another order: blocks of rows are permuted, alike for all pairs and shapes.

    Rows in a block keep their neighbours, and pairs what they share; only the features beside them
    are those of another time. Blocks differ in length, so the hour of the day is lost too.

    Args:
        rows: Grid rows of the samples, of training rows only.
        pairs: Pair code of each sample.
        surprises: What is learned, by shape; NaN where masked.
        seed: Of the order.

    Returns:
        The same values in the new order; NaN where the other row has none for the pair.
    """
    distinct, places = np.unique(rows, return_inverse=True)
    source = distinct[_permuted_blocks(distinct, np.random.default_rng(seed))][places]
    found = {shape: np.full(len(rows), np.nan) for shape in surprises}
    for code in np.unique(pairs):
        mine = np.flatnonzero(pairs == code)
        order = mine[np.argsort(rows[mine], kind="stable")]
        at = np.minimum(np.searchsorted(rows[order], source[mine]), len(order) - 1)
        same = rows[order][at] == source[mine]
        for shape, values in surprises.items():
            found[shape][mine[same]] = values[order][at[same]]
    return found


def _permuted_blocks(distinct: Ints, rng: np.random.Generator) -> Ints:
    """Positions of the distinct rows, with blocks of them in another order."""
    lengths = rng.integers(*BLOCK, size=1 + (int(distinct[-1]) - int(distinct[0])) // BLOCK[0])
    cuts = np.searchsorted(distinct, distinct[0] + np.cumsum(lengths))
    blocks = [b for b in np.split(np.arange(len(distinct)), cuts) if len(b)]
    # No block may stay where it is, or what it knows would survive: they go round in a random ring.
    ring = rng.permutation(len(blocks))
    follower = np.empty(len(blocks), np.int64)
    follower[ring] = np.roll(ring, -1)
    return np.concatenate([blocks[k] for k in follower])


def other_time(
    rows: Ints, extent: tuple[int, int], reach: Reach, seed: int, *, tested: bool
) -> Ints:
    """The rows that features are taken from: a fixed time earlier, going round at the first row.

    The shift is so long, in both directions round the ring, that no feature reaches a label of its
    row. Tested rows are shifted otherwise than training rows, by another part of the day: else
    clocks, being periodic, would tell the hour as well as before.

    Args:
        rows: Grid rows of the pair.
        extent: Its first row, and one after its last.
        reach: Rows that labels and features touch.
        seed: Of the shifts.
        tested: Whether the rows are tested.

    Raises:
        ConfigError: If the pair has too few rows.
    """
    first, stop = extent
    low, high = SHIFT + reach.behind, (stop - first) - SHIFT - reach.lookback - reach.ahead - DAY
    if high <= low:
        raise ConfigError(
            f"permuted time with {stop - first:,} rows",
            expected=f"more than {low + SHIFT + reach.lookback + reach.ahead + DAY:,} rows",
            hint="use a longer dataset, or features with a shorter look-back: --max-lookback",
        )
    rng = np.random.default_rng(seed)
    shift = int(rng.integers(low, high)) + (int(rng.integers(DAY // 6, 5 * DAY // 6)) * tested)
    return np.asarray(first + (rows - first - shift) % (stop - first), np.int64)

"""Which rows a selection looks at, and the blocks of time that they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.errors import BqxError

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STRIDES = (13, 11, 7)
"""Strides that share no factor with an hour, so that every minute of it is seen."""

LONGEST, SHORTEST, ABOUT = 1440, 60, 50
"""A block is a trading day, or shorter where there would be fewer than about 50."""


@dataclass(frozen=True)
class Sample:
    """The samples that are looked at, in the order of time.

    Attributes:
        lines: Their positions among those given, by row.
        rows: Their grid rows.
        starts: Position in `lines` of the first sample of every block, and the length at the end.
        block: Grid rows of a block.
        stride: Of the distinct rows, every so manieth is looked at.
        given: Samples that were given, with a target.
        blocks_given: Blocks that they stand in.
    """

    lines: Ints
    rows: Ints
    starts: Ints
    block: int
    stride: int
    given: int
    blocks_given: int

    @property
    def blocks(self) -> int:
        """Number of blocks that are looked at."""
        return len(self.starts) - 1

    @property
    def block_of(self) -> Ints:
        """Number of the block of every sample."""
        return np.repeat(np.arange(self.blocks), np.diff(self.starts))

    def to_json(self) -> dict[str, Any]:
        """How the samples were chosen."""
        return {
            "samples": len(self.lines),
            "given": self.given,
            "stride": self.stride,
            "block": self.block,
            "blocks": self.blocks,
            "blocks_given": self.blocks_given,
        }


def draw_sample(
    rows: Ints, usable: Bools, *, max_rows: int, seed: int, block: int | None = None
) -> Sample:
    """Choose samples: every s-th row, and of the blocks of time as many whole ones as may be.

    Labels of neighbouring rows overlap, so that a stride loses little. Where it does not suffice,
    the blocks are divided into as many equal stretches as are wanted, and of each stretch one
    block is drawn.

    Args:
        rows: Grid row of every sample, in any order; several pairs may share a row.
        usable: Whether it has a target at all.
        max_rows: Most samples, roughly: whole blocks are kept.
        seed: Of the draw.
        block: Grid rows of a block; a trading day or less when None.

    Raises:
        BqxError: If fewer than 100 samples have a target, or they stand in fewer than 4 blocks.
    """
    lines = np.flatnonzero(usable)
    if len(lines) < 100:
        raise BqxError(
            f"{len(lines)} samples with a target", expected="at least 100 to select features with"
        )
    lines = lines[np.argsort(rows[lines], kind="stable")]
    distinct, which = np.unique(rows[lines], return_inverse=True)
    stride = next((s for s in STRIDES if len(lines) >= s * max_rows), 1)
    length = block or _length(distinct)
    numbers, held = np.unique(distinct // length, return_inverse=True)
    strided = which % stride == 0
    wanted = min(len(numbers), max(4, len(numbers) * max_rows // max(int(strided.sum()), 1)))
    kept = strided & np.isin(held[which], _spread(len(numbers), wanted, seed))
    chosen, blocks = lines[kept], held[which][kept]
    first = np.flatnonzero(np.diff(blocks, prepend=-1))
    if len(first) < 4:
        raise BqxError(
            f"samples in {len(first)} blocks of {length} rows",
            expected="at least 4 blocks",
            hint="give more rows, or shorter blocks",
        )
    starts = np.append(first, len(chosen))
    return Sample(chosen, rows[chosen], starts, length, stride, len(lines), len(numbers))


def _length(distinct: Ints) -> int:
    covered = int(distinct[-1] - distinct[0]) + 1
    return min(max(covered // ABOUT, SHORTEST), LONGEST)


def _spread(blocks: int, wanted: int, seed: int) -> Ints:
    """One block at random from each of as many stretches as are wanted."""
    edges = np.linspace(0, blocks, wanted + 1).astype(np.int64)
    rng = np.random.default_rng([seed, 1])
    return np.asarray(rng.integers(edges[:-1], edges[1:]), np.int64)

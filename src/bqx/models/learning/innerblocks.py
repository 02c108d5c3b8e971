"""Blocks of training rows that judge what was fitted to the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bqx.errors import ConfigError
from bqx.models.learning.samples import Bools, Ints


@dataclass(frozen=True, eq=False)
class Block:
    """A stretch of time that is left out.

    Attributes:
        tested: Its rows.
        trained: All rows further than the margin from it, on both sides.
    """

    tested: Bools
    trained: Bools


def inner_blocks(rows: Ints, count: int, margin: int) -> Iterator[Block]:
    """Cut the time of some rows into blocks with about as many distinct rows each.

    Args:
        rows: Absolute grid rows, in any order, with repeats for several pairs.
        count: Blocks, at least 2.
        margin: Rows between a tested and a trained row.

    Raises:
        ConfigError: If there are fewer distinct rows than blocks, or a block leaves no row to
            train on.
    """
    distinct = np.unique(rows)
    if not 2 <= count <= len(distinct):
        raise ConfigError(
            f"{count} inner blocks of {len(distinct)} rows", expected="two or more, with rows"
        )
    for part in np.array_split(distinct, count):
        first, last = int(part[0]), int(part[-1])
        tested = (rows >= first) & (rows <= last)
        trained = (rows < first - margin) | (rows > last + margin)
        if not trained.any():
            raise ConfigError(
                f"a margin of {margin} rows leaves nothing beside rows {first} to {last}",
                expected="more training rows",
                hint="give a longer training window, or columns that look back less far",
            )
        yield Block(tested, trained)

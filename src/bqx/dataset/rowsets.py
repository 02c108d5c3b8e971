"""Sets of rows as short lists: rows that were looked at with a stride would be long ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from bqx.dataset.ranges import Ranges


def strided(rows: Ranges) -> list[list[int]]:
    """A set of rows as runs ``[first, stop, step]`` of equal steps."""
    every = rows.rows()
    found: list[list[int]] = []
    at = 0
    steps = np.diff(every)
    breaks = np.append(np.flatnonzero(np.diff(steps)) + 1, len(every) - 1)
    while at < len(every):
        after = int(np.searchsorted(breaks, at, side="right"))
        last = int(breaks[after]) if after < len(breaks) else at
        step = int(steps[at]) if last > at else 1
        found.append([int(every[at]), int(every[last]) + 1, step])
        at = last + 1
    return found


def unstrided(runs: Any) -> Ranges:
    """The set of rows of `strided`."""
    parts = [np.arange(first, stop, step, dtype=np.int64) for first, stop, step in runs]
    return Ranges.from_rows(np.concatenate([np.empty(0, np.int64), *parts]))

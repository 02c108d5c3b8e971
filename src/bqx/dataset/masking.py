"""Where a label is masked, and why."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.target import MAX_GAP, BQXTarget
from bqx.domains.domain import Domains
from bqx.domains.grid import NEVER, FloatArray

REASONS = ("end of data", "closure", "gap", "unobserved", "history", "still")
"""Why a label is masked, in the order in which they count; a row counts for the first.

``end of data``: row t + h does not exist yet. ``closure``: the market closes in between. ``gap``:
more than 5 minutes are missing in a row, at t or after it. ``unobserved``: row t + h has no bar.
``history``: BQX at t + h, or what is known at t, is not valid. ``still``: the volatility that
divides is 0.
"""


def reasons_of(
    target: BQXTarget, domains: Domains, cut: slice, vol: FloatArray
) -> NDArray[np.int8]:
    """The first reason that masks each row.

    Args:
        target: The target.
        domains: The slice.
        cut: Its elements that are asked for.
        vol: ``ewma_vol_60(t)`` of those.

    Returns:
        Index into `REASONS` for each row that is asked for; -1 where the label is valid.
    """
    grid, h = domains.grid, target.horizon
    at = np.arange(cut.start, cut.stop)
    end = np.minimum(at + h, len(grid) - 1)
    absent = (grid.age > MAX_GAP) & (grid.age < NEVER)
    before = np.concatenate(([0], np.cumsum(absent)))
    known, reached = domains.validity(target.known), domains.validity(target.window + 1)
    flags = (
        at + h >= len(grid),
        grid.minutes[end] - grid.minutes[at] != h,
        before[end + 1] > before[at],
        ~grid.observed[end],
        ~(known[at] & reached[end]),
        (vol == 0.0) & (target.kind == "vol_scaled"),
    )
    reasons = np.full(len(at), -1, np.int8)
    for k in reversed(range(len(flags))):
        reasons[flags[k]] = k
    return reasons

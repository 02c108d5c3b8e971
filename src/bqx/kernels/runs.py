"""Counts over a series of labels or signs: lengths of runs, changes, shares."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit


@jit
def rows_since_change(state: Floats, cap: int, out: Floats) -> None:
    """Length of the run of equal states that ends at each row, at most ``cap``.

    The row counts itself: 1 where the state differs from that of the row before. A value depends
    on the last ``cap`` rows only.

    Args:
        state: Shape (n,), labels. NaN makes exactly the windows of ``cap`` rows that contain it
            NaN.
        cap: Greatest length, at least 1.
        out: Shape (n,), filled with whole numbers in 1 … cap; NaN where t < cap - 1.
    """
    known = length = 0
    for t in range(len(state)):
        if np.isnan(state[t]):
            known = length = 0
        else:
            length = length + 1 if known > 0 and state[t] == state[t - 1] else 1
            known += 1
        out[t] = min(length, cap) if known >= cap else np.nan


@jit
def changes_in(state: Floats, w: int, out: Floats) -> None:
    """Number of the last ``w`` rows whose state differs from that of the row before.

    The count is an integer, so it may be carried from row to row.

    Args:
        state: Shape (n,), labels. NaN makes exactly the rows NaN that have it among their last
            w + 1 states.
        w: Rows in the window, at least 1.
        out: Shape (n,), filled with whole numbers in 0 … w; NaN where t < w.
    """
    known = count = 0
    for t in range(len(state)):
        if np.isnan(state[t]):
            known = count = 0
        else:
            count += known > 0 and state[t] != state[t - 1]
            count -= known > w and state[t - w] != state[t - w - 1]
            known += 1
        out[t] = count if known > w else np.nan


@jit
def positive_share(y: Floats, w: int, out: Floats) -> None:
    """Share of positive values among the last ``w`` values that are not 0.

    The counts are integers, so they may be carried from row to row.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in the window, at least 1.
        out: Shape (n,), filled, in [0, 1]; NaN where t < w - 1 or where all w values are 0.
    """
    known = above = below = 0
    for t in range(len(y)):
        if np.isnan(y[t]):
            known = above = below = 0
        else:
            above += y[t] > 0.0
            below += y[t] < 0.0
            if known >= w:
                above -= y[t - w] > 0.0
                below -= y[t - w] < 0.0
            known += 1
        full = known >= w and above + below > 0
        out[t] = above / (above + below) if full else np.nan

"""Single jumps: standardized returns, the time since the last jump, and what came after it."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.variation import HALF_PI, enough


@jit
def bipower_deviation(sums: Floats, w: int, out: Floats) -> None:
    """Standard deviation of one return, from products of neighbours, which a jump hardly moves.

    Args:
        sums: Shape (3, n): products of neighbours over w - 1 pairs, returns that count among the
            last w, pairs that count.
        w: Returns in a window.
        out: Shape (n,), filled with sqrt(π/2 times the mean product). NaN where that is 0 or NaN,
            or where fewer than 90 % of the returns or 75 % of the pairs count.
    """
    for t in range(len(out)):
        products, returns, pairs = sums[0, t], sums[1, t], sums[2, t]
        known = enough(returns, pairs, w, 2) and products > 0.0
        out[t] = np.sqrt(HALF_PI * products / pairs) if known else np.nan


@jit
def scores(r: Floats, whole: Floats, deviation: Floats, lag: int, out: Floats) -> None:
    """Size of each return in standard deviations of those before it.

    Args:
        r: Shape (n,), returns.
        whole: Shape (n,), 1 where a return counts and 0 where it does not.
        deviation: Shape (n,), standard deviation of a return; NaN where it is not known.
        lag: Rows by which the deviation is older than the return.
        out: Shape (n,), filled. NaN where t < lag, where the return does not count, and where the
            deviation is NaN.
    """
    out[:lag] = np.nan
    for t in range(lag, len(r)):
        out[t] = abs(r[t]) / deviation[t - lag] if whole[t] > 0.0 else np.nan


@jit
def rows_since(score: Floats, threshold: float, cap: int, start: int, out: Floats) -> None:
    """Rows since the last score above a threshold, 0 at the row itself.

    Args:
        score: Shape (n,); NaN is above no threshold.
        threshold: What a jump must exceed.
        cap: Greatest count; a jump longer ago is forgotten.
        start: Element from which on scores are known.
        out: Shape (n,), filled with at most ``cap``. NaN where there was no jump and fewer than
            ``cap`` earlier scores are known.
    """
    last = -1
    for t in range(len(score)):
        if score[t] > threshold:
            last = t
        if last >= 0 and t - last < cap:
            out[t] = t - last
        else:
            out[t] = cap if t - start >= cap else np.nan


@jit
def _mean_square(r: Floats, whole: Floats) -> float:
    """Mean of the squares that count; NaN when none does."""
    total = count = 0.0
    for t in range(len(r)):
        if whole[t] > 0.0:
            total += r[t] * r[t]
            count += 1.0
    return total / count if count > 0.0 else np.nan


@jit
def decay(r: Floats, whole: Floats, since: Floats, w: int, out: Floats) -> None:
    """Root mean square return after the last jump over that of the w rows up to it.

    Args:
        r: Shape (n,), returns.
        whole: Shape (n,), 1 where a return counts and 0 where it does not.
        since: Shape (n,), rows since the last jump.
        w: Rows before and after the jump.
        out: Shape (n,), filled. NaN where the last jump is the row itself, more than w rows ago or
            less than w rows after the start, or where no return since then counts.
    """
    before = total = count = np.nan
    for t in range(len(r)):
        out[t] = np.nan
        if since[t] == 0.0:
            first = t - w + 1
            before = _mean_square(r[first : t + 1], whole[first : t + 1]) if first >= 0 else np.nan
            total = count = 0.0
        elif since[t] <= w:
            if whole[t] > 0.0:
                total += r[t] * r[t]
                count += 1.0
            out[t] = np.sqrt(total / count / before)

"""Statistics over the rows of a short window that meet a condition on the window itself.

The condition moves with the window, so nothing can be carried from row to row: each window is read
once, in order.
"""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.sorted_window import slide


@jit
def count_below(y: Floats, w: int, out: Floats) -> None:
    """How many values of every trailing window are less than the current one.

    One comparison per row of the window, eight and more at a time in vector registers: faster for
    windows of some hundred rows than any ordered structure.

    Args:
        y: Shape (n,), the series; +inf is less than nothing. NaN makes exactly the windows that
            contain it NaN.
        w: Rows in a window, at least 1.
        out: Shape (n,), filled; NaN where t < w - 1.
    """
    out[: w - 1] = np.nan
    for t in range(w - 1, len(y)):
        window = y[t - w + 1 : t + 1]
        value = y[t]
        below = unknown = 0
        for i in range(len(window)):
            below += window[i] < value
            unknown += window[i] != window[i]
        out[t] = below if unknown == 0 else np.nan


@jit
def excursion_means(  # noqa: PLR0917 - two series, marks and two thresholds are arrays
    x: Floats, y: Floats, marks: Floats, low: Floats, high: Floats, w: int, out: Floats
) -> None:
    """Mean of y while x was high or low, relative to its mean, over every trailing window.

    Args:
        x: Shape (n,), the series of the condition.
        y: Shape (n,), the series of the means. NaN makes exactly the windows that contain it NaN.
        marks: Shape (n,), 1 where y counts and 0 where it does not.
        low: Shape (n,), threshold of the window that ends here: x < low is low. Nothing is less
            than NaN.
        high: Shape (n,), alike: x > high is high.
        w: Rows in a window, at least 1.
        out: Shape (2, n), filled: mean of y over the marked rows with high x, and over those with
            low x, each divided by the mean over all marked rows. NaN where t < w - 1, where there
            is no such row, and where the mean is 0.
    """
    out[:, : w - 1] = np.nan
    for t in range(w - 1, len(x)):
        start = t - w + 1
        xs, ys, counts = x[start : t + 1], y[start : t + 1], marks[start : t + 1]
        n = total = n_high = of_high = n_low = of_low = 0.0
        for i in range(w):
            mark = counts[i]
            rises = mark if xs[i] > high[t] else 0.0
            falls = mark if xs[i] < low[t] else 0.0
            n += mark
            n_high += rises
            n_low += falls
            total += ys[i] * mark
            of_high += ys[i] * rises
            of_low += ys[i] * falls
        mean = total / n if total > 0.0 else np.nan
        out[0, t] = of_high / n_high / mean
        out[1, t] = of_low / n_low / mean


@jit
def _outer_means(x: Floats, y: Floats, low: float, high: float) -> tuple[float, float]:
    """Means of x over the rows with y >= high, infinity left out, and over those with y <= low."""
    n_high = of_high = n_low = of_low = 0.0
    for i in range(len(x)):
        above = 1.0 if high <= y[i] < np.inf else 0.0
        below = 1.0 if y[i] <= low else 0.0
        n_high += above
        n_low += below
        of_high += x[i] * above
        of_low += x[i] * below
    return of_high / n_high, of_low / n_low


@jit
def tercile_means(x: Floats, y: Floats, w: int, out: Floats) -> None:
    """Mean of x over the rows in the top and in the bottom tercile of y, in every trailing window.

    A row is in the top tercile if its y is at least the 2/3 quantile (type 7) of the window, in the
    bottom one if it is at most the 1/3 quantile; equal values share their fate.

    Args:
        x: Shape (n,), the series of the means.
        y: Shape (n,), the series of the terciles; rows with +inf are left out. NaN in x or y makes
            exactly the windows that contain it NaN.
        w: Rows in a window, at least 1.
        out: Shape (2, n), filled: top and bottom. NaN where t < w - 1, and where no row is left.
    """
    ordered = np.full(w, np.inf)
    filled = m = 0
    for t in range(len(x)):
        filled = slide(ordered, y, t, filled)
        m += y[t] < np.inf
        m -= t >= w and y[t - w] < np.inf
        if filled < w or m == 0:
            out[0, t] = out[1, t] = np.nan
            continue
        # A value is at least a quantile between two order statistics if it reaches the upper one.
        low, high = ordered[(m - 1) // 3], ordered[(2 * (m - 1) + 2) // 3]
        start = t - w + 1
        out[0, t], out[1, t] = _outer_means(x[start : t + 1], y[start : t + 1], low, high)

"""Rolling skewness and kurtosis by a two-sided scan, and what follows from them."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.borders import Block, block_at, first_border
from bqx.kernels.jit import jit

POWERS = 4
"""Rows of the scratch array: sums of d, d², d³ and d⁴, one column per window of a block."""

FAR = 9.0
"""Squared distance of mean and border's value, in variances, from which a window is direct.

Beyond three standard deviations the fourth moment about the mean is what is left of one at least
a hundred times as large.
"""


@jit
def _scan(y: Floats, block: Block, step: int, sums: Floats) -> None:
    """Add to each window the sums of powers over one side of the border.

    d is a value relative to the border's. ``step`` is -1 for the rows at or before the border and 1
    for those after it.
    """
    border, w = block.border, block.w
    reference = y[border]
    one = two = three = four = 0.0
    for i in range(w - block.first if step < 0 else block.stop):
        # Unsigned, so that numba emits no test for negative indices.
        t = np.uintp(border + step * i)
        j = np.uintp(w - 1 - i if step < 0 else i)
        d = y[t] - reference
        square = d * d
        one += d
        two += square
        three += square * d
        four += square * square
        sums[0, j] += one
        sums[1, j] += two
        sums[2, j] += three
        sums[3, j] += four


@jit
def _direct(y: Floats) -> tuple[float, float, float]:
    """Central moments two to four of one window, from its values."""
    total = 0.0
    for i in range(len(y)):
        total += y[i] - y[-1]
    centre = total / len(y)
    two = three = four = 0.0
    for i in range(len(y)):
        d = y[i] - y[-1] - centre
        square = d * d
        two += square
        three += square * d
        four += square * square
    return two / len(y), three / len(y), four / len(y)


@jit
def _central(sums: Floats, j: int, w: int) -> tuple[float, float, float, float]:
    """Mean relative to the border's value, and central moments two to four, of window j."""
    share = 1.0 / w
    one, two = share * sums[0, j], share * sums[1, j]
    three, four = share * sums[2, j], share * sums[3, j]
    square = one * one
    second = two - square
    third = three - 3.0 * one * two + 2.0 * one * square
    fourth = four - 4.0 * one * three + 6.0 * square * two - 3.0 * square * square
    return one, second, third, fourth


@jit
def _standardised(second: float, third: float, fourth: float, w: int) -> tuple[float, float]:
    """Skewness and excess kurtosis; NaN where the window does not vary."""
    if not second * second > 0.0:
        return np.nan, np.nan
    skew = third / (second * np.sqrt(second))
    kurt = fourth / (second * second) - 3.0
    # The bounds are reached: by one outlier among equals, and by two values in equal number.
    bound = (w - 2) / np.sqrt(w - 1.0)
    most = w - 5.0 + 1.0 / (w - 1)
    return max(min(skew, bound), -bound), max(min(kurt, most), -2.0)


@jit
def skew_kurt(y: Floats, w: int, origin: int, skew: Floats, kurt: Floats) -> None:
    """Skewness and excess kurtosis of every trailing window, the current row included.

    Population moments: m3 / m2^1.5 and m4 / m2² - 3. Method: two-sided scan (see ``borders``) of
    sums of powers relative to the border's value; windows whose mean lies far from that value (see
    ``FAR``) are evaluated again from their values.

    Args:
        y: Shape (n,), the series. NaN makes exactly the windows that contain it NaN.
        w: Rows in a window, at least 3.
        origin: Absolute grid row of element 0.
        skew: Shape (n,), filled; within ±(w - 2) / sqrt(w - 1).
        kurt: Shape (n,), filled; at least -2. Both are NaN in a window of equal values, and where
            t < w - 1.
    """
    sums = np.empty((POWERS, w))
    skew[: w - 1] = np.nan
    kurt[: w - 1] = np.nan
    for border in range(first_border(origin, w), len(y), w):
        block = block_at(border, w, len(y))
        sums[:] = 0.0
        _scan(y, block, -1, sums)
        _scan(y, block, 1, sums)
        for j in range(block.first, block.stop):
            centre, second, third, fourth = _central(sums, j, w)
            t = border + j
            if centre * centre > FAR * second:
                second, third, fourth = _direct(y[t - w + 1 : t + 1])
            skew[t], kurt[t] = _standardised(second, third, fourth, w)


@jit
def jarque_bera(skew: Floats, kurt: Floats, w: int, out: Floats) -> None:
    """Jarque-Bera statistic of windows of ``w`` rows: w / 6 (skew² + kurt² / 4).

    Args:
        skew: Shape (n,), skewness.
        kurt: Shape (n,), excess kurtosis.
        w: Rows in a window.
        out: Shape (n,), filled; at least 0, NaN where an input is.
    """
    for t in range(len(skew)):
        out[t] = w / 6.0 * (skew[t] * skew[t] + 0.25 * kurt[t] * kurt[t])


@jit
def standard_score(y: Floats, mean: Floats, std: Floats, w: int, out: Floats) -> None:
    """Distance of each value from the mean of its window, in standard deviations (ddof 1).

    Args:
        y: Shape (n,), the series.
        mean: Shape (n,), mean of the w rows that end with each row.
        std: Shape (n,), their sample standard deviation.
        w: Rows in a window.
        out: Shape (n,), filled; within ±(w - 1) / sqrt(w), NaN where ``std`` is 0 or NaN.
    """
    # A jump in the last row of a flat window reaches the bound.
    bound = (w - 1) / np.sqrt(w)
    for t in range(len(y)):
        score = (y[t] - mean[t]) / std[t]
        out[t] = max(min(score, bound), -bound) if std[t] > 0.0 else np.nan

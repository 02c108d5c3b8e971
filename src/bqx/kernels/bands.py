"""Bollinger bands from rolling means and deviations."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit

DEVIATIONS = 2.0
"""Population standard deviations from the middle to a band."""


@jit
def bollinger_bands(y: Floats, mean: Floats, std: Floats, w: int, out: Floats) -> None:
    """Bands two population standard deviations around the mean, and the value's place in them.

    Args:
        y: Shape (n,), the series.
        mean: Shape (n,), mean of the w rows that end with each row.
        std: Shape (n,), their sample standard deviation (ddof 1).
        w: Rows in a window.
        out: Shape (5, n), filled: upper band, lower band, width, position (0 at the lower band, 1
            at the upper; NaN where the deviation is 0), and 1 above the upper band, -1 below the
            lower, else 0. NaN where mean and deviation are.
    """
    upper, lower, width, position, side = out[0], out[1], out[2], out[3], out[4]
    reach = DEVIATIONS * np.sqrt((w - 1.0) / w)
    for t in range(len(y)):
        half = reach * std[t]
        upper[t] = mean[t] + half
        lower[t] = mean[t] - half
        # Not the difference of the bands, which has lost the digits of their level.
        width[t] = 2.0 * half
        position[t] = 0.5 + (y[t] - mean[t]) / width[t] if half > 0.0 else np.nan
        outside = 1.0 * (y[t] > upper[t]) - 1.0 * (y[t] < lower[t])
        side[t] = outside if half >= 0.0 else np.nan


@jit
def band_slope(band: Floats, rows: int, out: Floats) -> None:
    """Average change per row over the last ``rows`` rows.

    Args:
        band: Shape (n,).
        rows: At least 1.
        out: Shape (n,), filled; NaN where t < rows.
    """
    out[:rows] = np.nan
    for t in range(rows, len(band)):
        out[t] = (band[t] - band[t - rows]) / rows

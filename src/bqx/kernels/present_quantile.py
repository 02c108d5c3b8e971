"""Rolling quantiles of the values that there are, in series with holes."""

from __future__ import annotations

import numpy as np

from bqx.kernels.arrays import Floats
from bqx.kernels.jit import jit
from bqx.kernels.sorted_window import quantile_of, slide


@jit
def quantile_of_present(y: Floats, w: int, least: int, q: float, out: Floats) -> None:
    """One quantile of the values in every trailing window; exact, so free of the slice's start.

    Between two values it is interpolated linearly (type 7 of Hyndman and Fan 1996).

    Args:
        y: Shape (n,), finite, or NaN where there is no value.
        w: Rows in a window, up to a few hundred.
        least: Values that a window needs, at least 1.
        q: In [0, 1].
        out: Shape (n,), filled; NaN where t < w - 1 or there are fewer than ``least`` values.
    """
    # Infinity, which stands after all values, takes the place of a missing one.
    filled = np.where(np.isnan(y), np.inf, y)
    window = np.full(w, np.inf)
    rows = present = 0
    for t in range(len(y)):
        present += not np.isnan(y[t])
        if t >= w:
            present -= not np.isnan(y[t - w])
        rows = slide(window, filled, t, rows)
        known = rows == w and present >= least
        out[t] = quantile_of(window[:present], (present - 1) * q) if known else np.nan

"""What a column holds: non-finite values, range, and the values that may be published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.kernels.jit import jit


@jit
def publish(
    values: NDArray[np.float64], valid: NDArray[np.bool_], out: NDArray[np.float64]
) -> tuple[int, int, float, float]:
    """Copy the valid values to ``out``, and 0.0 where a value is invalid or NaN.

    Args:
        values: One value per row.
        valid: Whether each may be shown.
        out: Filled; what stands under a NULL is then the same for equal columns.

    Returns:
        Valid NaNs, valid infinities, least and greatest finite valid value (infinity and minus
        infinity when there is none).
    """
    nans = 0
    infinities = 0
    low = np.inf
    high = -np.inf
    for i in range(len(values)):
        value = values[i] if valid[i] else np.nan
        nans += valid[i] and np.isnan(value)
        infinities += np.isinf(value)
        out[i] = value if value == value else 0.0  # noqa: PLR0124 - NaN is unequal to itself
        if not np.isinf(value):
            low = min(low, value) if value == value else low  # noqa: PLR0124
            high = max(high, value) if value == value else high  # noqa: PLR0124
    return nans, infinities, low, high

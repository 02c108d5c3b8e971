"""P values adjusted for their number, so that among many tests few false discoveries are made."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError

Floats = NDArray[np.float64]

Adjustment = Literal["bh", "by"]
ADJUSTMENTS: dict[str, str] = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}


def adjusted(p_values: Floats, method: Adjustment = "bh") -> Floats:
    """P values adjusted for the false discoveries among many tests.

    Args:
        p_values: Shape (m,); NaN marks a test that could not be made, which stays NaN and is not
            counted.
        method: ``bh`` Benjamini and Hochberg (1995), for independent or positively dependent
            tests; ``by`` Benjamini and Yekutieli (2001), for any dependence.

    Returns:
        The least false discovery rate at which each test is rejected.

    Raises:
        ConfigError: If a value lies outside of [0, 1], or the method is unknown.
    """
    if method not in ADJUSTMENTS:
        raise ConfigError(f"adjustment {method!r}", expected=" or ".join(ADJUSTMENTS))
    found = np.full(len(p_values), np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    p = p_values[made]
    if np.any((p < 0.0) | (p > 1.0)):
        raise ConfigError(f"p values from {p.min()} to {p.max()}", expected="within [0, 1]")
    ranks = np.arange(1, len(p) + 1)
    price = float(np.sum(1.0 / ranks)) if method == "by" else 1.0
    order = np.argsort(p, kind="stable")
    scaled = price * len(p) * p[order] / ranks
    monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    found[made[order]] = np.minimum(monotone, 1.0)
    return found

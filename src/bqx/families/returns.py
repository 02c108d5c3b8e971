"""Changes of the domain's series over fixed horizons, plain and in units of their deviation."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.families.momentum import moved, scale
from bqx.families.shared.columns import later, ratio
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature

HORIZONS = (1, 2, 3, 5, 10, 15, 20, 30, 45, 75, 120, 180, 300, 480)
"""Rows; the windows of ``momentum`` fill the holes."""

SCALE = 60
"""Rows over which the deviation is taken."""


def _history(h: int) -> int:
    return h + SCALE + 1


class Returns(Family):
    """Change of the domain's series over the last rows.

    Log returns of the rate index P, differences of the BQX series x. Changes over adjacent
    stretches add up.
    """

    table = "returns_{domain}"
    windows = HORIZONS

    ret = Feature(
        "ret_{d}_{w}",
        "Change over the last {w} rows.",
        unit="return",
        formula="rate: ln(P_t / P_(t-{w})); BQX: x_t - x_(t-{w})",
        history=_history,
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The change over one horizon."""
        return {"ret": moved(d, w)}


class NormalizedReturns(Family):
    """Change of the domain's series over the last rows, in units of its standard deviation before.

    The deviation is taken over the 60 rows that end where the change begins, so that the two have
    no row in common.
    """

    table = "returns_{domain}"
    windows = HORIZONS

    norm = Feature(
        "ret_norm_{d}_{w}",
        "Change over the last {w} rows in units of the standard deviation before it.",
        unit="ratio",
        formula="ret / s; rate: s = sd(r over the 60 rows to t-{w}) sqrt({w});"
        " BQX: s = sd(x over the 60 rows to t-{w})",
        history=_history,
        null_rule="the deviation is 0",
        source="Moskowitz, Ooi and Pedersen 2012",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """The change over one horizon in units of the deviation before it."""
        return {"norm": ratio(moved(d, w), later(scale(d, SCALE, w), w))}

"""Open, high and low index beside the rate index."""

from __future__ import annotations

from bqx.domains.domain import Domain
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature


def _price(name: str, description: str) -> Feature:
    return Feature(
        f"{name}_index",
        f"{description} relative to the pair's baseline, times 100.",
        unit="index",
        formula=f"{name}_t / baseline 100",
        low=0.0,
        history=1,
    )


class OhlcIndex(Family):
    """Open, high and low index: the prices of the minute over the one baseline of the pair.

    The close index is the rate index of the table ``bqx``. One baseline for all time keeps the four
    in order, low to high, on every row. A minute without a bar repeats the close before it.
    """

    table = "ohlc_{domain}"
    domains = ("rate",)
    precision = "float64"

    open = _price("open", "First price")
    high = _price("high", "Highest price")
    low = _price("low", "Lowest price")

    def compute_fixed(self, d: Domain) -> Columns:
        """The three indices."""
        return {"open": d.index.open, "high": d.index.high, "low": d.index.low}

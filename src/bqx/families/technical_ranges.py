"""Technical indicators from the ranges of bars: average true range and directional movement.

The bar before a BQX bar ends 15 rows earlier; the averages run over rows in both domains.
"""

from __future__ import annotations

from bqx.domains.domain import TRAITS, Domain
from bqx.domains.grid import FloatArray
from bqx.features.family import Columns, Family
from bqx.features.feature import Feature, by_step
from bqx.kernels.directional import Moves, directional
from bqx.kernels.recursive import wilder, wilder_ratio_rows, wilder_rows
from bqx.kernels.true_range import directional_movement, true_range

BAR = TRAITS["bqx"].step
"""Rows of a bar in the BQX domain."""

SPANS = (14, 60)
"""Rows of the averages of directional movement."""

RATING = 14
"""Rows between the two indices whose mean is the rating."""


def _true_range(d: Domain) -> FloatArray:
    """Made once for all windows."""

    def make() -> FloatArray:
        out: FloatArray = d.block(1)[0]
        true_range(d.bars.high, d.bars.low, d.bars.close, d.traits.step, out)
        return out

    return d.memo("true_range", make)


class AverageTrueRange(Family):
    """Average true range (Wilder 1978), in the BQX domain of bars of 15 rows."""

    table = "technical_{domain}"
    windows = (7, 14, 21, 28, 60, 150, 390)

    atr = Feature(
        "atr_{w}",
        "Average true range over {w} rows.",
        formula="Wilder_{w}(max(H - L, abs(H - C'), abs(L - C'))), C' the close one bar before",
        low=0.0,
        # A close one bar ago stands behind the values.
        history={"rate": lambda w: w + 1, "bqx": lambda w: w + 1 + BAR},
        memory=by_step(lambda step: lambda w: 2 * wilder_rows(w) + step),
        source="Wilder 1978",
    )

    def compute(self, d: Domain, w: int) -> Columns:
        """One window."""
        (out,) = d.block(1)
        wilder(_true_range(d), w, d.first, wilder_rows(w), out)
        return {"atr": out}


def _directional(name: str, description: str, n: int, rating: int = 0) -> Feature:
    """A feature over n rows.

    A movement takes a whole bar and the whole bar before it, 2 bar rows: where a bar is one row
    this is what the catalogue's 2n counts, and longer bars need 2 (step - 1) rows more.
    """
    reach = 2 * wilder_ratio_rows(n, stages=2)
    return Feature(
        f"{name}_{n}",
        description.format(n=n),
        unit="percent",
        formula=FORMULAS[name].format(n=n),
        low=0.0,
        high=100.0,
        history=by_step(lambda step: 2 * n + 2 * (step - 1) + rating),
        memory=by_step(lambda step: reach + 2 * step - 1 + rating),
        null_rule="no bar has moved since the averages began",
        source="Wilder 1978",
    )


FORMULAS = {
    "plus_di": "100 Wilder_{n}(+DM)/Wilder_{n}(TR)",
    "minus_di": "100 Wilder_{n}(-DM)/Wilder_{n}(TR)",
    "adx": "Wilder_{n}(100 abs(+DI - -DI)/(+DI + -DI))",
    "adxr": "(ADX_t + ADX_(t-{n}))/2",
}
PLUS = "Positive directional indicator over {n} rows."
MINUS = "Negative directional indicator over {n} rows."
INDEX = "Average directional index over {n} rows."
RATED = "Mean of adx_{n} now and {n} rows ago."


class DirectionalMovement(Family):
    """Directional indicators, their average index and its rating (Wilder 1978).

    In the BQX domain of bars of 15 rows.
    """

    table = "technical_{domain}"

    adx = _directional("adx", INDEX, 14)
    plus_di = _directional("plus_di", PLUS, 14)
    minus_di = _directional("minus_di", MINUS, 14)
    adxr = _directional("adxr", RATED, 14, RATING)
    adx_60 = _directional("adx", INDEX, 60)
    plus_di_60 = _directional("plus_di", PLUS, 60)
    minus_di_60 = _directional("minus_di", MINUS, 60)

    def compute_fixed(self, d: Domain) -> Columns:
        """All indicators."""
        (plus, minus), (rating,) = d.block(2), d.block(1)
        directional_movement(d.bars.high, d.bars.low, d.traits.step, plus, minus)
        moves = Moves(_true_range(d), plus, minus)
        found = []
        for n in SPANS:
            out = d.block(3)
            directional(moves, n, d.first, wilder_ratio_rows(n, stages=2), out)
            found += [out[2], out[0], out[1]]
        index = found[0]
        rating[:RATING] = float("nan")
        rating[RATING:] = (index[RATING:] + index[:-RATING]) / 2.0
        found.insert(3, rating)
        return dict(zip(self.features, found, strict=True))

"""Which stored column holds which canonical feature: the declared mapping of both sides.

Written down here and not taken from the registry: the report must be able to contradict it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bqx.checks.contract import PER_WINDOW, SEED_WINDOW, WINDOWS
from bqx.features.table import KEY
from bqx.stages.pair_features import SOURCES

Cell = tuple[int, str]
"""A window and a canonical feature."""


@dataclass(frozen=True)
class Side:
    """One of the two sides that must be aligned.

    Attributes:
        kind: Name of its parent tables without the pair.
        table: The table of the registry that it holds.
        source: The column of the series that the regression is fitted to.
        names: Names that the first version gave to canonical features, where it had them. Its
            coefficients of x and x² are no terms, and stand for none.
    """

    kind: str
    table: str
    source: str
    names: Mapping[str, str]

    def stored(self, columns: Collection[str]) -> dict[Cell, str]:
        """The stored column of each canonical feature that is there, the canonical name first."""
        found = {}
        for window in WINDOWS:
            for feature in PER_WINDOW:
                for name in (feature, self.names.get(feature, feature)):
                    if column(window, name) in columns:
                        found[window, feature] = column(window, name)
                        break
        return found

    def undeclared(self, columns: Collection[str]) -> tuple[str, ...]:
        """Columns that stand for no canonical feature and are neither key nor source."""
        declared = {KEY, self.source, *self.stored(columns).values()}
        return tuple(name for name in columns if name not in declared)

    def registered(self, cell: Cell) -> str:
        """Name of a feature's column in the registry."""
        return column(*cell)


RATE = Side(
    kind="reg",
    table="reg_rate",
    source=SOURCES["rate"],
    names={
        "quadratic_term": "a_term",
        "linear_term": "b_term",
        "constant_term": "c_coef",
        "residual": "resid_end",
        "prediction": "yhat_end",
    },
)
BQX = Side(
    kind="reg_bqx",
    table="reg_bqx",
    source=SOURCES["bqx"],
    names={"constant_term": "b", "prediction": "yhat_end"},
)
SIDES = (RATE, BQX)
CELLS: tuple[Cell, ...] = tuple((window, feature) for window in WINDOWS for feature in PER_WINDOW)
"""The canonical features of one side: seven for each of six windows."""
TERMS = ("quadratic_term", "linear_term", "constant_term")
CORRELATION = "correlation_bqx"
"""Name of the parent tables that hold the term covariances, and table of the registry."""
COVARIANCES = tuple(
    f"{kind}_{pair}_bqx_{SEED_WINDOW}min"
    for kind in ("cov", "corr")
    for pair in ("quad_lin", "resid_quad", "resid_lin")
)
BARS = "m1"


def column(window: int, feature: str) -> str:
    """Name of a column of the regression."""
    return f"w{window}_{feature}"

"""Quantiles with the right share of surprises below them, on rows that no model has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bqx.models.learning.samples import Floats, Ints
from bqx.models.learning.shrinkage import mean_of


@dataclass(frozen=True)
class Level:
    """How one quantile is made from what models say.

    The quantile is ``weight q(x) + (1 - weight) (f(x) + residual) + shift``: a model of the
    quantile mixed with the same quantile of the point forecast's residuals.

    Attributes:
        level: Share of surprises that is to lie below.
        weight: Share of the quantile model, in [0, 1]; 0 where it is no better than the residuals'
            quantile.
        residual: Quantile of what the point forecast leaves.
        shift: What calibrates the mixture.
    """

    level: float
    weight: float
    residual: float
    shift: float

    @classmethod
    def calibrated(
        cls,
        level: float,
        rows: Ints,
        z: Floats,
        *,
        point: Floats,
        model: Floats | None,
        lag: int,
    ) -> Level:
        """Weigh and shift on calibration rows.

        The shift is that of conformalised quantile regression (Romano, Patterson and Candès 2019),
        level by level: the quantile of ``z - q(x)``. The weight is ``1 - (error / gain)²``, where
        the gain is by how much the pinball loss of the model is below that of the residuals, and
        0 unless the gain is greater than its standard error.

        Args:
            level: The level.
            rows: Absolute grid rows.
            z: Surprises, shape (n,).
            point: Point forecasts, shape (n,).
            model: Forecasts of a quantile model, None where there is none.
            lag: Rows over which labels overlap.
        """
        residual = below(z - point, level)
        if model is None:
            return cls(level, 0.0, residual, 0.0)
        plain = point + residual
        own = model + below(z - model, level)
        weight = mean_of(rows, pinball(z, plain, level) - pinball(z, own, level), lag).kept(1.0)
        mixed = weight * model + (1.0 - weight) * plain
        return cls(level, weight, residual, below(z - mixed, level) if weight else 0.0)

    def quantile(self, point: Floats, model: Floats | None) -> Floats:
        """The quantile for each row; ``model`` is not read where its weight is 0."""
        plain = point + self.residual
        if self.weight == 0.0 or model is None:
            return plain
        return self.weight * model + (1.0 - self.weight) * plain + self.shift


def below(values: Floats, level: float) -> float:
    """The value that a further exchangeable one stays below with a probability of ``level``.

    The order statistic at ``level (n + 1)``, between two of them where that is no whole number.
    """
    return float(np.quantile(values, level, method="weibull"))


def pinball(z: Floats, quantile: Floats, level: float) -> Floats:
    """Loss of a quantile forecast, shape (n,)."""
    distance = z - quantile
    return np.maximum(level * distance, (level - 1.0) * distance)


def uncrossed(quantiles: dict[float, Floats]) -> dict[float, Floats]:
    """Quantiles in ascending order of their levels at every row (Chernozhukov et al. 2010)."""
    levels = sorted(quantiles)
    ordered = np.sort([quantiles[level] for level in levels], axis=0)
    return dict(zip(levels, ordered, strict=True))

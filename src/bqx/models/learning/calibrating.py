"""All that calibration rows say about the models of one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bqx.models.learning.conformal import Level, uncrossed
from bqx.models.learning.predictive import Residuals
from bqx.models.learning.samples import Floats, Ints
from bqx.models.learning.shrinkage import Shrinkage

NARROWEST = 0.2
"""Least width of a row's distribution, as a share of the usual one."""


@dataclass(frozen=True)
class Calibration:
    """Shrinkage, quantiles and distribution of one shape.

    Attributes:
        shrinkage: Share of the point forecast that is kept.
        levels: How each quantile is made, in ascending order.
        residuals: Distribution of residuals in units of their width.
        count: Rows with a label that were calibrated on.
    """

    shrinkage: Shrinkage
    levels: tuple[Level, ...]
    residuals: Residuals
    count: int

    @classmethod
    def measured(
        cls, rows: Ints, z: Floats, said: Floats, models: Mapping[float, Floats | None], lag: int
    ) -> Calibration:
        """Calibrate on rows that the models have not seen.

        Args:
            rows: Absolute grid rows, shape (n,).
            z: Surprises, shape (n,).
            said: What the point model says, shape (n,).
            models: What the model of each quantile says, None where there is none.
            lag: Rows over which labels overlap: window plus horizon.
        """
        shrinkage = Shrinkage.measured(rows, z, said, lag)
        point = shrinkage.factor * said
        levels = tuple(
            Level.calibrated(level, rows, z, point=point, model=models[level], lag=lag)
            for level in sorted(models)
        )
        width = spread(levels, quantiles(levels, point, models))
        return cls(shrinkage, levels, Residuals.measured((z - point) / width), len(z))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """Read what `to_json` made."""
        return cls(
            Shrinkage(**value["shrinkage"]),
            tuple(Level(**level) for level in value["levels"]),
            Residuals(**{k: tuple(v) for k, v in value["residuals"].items()}),
            value["count"],
        )

    def to_json(self) -> dict[str, Any]:
        """All numbers."""
        return asdict(self)


def quantiles(
    levels: tuple[Level, ...], point: Floats, models: Mapping[float, Floats | None]
) -> dict[float, Floats]:
    """The quantiles of each row, none of which cross."""
    return uncrossed({one.level: one.quantile(point, models[one.level]) for one in levels})


def spread(levels: tuple[Level, ...], found: Mapping[float, Floats]) -> Floats:
    """Width of each row's distribution, 1 where it is that of the residuals.

    It is the distance of the outermost quantiles over that of the residuals' own.
    """
    low, high = levels[0], levels[-1]
    usual = high.residual - low.residual
    distance = found[high.level] - found[low.level]
    if usual <= 0.0 or (low.weight == 0.0 and high.weight == 0.0):
        return np.ones(len(distance))
    return np.maximum(distance / usual, NARROWEST)

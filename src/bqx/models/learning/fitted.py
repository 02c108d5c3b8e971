"""Fitted models of all shapes: forecasts, importances, contributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError, UnknownNameError
from bqx.models.learning.calibrating import Calibration, quantiles, spread
from bqx.models.learning.estimator import Estimator
from bqx.models.learning.learner import Learner
from bqx.models.learning.predictive import Surprise
from bqx.models.learning.samples import (
    PAIR,
    Codes,
    Features,
    Floats,
    Inputs,
    Shape,
    require_codes,
)


@dataclass(frozen=True, eq=False)
class ShapeModels:
    """The models of one shape.

    Attributes:
        point: The model of the mean.
        quantiles: Models of those levels whose model is of use.
        calibration: What calibration rows said.
        count: Rows that were fitted on.
    """

    point: Estimator
    quantiles: Mapping[float, Estimator]
    calibration: Calibration
    count: int

    def surprise(self, inputs: Inputs, threads: int) -> Surprise:
        """What is said about each row."""
        said = self._point(inputs, threads)
        models = {
            one.level: None if m is None else m.predict(inputs, threads)
            for one in self.calibration.levels
            for m in [self.quantiles.get(one.level)]
        }
        found = quantiles(self.calibration.levels, said, models)
        width = spread(self.calibration.levels, found)

        def cdf(threshold: Floats | float) -> Floats:
            return self.calibration.residuals.probability((threshold - said) / width)

        return Surprise(said, found, cdf)

    def _point(self, inputs: Inputs, threads: int) -> Floats:
        factor = self.calibration.shrinkage.factor
        if factor == 0.0:
            return np.zeros(len(inputs))
        return factor * self.point.predict(inputs, threads)


@dataclass(frozen=True, eq=False)
class FittedModels:
    """Fitted models of all shapes, and the rows that they saw.

    Attributes:
        learner: What was fitted.
        features: Columns of the matrix, in order.
        pairs: Names of the pairs; codes are places in it.
        levels: Levels of the quantiles.
        rows: Grid rows that anything of it was fitted or calibrated on, so that
            `bqx.dataset.fitscope.require_inside` can judge it.
        models: The models of each shape.
    """

    learner: Learner
    features: tuple[str, ...]
    pairs: tuple[str, ...]
    levels: tuple[float, ...]
    rows: Ranges
    models: Mapping[Shape, ShapeModels]

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"models by {self.learner}"

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Windows and horizons that it forecasts."""
        return tuple(self.models)

    @property
    def columns(self) -> tuple[str, ...]:
        """What forecasts are made from: the features, and ``pair`` if there are several."""
        return (*self.features, PAIR) if len(self.pairs) > 1 else self.features

    def calibration(self, shape: Shape) -> Calibration:
        """Shrinkage, quantile weights and distribution of a shape."""
        return self._of(shape).calibration

    def forecast(
        self, matrix: Features, pairs: Codes | str, shape: Shape, *, threads: int = 1
    ) -> Surprise:
        """Forecast the surprise of a shape.

        Args:
            matrix: Features in the order of ``features``, float32, NaN for NULL, shape (n, f).
            pairs: Place of each row's pair in ``self.pairs``, shape (n,), or one pair's name.
            shape: Window and horizon.
            threads: Threads of the library.

        Raises:
            ConfigError: If the matrix has another form, or a code names no pair.
            UnknownNameError: If the shape or pair was not learned.
        """
        return self._of(shape).surprise(self._inputs(matrix, pairs), threads)

    def importances(self, shape: Shape) -> dict[str, float]:
        """How much the point model of a shape uses each column, greatest first.

        The unit is the learner's: gain of splits for trees, size of standardised weights for
        linear ones, weighted shares for a stack.
        """
        gains = self._of(shape).point.gains(len(self.features))
        found = zip(self.columns, gains.tolist(), strict=True)
        return dict(sorted(found, key=lambda item: -item[1]))

    def contributions(self, matrix: Features, pairs: Codes | str, shape: Shape) -> Floats:
        """Exact parts of the point forecast that belong to each column.

        Returns:
            Shape (n, columns + 1), in the order of ``columns``, the base value last; a row adds up
            to the point forecast, shrinkage included.
        """
        models, inputs = self._of(shape), self._inputs(matrix, pairs)
        factor = models.calibration.shrinkage.factor
        if factor == 0.0:
            return np.zeros((len(inputs), inputs.width + 1))
        return factor * models.point.contributions(inputs)

    def save(self, folder: Path) -> None:
        """Write text files into a folder, which is made; see `bqx.models.learning.saving`."""
        from bqx.models.learning.saving import save

        save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> FittedModels:
        """Read what `save` wrote; forecasts are the same to the bit.

        Raises:
            IntegrityError: If a file is missing or differs from what was written.
        """
        from bqx.models.learning.saving import load

        return load(folder)

    def _of(self, shape: Shape) -> ShapeModels:
        if shape not in self.models:
            known = ", ".join(f"{w}:{h}" for w, h in self.models)
            raise UnknownNameError(f"no model of shape {shape}", expected=f"one of {known}")
        return self.models[shape]

    def _inputs(self, matrix: Features, pairs: Codes | str) -> Inputs:
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise ConfigError(
                f"a matrix of shape {matrix.shape}", expected=f"{len(self.features)} features"
            )
        if isinstance(pairs, str):
            if pairs not in self.pairs:
                known = ", ".join(self.pairs)
                raise UnknownNameError(f"no model of pair {pairs!r}", expected=f"one of {known}")
            pairs = np.full(len(matrix), self.pairs.index(pairs), np.int16)
        if pairs.shape != (len(matrix),):
            raise ConfigError(f"pairs of shape {pairs.shape}", expected=f"({len(matrix)},)")
        require_codes(pairs, len(self.pairs))
        return Inputs(np.ascontiguousarray(matrix, np.float32), pairs, len(self.pairs))

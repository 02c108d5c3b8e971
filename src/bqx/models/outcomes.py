"""What happened, what the martingale said about it, and what a model said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.surprise import LabelColumns
from bqx.errors import ConfigError
from bqx.models.distributions import normal_cdf, normal_quantile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Realised targets beside what a martingale lets expect of them, given all bars up to t.

    Several pairs stand one after the other; the same row may then occur more than once.

    Args:
        rows: Absolute grid row t of each target, shape (n,).
        values: The targets, shape (n,), finite.
        expected: Their conditional mean under the martingale, shape (n,), finite.
        scale: Their conditional standard deviation under a random walk, shape (n,), at least 0;
            needed for quantiles, and for direction probabilities unless ``rise`` is given.
        rise: The martingale's probability of a target above 0, shape (n,), in [0, 1]; from a normal
            distribution with ``expected`` and ``scale`` when None.

    Raises:
        ConfigError: If there are no rows, the lengths differ, or a value is not finite: masked
            targets have no score and must be left out with ``take``.
    """

    rows: Ints
    values: Floats
    expected: Floats
    scale: Floats | None = None
    rise: Floats | None = None

    def __post_init__(self) -> None:
        """Check lengths and numbers."""
        if not len(self.rows):
            raise ConfigError("a score of no rows", expected="at least one row with a target")
        _require_finite(self, len(self.rows))
        if self.scale is not None and np.any(self.scale < 0.0):
            raise ConfigError("a negative scale", expected="standard deviations, at least 0")
        _require_probability(self.rise)

    @classmethod
    def valid(
        cls,
        rows: Ints,
        values: Floats,
        expected: Floats,
        scale: Floats | None = None,
        rise: Floats | None = None,
    ) -> tuple[Self, Bools]:
        """Leave out the rows where anything is masked (NaN), and say which were kept."""
        given = [a for a in (values, expected, scale, rise) if a is not None]
        kept = np.all([np.isfinite(a) for a in given], axis=0)
        parts = (None if a is None else a[kept] for a in (scale, rise))
        return cls(rows[kept], values[kept], expected[kept], *parts), kept

    @classmethod
    def of_labels(cls, rows: Ints, labels: LabelColumns) -> tuple[Self, Bools]:
        """The outcomes of labels at the given rows, without masked ones, and which were kept."""
        # The mean of a direction of -1 or 1 is twice the probability of a rise, less 1.
        rise = (1.0 + labels.expected) / 2.0 if labels.target.kind == "direction" else None
        return cls.valid(rows, labels.values, labels.expected, labels.scale, rise)

    def take(self, mask: Bools) -> Self:
        """The rows where the mask holds."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v[mask] for k, v in parts.items() if v is not None})

    def martingale_quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Normal quantiles around the expected value, shape (levels, n).

        Raises:
            ConfigError: If there is no scale.
        """
        normal = normal_quantile(np.array(levels))
        return np.asarray(self.expected + normal[:, None] * self._scale(), np.float64)

    def martingale_probability(self) -> Floats:
        """Probability of a target above 0.

        ``rise``, or that of a normal distribution; a scale of 0 then leaves 0, one half or 1.

        Raises:
            ConfigError: If there is neither.
        """
        if self.rise is not None:
            return self.rise
        scale = self._scale()
        certain = np.where(self.expected == 0.0, 0.0, np.copysign(np.inf, self.expected))
        z = np.divide(self.expected, scale, out=certain, where=scale > 0.0)
        return normal_cdf(z)

    def _scale(self) -> Floats:
        if self.scale is None:
            raise ConfigError(
                "quantiles or probabilities without the martingale's",
                expected="outcomes with a scale, the conditional standard deviation",
                hint="pass the `scale` of the labels",
            )
        return self.scale


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a model said about the same rows.

    Args:
        point: Forecast of the conditional mean, shape (n,).
        quantiles: Level to forecast quantile, each of shape (n,).
        probability: Forecast probability of a target above 0, shape (n,), in [0, 1].

    Raises:
        ConfigError: If lengths differ, a number is not finite, a level is not inside (0, 1), or a
            probability is outside of [0, 1].
    """

    point: Floats
    quantiles: Mapping[float, Floats] | None = None
    probability: Floats | None = None

    def __post_init__(self) -> None:
        """Check lengths and numbers."""
        _require_finite(self, len(self.point))
        for level, values in (self.quantiles or {}).items():
            if not 0.0 < level < 1.0:
                raise ConfigError(f"quantile level {level!r}", expected="inside (0, 1)")
            _require(f"quantile {level}", values, len(self.point))
        _require_probability(self.probability)

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantile levels, ascending."""
        return tuple(sorted(self.quantiles or ()))

    def quantile_matrix(self) -> Floats:
        """Forecast quantiles in ascending order of their levels, shape (levels, n)."""
        quantiles = self.quantiles or {}
        return np.array([quantiles[level] for level in self.levels], np.float64)

    def take(self, mask: Bools) -> Self:
        """The rows where the mask holds."""
        quantiles = self.quantiles and {k: v[mask] for k, v in self.quantiles.items()}
        probability = None if self.probability is None else self.probability[mask]
        return replace(self, point=self.point[mask], quantiles=quantiles, probability=probability)


def _require_probability(p: Floats | None) -> None:
    if p is not None and (np.any(p < 0.0) or np.any(p > 1.0)):
        raise ConfigError(
            f"probabilities from {p.min():.6g} to {p.max():.6g}", expected="within [0, 1]"
        )


def _require_finite(holder: Outcomes | Forecast, n: int) -> None:
    for field in fields(holder):
        values = getattr(holder, field.name)
        if isinstance(values, np.ndarray):
            _require(field.name, values, n)


def _require(name: str, values: NDArray[np.generic], n: int) -> None:
    if values.shape != (n,):
        raise ConfigError(f"{name} of shape {values.shape}", expected=f"shape ({n},)")
    bad = np.count_nonzero(~np.isfinite(np.asarray(values, np.float64)))
    if bad:
        raise ConfigError(
            f"{bad} of {n} numbers of {name!r} are not finite",
            expected="finite numbers",
            hint="leave rows without a target or a forecast out of the score",
        )

"""Whether probabilities and quantiles mean what they say, beside the martingale's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.models.blocks import Blocks
from bqx.models.bootstrap import resampled_sums
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.timeline import Timeline

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Curve:
    """A reliability curve: bins of equal width over [0, 1], NaN where a bin is empty.

    Attributes:
        counts: Rows in each bin.
        forecast: Mean forecast probability of each bin.
        observed: Share of rises in each bin.
        low: Lower bound of that share.
        high: Upper bound.
    """

    counts: Ints
    forecast: Floats
    observed: Floats
    low: Floats
    high: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of share and forecast, weighted by rows."""
        used = self.counts > 0
        gaps = np.abs(self.observed[used] - self.forecast[used])
        return float(np.average(gaps, weights=self.counts[used]))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Reliability of direction probabilities, of a model and of the martingale.

    Attributes:
        edges: Borders of the bins, one more than bins.
        model: Curve of the model.
        martingale: Curve of the martingale, on the same rows.
        zeros: Targets of 0, left out.
    """

    edges: Floats
    model: Curve
    martingale: Curve
    zeros: int


@dataclass(frozen=True)
class Coverage:
    """How often targets lie at or below a forecast quantile.

    Attributes:
        level: Nominal share.
        model: Observed share for the model's quantile.
        interval: Its interval by the stationary bootstrap.
        martingale: Observed share for the martingale's quantile.
    """

    level: float
    model: float
    interval: tuple[float, float]
    martingale: float


def reliability(
    outcomes: Outcomes,
    forecast: Forecast,
    *,
    horizon: int,
    bins: int = 10,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Reliability:
    """Reliability curves (Murphy and Winkler 1977) with bootstrap bounds.

    Args:
        outcomes: What happened, with a scale.
        forecast: With probabilities.
        horizon: Rows that the targets look ahead: least mean block length.
        bins: Number of bins.
        confidence: Nominal coverage of the bounds.
        resamples: Bootstrap resamples.
        seed: Of the bootstrap.

    Raises:
        ConfigError: If there are no probabilities, or no target differs from 0.
    """
    if forecast.probability is None:
        raise ConfigError("a reliability curve without probabilities", expected="probabilities")
    moved = outcomes.values != 0.0
    if not moved.any() or bins < 1:
        raise ConfigError(
            f"a reliability curve of {np.count_nonzero(moved)} directions in {bins} bins",
            expected="at least one of each",
        )
    rise, line = outcomes.values[moved] > 0.0, Timeline(outcomes.rows[moved])
    blocks = _blocks(line, rise, horizon)

    def curve(p: Floats) -> Curve:
        place = np.minimum((p * bins).astype(np.int64), bins - 1)
        counts = np.bincount(place, minlength=bins)
        rises = np.bincount(place, weights=rise, minlength=bins)
        parts = [line.sums((place == b) * w) for w in (1.0, rise) for b in range(bins)]
        drawn = resampled_sums(np.stack(parts, axis=1), blocks.length, resamples, seed)
        observed = _share(rises.astype(np.float64), counts)
        found = _share(drawn[:, bins:], drawn[:, :bins])
        low, high = blocks.interval(observed, found, confidence)
        means = _share(np.bincount(place, weights=p, minlength=bins).astype(np.float64), counts)
        return Curve(counts, means, observed, np.maximum(low, 0.0), np.minimum(high, 1.0))

    return Reliability(
        edges=np.linspace(0.0, 1.0, bins + 1),
        model=curve(forecast.probability[moved]),
        martingale=curve(outcomes.martingale_probability()[moved]),
        zeros=int(np.count_nonzero(~moved)),
    )


def coverage(
    outcomes: Outcomes,
    forecast: Forecast,
    *,
    horizon: int,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Coverage, ...]:
    """Share of targets at or below each forecast quantile; see `reliability` for the arguments.

    Raises:
        ConfigError: If there are no quantiles, or the outcomes have no scale.
    """
    if not forecast.quantiles:
        raise ConfigError("coverage without quantiles", expected="quantile forecasts")
    line = Timeline(outcomes.rows)
    reference = outcomes.martingale_quantiles(forecast.levels)
    found = []
    for k, level in enumerate(forecast.levels):
        below = outcomes.values <= forecast.quantile_matrix()[k]
        parts = [line.sums(np.ones(len(below))), line.sums(below.astype(np.float64))]
        blocks = _blocks(line, below, horizon)
        drawn = resampled_sums(np.stack(parts, axis=1), blocks.length, resamples, seed)
        share = below.mean()
        low, high = blocks.interval(share, drawn[:, 1] / drawn[:, 0], confidence)
        bounds = max(float(low), 0.0), min(float(high), 1.0)
        beside = float(np.mean(outcomes.values <= reference[k]))
        found.append(Coverage(level, float(share), bounds, beside))
    return tuple(found)


def _blocks(line: Timeline, event: Bools, horizon: int) -> Blocks:
    return Blocks.of(line.sums(event - event.mean()), least=horizon)


def _share(part: Floats, whole: Floats | Ints) -> Floats:
    empty = np.full(part.shape, np.nan)
    return np.asarray(np.divide(part, whole, out=empty, where=whole > 0.5))

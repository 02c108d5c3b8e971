"""The forecasts of a run, target by target, as what is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError
from bqx.models.outcomes import Forecast, Outcomes

if TYPE_CHECKING:
    from bqx.models.runs.run import Run

Ints = NDArray[np.int64]

EVERY_PAIR = "all pairs"
"""Name of the scores of all pairs together."""


@dataclass(frozen=True, eq=False)
class Sample:
    """What a run said about one target, and what happened.

    Attributes:
        pair: The pair, or `EVERY_PAIR`.
        target: The target.
        outcomes: Rows with a label.
        forecast: What was said about them.
        folds: Number of the fold that each row was tested in.
    """

    pair: str
    target: BQXTarget
    outcomes: Outcomes
    forecast: Forecast
    folds: Ints


def sample_of(run: Run, pair: str, target: BQXTarget) -> Sample:
    """Read the forecasts of one target of a pair.

    Raises:
        ConfigError: If no forecast of the target has a label.
    """
    outcomes, forecast, folds = run.scored(pair, target)
    return Sample(pair, target, outcomes, forecast, np.asarray(folds, np.int64))


def pooled(samples: Sequence[Sample]) -> Sample:
    """All pairs of a target one after the other; rows of one minute stay recognisable as such.

    Raises:
        ConfigError: If there is no sample, or not all give the same quantiles or probabilities.
    """
    if len({(s.target, s.forecast.levels, s.forecast.probability is None) for s in samples}) != 1:
        raise ConfigError(
            "samples of different targets or kinds of forecast", expected="one target, one kind"
        )
    outcomes = [s.outcomes for s in samples]
    parts = {f.name: [getattr(o, f.name) for o in outcomes] for f in fields(Outcomes)}
    joined = {name: np.concatenate(p) for name, p in parts.items() if p[0] is not None}
    folds = np.concatenate([s.folds for s in samples])
    forecast = _joined([s.forecast for s in samples])
    return Sample(EVERY_PAIR, samples[0].target, Outcomes(**joined), forecast, folds)


def _joined(forecasts: Sequence[Forecast]) -> Forecast:
    probabilities = [f.probability for f in forecasts if f.probability is not None]
    quantiles = {
        level: np.concatenate([(f.quantiles or {})[level] for f in forecasts])
        for level in forecasts[0].levels
    }
    return Forecast(
        np.concatenate([f.point for f in forecasts]),
        quantiles or None,
        np.concatenate(probabilities) if probabilities else None,
    )

"""A score: every metric of a model beside the martingale's, with interval and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqx.errors import ConfigError
from bqx.models.blocks import Blocks
from bqx.models.bootstrap import resampled_sums
from bqx.models.columns import Columns, columns
from bqx.models.comparison import AccuracyTest, clark_west, gain_test
from bqx.models.longrun import effective_size
from bqx.models.metrics import METRICS, POINT, PROBABILITY, QUANTILE, Metric, Sums, gradient
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.timeline import Timeline

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """One metric of a model; it does not exist without the martingale's.

    Attributes:
        value: Of the model.
        martingale: Of the martingale's forecast on the same rows.
        skill: (value - martingale) / (perfect - martingale); 1 - loss/loss for losses.
        interval: Bounds of the skill by the stationary block bootstrap; see `Blocks.interval`.
        p_value: Two-sided Diebold-Mariano test of equal accuracy. For the correlation and the area
            under the curve, which are no means, the same test of their linear part.
        p_better: The same, one-sided: against a better model.
    """

    value: float
    martingale: float
    skill: float
    interval: tuple[float, float]
    p_value: float
    p_better: float


@dataclass(frozen=True)
class Score:
    """How good a model's forecasts are, beside those of the martingale on the same rows.

    A number that is not defined, such as the correlation of a constant forecast, is NaN.

    Attributes:
        n: Rows scored, of all pairs.
        times: Distinct rows among them.
        effective_n: Independent rows that would tell the martingale's mean squared error as well.
        zeros: Targets of exactly 0, left out of direction metrics.
        undecided: Forecasts of exactly 0 among the others; each counts as half a right sign.
        horizon: Rows that the targets look ahead.
        block: Mean block length of the bootstrap, in distinct rows.
        resamples: Resamples of it.
        seed: Seed of it.
        confidence: Nominal coverage of the intervals.
        nested: Clark-West test: is there information beyond the martingale's?
        mse: Mean squared error.
        rmse: Its root.
        mae: Mean absolute error.
        r2_mean: R² about the mean of the sample.
        r2_martingale: R² about the martingale's conditional mean; the martingale's own is 0.
        direction: Share of right signs.
        correlation: Pearson correlation.
        pinball: Mean pinball loss over the quantile levels.
        crps: Continuous ranked probability score from the quantile levels.
        log_loss: Log loss of direction probabilities.
        brier: Their Brier score.
        auc: Their area under the ROC curve.
    """

    n: int
    times: int
    effective_n: float
    zeros: int
    undecided: int
    horizon: int
    block: float
    resamples: int
    seed: int
    confidence: float
    nested: AccuracyTest
    mse: Measure
    rmse: Measure
    mae: Measure
    r2_mean: Measure
    r2_martingale: Measure
    direction: Measure
    correlation: Measure
    pinball: Measure | None = None
    crps: Measure | None = None
    log_loss: Measure | None = None
    brier: Measure | None = None
    auc: Measure | None = None

    def measures(self) -> Iterator[tuple[str, Measure]]:
        """Names and measures of the metrics that there are."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Measure):
                yield field.name, value


def score(
    outcomes: Outcomes,
    forecast: Forecast,
    *,
    horizon: int,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    block: float | None = None,
) -> Score:
    """Score a model's forecasts.

    One set of resamples serves all metrics and keeps model and martingale together; rows of one
    minute are resampled together, over all pairs.

    Args:
        outcomes: What happened and what the martingale expected.
        forecast: What the model said, on the same rows.
        horizon: Rows that the targets look ahead: the lag of the tests, and the least mean block
            length.
        resamples: Bootstrap resamples.
        confidence: Nominal coverage of the intervals.
        seed: Of the bootstrap.
        block: Mean block length in distinct rows; None for that of Politis and White, computed on
            the rows' influence on the skill, and not below the horizon.

    Raises:
        ConfigError: If the lengths differ, there are fewer than 12 distinct rows, or quantiles or
            probabilities are given and the outcomes have no scale.
    """
    _check(outcomes, forecast, horizon, confidence)
    line = Timeline(outcomes.rows)
    parts = columns(outcomes, forecast)
    by_time = {name: line.sums(values) for name, values in parts.items()}
    blocks = Blocks.of(_skill_series(by_time), least=horizon, length=block)
    stacked = np.stack(list(by_time.values()), axis=1)
    drawn = resampled_sums(stacked, blocks.length, resamples, seed)
    resampled = dict(zip(by_time, drawn.T, strict=True))
    evidence = _Evidence(by_time, resampled, blocks, line, horizon)
    return Score(
        n=len(outcomes.rows),
        times=len(line),
        effective_n=_effective(parts, line, horizon),
        zeros=int(np.count_nonzero(outcomes.values == 0.0)),
        undecided=int(np.count_nonzero((outcomes.values != 0.0) & (forecast.point == 0.0))),
        horizon=horizon,
        block=blocks.length,
        resamples=resamples,
        seed=seed,
        confidence=confidence,
        nested=_nested(outcomes, forecast, horizon),
        **evidence.measures(_metrics(forecast), confidence),
    )


def _check(outcomes: Outcomes, forecast: Forecast, horizon: int, confidence: float) -> None:
    if len(forecast.point) != len(outcomes.rows):
        raise ConfigError(
            f"{len(forecast.point)} forecasts of {len(outcomes.rows)} targets",
            expected="one forecast for each target",
        )
    if not 0.0 < confidence < 1.0 or horizon < 1:
        raise ConfigError(
            f"confidence {confidence}, horizon {horizon}", expected="inside (0, 1), at least 1"
        )


def _nested(outcomes: Outcomes, forecast: Forecast, horizon: int) -> AccuracyTest:
    y, point, expected = outcomes.values, forecast.point, outcomes.expected
    return clark_west(y, point, expected, horizon=horizon, rows=outcomes.rows)


def _metrics(forecast: Forecast) -> tuple[Metric, ...]:
    quantile = QUANTILE if forecast.quantiles else ()
    return POINT + quantile + (PROBABILITY if forecast.probability is not None else ())


def _skill_series(by_time: Columns) -> Floats:
    """Each time's influence on the skill; the martingale's own errors where the model is it."""
    model, reference = by_time["model_square"], by_time["martingale_square"]
    total = float(reference.sum())
    series = model - (float(model.sum()) / total if total > 0.0 else 0.0) * reference
    if np.any(series != 0.0):
        return series
    return reference


def _effective(parts: Columns, line: Timeline, horizon: int) -> float:
    square = parts["martingale_square"]
    deviation = square - square.mean()
    return effective_size(deviation, line.dense(line.sums(deviation)), horizon)


@dataclass(frozen=True)
class _Evidence:
    """Sums by time, and sums of resamples, from which measures are made."""

    by_time: Columns
    resampled: Columns
    blocks: Blocks
    line: Timeline
    horizon: int

    def measures(self, metrics: Sequence[Metric], confidence: float) -> dict[str, Any]:
        """A measure for each metric, under its name."""
        sums = {name: values.sum() for name, values in self.by_time.items()}
        tests = {
            name: self.test(METRICS[name], sums) for name in {metric.tested for metric in metrics}
        }
        found: dict[str, Any] = {}
        for metric in metrics:
            skill = metric.skill(sums)
            low, high = self.blocks.interval(skill, metric.skill(self.resampled), confidence)
            test = tests[metric.tested]
            found[metric.name] = Measure(
                value=float(metric.value(sums, "model")),
                martingale=float(metric.value(sums, "martingale")),
                skill=float(skill),
                interval=(float(low), float(high)),
                p_value=test.p_value,
                p_better=test.p_better,
            )
        return found

    def test(self, metric: Metric, sums: Sums) -> AccuracyTest:
        """Diebold-Mariano by the influence of each row on the gain.

        For a mean of losses the influence is the centred loss differential over n.
        """
        influence = np.zeros(len(self.line))
        # The model's and the martingale's column of a kind follow each other, so that equal ones
        # cancel exactly.
        slopes = sorted(gradient(metric, sums).items(), key=lambda item: item[0].partition("_")[2])
        for name, slope in slopes:
            influence += slope * self.by_time[name]
        return gain_test(
            float(metric.gain(sums)),
            self.line.dense(influence),
            len(self.line),
            horizon=self.horizon,
        )

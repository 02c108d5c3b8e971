"""How much of a forecast's R² was known anyway, and how much the model added.

With R²_m of the martingale's conditional mean and the skill S = 1 - MSE/MSE_m, the forecast's R²
about the mean is ``R²_m + (1 - R²_m) S``: an identity, not an estimate. The first term is what
overlap of windows gives for nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bqx.dataset.martingale import closed_form_r2
from bqx.models.evaluation.numbers import finite
from bqx.models.evaluation.samples import Sample
from bqx.models.skill import Score


@dataclass(frozen=True)
class Decomposed:
    """The R² of one target in two parts.

    Attributes:
        pair: The pair, or all of them.
        target: The target, as text.
        r2: R² of the forecast about the mean.
        known: Part that the martingale's conditional mean explains.
        added: Part that the model adds: ``(1 - known) * skill``.
        interval: Interval of the added part, with the known part taken as given.
        skill: Share of the unknown that the model explains.
        closed_form: Known part on a walk of constant volatility.
        correlation: Of what the model adds to the martingale's forecast with what the martingale
            did not foresee; NaN where the model adds nothing.
    """

    pair: str
    target: str
    r2: float
    known: float
    added: float
    interval: tuple[float, float]
    skill: float
    closed_form: float
    correlation: float

    def to_json(self) -> dict[str, Any]:
        """The parts as plain values; what is not defined is None."""
        found = asdict(self)
        found["interval"] = [finite(x) for x in self.interval]
        return {k: finite(v) if isinstance(v, float) else v for k, v in found.items()}


def decompose(sample: Sample, score: Score) -> Decomposed:
    """Split the R² of a scored sample."""
    known, skill = score.r2_mean.martingale, score.mse.skill
    low, high = ((1.0 - known) * bound for bound in score.mse.interval)
    target = sample.target
    return Decomposed(
        pair=sample.pair,
        target=str(target),
        r2=score.r2_mean.value,
        known=known,
        added=(1.0 - known) * skill,
        interval=(low, high),
        skill=skill,
        closed_form=closed_form_r2(target.window, target.horizon, target.kind),
        correlation=_correlation(sample),
    )


def _correlation(sample: Sample) -> float:
    expected = sample.outcomes.expected
    added, surprise = sample.forecast.point - expected, sample.outcomes.values - expected
    if not np.any(added != added[0]) or not np.any(surprise != surprise[0]):
        return float("nan")
    return float(np.corrcoef(added, surprise)[0, 1])

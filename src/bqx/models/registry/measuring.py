"""Figures of an evaluation as a record keeps them: each beside the martingale's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bqx.dataset.target import BQXTarget
from bqx.models.comparison import adjusted
from bqx.models.evaluation.controls import ControlFound
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.evaluation.samples import EVERY_PAIR
from bqx.models.evaluation.scoring import Found
from bqx.models.skill import Score

Figures = dict[str, Any]


def run_figures(evaluation: Evaluation) -> list[Figures]:
    """Figures of every pair and target of a run.

    Returns:
        One record for each: counts, mean squared error, skill with interval and tests, direction,
        coverage of the quantiles, calibration error. ``p_adjusted`` is adjusted by
        Benjamini-Hochberg over all of them.
    """
    found = list(evaluation.singles())
    records = [{**score_figures(f.pair, f.target, f.score), **_calibration(f)} for f in found]
    return _with_adjusted(records)


def control_figures(control: ControlFound) -> list[Figures]:
    """Figures of every pair and target of a control: of its point forecasts alone."""
    scores: Mapping[tuple[str, BQXTarget], Score] = control.scores
    single = [(p, t, s) for (p, t), s in scores.items() if p != EVERY_PAIR]
    return _with_adjusted([score_figures(*one) for one in single])


def score_figures(pair: str, target: BQXTarget, score: Score) -> Figures:
    """The figures of one score; None where one is not defined."""
    mse = score.mse
    numbers = {
        "effective_n": score.effective_n,
        "mse": mse.value,
        "martingale_mse": mse.martingale,
        "skill": mse.skill,
        "low": mse.interval[0],
        "high": mse.interval[1],
        "p_value": mse.p_value,
        "p_better": mse.p_better,
        "p_clark_west": score.nested.p_better,
        "r2": score.r2_mean.value,
        "martingale_r2": score.r2_mean.martingale,
        "direction": score.direction.value,
        "martingale_direction": score.direction.martingale,
    }
    known = {name: finite(value) for name, value in numbers.items()}
    return {"pair": pair, "target": str(target), "n": score.n, **known}


def _calibration(found: Found) -> Figures:
    curves = found.reliability
    return {
        "coverage": [
            {
                "level": c.level,
                "observed": c.model,
                "low": finite(c.interval[0]),
                "high": finite(c.interval[1]),
                "martingale": c.martingale,
            }
            for c in found.coverage
        ],
        "calibration_error": None if curves is None else curves.model.error,
        "martingale_calibration_error": None if curves is None else curves.martingale.error,
    }


def _with_adjusted(records: Sequence[Figures]) -> list[Figures]:
    p = np.array([math.nan if r["p_value"] is None else r["p_value"] for r in records], np.float64)
    pairs = zip(records, adjusted(p), strict=True)
    return [{**record, "p_adjusted": finite(float(value))} for record, value in pairs]


def finite(value: float) -> float | None:
    """The number, or None where it is not defined."""
    return value if math.isfinite(value) else None

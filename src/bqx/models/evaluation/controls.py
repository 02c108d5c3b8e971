"""Controls: runs that must show no skill, scored beside the true one.

A control goes through the whole pipeline, selection and tuning included, with labels or time put
out of order. Skill of a control is skill that the pipeline makes out of nothing: by a leak, or by
choice among many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bqx.dataset.target import BQXTarget
from bqx.errors import ConfigError
from bqx.models.comparison import adjusted
from bqx.models.evaluation.numbers import side
from bqx.models.evaluation.samples import EVERY_PAIR, pooled, sample_of
from bqx.models.evaluation.scoring import Effort, point_score, together
from bqx.models.skill import Measure, Score

if TYPE_CHECKING:
    from bqx.models.runs.run import Run

Place = tuple[str, BQXTarget]
"""Pair (or `EVERY_PAIR`) and target."""

LEVEL = 0.05
"""Adjusted p value below which a difference counts."""


@dataclass(frozen=True, eq=False)
class ControlFound:
    """Scores of one control.

    Attributes:
        kind: ``shuffled_labels`` or ``permuted_time``.
        name: Name of the run, which tells several of one kind apart.
        scores: By pair and target; `EVERY_PAIR` for all pairs together.
    """

    kind: str
    name: str
    scores: Mapping[Place, Score]

    @property
    def skilled(self) -> tuple[Place, ...]:
        """Pairs and targets where it beats the martingale, adjusted for their number."""
        single = {place: s for place, s in self.scores.items() if place[0] != EVERY_PAIR}
        return tuple(
            p for p, better in zip(single, beats(list(single.values())), strict=True) if better
        )

    def verdict(self) -> str:
        """What its scores say, in a sentence."""
        whole = {
            str(t): side(s.mse.interval)
            for (pair, t), s in self.scores.items()
            if pair == EVERY_PAIR
        }
        above = [name for name, where in whole.items() if where == "above 0"]
        singles = [s for (pair, _), s in self.scores.items() if pair != EVERY_PAIR]
        count = sum(side(s.mse.interval) == "above 0" for s in singles)
        if self.skilled:
            end = (
                f"{len(self.skilled)} of them after adjustment: it shows skill, which it must not."
            )
        else:
            end = "none of them after adjustment: it shows no skill, as it must."
        pool = f"above 0 for {', '.join(above)}" if above else "above 0 for no target"
        return (
            f"Control {self.kind} ({self.name}): the skill interval is above 0 for {count} of"
            f" {len(singles)} pair-targets (by chance {len(singles) * 0.025:.2g}), {end}"
            f" Pooled over pairs it is {pool}."
        )


def beats(scores: Sequence[Score], level: float = LEVEL) -> list[bool]:
    """Where a model is better than the martingale by Diebold and Mariano, adjusted for number."""
    return better([score.mse for score in scores], level)


def better(measures: Sequence[Measure], level: float = LEVEL) -> list[bool]:
    """The same of one metric of several models."""
    p = adjusted(np.array([one.p_value for one in measures], np.float64))
    return [bool(q < level and one.skill > 0.0) for q, one in zip(p, measures, strict=True)]


def score_control(control: Run, run: Run, effort: Effort) -> ControlFound:
    """Score a control on the pairs and targets of the true run.

    Raises:
        ConfigError: If it is no control of this run.
    """
    require_control(control, run)
    scores: dict[Place, Score] = {}
    for target in run.targets:
        samples = [sample_of(control, pair, target) for pair in run.pairs]
        every = [*samples, pooled(samples)]
        found = together([partial(point_score, s, effort) for s in every], effort.threads)
        scores |= {(s.pair, target): one for s, one in zip(every, found, strict=True)}
    return ControlFound(str(control.spec.control), control.name, scores)


def require_control(control: Run, run: Run) -> None:
    """Refuse what is not the same run with labels or time out of order.

    Raises:
        ConfigError: If it is a true run, or differs in anything else than the control and seed.
    """
    if control.spec.control is None:
        raise ConfigError(
            f"the run {control.name} is no control",
            expected="a run with --control shuffled_labels or permuted_time",
        )
    free = {"control", "seed"}
    one, other = (
        {k: v for k, v in r.spec.to_json().items() if k not in free} for r in (control, run)
    )
    differing = [name for name in one if one[name] != other[name]]
    if control.record.dataset["identity"] != run.record.dataset["identity"]:
        differing.append("dataset")
    if differing:
        raise ConfigError(
            f"the control {control.name} differs from {run.name} in {', '.join(differing)}",
            expected="the same run, apart from the control and the seed",
            hint="train it with the options of the true run and --control",
        )

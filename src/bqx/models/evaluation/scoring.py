"""Scores of one target: of each pair, of all pairs together, and of groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.target import BQXTarget
from bqx.models.calibration import Coverage, Reliability, coverage, reliability
from bqx.models.evaluation.decomposition import Decomposed, decompose
from bqx.models.evaluation.groups import GROUPINGS, Grouper
from bqx.models.evaluation.samples import EVERY_PAIR, Sample, pooled, sample_of
from bqx.models.grouping import Groups
from bqx.models.outcomes import Forecast
from bqx.models.skill import Score, score

if TYPE_CHECKING:
    from bqx.models.runs.run import Run

T = TypeVar("T")
Bools = NDArray[np.bool_]

LEAST = 12
"""Distinct rows that a score needs."""


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes:
        resamples: Bootstrap resamples of the scores that conclusions rest on.
        seed: Of the bootstrap.
        threads: Scores that are computed at a time.
    """

    resamples: int = 1000
    seed: int = 0
    threads: int = 2

    @property
    def fewer(self) -> int:
        """Resamples of groups, of calibration and of controls."""
        return min(self.resamples, max(200, self.resamples // 5))


@dataclass(frozen=True, eq=False)
class Found:
    """Everything that is computed of one target of a pair, or of all pairs together.

    Attributes:
        pair: The pair, or `EVERY_PAIR`.
        target: The target.
        score: All metrics beside the martingale's.
        parts: Its R² in two parts.
        coverage: Observed shares below the quantiles; empty without quantiles.
        error: Expected calibration error of the probabilities; NaN without them, or where nothing
            moved.
        martingale_error: The same of the martingale's.
        reliability: The curves behind them, of all pairs together alone.
    """

    pair: str
    target: BQXTarget
    score: Score
    parts: Decomposed
    coverage: tuple[Coverage, ...]
    error: float
    martingale_error: float
    reliability: Reliability | None

    @property
    def coverage_error(self) -> float:
        """Greatest distance of an observed share from its level; NaN without quantiles."""
        return max((abs(c.model - c.level) for c in self.coverage), default=float("nan"))


@dataclass(frozen=True, eq=False)
class TargetFound:
    """What is computed of one target.

    Attributes:
        pairs: By pair.
        pooled: Of all pairs together.
        groups: Scores of all pairs together, by grouping and group.
        small: Groups that hold too few rows for a score.
        ungrouped: Rows that belong to no group, by grouping.
    """

    pairs: Mapping[str, Found]
    pooled: Found
    groups: Mapping[str, Mapping[str, Score]]
    small: tuple[str, ...]
    ungrouped: Mapping[str, int]


def score_target(run: Run, grouper: Grouper, target: BQXTarget, effort: Effort) -> TargetFound:
    """Score one target of a run in all its divisions.

    The forecasts of one target are held at a time, those of all pairs.
    """
    samples = {pair: sample_of(run, pair, target) for pair in run.pairs}
    every = pooled(tuple(samples.values()))
    single = len(samples) == 1
    jobs = [partial(measure, one, effort, curves=single) for one in samples.values()]
    if not single:
        jobs.append(partial(measure, every, effort, curves=True))
    made = together(jobs, effort.threads)
    whole = _renamed(made[0]) if single else made[-1]
    divisions, ungrouped = _divisions(grouper, tuple(samples.values()))
    groups, small = _by_group(every, divisions, effort)
    return TargetFound(dict(zip(samples, made, strict=False)), whole, groups, small, ungrouped)


def measure(sample: Sample, effort: Effort, *, curves: bool) -> Found:
    """Score a sample and its calibration; without curves their bounds are not computed."""
    outcomes, forecast, horizon = sample.outcomes, sample.forecast, sample.target.horizon
    found = score(outcomes, forecast, horizon=horizon, resamples=effort.resamples, seed=effort.seed)
    shares = (
        coverage(outcomes, forecast, horizon=horizon, resamples=effort.fewer, seed=effort.seed)
        if forecast.quantiles
        else ()
    )
    curve = _reliability(sample, effort.fewer if curves else 1, effort.seed)
    return Found(
        pair=sample.pair,
        target=sample.target,
        score=found,
        parts=decompose(sample, found),
        coverage=shares,
        error=float("nan") if curve is None else curve.model.error,
        martingale_error=float("nan") if curve is None else curve.martingale.error,
        reliability=curve if curves else None,
    )


def _reliability(sample: Sample, resamples: int, seed: int) -> Reliability | None:
    outcomes, forecast = sample.outcomes, sample.forecast
    if forecast.probability is None or not np.any(outcomes.values != 0.0):
        return None
    return reliability(
        outcomes, forecast, horizon=sample.target.horizon, resamples=resamples, seed=seed
    )


def point_score(sample: Sample, effort: Effort) -> Score:
    """Score the point forecast alone, with fewer resamples."""
    return score(
        sample.outcomes,
        Forecast(sample.forecast.point),
        horizon=sample.target.horizon,
        resamples=effort.fewer,
        seed=effort.seed,
    )


def together(jobs: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """Do jobs, some at a time; results in their order.

    The compiled and most of the array work of a score leaves the interpreter lock.
    """
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        return list(pool.map(lambda job: job(), jobs))


def _renamed(found: Found) -> Found:
    return replace(found, pair=EVERY_PAIR, parts=replace(found.parts, pair=EVERY_PAIR))


def _divisions(
    grouper: Grouper, samples: Sequence[Sample]
) -> tuple[dict[str, dict[str, Bools]], dict[str, int]]:
    """Masks over the pooled rows, by grouping and group; a grouping must be known for all pairs."""
    each = [grouper.groups(sample) for sample in samples]
    names = [name for name in GROUPINGS if all(name in one for one in each)]
    masks = {name: _masks([one[name] for one in each]) for name in names}
    return masks, {name: sum(one[name].outside for one in each) for name in names}


def _masks(parts: Sequence[Groups]) -> dict[str, Bools]:
    labels = list(dict.fromkeys(label for part in parts for label in part.labels))
    if parts[0].name in {"month", "fold"}:
        labels.sort()
    codes = [np.array([*map(labels.index, p.labels), -1], np.int64)[p.codes] for p in parts]
    joined = np.concatenate(codes)
    return {label: joined == k for k, label in enumerate(labels)}


def _by_group(
    every: Sample, divisions: Mapping[str, Mapping[str, Bools]], effort: Effort
) -> tuple[dict[str, dict[str, Score]], tuple[str, ...]]:
    cells = [(name, label) for name, masks in divisions.items() for label in masks]
    jobs = [partial(_group_score, every, divisions[n][label], effort) for n, label in cells]
    groups: dict[str, dict[str, Score]] = {name: {} for name in divisions}
    small = []
    for (name, label), made in zip(cells, together(jobs, effort.threads), strict=True):
        if made is None:
            small.append(f"{name} {label}")
        else:
            groups[name][label] = made
    return groups, tuple(small)


def _group_score(every: Sample, mask: Bools, effort: Effort) -> Score | None:
    """None where the group has too few distinct rows."""
    count = int(np.count_nonzero(mask))
    # No row occurs more often than there are pairs and folds, so most groups need no counting.
    if count < LEAST * 1_000 and len(np.unique(every.outcomes.rows[mask])) < LEAST:
        return None
    point = Forecast(every.forecast.point[mask])
    part = replace(every, outcomes=every.outcomes.take(mask), forecast=point)
    return point_score(part, effort)

"""Evaluate a run: every score beside the martingale's, calibration, importances, controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bqx.dataset.dataset import Dataset
from bqx.dataset.target import BQXTarget
from bqx.market import moment_of
from bqx.models.evaluation.controls import ControlFound, require_control, score_control
from bqx.models.evaluation.evaluation import Evaluation
from bqx.models.evaluation.groups import GROUPINGS, Grouper
from bqx.models.evaluation.importance import importances
from bqx.models.evaluation.scoring import Effort, TargetFound, score_target

if TYPE_CHECKING:
    from bqx.models.runs.run import Run

Progress = Callable[[int, int, str], None]
"""Told before each step: steps done, steps in all, what comes."""


def evaluate(
    run: Run,
    *,
    controls: Sequence[Run] = (),
    resamples: int = 1000,
    seed: int = 0,
    threads: int = 2,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate a run.

    The forecasts of one target are held in memory at a time, those of all pairs. The result does
    not depend on the number of threads.

    Args:
        run: The run.
        controls: The same run with shuffled labels or permuted time.
        resamples: Bootstrap resamples of the scores by pair and of all pairs together; groups,
            calibration and controls take a fifth, but at least 200 of them.
        seed: Of the bootstrap.
        threads: Scores that are computed at a time.
        dataset: The dataset of the run, if it is open already or was moved.
        progress: Told before each step.

    Raises:
        ConfigError: If a control does not belong to the run, or there is too little to score.
        StoreError: If the dataset is not there, or a unit is not finished.
        IntegrityError: If a file is damaged.
    """
    for control in controls:
        require_control(control, run)
    told = progress or (lambda done, total, what: None)  # noqa: ARG005 - silence
    source = run.dataset() if dataset is None else dataset
    effort, grouper = Effort(resamples, seed, threads), Grouper(source, run.folds)
    total = len(run.targets) + 1 + len(controls)
    found: dict[BQXTarget, TargetFound] = {}
    for k, target in enumerate(run.targets):
        told(k, total, str(target))
        found[target] = score_target(run, grouper, target, effort)
    told(len(run.targets), total, "importances")
    used = importances(run, source)
    scored = tuple(_controls(run, controls, effort, told))
    return Evaluation(
        name=run.name,
        identity=run.identity,
        run=_facts(run, source, effort),
        synthetic=run.synthetic or any(c.synthetic for c in controls),
        found=found,
        importances=used,
        controls=scored,
        notes=tuple(_notes(run, found)),
    )


def _controls(
    run: Run, controls: Sequence[Run], effort: Effort, told: Progress
) -> Iterator[ControlFound]:
    done = len(run.targets) + 1
    for k, control in enumerate(controls):
        told(done + k, done + len(controls), f"control {control.name}")
        yield score_control(control, run, effort)


def _facts(run: Run, dataset: Dataset, effort: Effort) -> Mapping[str, Any]:
    """What a reader must know of the run."""
    spec = run.spec
    tests = [fold.test for fold in run.folds]
    first, stop = min(t.first for t in tests), max(t.stop for t in tests)
    ends = dataset.minutes(np.array([first, stop - 1], np.int64))
    return {
        "run": run.name,
        "identity": run.identity,
        "learner": spec.learner,
        "learns": spec.learn,
        "scope": spec.scope,
        "control": spec.control or "none: the true run",
        "pairs": list(run.pairs),
        "targets": [str(t) for t in run.targets],
        "folds": len(run.folds),
        "tested from": f"{moment_of(int(ends[0])):%Y-%m-%d %H:%M}",
        "tested to": f"{moment_of(int(ends[1])):%Y-%m-%d %H:%M}",
        "dataset": dataset.manifest.identity,
        "features": len(dataset.features),
        "selection": "none" if spec.selection is None else f"{spec.selection.top} features",
        "resamples": effort.resamples,
        "resamples of groups": effort.fewer,
        "synthetic": run.synthetic,
    }


def _notes(run: Run, found: Mapping[BQXTarget, TargetFound]) -> Iterator[str]:
    for unit in run.spec.units:
        for fold in run.folds:
            reason = run.unit(unit, fold.number).skipped
            if reason:
                yield f"No forecasts of {unit} in fold {fold.number}: {reason}."
    same: dict[str, list[str]] = {}
    for target, one in found.items():
        for sentence in _of_target(one):
            same.setdefault(sentence, []).append(str(target))
    for sentence, targets in same.items():
        yield f"{sentence} ({', '.join(targets)})."


def _of_target(one: TargetFound) -> Iterator[str]:
    if one.small:
        yield f"Too few rows for a score of {', '.join(one.small)}"
    absent = [name for name in GROUPINGS if name not in one.groups]
    if absent:
        yield f"The dataset has no target that tells {' and '.join(absent)}"
    for name, count in one.ungrouped.items():
        if count:
            yield f"The {name} of {count:,} rows is not known at their time"

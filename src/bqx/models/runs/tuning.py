"""Parameters of a learner, tuned inside the training rows of a fold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bqx.dataset.fitscope import training_rows
from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.dataset.splits import PurgedKFold
from bqx.errors import BqxError, ConfigError, IntegrityError
from bqx.models.runs.spec import RunSpec, TuningSpec

if TYPE_CHECKING:
    import optuna

    from bqx.models.learning.learner import Learner
    from bqx.models.learning.samples import Floats, Samples

Value = float | int | str | bool


@dataclass(frozen=True)
class Between:
    """The values that are tried of a parameter: whole numbers where both ends are.

    Attributes:
        low: Least.
        high: Greatest.
        log: Whether ratios count.
    """

    low: float
    high: float
    log: bool = True

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        """A value for a trial."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


_BOOSTING = {"rounds": Between(20, 200), "learning_rate": Between(0.01, 0.1)}
SPACES: Mapping[str, Mapping[str, Between]] = {
    "lightgbm": {
        **_BOOSTING,
        "num_leaves": Between(4, 31),
        "min_data_in_leaf": Between(50, 2000),
        "feature_fraction": Between(0.1, 1.0),
        "lambda_l2": Between(1.0, 1000.0),
    },
    "xgboost": {
        **_BOOSTING,
        "max_depth": Between(2, 6, log=False),
        "min_child_weight": Between(50.0, 2000.0),
        "colsample_bytree": Between(0.1, 1.0),
        "reg_lambda": Between(1.0, 1000.0),
    },
    "catboost": {
        **_BOOSTING,
        "depth": Between(2, 6, log=False),
        "l2_leaf_reg": Between(1.0, 1000.0),
        "rsm": Between(0.1, 1.0),
    },
    "ridge": {"clip": Between(2.0, 10.0)},
    "elastic_net": {"clip": Between(2.0, 10.0), "l1_ratio": Between(0.1, 0.9, log=False)},
}
"""What is tried of each kind; linear learners choose their penalty by themselves in every fit."""


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    Attributes:
        parameters: The best parameters.
        rows: Training rows that were used.
        loss: Mean squared error of the surprise on rows left out, mean over the shapes.
        given: The same of the parameters that the learner came with.
        trials: Trials that were made.
        repeatable: Whether trials alone ended it: a limit in time is not the same twice.
    """

    parameters: Mapping[str, Value]
    rows: Ranges
    loss: float
    given: float
    trials: int
    repeatable: bool
    name: str = "tuning"

    def applied(self, learner: Learner) -> Learner:
        """The learner with the parameters that were found."""
        return replace(learner, parameters=self.parameters)

    def save(self, path: Path) -> None:
        """Write it."""
        plain = {**self.__dict__, "rows": self.rows.to_json()}
        path.write_text(json.dumps(plain, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Tuned:
        """Read what `save` wrote.

        Raises:
            IntegrityError: If it is damaged.
        """
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
            return cls(**{**found, "rows": Ranges.from_json(found["rows"])})
        except (OSError, ValueError, KeyError, TypeError, BqxError) as error:
            raise IntegrityError(f"unreadable {path}: {error}", hint="train again") from error


def tune(
    samples: Samples, learner: Learner, fold: Fold, spec: RunSpec, *, seed: int, threads: int
) -> Tuned:
    """Search for parameters with a small error on rows that were left out of inner fits.

    The inner folds are purged and lie within the training rows. The parameters that the learner
    comes with are tried first.

    Args:
        samples: Samples of the fold's training rows.
        learner: The learner; what its text sets is not tuned.
        fold: The fold.
        spec: The run; its tuning says how much is tried.
        seed: Of the search and the fits.
        threads: Threads.

    Raises:
        LeakError: If a sample is outside of the training rows.
        ConfigError: If nothing can be tuned, or the training rows are too few for inner folds.
    """
    import optuna

    wanted = spec.tuning or TuningSpec(1)
    wide = space(learner)
    rows = training_rows("tuning", samples.rows, fold)
    inner = fold.inner(PurgedKFold(wanted.folds))

    def loss(trial: optuna.Trial) -> float:
        tried = {name: part.suggest(trial, name) for name, part in wide.items()}
        chosen = replace(learner, parameters={**learner.parameters, **tried})
        losses = [_loss(samples, chosen, part, seed, threads) for part in inner]
        return float(np.mean(losses))

    logging = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.enqueue_trial(_defaults(learner, wide))
        limit = None if wanted.minutes is None else 60.0 * wanted.minutes
        study.optimize(loss, n_trials=wanted.trials, timeout=limit)
    finally:
        optuna.logging.set_verbosity(logging)
    return Tuned(
        parameters={**learner.parameters, **study.best_params},
        rows=rows,
        loss=float(study.best_value),
        given=float(study.trials[0].value or np.nan),
        trials=len(study.trials),
        repeatable=wanted.minutes is None,
    )


def space(learner: Learner) -> dict[str, Between]:
    """What is tried: all that the learner's text does not set; of a stack, what its bases have.

    Raises:
        ConfigError: If the text sets everything.
    """
    every = dict(SPACES.get(learner.kind, {}))
    for base in learner.bases():
        every.update({f"{base.kind}.{name}": part for name, part in SPACES[base.kind].items()})
    found = {name: part for name, part in every.items() if name not in learner.parameters}
    if not found:
        raise ConfigError(
            f"nothing to tune of {learner}", expected="parameters that its text does not set"
        )
    return found


def _defaults(learner: Learner, names: Mapping[str, Between]) -> dict[str, Value]:
    """The values that the learner would have untuned."""
    own = {**learner.settings}
    for base in learner.bases():
        own.update({f"{base.kind}.{name}": value for name, value in base.settings.items()})
    return {name: own[name] for name in names}


def _loss(samples: Samples, learner: Learner, fold: Fold, seed: int, threads: int) -> float:
    """Mean squared error of the point forecast on the tested rows, mean over the shapes."""
    from bqx.models.learning.estimator import Material
    from bqx.models.learning.kinds import bench

    # Rows that lack a label of one shape are a few at the edges of sessions; without them the
    # matrix is prepared once for all shapes.
    known = np.logical_and.reduce([np.isfinite(z) for z in samples.surprises.values()])
    fitted, judged = (known & part.mask(samples.rows) for part in (fold.train, fold.test))
    inputs, asked = samples.inputs.take(fitted), samples.inputs.take(judged)
    place = bench(learner, Material(inputs, samples.rows[fitted], fold.purge, seed, threads))

    def loss(z: Floats) -> float:
        return float(np.mean((z[judged] - place.point(z[fitted]).predict(asked)) ** 2))

    with ThreadPoolExecutor(threads if place.parallel else 1) as pool:
        return float(np.mean(list(pool.map(loss, samples.surprises.values()))))

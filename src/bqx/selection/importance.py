"""Importance of features in gradient-boosted trees: gain, and permutation on rows left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bqx.errors import BqxError
from bqx.extras import library
from bqx.selection.ordering import Floats, Ints, Singles, each
from bqx.selection.sampling import Sample
from bqx.selection.settings import Settings
from bqx.selection.trees import Trees

if TYPE_CHECKING:
    from lightgbm import Booster, Dataset

Bools = NDArray[np.bool_]

PARAMETERS = {
    "objective": "regression",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "lambda_l2": 1.0,
    "max_bin": 63,
    "feature_fraction": 0.2,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_row_wise": True,
    "bin_construct_sample_cnt": 4000,
    "data_random_seed": 0,
    "verbosity": -1,
    # Several models are fitted at a time instead: sums in one thread have one order. The binned
    # matrix has the same number, which its subsets inherit: LightGBM keeps it for the whole
    # process, and a call that changes it while another one runs makes that one write out of bounds.
    "num_threads": 1,
}


@dataclass(frozen=True)
class Grown:
    """Importances of all targets.

    Attributes:
        gain: Gain of the splits, shape (targets, f).
        permutation: Growth of the mean squared error on rows left out, shape (targets, f).
    """

    gain: Floats
    permutation: Floats


class Forest:
    """Models of trees on one binned matrix, shared between targets, parts and resamples.

    Args:
        columns: Features, shape (f, n), each contiguous, NaN for NULL.
        targets: Shape (T, n), NaN where masked.
        sample: The samples.
        settings: Seed, effort, margin.

    Raises:
        ConfigError: If LightGBM is not installed.
    """

    def __init__(
        self, columns: Singles, targets: Floats, sample: Sample, settings: Settings
    ) -> None:
        self.columns, self.targets = columns, targets
        self.sample, self.settings = sample, settings
        self._binned = _binned(columns, _seeded(settings.seed))

    def grow(self, threads: int) -> Grown:
        """Cross-fitted importances: a model for each part of the time, without its rows.

        Permutations move whole blocks of the part, so that autocorrelation is kept.

        Args:
            threads: Models at a time; the result does not depend on it.
        """
        parts = self.settings.work.parts
        jobs = [(t, p) for t in range(len(self.targets)) for p in range(parts)]
        found = each(lambda job: self._one(*job), jobs, threads)
        shape = len(self.targets), parts, len(self.columns)
        gains, moves = (np.array([f[k] for f in found]).reshape(shape) for k in (0, 1))
        return Grown(gains.sum(axis=1), moves.mean(axis=1))

    def _one(self, target: int, part: int) -> tuple[Floats, Floats]:
        """Gain and permutation importance of the model that does not see a part."""
        labels = self.targets[target]
        known = np.flatnonzero(~np.isnan(labels))
        judged = _part(self.sample.block_of[known], known, part, self.settings.work.parts)
        learned = known[self._away(judged)[known]]
        moves = np.zeros(len(self.columns))
        model = self._fit(learned, labels[learned], self.settings.work.rounds)
        gain = np.asarray(model.feature_importance("gain"), np.float64)
        if len(judged):
            orders = self._orders(target, judged)
            trees = Trees.of(model.model_to_string(num_iteration=-1))
            for j, value in trees.permuted(self.columns, judged, labels[judged], orders).items():
                moves[j] = value
        return gain, moves

    def _away(self, judged: Ints) -> Bools:
        """Samples that are not in a part, nor nearer to it than the margin."""
        rows, margin = self.sample.rows, self.settings.margin
        if not len(judged):
            return np.ones(len(rows), np.bool_)
        first, last = rows[judged[0]], rows[judged[-1]]
        return np.asarray((rows < first - margin) | (rows > last + margin))

    def _orders(self, target: int, judged: Ints) -> Ints:
        rng = np.random.default_rng([self.settings.seed, 2, target, int(judged[0])])
        groups = np.split(
            np.arange(len(judged)),
            np.flatnonzero(np.diff(self.sample.block_of[judged])) + 1,
        )
        return np.array(
            [
                np.concatenate([groups[g] for g in rng.permutation(len(groups))])
                for _ in range(self.settings.work.repeats)
            ]
        )

    def resampled(self, target: int, weights: Ints) -> Floats:
        """Gain of a small model on one resample of blocks, shape (f,)."""
        labels, counts = self.targets[target], weights[self.sample.block_of]
        learned = np.flatnonzero((counts > 0) & ~np.isnan(labels))
        rounds = self.settings.work.small
        model = self._fit(learned, labels[learned], rounds, counts[learned])
        return np.asarray(model.feature_importance("gain"), np.float64)

    def _fit(self, lines: Ints, labels: Floats, rounds: int, counts: Ints | None = None) -> Booster:
        import lightgbm

        if not len(lines):
            raise BqxError(
                "no samples to grow trees on: one part of the time has all of them",
                expected="labels in several parts of the time",
                hint="give more rows, or leave out the rankings gain and permutation",
            )
        part = self._binned.subset(lines.tolist()).construct()
        part.set_label(labels.astype(np.float32))
        if counts is not None:
            part.set_weight(counts.astype(np.float32))
        return lightgbm.train(_seeded(self.settings.seed), part, num_boost_round=rounds)


def _seeded(seed: int) -> dict[str, Any]:
    return {**PARAMETERS, "seed": seed}


def _binned(columns: Singles, parameters: dict[str, Any]) -> Dataset:
    # The labels come with the subsets; these only stand in the place that must not be empty.
    labels = np.zeros(columns.shape[1], np.float32)
    lightgbm = library("lightgbm", "models")
    made: Dataset = lightgbm.Dataset(columns.T, label=labels, params=parameters)
    return made.construct()


def _part(blocks: Ints, lines: Ints, part: int, parts: int) -> Ints:
    """The samples of one of several stretches of time with about as many blocks each."""
    numbers = np.unique(blocks)
    edges = np.linspace(0, len(numbers), parts + 1).astype(np.int64)
    return lines[np.isin(blocks, numbers[edges[part] : edges[part + 1]])]

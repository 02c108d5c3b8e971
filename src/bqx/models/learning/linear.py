"""Ridge and elastic net on scaled features; the penalty is chosen on purged inner blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from bqx.errors import ConfigError
from bqx.extras import library
from bqx.models.learning.estimator import Estimator, Files, Material, pooled
from bqx.models.learning.innerblocks import Block, inner_blocks
from bqx.models.learning.learner import Learner
from bqx.models.learning.moments import Line, Moments, Standardised
from bqx.models.learning.samples import Floats, Inputs, Ints
from bqx.models.learning.scaling import Scaling

FILE = "linear.json"

RIDGE = (300.0, 30.0, 3.0, 0.3, 0.03)
"""Penalties of the ridge that are tried, in units of a standardised column's square."""

ELASTIC = (1.0, 0.6, 0.36, 0.22, 0.13, 0.08)
"""Penalties of the elastic net, as shares of the least one that leaves no column."""

_ROWS = 4_096


class LinearBench:
    """Sums of products of the scaled columns: all that linear fits need of the matrix.

    They are made once, in blocks of rows of bounded memory; a fit to another target adds its
    products with the columns.

    Args:
        learner: ``penalty`` (0: chosen), ``blocks`` for the choice, ``clip``, and ``l1_ratio``.
        material: What to fit on.
    """

    parallel = False

    def __init__(self, learner: Learner, material: Material) -> None:
        library("scipy", "models")
        self._learner, self._material = learner, material
        settings = learner.settings
        features = material.inputs.one_hot()
        self._scaling = Scaling.measured(features, float(settings["clip"]))
        self._penalty = float(settings["penalty"])
        self._ratio = float(settings.get("l1_ratio", 0.0))
        if learner.kind == "elastic_net" and not 0.0 < self._ratio <= 1.0:
            raise ConfigError(
                f"l1_ratio {self._ratio}", expected="above 0, at most 1", hint="0 is a ridge"
            )
        self._pieces = self._cut(int(settings["blocks"]))
        with self._limited():
            self._grams = [self._gram(piece) for piece in self._pieces]

    def _cut(self, blocks: int) -> list[Ints]:
        """Places of all rows, and, where a penalty is to be chosen, of each block's."""
        everything: Ints = np.arange(len(self._material.rows))
        if self._penalty > 0.0:
            return [everything]
        found = inner_blocks(self._material.rows, blocks, self._material.margin)
        return [everything, *(part for one in found for part in _places(one))]

    def _limited(self) -> Any:
        threads = library("threadpoolctl", "models")
        return threads.threadpool_limits(self._material.threads)

    def _designs(self, piece: Ints) -> Iterator[tuple[Ints, Floats]]:
        """Scaled columns with a column of ones behind them, some rows at a time."""
        inputs = self._material.inputs
        for start in range(0, len(piece), _ROWS):
            places = piece[start : start + _ROWS]
            part = Inputs(inputs.matrix[places], inputs.codes[places], inputs.pairs)
            scaled = self._scaling.scaled(part.one_hot())
            yield places, np.hstack([scaled, np.ones((len(scaled), 1))])

    def _gram(self, piece: Ints) -> Floats:
        size = len(self._scaling.centre) + 1
        found = np.zeros((size, size))
        for _, design in self._designs(piece):
            found += design.T @ design
        return found

    def _moments(self, z: Floats) -> list[Moments]:
        """Moments of each piece."""
        found = []
        for piece, gram in zip(self._pieces, self._grams, strict=True):
            cross = np.zeros(len(gram))
            for places, design in self._designs(piece):
                cross += design.T @ z[places]
            found.append(Moments(gram, cross, float(z[piece] @ z[piece])))
        return found

    def point(self, z: Floats) -> Estimator:
        """The line with the penalty that forecasts left-out blocks best."""
        with self._limited():
            whole, *rest = self._moments(z)
            problem = whole.standardised()
            penalties = self._penalties(problem)
            chosen = self._choose(whole, rest, penalties) if rest else 0
            line = self._lines(problem, penalties[: chosen + 1])[-1]
        sizes = np.abs(line.weights) * np.where(np.isfinite(problem.sd), problem.sd, 0.0)
        return Linear(line, self._scaling, problem.mean, sizes)

    def quantile(self, z: Floats, level: float) -> None:
        """No model of its own: quantiles are those of the residuals around the line."""

    def _penalties(self, problem: Standardised) -> Floats:
        if self._penalty > 0.0:
            return np.array([self._penalty])
        if self._learner.kind == "ridge":
            return np.array(RIDGE)
        greatest = float(np.abs(problem.cross).max(initial=0.0))
        return np.array([share * greatest / self._ratio for share in ELASTIC])

    def _lines(self, problem: Standardised, penalties: Floats) -> list[Line]:
        if self._learner.kind == "ridge":
            return [problem.ridge(penalty) for penalty in penalties.tolist()]
        return problem.elastic_net(penalties, self._ratio)

    def _choose(self, whole: Moments, rest: list[Moments], penalties: Floats) -> int:
        """The place of the penalty with the least squared error over all left-out blocks."""
        errors = np.zeros(len(penalties))
        for tested, near in zip(rest[::2], rest[1::2], strict=True):
            problem = (whole - tested - near).standardised()
            errors += [tested.squared_errors(line) for line in self._lines(problem, penalties)]
        return int(np.argmin(errors))


class Linear:
    """A line in scaled columns.

    Args:
        line: Weights and intercept.
        scaling: How columns are scaled.
        mean: Means of the scaled columns over the rows that were fitted on, from which
            contributions count.
        gains: Sizes of the weights of standardised columns.
    """

    def __init__(self, line: Line, scaling: Scaling, mean: Floats, gains: Floats) -> None:
        self._line, self._scaling, self._mean, self._gains = line, scaling, mean, gains

    @classmethod
    def restored(cls, files: Files) -> Linear:
        """The line from its JSON; numbers are the same to the bit."""
        found = json.loads(files[FILE])
        centre, spread, weights, mean, gains = (
            np.array(found[name], np.float64)
            for name in ("centre", "spread", "weights", "mean", "gains")
        )
        scaling = Scaling(centre, spread, found["clip"])
        return cls(Line(weights, found["intercept"]), scaling, mean, gains)

    def predict(self, inputs: Inputs, threads: int = 1) -> Floats:
        """The line at each row, one product per row, so one thread: bits depend on no other row."""
        del threads
        found = np.empty(len(inputs))
        for part, block in inputs.blocks(_ROWS):
            scaled = self._scaling.scaled(block.one_hot())
            found[part] = np.einsum("ij,j->i", scaled, self._line.weights) + self._line.intercept
        return found

    def contributions(self, inputs: Inputs) -> Floats:
        """Weight times distance from the mean; exact Shapley values for independent columns."""
        scaled = self._scaling.scaled(inputs.one_hot())
        parts = (scaled - self._mean) * self._line.weights
        base = self._line.intercept + float(self._line.weights @ self._mean)
        whole = np.hstack([parts, np.full((len(inputs), 1), base)])
        return inputs.pair_summed(whole)

    def gains(self, features: int) -> Floats:
        """Size of the weights of standardised columns; the pairs' added up."""
        return pooled(self._gains, features)

    def files(self) -> Files:
        """All numbers as JSON."""
        numbers = {
            "centre": self._scaling.centre.tolist(),
            "spread": self._scaling.spread.tolist(),
            "weights": self._line.weights.tolist(),
            "mean": self._mean.tolist(),
            "gains": self._gains.tolist(),
            "clip": self._scaling.clip,
            "intercept": self._line.intercept,
        }
        return {FILE: json.dumps(numbers).encode()}


def _places(block: Block) -> tuple[Ints, Ints]:
    """Places of the rows of a block, and of those that its margins leave out beside it."""
    return np.flatnonzero(block.tested), np.flatnonzero(~block.tested & ~block.trained)

"""A stack: base learners weighed by forecasts of rows that they were not fitted on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bqx.extras import library
from bqx.models.learning.estimator import Bench, Estimator, Files, Material
from bqx.models.learning.innerblocks import inner_blocks
from bqx.models.learning.kinds import bench, restorer
from bqx.models.learning.learner import Kind, Learner
from bqx.models.learning.samples import Bools, Floats, Inputs

FILE = "stack.json"


class StackBench:
    """Benches of every base, on all rows and beside every inner block.

    Args:
        learner: ``bases`` and the number of inner ``blocks``.
        material: What to fit on.
    """

    def __init__(self, learner: Learner, material: Material) -> None:
        library("scipy", "models")
        self._bases = learner.bases()
        self._whole = self._benches(material)
        count = int(learner.settings["blocks"])
        self._inner = [
            (block.trained, block.tested, self._benches(_part(material, block.trained)))
            for block in inner_blocks(material.rows, count, material.margin)
        ]
        self._inputs, self._threads = material.inputs, material.threads
        self.parallel = all(place.parallel for place in self._whole)

    def _benches(self, material: Material) -> list[Bench]:
        return [bench(base, material) for base in self._bases]

    def point(self, z: Floats) -> Estimator:
        """Bases fitted to all rows, with weights by non-negative least squares (Breiman 1996).

        The weights come from forecasts of each inner block by bases that were fitted outside of
        it and of its margin. They may add up to less than 1: that is shrinkage.
        """
        weights = self._weights(z)
        fitted = [place.point(z) for place in self._whole]
        return Stack([base.kind for base in self._bases], fitted, weights)

    def quantile(self, z: Floats, level: float) -> Estimator | None:
        """The quantile of the first base that has one."""
        for base, place in zip(self._bases, self._whole, strict=True):
            found = place.quantile(z, level)
            if found is not None:
                return Stack([base.kind], [found], np.ones(1))
        return None

    def _weights(self, z: Floats) -> Floats:
        from scipy.optimize import nnls

        forecasts, truth = [], []
        for trained, tested, places in self._inner:
            inputs = self._inputs.take(tested)
            fits = [place.point(z[trained]) for place in places]
            forecasts.append(np.column_stack([f.predict(inputs, self._threads) for f in fits]))
            truth.append(z[tested])
        weights, _ = nnls(np.vstack(forecasts), np.concatenate(truth))
        return np.asarray(weights, np.float64)


class Stack:
    """A weighted sum of estimators.

    Args:
        kinds: Kind of each base.
        bases: The estimators.
        weights: Weight of each, at least 0.
    """

    def __init__(self, kinds: Sequence[Kind], bases: Sequence[Estimator], weights: Floats) -> None:
        self._kinds, self._bases, self.weights = list(kinds), list(bases), weights

    @classmethod
    def restored(cls, files: Files) -> Stack:
        """The stack from the files of its bases."""
        told = json.loads(files[FILE])
        bases = []
        for kind in told["kinds"]:
            own = {
                k.removeprefix(f"{kind}."): v for k, v in files.items() if k.startswith(f"{kind}.")
            }
            bases.append(restorer(kind)(own))
        return cls(told["kinds"], bases, np.array(told["weights"], np.float64))

    def predict(self, inputs: Inputs, threads: int = 1) -> Floats:
        """The weighted sum."""
        found = np.zeros(len(inputs))
        for weight, base in zip(self.weights.tolist(), self._bases, strict=True):
            found += weight * base.predict(inputs, threads)
        return found

    def contributions(self, inputs: Inputs) -> Floats:
        """The weighted sum of the bases' contributions."""
        found = np.zeros((len(inputs), inputs.width + 1))
        for weight, base in zip(self.weights.tolist(), self._bases, strict=True):
            found += weight * base.contributions(inputs)
        return found

    def gains(self, features: int) -> Floats:
        """Shares of each base's gains, weighted: their units differ."""
        shares = []
        for weight, base in zip(self.weights.tolist(), self._bases, strict=True):
            gains = base.gains(features)
            shares.append(weight * gains / max(float(gains.sum()), np.finfo(np.float64).tiny))
        return np.asarray(np.sum(shares, axis=0), np.float64)

    def files(self) -> Files:
        """Weights as JSON, and the files of each base under its kind."""
        told = {"kinds": self._kinds, "weights": self.weights.tolist()}
        found = {FILE: json.dumps(told).encode()}
        for kind, base in zip(self._kinds, self._bases, strict=True):
            found |= {f"{kind}.{name}": content for name, content in base.files().items()}
        return found


def _part(material: Material, kept: Bools) -> Material:
    return replace(material, inputs=material.inputs.take(kept), rows=material.rows[kept])

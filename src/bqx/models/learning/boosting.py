"""LightGBM: one binned matrix, fitted to the mean and the quantiles of every shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from bqx.extras import library
from bqx.models.learning.estimator import Estimator, Files, Material, pooled
from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Floats, Inputs

FILE = "lightgbm.txt"


class LightGBMBench:
    """A matrix in LightGBM's bins.

    Binning reads every number of the matrix and costs more than the few small trees that follow,
    so it is done once; every fit takes a copy of the bins, a hundredth of a second, under labels of
    its own. The raw matrix is not held.

    Several fits may run at a time, each on one thread. That uses processors better than LightGBM's
    own threads, which wait for each other after every split: for these small trees they are several
    times slower than one thread as soon as a processor has something else to do.

    Args:
        learner: Parameters under LightGBM's own names; ``rounds`` is the number of trees.
        material: What to fit on.
    """

    parallel = True

    def __init__(self, learner: Learner, material: Material) -> None:
        self._lightgbm = library("lightgbm", "models")
        settings = learner.settings
        self._rounds = int(settings.pop("rounds"))
        self._params = {**settings, **_fixed(material)}
        inputs = material.inputs
        self._rows = np.arange(len(inputs))
        # Dropping features that no split can use depends on labels in effect, so it is off.
        self._data = self._lightgbm.Dataset(
            inputs.coded(),
            params=self._params,
            categorical_feature=[inputs.width - 1] if inputs.pairs > 1 else [],
            free_raw_data=True,
        ).construct()

    def point(self, z: Floats) -> Estimator:
        """Least squares."""
        return self._train(z, {"objective": "regression"})

    def quantile(self, z: Floats, level: float) -> Estimator:
        """The pinball loss of a level."""
        return self._train(z, {"objective": "quantile", "alpha": level})

    def _train(self, z: Floats, objective: dict[str, Any]) -> Estimator:
        params = {**self._params, **objective}
        data = self._data.subset(self._rows).construct()
        data.set_label(z)
        return Trees(self._lightgbm.train(params, data, num_boost_round=self._rounds))


class Trees:
    """A LightGBM model."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    @classmethod
    def restored(cls, files: Files) -> Trees:
        """The model from its text; forecasts are the same to the bit."""
        text = files[FILE].decode()
        return cls(library("lightgbm", "models").Booster(model_str=text))

    def predict(self, inputs: Inputs, threads: int = 1) -> Floats:
        """Sum of the trees."""
        found = np.empty(len(inputs))
        for part, block in inputs.blocks():
            found[part] = self._booster.predict(block.coded(), num_threads=threads)
        return found

    def contributions(self, inputs: Inputs) -> Floats:
        """Exact TreeSHAP (Lundberg et al. 2020), given the tree's own paths."""
        found = self._booster.predict(inputs.coded(), pred_contrib=True, num_threads=1)
        return np.asarray(found, np.float64)

    def gains(self, features: int) -> Floats:
        """Total gain of the splits of each column."""
        return pooled(np.asarray(self._booster.feature_importance("gain"), np.float64), features)

    def files(self) -> Files:
        """LightGBM's own text."""
        return {FILE: self._booster.model_to_string().encode()}


def _fixed(material: Material) -> dict[str, Any]:
    """Settings that make a fit repeatable, whatever the number of threads."""
    return {
        "seed": material.seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,
        "verbosity": -1,
    }

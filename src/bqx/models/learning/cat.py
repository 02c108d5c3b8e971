"""CatBoost behind the same interface."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bqx.extras import library
from bqx.models.learning.estimator import Estimator, Files, Material, pooled
from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Floats, Inputs

FILE = "catboost.cbm"


class CatBoostBench:
    """A matrix with the pair as columns of 0 and 1: CatBoost takes no categories among floats.

    Its pools cannot exchange labels, so every fit bins the matrix again.

    Trees are symmetric, as is CatBoost's own default: the contributions that it gives for other
    trees do not add up to its forecasts.

    Args:
        learner: Parameters under CatBoost's own names; ``rounds`` is the number of trees and
            ``max_bin`` that of borders.
        material: What to fit on.
    """

    parallel = False

    def __init__(self, learner: Learner, material: Material) -> None:
        self._catboost = library("catboost", "catboost")
        settings = learner.settings
        self._matrix = np.ascontiguousarray(material.inputs.one_hot())
        self._params = {
            **{k: v for k, v in settings.items() if k not in {"rounds", "max_bin"}},
            "iterations": settings["rounds"],
            "border_count": settings["max_bin"],
            "bootstrap_type": "No",
            "random_seed": material.seed,
            "thread_count": material.threads,
            "allow_writing_files": False,
            "verbose": False,
        }

    def point(self, z: Floats) -> Estimator:
        """Least squares."""
        return self._train(z, "RMSE")

    def quantile(self, z: Floats, level: float) -> Estimator:
        """The pinball loss of a level."""
        return self._train(z, f"Quantile:alpha={level!r}")

    def _train(self, z: Floats, loss: str) -> Estimator:
        model = self._catboost.CatBoost({**self._params, "loss_function": loss})
        model.fit(self._catboost.Pool(self._matrix, label=z))
        return CatBoostTrees(model)


class CatBoostTrees:
    """A CatBoost model."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def restored(cls, files: Files) -> CatBoostTrees:
        """The model from its file; forecasts are the same to the bit."""
        model = library("catboost", "catboost").CatBoost()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            path.write_bytes(files[FILE])
            model.load_model(str(path))
        return cls(model)

    def predict(self, inputs: Inputs, threads: int = 1) -> Floats:
        """Sum of the trees."""
        found = np.empty(len(inputs))
        for part, block in inputs.blocks():
            found[part] = self._model.predict(block.one_hot(), thread_count=threads)
        return found

    def contributions(self, inputs: Inputs) -> Floats:
        """Exact TreeSHAP, the pairs' columns added up."""
        pool = library("catboost", "catboost").Pool(inputs.one_hot())
        found = self._model.get_feature_importance(type="ShapValues", data=pool, thread_count=1)
        return inputs.pair_summed(np.asarray(found, np.float64))

    def gains(self, features: int) -> Floats:
        """How much each column moves forecasts, in per cent of all."""
        return pooled(np.asarray(self._model.get_feature_importance(), np.float64), features)

    def files(self) -> Files:
        """CatBoost's own format: its JSON loses the last bit of some numbers."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            self._model.save_model(str(path))
            return {FILE: path.read_bytes()}

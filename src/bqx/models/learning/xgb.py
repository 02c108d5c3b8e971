"""XGBoost behind the same interface."""

from __future__ import annotations

from typing import Any

import numpy as np

from bqx.extras import library
from bqx.models.learning.estimator import Estimator, Files, Material, pooled
from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Features, Floats, Inputs

FILE = "xgboost.json"


class XGBoostBench:
    """A matrix in XGBoost's bins, made once; labels are exchanged.

    Args:
        learner: Parameters under XGBoost's own names; ``rounds`` is the number of trees.
        material: What to fit on.
    """

    parallel = False

    def __init__(self, learner: Learner, material: Material) -> None:
        self._xgboost = library("xgboost", "xgboost")
        settings = learner.settings
        self._rounds = int(settings.pop("rounds"))
        self._width, self._pairs = material.inputs.width, material.inputs.pairs
        self._params = {
            **settings,
            "tree_method": "hist",
            "seed": material.seed,
            "nthread": material.threads,
            "verbosity": 0,
        }
        self._data = self._xgboost.QuantileDMatrix(
            material.inputs.coded(),
            max_bin=int(settings["max_bin"]),
            nthread=material.threads,
            **_types(material.inputs),
        )

    def point(self, z: Floats) -> Estimator:
        """Least squares."""
        return self._train(z, {"objective": "reg:squarederror"})

    def quantile(self, z: Floats, level: float) -> Estimator:
        """The pinball loss of a level."""
        return self._train(z, {"objective": "reg:quantileerror", "quantile_alpha": level})

    def _train(self, z: Floats, objective: dict[str, Any]) -> Estimator:
        self._data.set_label(z)
        booster = self._xgboost.train({**self._params, **objective}, self._data, self._rounds)
        return XGBoostTrees(booster, self._width)


class XGBoostTrees:
    """An XGBoost model.

    Args:
        booster: The model.
        width: Number of columns.
    """

    def __init__(self, booster: Any, width: int) -> None:
        self._booster, self._width = booster, width

    @classmethod
    def restored(cls, files: Files) -> XGBoostTrees:
        """The model from its JSON; forecasts are the same to the bit."""
        booster = library("xgboost", "xgboost").Booster()
        booster.load_model(bytearray(files[FILE]))
        return cls(booster, int(booster.num_features()))

    def predict(self, inputs: Inputs, threads: int = 1) -> Floats:
        """Sum of the trees."""
        found = np.empty(len(inputs))
        for part, block in inputs.blocks():
            found[part] = self._booster.predict(_data(block, threads))
        return found

    def contributions(self, inputs: Inputs) -> Floats:
        """Exact TreeSHAP; what its float32 sums miss of the forecast is left to the base value."""
        data = _data(inputs, 1)
        found = np.asarray(self._booster.predict(data, pred_contribs=True), np.float64)
        found[:, -1] = self._booster.predict(data) - found[:, :-1].sum(axis=1)
        return found

    def gains(self, features: int) -> Floats:
        """Total gain of the splits of each column."""
        found = np.zeros(self._width)
        for name, gain in self._booster.get_score(importance_type="total_gain").items():
            found[int(name.removeprefix("f"))] = gain
        return pooled(found, features)

    def files(self) -> Files:
        """XGBoost's own JSON."""
        return {FILE: bytes(self._booster.save_raw("json"))}


def _types(inputs: Inputs) -> dict[str, Any]:
    """The pair is a category, all else numbers."""
    features: Features = inputs.matrix
    types = ["q"] * features.shape[1] + ["c"] * (inputs.pairs > 1)
    return {"feature_types": types, "enable_categorical": True}


def _data(inputs: Inputs, threads: int) -> Any:
    xgboost = library("xgboost", "xgboost")
    return xgboost.DMatrix(inputs.coded(), nthread=threads, **_types(inputs))

"""Which code makes and restores the estimators of each kind of learner."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from bqx.models.learning.estimator import Bench, Estimator, Files, Material
from bqx.models.learning.learner import Kind, Learner

_CODE: dict[Kind, tuple[str, str, str]] = {
    "lightgbm": ("boosting", "LightGBMBench", "Trees"),
    "ridge": ("linear", "LinearBench", "Linear"),
    "elastic_net": ("linear", "LinearBench", "Linear"),
    "xgboost": ("xgb", "XGBoostBench", "XGBoostTrees"),
    "catboost": ("cat", "CatBoostBench", "CatBoostTrees"),
    "stack": ("stack", "StackBench", "Stack"),
}
"""Module, bench and estimator of each kind; modules are read when a kind is used."""


class _Restorable(Protocol):
    """A class of estimators that can be restored."""

    def restored(self, files: Files) -> Estimator:
        """An estimator from its files."""


def bench(learner: Learner, material: Material) -> Bench:
    """A bench of the learner's kind with the prepared matrix.

    Raises:
        BqxError: If the library that the kind needs is not installed.
    """
    make = cast("Callable[[Learner, Material], Bench]", _part(learner.kind, 1))
    return make(learner, material)


def restorer(kind: Kind) -> Callable[[Files], Estimator]:
    """What restores an estimator of a kind from its files."""
    found = cast("_Restorable", _part(kind, 2))
    return found.restored


def _part(kind: Kind, place: int) -> object:
    code = _CODE[kind]
    return getattr(import_module(f"bqx.models.learning.{code[0]}"), code[place])

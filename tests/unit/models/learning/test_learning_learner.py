"""Learners as texts, values and hashes; samples that are refused."""

from __future__ import annotations

import builtins
import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from bqx.errors import BqxError, ConfigError
from bqx.extras import library
from bqx.models.learning import Learner
from bqx.models.learning.learner import KINDS
from learningsamples import SIGNAL, samples


def test_texts_parse_back_and_defaults_are_left_out() -> None:
    for kind in KINDS:
        assert Learner.parse(kind) == Learner(kind)
        assert str(Learner(kind)) == kind
    one = Learner.parse("lightgbm:num_leaves=7, learning_rate=0.1,extra_trees=true")
    assert one.parameters == {"extra_trees": True, "learning_rate": 0.1, "num_leaves": 7}
    assert Learner.parse(str(one)) == one
    assert one.settings["rounds"] == 60


def test_the_identity_is_that_of_all_parameters_in_force() -> None:
    assert Learner.parse("lightgbm:rounds=60").identity == Learner().identity
    assert Learner.parse("lightgbm:rounds=61").identity != Learner().identity
    assert len({Learner(kind).identity for kind in KINDS}) == len(KINDS)
    own = Learner.parse("stack:lightgbm.rounds=5")
    assert own.identity != Learner("stack").identity
    assert own.bases()[0].settings["rounds"] == 5
    assert hash(own) == hash(pickle.loads(pickle.dumps(own)))  # noqa: S301
    assert copy.deepcopy(own) == own
    assert Learner(**own.to_json()) == own  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "forest",
        "ridge:clip",
        "ridge:clip=1,clip=2",
        "ridge:rounds=3",
        "ridge:clip=nan",
        "ridge:clip=many",
        "lightgbm:num_leaves=1.5",
        "lightgbm:extra_trees=perhaps",
        "stack:bases=ridge",
        "stack:bases=ridge+ridge",
        "stack:bases=ridge+stack",
        "stack:ridge.rounds=3",
    ],
)
def test_unreadable_learners_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Learner.parse(text)


def test_a_missing_library_says_which_extra_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.startswith("xgboost_absent"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(BqxError, match=r"pip install bqx-ml\[xgboost\]"):
        library("xgboost_absent", "xgboost")


def test_samples_that_contradict_themselves_are_refused() -> None:
    s = samples(n=20)
    bad: list[dict[str, Any]] = [
        {"rows": s.rows[1:]},
        {"pairs": s.pairs[1:]},
        {"pairs": s.pairs + np.int16(1)},
        {"names": ("eurusd", "eurusd")},
        {"features": ("a", "b", "c", "d", "pair")},
        {"surprises": {}},
        {"surprises": {SIGNAL: np.full(20, np.inf)}},
        {"surprises": {SIGNAL: np.zeros(3)}},
    ]
    for change in bad:
        with pytest.raises(ConfigError):
            dataclasses.replace(s, **change)

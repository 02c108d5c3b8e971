from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bqx.errors import ConfigError
from bqx.models.runs.spec import RunSpec, SelectionSpec, SplitSpec, TuningSpec
from runsets import PAIRS, TARGETS, small_selection, small_spec

OTHERS: list[dict[str, Any]] = [
    {"targets": TARGETS[:1]},
    {"pairs": PAIRS},
    {"learner": "ridge"},
    {"learn": "whole"},
    {"scope": "global"},
    {"splits": SplitSpec("walk-forward", "8D", "2D")},
    {"splits": SplitSpec("kfold:3", None, None)},
    {"columns": ("reg_rate__*",)},
    {"max_lookback": 10},
    {"selection": small_selection()},
    {"masks": (("eurusd", "0" * 32),)},
    {"tuning": TuningSpec(3)},
    {"tuning": TuningSpec(3, 1.0)},
    {"refresh": 2},
    {"stride": 7},
    {"levels": (0.5,)},
    {"calibration": 0.3},
    {"seed": 1},
    {"control": "shuffled_labels"},
]


@pytest.mark.parametrize("changes", OTHERS, ids=str)
def test_every_part_is_in_the_identity_and_survives_json(changes: dict[str, Any]) -> None:
    spec = small_spec(**changes)
    assert spec.identity != small_spec().identity
    again = RunSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.identity == spec.identity


@pytest.mark.parametrize(
    "changes",
    [
        {"learn": "all"},
        {"scope": "world"},
        {"control": "none"},
        {"targets": ()},
        {"pairs": ()},
        {"stride": 0},
        {"seed": -1},
        {"levels": (0.0, 0.5)},
        {"calibration": 0.0},
        {"calibration": 1.0},
        {"refresh": 2, "splits": SplitSpec("kfold:3", None, None)},
        {"masks": (("eurusd", "0"),), "selection": SelectionSpec()},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        small_spec(**changes)


def test_parts_refuse_what_cannot_be() -> None:
    with pytest.raises(ConfigError, match="250 features"):
        SelectionSpec(250, 200, 100)
    with pytest.raises(ConfigError, match="thorough"):
        SelectionSpec(effort="great")
    with pytest.raises(ConfigError):
        TuningSpec(0)
    with pytest.raises(ConfigError):
        TuningSpec(3, folds=1)


def test_unknown_parts_of_json_are_named() -> None:
    plain = small_spec().to_json()
    with pytest.raises(ConfigError, match="colour"):
        RunSpec.from_json({**plain, "colour": "red"})
    del plain["seed"]
    with pytest.raises(ConfigError, match="seed"):
        RunSpec.from_json(plain)


def test_shapes_and_units() -> None:
    spec = small_spec(pairs=PAIRS)
    assert spec.shapes == ((60, 15), (60, 30))
    assert spec.units == PAIRS
    assert replace(spec, scope="global").units == ("global",)
    assert spec.repeatable
    assert not replace(spec, tuning=TuningSpec(3, 1.0)).repeatable

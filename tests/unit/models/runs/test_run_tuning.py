from __future__ import annotations

from pathlib import Path

import pytest

import bqx
from bqx.dataset.fitscope import require_inside
from bqx.errors import ConfigError, IntegrityError
from bqx.models.learning import Learner
from bqx.models.learning.learner import DEFAULTS
from bqx.models.runs.gathering import Source
from bqx.models.runs.plan import RunPlan
from bqx.models.runs.spec import TuningSpec
from bqx.models.runs.training import train
from bqx.models.runs.tuning import SPACES, Tuned, space, tune
from runsets import FEATURES, TARGETS, small_spec

GIVEN = "lightgbm:rounds=5,feature_fraction=1.0,num_leaves=4"
SPEC = small_spec(learner=GIVEN, tuning=TuningSpec(4, folds=2), refresh=2, targets=TARGETS[:1])


def test_spaces_hold_the_defaults() -> None:
    for kind, parts in SPACES.items():
        for name, part in parts.items():
            default = DEFAULTS[kind][name]  # type: ignore[index]
            assert part.low <= float(default) <= part.high, (kind, name)


def test_what_the_text_sets_is_not_tuned() -> None:
    assert set(space(Learner.parse(GIVEN))) == {"learning_rate", "min_data_in_leaf", "lambda_l2"}
    stack = space(Learner.parse("stack:bases=lightgbm+ridge,ridge.clip=3"))
    assert "lightgbm.num_leaves" in stack
    assert "ridge.clip" not in stack
    with pytest.raises(ConfigError, match="nothing to tune"):
        space(Learner.parse("ridge:clip=3"))


def test_tuning_is_repeatable_inside_its_fold_and_no_worse_than_what_was_given(
    made: bqx.Dataset, tmp_path: Path
) -> None:
    fold = RunPlan.of(made, SPEC).folds[0]
    samples = Source(made, SPEC).gather(SPEC.pairs, fold, FEATURES).samples
    found = [tune(samples, Learner.parse(GIVEN), fold, SPEC, seed=1, threads=1) for _ in "ab"]
    assert found[0] == found[1]
    tuned = found[0]
    require_inside(tuned, fold)
    assert tuned.loss <= tuned.given
    assert tuned.trials == 4
    assert tuned.repeatable
    tuned.save(tmp_path / "tuned.json")
    assert Tuned.load(tmp_path / "tuned.json") == tuned
    assert tuned.applied(Learner.parse(GIVEN)).settings["num_leaves"] == 4


def test_tuned_parameters_are_used_in_the_folds_that_follow(
    made: bqx.Dataset, tmp_path: Path
) -> None:
    run = train(made, tmp_path / "run", SPEC, threads=1)
    tuned = [run.tuned("eurusd", fold) for fold in (1, 2, 3)]
    assert tuned[0] == tuned[1] != tuned[2]
    model = run.model("eurusd", 2)
    assert tuned[0] is not None
    assert dict(model.learner.parameters) == tuned[0]["parameters"]


def test_time_ends_tuning_and_is_said_to_be_not_repeatable(made: bqx.Dataset) -> None:
    spec = small_spec(learner=GIVEN, tuning=TuningSpec(10_000, 0.001, 2), targets=TARGETS[:1])
    fold = RunPlan.of(made, spec).folds[0]
    samples = Source(made, spec).gather(spec.pairs, fold, FEATURES[:3]).samples
    tuned = tune(samples, Learner.parse(GIVEN), fold, spec, seed=1, threads=1)
    assert tuned.trials < 1000
    assert not tuned.repeatable


def test_a_damaged_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tuned.json").write_text("{}")
    with pytest.raises(IntegrityError):
        Tuned.load(tmp_path / "tuned.json")

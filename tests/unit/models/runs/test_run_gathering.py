from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bqx
from bqx.dataset.target import BQXTarget
from bqx.errors import BudgetError, ConfigError, UnknownNameError
from bqx.models.runs.gathering import Source, matrix_at, usable
from bqx.models.runs.plan import RunPlan
from runsets import FEATURES, PAIRS, TARGETS, small_selection, small_spec


def source(made: bqx.Dataset, **changes: Any) -> Source:
    return Source(made, small_spec(**changes))


def test_a_matrix_at_any_rows_is_that_of_the_dataset(made: bqx.Dataset) -> None:
    rows, whole = made.matrix("eurusd", FEATURES[3:9])
    places = np.random.default_rng(0).permutation(len(rows))[:5000]
    found = matrix_at(made, "eurusd", FEATURES[3:9], rows[places])
    np.testing.assert_array_equal(found, whole[places])
    assert found.flags.c_contiguous


def test_samples_are_the_surprises_of_strided_training_rows(made: bqx.Dataset) -> None:
    spec = small_spec(pairs=PAIRS)
    fold = RunPlan.of(made, spec).folds[1]
    found = Source(made, spec).gather(PAIRS, fold, FEATURES)
    samples = found.samples
    assert fold.train.mask(samples.rows).all()
    assert not (samples.rows % 5).any()
    for code, pair in enumerate(PAIRS):
        labels = made.labels(pair, "60:30:level")
        at = samples.rows[samples.pairs == code] - labels.rows[0]
        z = (labels.values - labels.expected)[at] / labels.scale[at]
        np.testing.assert_array_equal(samples.surprises[60, 30][samples.pairs == code], z)
    counts = found.counts
    assert counts["read"] == counts["at the stride"] - counts["masked"]
    assert counts["learned from"] == counts["read"] - counts["features NULL"] == len(samples.rows)


def test_what_is_learned_whole_contains_the_known_part(made: bqx.Dataset) -> None:
    rows = made.rows("eurusd")[500:600]
    labels = made.labels("eurusd", "60:15:level")
    z = source(made, learn="whole").learned("eurusd", rows)[60, 15]
    np.testing.assert_array_equal(z, (labels.values / labels.scale)[500:600])


def test_fewer_samples_are_whole_blocks_of_time(made: bqx.Dataset) -> None:
    fold = RunPlan.of(made, small_spec()).folds[0]
    few = source(made).gather(PAIRS[:1], fold, FEATURES[:2], most=400).samples
    every = source(made).gather(PAIRS[:1], fold, FEATURES[:2]).samples
    assert 200 < len(few.rows) < 500 < len(every.rows)
    assert np.isin(few.rows, every.rows).all()
    assert (np.diff(few.rows) == 5).mean() > 0.9


def test_rows_with_too_few_features_are_not_usable() -> None:
    matrix = np.zeros((3, 4), np.float32)
    matrix[1, :2] = matrix[2, :3] = np.nan
    assert usable(matrix).tolist() == [True, True, False]


def test_candidates_follow_patterns_and_look_backs(made: bqx.Dataset) -> None:
    assert source(made).candidates == FEATURES
    assert source(made, columns=("reg_bqx__*",)).candidates == FEATURES[12:]
    assert source(made).reach.lookback == 120
    with pytest.raises(ConfigError, match="looks back 5 rows"):
        _ = source(made, max_lookback=5).candidates


def test_labels_come_from_a_kind_that_tells_the_surprise(made: bqx.Dataset) -> None:
    directions = (BQXTarget(60, 30, "direction"),)
    assert source(made, targets=directions).telling == {(60, 30): BQXTarget(60, 30, "level")}
    with pytest.raises(ConfigError, match="window 60 and horizon 45"):
        _ = source(made, targets=(BQXTarget(60, 45),)).telling


def test_plans_refuse_what_the_dataset_lacks(made: bqx.Dataset) -> None:
    with pytest.raises(UnknownNameError, match="usdjpy"):
        RunPlan.of(made, small_spec(pairs=("usdjpy",)))
    with pytest.raises(UnknownNameError, match="60:45"):
        RunPlan.of(made, small_spec(targets=(BQXTarget(60, 45),)))


def test_a_plan_says_what_would_be_done(made: bqx.Dataset) -> None:
    plan = RunPlan.of(made, small_spec(selection=small_selection(), targets=TARGETS[:1]))
    plain = plan.to_json()
    assert plain["units"] == len(plain["folds"]) + 1 == 5
    assert plain["features"] == 8
    assert plain["candidates"] == len(FEATURES)
    assert plain["audit"] is True
    assert plan.final.train.stop == made.extent("eurusd")[1]
    assert not plan.final.test
    plan.require_memory(2**32)
    with pytest.raises(BudgetError, match="selection"):
        plan.require_memory(2**20)

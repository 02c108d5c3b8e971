from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bqx
from bqx.dataset.reach import Reach
from bqx.errors import ConfigError
from bqx.models.runs.controls import DAY, SHIFT, Floats, derived, other_time, shuffled_labels
from bqx.models.runs.spec import Shape
from bqx.models.runs.training import train
from runsets import TARGETS, small_spec

REACH = Reach(60, 75, 630)


def test_shuffled_labels_are_the_same_in_blocks_elsewhere() -> None:
    rows = np.arange(0, 50_000, 5)
    numbers = np.arange(len(rows), dtype=np.float64)
    values: dict[Shape, Floats] = {(60, 15): numbers, (60, 30): -numbers}
    found = shuffled_labels(rows, np.zeros(len(rows), np.int16), values, 1)
    moved = found[60, 15]
    np.testing.assert_array_equal(np.sort(moved), values[60, 15])
    np.testing.assert_array_equal(found[60, 30], -moved)
    assert (moved == values[60, 15]).mean() < 0.01
    assert 0.98 < (np.diff(moved) == 1).mean() < 1.0
    again = shuffled_labels(rows, np.zeros(len(rows), np.int16), values, 1)[60, 15]
    np.testing.assert_array_equal(again, moved)
    # Blocks of other lengths: what follows a row is of all hours of the day.
    assert len(np.unique((5 * moved - rows)[::100] % DAY)) > 20


def test_shuffled_labels_move_all_pairs_alike_and_lose_what_is_not_there() -> None:
    every = np.arange(0, 30_000, 5)
    rows = np.concatenate([every, every[1000:]])
    codes = np.repeat([0, 1], [len(every), len(every) - 1000]).astype(np.int16)
    found = shuffled_labels(rows, codes, {(60, 15): rows.astype(float)}, 3)[60, 15]
    first, second = found[codes == 0][1000:], found[codes == 1]
    known = np.isfinite(second)
    np.testing.assert_array_equal(first[known], second[known])
    assert (first[~known] < every[1000]).all()


@pytest.mark.parametrize("seed", range(20))
def test_features_of_another_time_never_reach_a_label(seed: int) -> None:
    first, stop = 1000, 30_000
    rows = np.arange(first, stop)
    for tested in (False, True):
        source = other_time(rows, (first, stop), REACH, seed, tested=tested)
        assert np.array_equal(np.sort(source), rows)
        earlier = source <= rows - SHIFT - REACH.behind
        later = source - REACH.lookback > rows + REACH.ahead + SHIFT
        assert (earlier | later).all()
    trained = other_time(rows, (first, stop), REACH, seed, tested=False)
    hours = (trained - source) % (stop - first) % DAY
    assert ((hours >= DAY // 6) & (hours <= 5 * DAY // 6)).mean() > 0.5


def test_a_short_dataset_has_no_other_time() -> None:
    with pytest.raises(ConfigError, match="permuted time with 9,000 rows"):
        other_time(np.arange(9000), (0, 9000), REACH, 0, tested=False)


def test_seeds_differ_by_purpose() -> None:
    assert derived(0, "time", 1) != derived(0, "labels", 1) != derived(0, "labels", 2)
    assert derived(0, "time", 1) == derived(0, "time", 1)


@pytest.mark.parametrize("control", ["shuffled_labels", "permuted_time"])
def test_a_control_has_no_skill_where_the_run_has(
    made: bqx.Dataset, place: Path, control: str
) -> None:
    spec = small_spec(targets=TARGETS[:1])
    skills = {}
    for name, given in (("run", spec), ("control", replace(spec, control=control))):  # type: ignore[arg-type]
        run = train(made, place / name, given, threads=1)
        outcomes, said, _ = run.scored("eurusd", spec.targets[0])
        errors = [np.sum((outcomes.values - e) ** 2) for e in (said.point, outcomes.expected)]
        skills[name] = 1.0 - errors[0] / errors[1]
    assert skills["run"] > 0.05
    assert skills["control"] < 0.005

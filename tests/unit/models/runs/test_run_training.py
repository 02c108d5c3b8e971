from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bqx
from bqx.errors import IntegrityError, StoreError, UnknownNameError
from bqx.models.runs.folder import UnitRecord, file_entries
from bqx.models.runs.progress import Step
from bqx.models.runs.run import Run
from bqx.models.runs.spec import SplitSpec
from bqx.models.runs.training import train
from runsets import PAIRS, TARGETS, made_dataset, small_selection, small_spec

SPEC = small_spec(selection=small_selection(), refresh=2)


@pytest.fixture
def copied(trained: Run, place: Path) -> Path:
    shutil.copytree(trained.folder, place)
    return place


def contents(folder: Path) -> dict[str, object]:
    """Hashes of all files but the records with times."""
    found = file_entries(folder)
    return {k: v for k, v in found.items() if not k.endswith(("done.json", "run.json", ".lock"))}


def test_a_run_finds_what_is_there_to_be_found(trained: Run) -> None:
    for target in TARGETS[:4]:
        outcomes, said, folds = trained.scored("eurusd", target)
        errors = [np.sum((outcomes.values - e) ** 2) for e in (said.point, outcomes.expected)]
        assert errors[0] < 0.95 * errors[1]
        assert set(folds) == {1, 2, 3, 4}
        below = [(outcomes.values < q).mean() for q in said.quantile_matrix()]
        np.testing.assert_allclose(below, said.levels, atol=0.04)


def test_the_same_run_has_the_same_bits(made: bqx.Dataset, trained: Run, place: Path) -> None:
    again = train(made, place, SPEC, threads=1)
    assert contents(again.folder) == contents(trained.folder)
    assert again.identity == trained.identity


def test_threads_change_no_forecast_and_no_mask(
    made: bqx.Dataset, trained: Run, place: Path
) -> None:
    again = train(made, place, SPEC, threads=2)
    for target in TARGETS:
        mine, others = (run.forecasts("eurusd", target) for run in (again, trained))
        assert mine.equals(others)
    assert again.mask("eurusd", "final") == trained.mask("eurusd", "final")


def test_forecasts_stand_beside_what_happened(made: bqx.Dataset, trained: Run) -> None:
    frame = trained.forecasts("eurusd", "60:15:level")
    assert frame.columns == [
        *("row", "ts_utc", "fold", "value", "expected", "scale"),
        *("point", "q10", "q50", "q90", "probability"),
    ]
    labels = made.labels("eurusd", "60:15:level")
    at = frame["row"].to_numpy() - labels.rows[0]
    np.testing.assert_array_equal(frame["value"].fill_null(np.nan), labels.values[at])
    np.testing.assert_array_equal(frame["expected"], labels.expected[at])
    minutes = made.minutes(frame["row"].to_numpy())
    np.testing.assert_array_equal(frame["ts_utc"].dt.epoch("s") // 60, minutes)
    assert 0 < frame["value"].null_count() < 200
    assert frame["row"].is_sorted()
    one = trained.forecasts("eurusd", "60:15:level", 2)
    assert one.equals(frame.filter(pl.col("fold") == 2))


def test_nothing_is_dropped_silently(trained: Run) -> None:
    for fold in trained.folds:
        for key, found in trained.unit("eurusd", fold.number).counts["forecasts"].items():
            left = found["features NULL"] + found["no expectation"]
            assert found["test rows"] == left + found["forecast"]
            frame = trained.forecasts("eurusd", key.split()[1], fold.number)
            assert frame.height == found["forecast"]
            assert frame["value"].count() == found["labelled"]


def test_directions_have_no_quantiles(trained: Run) -> None:
    frame = trained.forecasts("eurusd", "60:30:direction")
    assert frame["q10"].null_count() == frame.height
    outcomes, said, _ = trained.scored("eurusd", "60:30:direction")
    assert said.quantiles is None
    np.testing.assert_allclose(outcomes.martingale_probability(), (1 + outcomes.expected) / 2)


def test_a_run_opens_with_its_models_and_masks(made: bqx.Dataset, trained: Run) -> None:
    run = Run.open(trained.folder)
    assert run.spec == SPEC
    assert run.synthetic
    assert run.dataset().manifest.identity == made.manifest.identity
    assert run.unit("eurusd", 2).reused == 1
    assert run.unit("eurusd", "final").reused is None
    masks = [run.mask("eurusd", fold) for fold in (1, 2, 3)]
    assert masks[0] == masks[1] != masks[2]
    model = run.model("eurusd", "final")
    found = run.mask("eurusd", "final")
    assert found is not None
    assert model.features == found.features
    assert model.shapes == SPEC.shapes
    run.verify()
    with pytest.raises(UnknownNameError, match="eurgbp"):
        run.model("eurgbp", 1)
    with pytest.raises(UnknownNameError, match="fold 9"):
        run.unit("eurusd", 9)
    with pytest.raises(UnknownNameError, match="75:15"):
        run.forecasts("eurusd", "75:15")


def test_a_unit_that_is_missing_or_damaged_is_made_again(
    made: bqx.Dataset, trained: Run, copied: Path
) -> None:
    shutil.rmtree(copied / "eurusd" / "02")
    (copied / "eurusd" / "03" / "mask.json").write_bytes(b"{}")
    file = next((copied / "eurusd" / "04" / "forecasts").iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    steps: list[Step] = []
    run = train(made, copied, SPEC, threads=1, progress=steps.append)
    assert [step.kept for step in steps] == [True, False, False, False, True]
    assert "made again, because" in steps[2].note
    assert contents(run.folder) == contents(trained.folder)


def test_a_run_that_was_interrupted_goes_on(made: bqx.Dataset, trained: Run, place: Path) -> None:
    class InterruptedRunError(Exception):
        pass

    def interrupt(step: Step) -> None:
        if step.done == 2:
            raise InterruptedRunError

    with pytest.raises(InterruptedRunError):
        train(made, place, SPEC, threads=1, progress=interrupt)
    with pytest.raises(StoreError, match="not finished"):
        Run.open(place)
    with pytest.raises(StoreError, match="finished unit"):
        Run.open(place, unfinished=True).unit("eurusd", 3)
    (place / "eurusd" / ".03.1.tmp").mkdir()
    assert contents(train(made, place, SPEC, threads=1).folder) == contents(trained.folder)


def test_another_run_needs_replace(made: bqx.Dataset, copied: Path) -> None:
    other = replace(SPEC, selection=None, refresh=1, targets=TARGETS[:1])
    with pytest.raises(StoreError, match="with another targets, selection, refresh"):
        train(made, copied, other)
    run = train(made, copied, other, replace=True, threads=1)
    assert run.spec == other
    assert not (copied / "eurusd" / "01" / "mask.json").exists()


def test_a_folder_with_other_things_is_left_alone(made: bqx.Dataset, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="something else"):
        train(made, tmp_path, SPEC)


def test_a_changed_record_is_noticed(copied: Path) -> None:
    path = copied / "run.json"
    path.write_text(path.read_text().replace('"stride": 5', '"stride": 6'))
    with pytest.raises(IntegrityError, match="was changed"):
        Run.open(copied)
    with pytest.raises(StoreError, match="is not a run"):
        Run.open(copied / "eurusd")


def test_another_dataset_in_the_place_is_refused(trained: Run, tmp_path: Path) -> None:
    other = made_dataset(tmp_path / "other", signal=0.1)
    with pytest.raises(StoreError, match="on which the run was trained"):
        trained.dataset(other.folder)


def test_a_pair_without_training_rows_has_no_model_and_says_so(
    made: bqx.Dataset, place: Path
) -> None:
    spec = small_spec(stride=40, targets=TARGETS[:1])
    run = train(made, place, spec, threads=1)
    unit = run.unit("eurusd", 1)
    assert unit.skipped == "180 training rows at the stride, fewer than 300"
    with pytest.raises(StoreError, match="no model of eurusd in fold 1: 180"):
        run.model("eurusd", 1)
    with pytest.raises(StoreError, match="fewer than 300"):
        run.forecasts("eurusd", TARGETS[0])


def test_one_model_for_all_pairs(made: bqx.Dataset, place: Path) -> None:
    spec = small_spec(pairs=PAIRS, scope="global", selection=small_selection(), targets=TARGETS[:2])
    run = train(made, place, spec, threads=1)
    model = run.model("eurgbp", 1)
    assert model.pairs == PAIRS
    assert model.features == run.mask("eurusd", 1).features  # type: ignore[union-attr]
    assert model.rows == run.model("eurusd", 1).rows
    for pair in PAIRS:
        outcomes, said, _ = run.scored(pair, TARGETS[0])
        errors = [np.sum((outcomes.values - e) ** 2) for e in (said.point, outcomes.expected)]
        assert errors[0] < 0.95 * errors[1]


def test_folds_that_are_not_in_order_of_time(made: bqx.Dataset, place: Path) -> None:
    spec = small_spec(splits=SplitSpec("kfold:3", None, None), targets=TARGETS[:1])
    run = train(made, place, spec, threads=1)
    frame = run.forecasts("eurusd", TARGETS[0])
    assert frame["row"].is_unique().all()
    assert run.final.train.count == sum(fold.test.count for fold in run.folds)


def test_records_say_what_was_done(trained: Run) -> None:
    plain = json.loads((trained.folder / "run.json").read_text())
    assert plain["audit"]["passed"] is True
    assert plain["finished"] is True
    assert plain["dataset"]["folder"] == "../.."
    assert plain["versions"]["lightgbm"] != "absent"
    unit = UnitRecord.read(trained.folder / "eurusd" / "03")
    assert set(unit.seconds) == {"selection", "reading", "training", "forecasting and writing"}
    assert str(trained.folder) not in (trained.folder / "run.json").read_text()

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bqx
from bqx.dataset.fitscope import require_inside
from bqx.dataset.foldcheck import check_folds
from bqx.dataset.folds import Fold
from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError, LeakError
from bqx.models.learning import FittedModels
from bqx.models.runs import plan as planning
from bqx.models.runs.folder import file_entries
from bqx.models.runs.plan import RunPlan
from bqx.models.runs.run import Run
from bqx.models.runs.scope import early_part, require_earlier
from bqx.models.runs.spec import TuningSpec
from bqx.models.runs.training import masks_by_hash, train
from bqx.models.runs.tuning import Tuned
from runsets import FEATURES, TARGETS, small_selection, small_spec

FOLD = Fold(3, Ranges.of((0, 900)), Ranges.of((1000, 1100)), 100, 100)


class Thing:
    name = "thing"

    def __init__(self, *spans: tuple[int, int]) -> None:
        self.rows = Ranges.of(*spans)


def test_all_that_is_fitted_saw_training_rows_alone(trained: Run) -> None:
    for fold in trained.folds:
        model, mask = trained.model("eurusd", fold.number), trained.mask("eurusd", fold.number)
        require_inside(model, fold)
        assert model.rows.count > 1000
        if trained.unit("eurusd", fold.number).reused is None:
            early, border = early_part(fold, trained.spec.calibration)
            require_inside(mask, early)
            assert mask is not None
            assert mask.rows is not None
            assert mask.rows.stop <= border - fold.purge
        else:
            require_earlier(mask, fold)


def test_rows_that_calibrate_are_the_last_ones_with_the_purge_in_front() -> None:
    early, border = early_part(FOLD, 0.2)
    assert (early.train, border) == (Ranges.of((0, 620)), 720)
    assert early.test == FOLD.test
    around = Fold(2, Ranges.of((0, 400), (600, 1000)), Ranges.of((450, 550)), 50, 50)
    early, border = early_part(around, 0.25)
    assert (early.train, border) == (Ranges.of((0, 400), (600, 750)), 800)
    assert not early_part(Fold(1, Ranges.of((0, 90)), Ranges(), 100, 100), 0.2)[0].train


def test_what_was_fitted_earlier_is_used_only_before_the_test() -> None:
    require_earlier(Thing((0, 900)), FOLD)
    require_earlier(Thing((-500, 100)), FOLD)
    with pytest.raises(
        LeakError, match="thing was fitted on 1 rows too near to the test of fold 3"
    ):
        require_earlier(Thing((0, 901)), FOLD)
    with pytest.raises(LeakError, match="100 rows"):
        require_earlier(Thing((0, 100), (2000, 2100)), FOLD)
    with pytest.raises(LeakError, match="does not say"):
        require_earlier(object(), FOLD)
    final = Fold(4, Ranges.of((0, 900)), Ranges(), 100, 100)
    require_earlier(Thing((0, 900)), final)
    with pytest.raises(LeakError):
        require_earlier(Thing((0, 901)), final)


def test_tuning_of_an_earlier_fold_obeys_the_same_rule() -> None:
    tuned = Tuned({}, Ranges.of((0, 950)), 1.0, 1.0, 1, repeatable=True)
    with pytest.raises(LeakError, match="tuning was fitted on 50 rows"):
        require_earlier(tuned, FOLD)


def test_what_happens_after_the_training_changes_no_model(
    made: bqx.Dataset, tmp_path: Path
) -> None:
    """Other features and labels after the training rows leave all that was fitted as it is."""
    spec = small_spec(selection=small_selection(), tuning=TuningSpec(2, folds=2))
    spec_folds = RunPlan.of(made, spec).folds
    stop = spec_folds[0].train.stop
    shutil.copytree(made.folder, tmp_path / "other", ignore=shutil.ignore_patterns("runs"))
    rng = np.random.default_rng(7)
    for file in made.manifest.of("eurusd"):
        path = tmp_path / "other" / file.name
        frame = pl.read_parquet(path)
        late = np.arange(file.first, file.stop) > stop + 30
        noise = pl.Series(np.where(late, rng.normal(size=len(frame)), 0.0))
        names = [name for name in frame.columns if name in FEATURES or "target__" in name]
        frame = frame.with_columns((pl.col(n) + noise.cast(frame[n].dtype)) for n in names)
        frame.write_parquet(path)
    other = bqx.Dataset(tmp_path / "other", made.manifest)
    found = {}
    for name, dataset in (("one", made), ("other", other)):
        run = train(dataset, tmp_path / f"run_{name}", spec, threads=1)
        place = run.place("eurusd", 1)
        entries = file_entries(place)
        found[name] = {k: v for k, v in entries.items() if k.startswith(("model", "mask", "tuned"))}
        assert len(found[name]) > 3
        points = run.forecasts("eurusd", "60:15:level", 1)["point"]
        found[name]["points"] = {"sum": float(points.sum())}
    assert found["one"].pop("points") != found["other"].pop("points")
    assert found["one"] == found["other"]


def test_models_of_other_rows_are_refused(
    made: bqx.Dataset, trained: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = trained.model("eurusd", 4)
    monkeypatch.setattr("bqx.models.learning.fit_models", lambda *_, **__: later)
    with pytest.raises(LeakError, match="models by lightgbm"):
        train(made, place, small_spec(), threads=1)
    assert not list(place.glob("eurusd/*"))
    assert isinstance(later, FittedModels)


def test_a_given_mask_is_used_before_its_test_only(
    made: bqx.Dataset, trained: Run, place: Path
) -> None:
    first, last = (trained.mask("eurusd", fold) for fold in (1, "final"))
    assert first is not None
    assert last is not None
    masks = {"eurusd": first}
    spec = small_spec(masks=masks_by_hash(masks), targets=TARGETS[:1])
    run = train(made, place, spec, masks=masks, threads=1)
    assert all(run.mask("eurusd", fold) == first for fold in (1, 4, "final"))
    late = {"eurusd": last}
    other = small_spec(masks=masks_by_hash(late), targets=TARGETS[:1])
    with pytest.raises(LeakError, match="selection of eurusd was fitted on"):
        train(made, place, other, masks=late, replace=True, threads=1)
    with pytest.raises(ConfigError, match="masks of nothing"):
        train(made, place, spec, threads=1)


def test_folds_that_fail_their_audit_are_not_trained_on(
    made: bqx.Dataset, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def wider(folds: tuple[Fold, ...], reach: object, **options: object) -> object:
        spoilt = [Fold(f.number, f.train.union(f.test), f.test, f.purge, f.embargo) for f in folds]
        return check_folds(spoilt, reach, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "check_folds", wider)
    with pytest.raises(LeakError, match="fail their audit"):
        train(made, place, small_spec())
    assert not (place / "run.json").exists()

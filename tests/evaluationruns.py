"""Runs on disk whose skill is known, made without training: forecasts come from the labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

import bqx
from bqx.bars.synthetic import synthetic_bars
from bqx.dataset.folds import Fold
from bqx.dataset.making import build_dataset
from bqx.dataset.splits import PurgedWalkForward
from bqx.dataset.target import BQXTarget
from bqx.models.distributions import normal_cdf, normal_quantile
from bqx.models.learning.fitted import FittedModels
from bqx.models.learning.fitting import fit_models
from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Samples
from bqx.models.runs.folder import (
    MODEL,
    RunRecord,
    UnitRecord,
    file_entries,
    forecast_file,
    quantile_column,
    unit_folder,
)
from bqx.models.runs.run import Run
from bqx.models.runs.spec import Control, RunSpec, SelectionSpec

FEATURES = "reg_rate__w60_r2,reg_rate__w60_residual,reg_bqx__w60_r2,time__time_sin_minute"


def make_dataset(root: Path, *, synthetic: bool = False) -> bqx.Dataset:
    """Two pairs, twelve days, four features, three targets."""
    bars = synthetic_bars(["eurusd", "gbpusd"], "2024-07-22", days=12)
    root.mkdir(parents=True, exist_ok=True)
    files = []
    for pair, frame in bars.items():
        files.append(root / f"{pair}.parquet")
        frame.write_parquet(files[-1])
    with bqx.open(root / "store") as store:
        store.ingest(files, synthetic=synthetic)
        return build_dataset(
            store,
            root / "set",
            columns=FEATURES,
            lags=(),
            targets="60:15:level,innovation,direction",
        )


@dataclass(frozen=True)
class Maker:
    """How the forecasts of a run are made.

    Attributes:
        gain: Share of the true surprise that every forecast holds.
        noise: Standard deviation of what it holds beside that, in those of the surprise.
        control: Kind of control, or None.
        learned: Whether the models are asked instead.
        pairs: Number of pairs.
        targets: Number of targets.
    """

    gain: float = 0.0
    noise: float = 0.05
    control: Control | None = None
    learned: bool = False
    pairs: int = 2
    targets: int = 3

    def make(self, dataset: bqx.Dataset, folder: Path) -> Run:
        """Write a run; its models are ridge regressions of which one half is believed."""
        spec = RunSpec(
            targets=dataset.targets[: self.targets],
            pairs=dataset.pairs[: self.pairs],
            learner="ridge",
            selection=SelectionSpec(4, 1, 1),
            control=self.control,
        )
        first, stop = dataset.extent(dataset.pairs[0])
        folds = PurgedWalkForward("6D", "2D").split(first, stop, dataset.reach(), dataset.calendar)
        record = _record(dataset, spec, folds)
        record.write(folder, finished=True)
        for pair in spec.pairs:
            for fold in folds:
                self._unit(dataset, record, folder, (pair, fold))
        return Run.open(folder)

    def _unit(
        self, dataset: bqx.Dataset, record: RunRecord, folder: Path, place: tuple[str, Fold]
    ) -> None:
        pair, fold = place
        unit = unit_folder(folder, pair, fold.number)
        (unit / "forecasts").mkdir(parents=True)
        fitted = _models(dataset, pair, fold)
        fitted.save(unit / MODEL)
        for target in record.spec.targets:
            frame = self._forecasts(dataset, (pair, fold), target, fitted)
            frame.write_parquet(unit / forecast_file(pair, target))
        plan = record.plan(pair, fold.number)
        UnitRecord(pair, fold.number, plan, file_entries(unit), {}, {}).write(unit)

    def _forecasts(
        self, dataset: bqx.Dataset, place: tuple[str, Fold], target: BQXTarget, fitted: FittedModels
    ) -> pl.DataFrame:
        pair, fold = place
        labels = dataset.labels(pair, target)
        level = dataset.labels(pair, replace(target, kind="level"))
        kept = fold.test.mask(labels.rows) & np.isfinite(labels.expected)
        rows, value = labels.rows[kept], labels.values[kept]
        expected, scale = labels.expected[kept], labels.scale[kept]
        z = ((level.values - level.expected) / level.scale)[kept]
        rng = np.random.default_rng([len(pair), fold.number, sum(map(ord, pair))])
        # Neighbours share most of what they say, as forecasts of slow features do.
        slow = np.convolve(rng.normal(size=len(rows) + 59), np.full(60, 60**-0.5), "valid")
        said = self.gain * np.nan_to_num(z) + self.noise * slow
        if self.learned:
            said = fitted.forecast(dataset.matrix(pair)[1][kept], pair, (60, 15)).point
        point = expected + scale * said
        start = 0.0 if target.kind == "direction" else expected / scale
        columns = {
            quantile_column(a): None
            if target.kind == "direction"
            else point + scale * normal_quantile(np.array(a))
            for a in (0.1, 0.5, 0.9)
        }
        probability = (
            normal_cdf(start + said)
            if target.kind != "direction"
            else np.clip((1 + point) / 2, 0, 1)
        )
        minutes = dataset.minutes(rows) * 60_000_000
        return pl.DataFrame(
            {
                "row": rows,
                "ts_utc": pl.Series(minutes).cast(pl.Datetime("us", "UTC")),
                "fold": pl.Series(np.full(len(rows), fold.number), dtype=pl.Int16),
                "value": pl.Series(value).fill_nan(None),
                "expected": expected,
                "scale": scale,
                "point": point,
                **columns,
                "probability": probability,
            },
            schema_overrides=dict.fromkeys(columns, pl.Float64),
        )


def _record(dataset: bqx.Dataset, spec: RunSpec, folds: tuple[Fold, ...]) -> RunRecord:
    return RunRecord(
        spec=spec,
        dataset={"folder": str(dataset.folder.resolve()), "identity": dataset.manifest.identity},
        synthetic=dataset.synthetic,
        folds=tuple(fold.to_json() for fold in folds),
        final=folds[-1].to_json(),
        reach={},
        audit={},
        versions={},
        created="2024-08-05T00:00:00Z",
    )


def _models(dataset: bqx.Dataset, pair: str, fold: Fold) -> FittedModels:
    rows, matrix = dataset.matrix(pair)
    labels = dataset.labels(pair, "60:15:level")
    kept = fold.train.mask(rows) & labels.valid & np.isfinite(matrix).all(axis=1)
    z = (labels.values - labels.expected) / labels.scale
    samples = Samples(
        rows[kept],
        np.zeros(int(kept.sum()), np.int16),
        (pair,),
        matrix[kept],
        dataset.features,
        {(60, 15): z[kept]},
    )
    fitted = fit_models(samples, Learner.parse("ridge"), margin=200)
    one = fitted.models[60, 15]
    believed = replace(one.calibration.shrinkage, factor=0.5)
    calibration = replace(one.calibration, shrinkage=believed)
    return replace(fitted, models={(60, 15): replace(one, calibration=calibration)})

"""Twelve monthly refits of one pair on 250 features, beside LightGBM alone on the same matrices.

LightGBM alone fits the same number of models with the same parameters to the same rows: once with
a data set of its own for each model, as one call of `lightgbm.train` after the other would have
it, and once with one binned matrix for all models of a fold, which is the least that it can take.
The matrices are in memory; reading them, calibrating, forecasting, writing and scoring are ours.
"""

from __future__ import annotations

import json
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

import bqx
from bqx.bars.synthetic import synthetic_bars
from bqx.dataset.making import build_dataset
from bqx.models.evaluation.evaluate import evaluate
from bqx.models.learning import Learner
from bqx.models.runs.gathering import Source
from bqx.models.runs.plan import RunPlan
from bqx.models.runs.run import Run
from bqx.models.runs.scope import early_part
from bqx.models.runs.spec import RunSpec, SplitSpec
from bqx.models.runs.training import train
from bqx.models.runs.unit import Unit

BAR = 1.5
PAIR = "eurusd"
FEATURES = 250
TARGETS = "60:15,30,45,60,75:level"
COLUMNS = "reg_rate,reg_bqx"


def prepare(root: Path, months: int) -> bqx.Dataset:
    """A dataset of generated bars: the regressions of both domains with their lags."""
    days = int(months * 30.44) + 3
    file = root / f"{PAIR}.parquet"
    synthetic_bars(PAIR, "2023-01-01", days=days)[PAIR].write_parquet(file)
    with bqx.open(root / "store") as store:
        store.ingest([file], synthetic=True)
        return build_dataset(store, root / "dataset", columns=COLUMNS, targets=TARGETS)


def spec_of(dataset: bqx.Dataset) -> RunSpec:
    """Six months of training, one of test, all fixed features."""
    return RunSpec(
        targets=dataset.targets,
        pairs=(PAIR,),
        splits=SplitSpec(train="6M", test="1M"),
        columns=dataset.features[:FEATURES],
        selection=None,
    )


def alone(source: Source, unit: Unit, threads: int) -> dict[str, float]:
    """Seconds that LightGBM takes for the models of a unit, in both ways."""
    samples = source.gather((PAIR,), unit.fold, source.candidates).samples
    settings = Learner.parse(source.spec.learner).settings
    rounds = int(settings.pop("rounds"))
    fixed = {"num_threads": threads, "deterministic": True, "force_row_wise": True}
    params = {**settings, **fixed, "feature_pre_filter": False, "verbosity": -1}
    fitted, _ = early_part(unit.fold, source.spec.calibration)
    early = fitted.train.mask(samples.rows)
    matrix = samples.matrix[early]
    objectives: list[dict[str, Any]] = [{"objective": "regression"}]
    objectives += [{"objective": "quantile", "alpha": level} for level in source.spec.levels]
    seconds = {"a data set for each": 0.0, "one binned matrix": 0.0}
    shared = None
    for z in samples.surprises.values():
        label = np.nan_to_num(z[early])
        for objective in objectives:
            began = time.perf_counter()
            own = lightgbm.Dataset(matrix, label, params=params)
            lightgbm.train({**params, **objective}, own, num_boost_round=rounds)
            seconds["a data set for each"] += time.perf_counter() - began
            began = time.perf_counter()
            if shared is None:
                shared = lightgbm.Dataset(matrix, label, params=params).construct()
            shared.set_label(label)
            lightgbm.train({**params, **objective}, shared, num_boost_round=rounds)
            seconds["one binned matrix"] += time.perf_counter() - began
    return seconds


def measure(dataset: bqx.Dataset, folder: Path, threads: int, units: int) -> dict[str, Any]:
    """Seconds by stage of a run and its evaluation, and of LightGBM alone.

    All units have about as many rows. LightGBM alone is measured on some of them, evenly spread,
    and multiplied to the number of all.
    """
    spec = spec_of(dataset)
    began = time.perf_counter()
    run = train(dataset, folder, spec, threads=threads)
    trained = time.perf_counter()
    evaluate(run)
    done = time.perf_counter()
    print(f"trained in {trained - began:.1f} s, evaluated in {done - trained:.1f} s", flush=True)
    plan = RunPlan.of(dataset, spec)
    step = max(len(plan.units) // units, 1)
    some = plan.units[step // 2 :: step]
    bare: dict[str, float] = {}
    for unit in some:
        for name, value in alone(plan.source, unit, threads).items():
            bare[name] = bare.get(name, 0.0) + value * len(plan.units) / len(some)
    return {
        "folds": len(run.folds),
        "features": len(plan.source.candidates),
        "training rows": run.unit(PAIR, 1).counts["training"]["learned from"],
        "models": len(plan.units) * len(spec.shapes) * (1 + len(spec.levels)),
        "stages": {**stages(run), "evaluating": done - trained},
        "train": trained - began,
        "total": done - began,
        "LightGBM alone": bare,
    }


def stages(run: Run) -> dict[str, float]:
    """Seconds of the units of a run by stage."""
    found: dict[str, float] = {}
    for fold in (*(f.number for f in run.folds), "final"):
        for name, value in run.unit(PAIR, fold).seconds.items():  # type: ignore[arg-type]
            found[name] = found.get(name, 0.0) + value
    return found


def show(found: dict[str, Any]) -> None:
    """Print the figures, and whether the bar is met."""
    print(
        f"\n{found['folds']} refits and one for serving, {found['features']} features, "
        f"{found['training rows']:,} training rows, {found['models']} models"
    )
    for name, value in found["stages"].items():
        print(f"{name:34} {value:8.1f} s")
    print(f"{'train':34} {found['train']:8.1f} s")
    print(f"{'train and evaluate':34} {found['total']:8.1f} s")
    for name, value in found["LightGBM alone"].items():
        ratio = found["total"] / value
        print(f"{'LightGBM alone, ' + name:34} {value:8.1f} s, ratio {ratio:.2f}", end="")
        print(f" (bar {BAR}: {'met' if ratio <= BAR else 'MISSED'})")


def main(args: list[str]) -> None:
    """Run and print."""
    parser = ArgumentParser(prog="benchmarks training")
    parser.add_argument("--months", type=int, default=18)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--units", type=int, default=99, help="units that LightGBM alone fits")
    parser.add_argument("--dataset", type=Path, help="a dataset with the pair; made when absent")
    parser.add_argument("--json", type=Path)
    options, _ = parser.parse_known_args(args)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        root = Path(folder)
        given = options.dataset
        dataset = bqx.Dataset.open(given) if given else prepare(root, options.months)
        found = measure(dataset, root / "run", options.threads, options.units)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main([])

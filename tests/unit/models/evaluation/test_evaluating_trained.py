"""From training to evaluation: what `train` writes, `evaluate` reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bqx.models.evaluation.evaluate import evaluate
from bqx.models.evaluation.explaining import explain
from bqx.models.evaluation.statement import conclusion
from bqx.models.runs.spec import RunSpec, SplitSpec
from bqx.models.runs.training import train
from evaluationruns import make_dataset


@pytest.mark.slow
def test_trained_runs_are_evaluated_beside_their_control(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    spec = RunSpec(
        targets=dataset.targets[:2],
        pairs=dataset.pairs,
        splits=SplitSpec(train="6D", test="2D"),
        selection=None,
    )
    run = train(dataset, tmp_path / "run", spec, threads=1)
    shuffled = replace(spec, control="shuffled_labels", seed=1)
    control = train(dataset, tmp_path / "control", shuffled, threads=1)
    found = evaluate(run, controls=[control], resamples=200)
    assert conclusion(found).startswith("No skill was found")
    assert not found.controls[0].skilled
    assert found.importances.models == 6
    for target in run.targets:
        for fold in run.folds:
            frame = run.forecasts("gbpusd", target, fold.number)
            at = f"{frame['ts_utc'][len(frame) // 2]:%Y-%m-%dT%H:%M}"
            told = explain(run, "gbpusd", at, target)
            total = told.expected + told.base + sum(c.amount for c in told.contributions)
            assert total == pytest.approx(told.point, abs=1e-9)

"""What the pipeline finds on nine real pairs and a year: the run, its two controls, the report.

Six months of training, one of test, six times; 250 of some 2,600 candidates are selected in the
first training window of a pair; five horizons, as levels and as innovations. The run and the runs
with shuffled labels and permuted time are resumed where they were; then all are evaluated.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import numpy as np

import bqx
from benchmarks.build import REAL, WEEK
from bqx.dataset.making import build_dataset
from bqx.models.evaluation.evaluate import evaluate
from bqx.models.runs.progress import Step
from bqx.models.runs.run import Run
from bqx.models.runs.spec import Control, RunSpec, SplitSpec
from bqx.models.runs.training import train

TARGETS = "60:15,30,45,60,75:level,innovation"
CONTROLS: tuple[Control | None, ...] = (None, "shuffled_labels", "permuted_time")


def dataset_in(folder: Path) -> bqx.Dataset:
    """The standard columns with their lags, of all pairs that there are."""
    if not REAL.is_dir():
        raise SystemExit(f"no real bars in {REAL}")
    settings = bqx.StoreSettings(week=WEEK)
    with bqx.open(folder / "store", settings=settings) as store:
        store.ingest(sorted(REAL.glob("*.parquet")))
        return build_dataset(store, folder / "set", targets=TARGETS, max_memory="8GiB")


def spec_of(dataset: bqx.Dataset) -> RunSpec:
    """One selection a pair; candidates that look back four trading days at most."""
    return RunSpec(
        targets=dataset.targets,
        pairs=dataset.pairs,
        splits=SplitSpec(train="6M", test="1M"),
        max_lookback=5_800,
        refresh=6,
        stride=11,
    )


def told(step: Step) -> None:
    """A line for every unit."""
    sys.stderr.write(f"{step}\n")


def runs(dataset: bqx.Dataset, folder: Path) -> list[Run]:
    """The run and its controls."""
    spec = spec_of(dataset)
    return [
        train(
            dataset,
            folder / f"run_{control or 'none'}",
            replace(spec, control=control),
            max_memory="6GiB",
            progress=told,
        )
        for control in CONTROLS
    ]


def signs(run: Run) -> str:
    """How often the innovation has the sign that was forecast, where the model says any."""
    cells = []
    for target in (t for t in run.targets if t.kind == "innovation"):
        right = said = 0
        for pair in run.pairs:
            outcomes, forecast, _ = run.scored(pair, target)
            some = forecast.point != 0.0
            right += int(np.sum(np.sign(outcomes.values) == np.sign(forecast.point), where=some))
            said += int(some.sum())
        cells.append(f"{target.horizon}: {right / max(said, 1):.2%} of {said:,}")
    return f"{run.spec.control or 'run':16} signs by horizon  " + ", ".join(cells)


def main(arguments: list[str]) -> None:
    """Train what is missing, evaluate, print what was found."""
    parser = ArgumentParser("findings", description=__doc__)
    parser.add_argument("--folder", type=Path, help="Kept, and resumed; temporary when absent.")
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        made = (folder / "set" / "manifest.json").exists()
        dataset = bqx.Dataset.open(folder / "set") if made else dataset_in(folder)
        true, *controls = runs(dataset, folder)
        found = evaluate(true, controls=controls, resamples=options.resamples)
        (folder / "report.html").write_text(found.to_html(), encoding="utf-8")
        print(found.to_text())
        print("\n".join(signs(run) for run in (true, *controls)))


if __name__ == "__main__":
    main(sys.argv[1:])

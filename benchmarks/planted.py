"""The whole pipeline on bars with a known signal: how much of the ceiling is found, and by what.

Each signal is planted into generated bars, a dataset of the right columns among many others is
made, and selection, tuning and walk-forward training run on it. The skill stands beside what the
best possible forecast reaches on the same rows, beside what least squares on the right features
alone learns from the same training rows, and beside the ceiling of its mean; the place that
selection and model give to the right features stands beside the number of candidates.
"""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import bqx
from bqx.bars.planted import AutoRegression, LeadLag, SessionDrift, Signal, best_forecast
from bqx.dataset.planting import planted_dataset
from bqx.dataset.target import BQXTarget
from bqx.market import Calendar
from bqx.models.outcomes import Outcomes
from bqx.models.runs.gathering import matrix_at
from bqx.models.runs.run import Run
from bqx.models.runs.spec import RunSpec, SelectionSpec, SplitSpec, TuningSpec
from bqx.models.runs.training import train
from bqx.models.skill import score

SIGNALS: dict[str, tuple[Signal, int, int]] = {
    "autoregression": (AutoRegression(), 60, 5),
    "lead of one minute": (LeadLag(beta=0.5, lag=1), 60, 5),
    "lead of five minutes": (LeadLag(), 60, 15),
    "session drift": (SessionDrift(), 60, 15),
}
Row = dict[str, Any]


def one(name: str, options: Namespace) -> list[Row]:
    """Every learner on the bars of one signal."""
    signal, window, horizon = SIGNALS[name]
    target = BQXTarget(window, horizon)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with bqx.open(folder / "store") as store:
            dataset = planted_dataset(
                signal, store, folder / "set", days=options.days, targets=str(target)
            )
        found = []
        for learner in options.learners.split():
            spec = RunSpec(
                targets=(target,),
                pairs=(signal.pair,),
                learner=learner,
                splits=SplitSpec(train=options.train, test=options.test, expanding=True),
                selection=SelectionSpec(top=30, min_rate=8, min_bqx=8),
                tuning=TuningSpec(options.trials) if options.trials else None,
                stride=options.stride,
            )
            run = train(dataset, folder / learner, spec, threads=1)
            known = best(signal, target, options.days)
            found.append({"signal": name, "learner": learner, **facts(run, signal, target, known)})
        return found


def best(signal: Signal, target: BQXTarget, days: int) -> pl.DataFrame:
    """The best possible forecast of the surprise by row of the grid."""
    minutes, surprise = best_forecast(signal, target.window, target.horizon, days=days)
    first, _ = Calendar().row_range(int(minutes[0]), int(minutes[-1]) + 1)
    return pl.DataFrame({"row": first + np.arange(len(minutes)), "surprise": surprise})


def facts(run: Run, signal: Signal, target: BQXTarget, known: pl.DataFrame) -> Row:
    """Skill, interval and ceiling, and the places of the right features."""
    outcomes, forecast, _ = run.scored(signal.pair, target)
    measure = score(outcomes, forecast, horizon=target.horizon).mse
    selected, learned = zip(*places(run, signal, target), strict=True)
    return {
        "target": str(target),
        "skill": measure.skill,
        "low": measure.interval[0],
        "high": measure.interval[1],
        "ceiling": signal.ceiling(target.window, target.horizon),
        "best": skill_of(known, outcomes),
        "learnable": learnable(run, signal, target),
        "candidates": len(run.dataset().features),
        "place_selected": float(np.median(selected)),
        "place_learned": float(np.median(learned)),
    }


def skill_of(known: pl.DataFrame, outcomes: Outcomes) -> float:
    """What the best forecast reaches on the rows that were tested."""
    frame = pl.DataFrame({"row": outcomes.rows, "left": outcomes.values - outcomes.expected})
    both = frame.join(known, on="row").drop_nans()
    left = (both["left"] - both["surprise"]).to_numpy()
    return 1.0 - float(np.mean(left**2) / np.mean(both["left"].to_numpy() ** 2))


def learnable(run: Run, signal: Signal, target: BQXTarget) -> float:
    """Skill of least squares on the right features: who knows them must still learn how much."""
    dataset = run.dataset()
    labels = dataset.labels(signal.pair, target)
    unknown = labels.values - labels.expected
    values = matrix_at(dataset, signal.pair, signal.right, labels.rows)
    matrix = np.column_stack((np.ones(len(values)), values))
    whole = np.isfinite(unknown) & np.isfinite(matrix).all(axis=1)
    left, reference = 0.0, 0.0
    for fold in run.folds:
        fitted, tested = (part.mask(labels.rows) & whole for part in (fold.train, fold.test))
        slopes = np.linalg.lstsq(matrix[fitted], unknown[fitted])[0]
        left += float(np.sum((unknown[tested] - matrix[tested] @ slopes) ** 2))
        reference += float(np.sum(unknown[tested] ** 2))
    return 1.0 - left / reference


def places(run: Run, signal: Signal, target: BQXTarget) -> Iterator[tuple[int, int]]:
    """In each fold the best place of a right feature: in the selection, and by gain."""
    right = set(signal.right)
    for fold in run.folds:
        mask = run.mask(signal.pair, fold.number)
        if mask is None:
            raise SystemExit("the run has no masks")
        ranked = sorted(mask.chosen, key=lambda chosen: -chosen.score)
        gains = run.model(signal.pair, fold.number).importances((target.window, target.horizon))
        learned = sorted(gains, key=lambda name: -gains[name])
        yield _first([c.name for c in ranked], right), _first(learned, right)


def _first(names: list[str], right: set[str]) -> int:
    """Place of the first right name, from 1; one after the last where there is none."""
    return next((k for k, name in enumerate(names, 1) if name in right), len(names) + 1)


def line(row: Row) -> str:
    """A row of the table."""
    return (
        f"{row['signal']:21} {row['target']:12} {row['learner']:12} {row['skill']:8.2%} "
        f"[{row['low']:.2%}, {row['high']:.2%}] of {row['best']:.2%} = "
        f"{row['skill'] / row['best']:4.0%} (learnable {row['learnable']:.2%}, "
        f"ceiling {row['ceiling']:.2%}); right "
        f"feature {row['place_selected']:.0f} of {row['candidates']} selected, "
        f"{row['place_learned']:.0f} by gain"
    )


def main(arguments: list[str]) -> None:
    """Run the signals and print what was found."""
    parser = ArgumentParser("planted", description=__doc__)
    parser.add_argument("--days", type=int, default=300)
    parser.add_argument("--train", default="90D")
    parser.add_argument("--test", default="30D")
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--learners", default="lightgbm ridge stack")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with ProcessPoolExecutor(options.workers) as pool:
        for done in pool.map(partial(one, options=options), SIGNALS):
            rows += done
            print("\n".join(line(row) for row in done), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

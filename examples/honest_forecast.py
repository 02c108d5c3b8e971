"""A ridge regression forecasts BQX, walk-forward, and is scored beside what a walk already knows.

It learns the innovation, the part of the target that bars up to now do not tell, inside each fold;
the bars are a random walk, so an honest score shows no skill beside 73 % of right signs.

    python examples/honest_forecast.py
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bqx
from bqx.bars.synthetic import synthetic_bars
from bqx.dataset.fitscope import fit_inside
from bqx.dataset.foldcheck import check_folds
from bqx.dataset.folds import Fold
from bqx.dataset.making import build_dataset
from bqx.dataset.splits import PurgedWalkForward
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.scoretable import Scored, ScoreTable
from bqx.models.skill import score

PAIR, HORIZON = "eurusd", 15
Numbers = NDArray[np.float64]


def dataset_in(folder: Path) -> bqx.Dataset:
    """Two months of generated bars: residuals and fits of both domains, and two targets."""
    file = folder / f"{PAIR}.parquet"
    synthetic_bars(PAIR, "2024-07-01", days=60)[PAIR].write_parquet(file)
    with bqx.open(folder / "store") as store:
        store.ingest([file], synthetic=True)
        return build_dataset(
            store,
            folder / "dataset",
            columns="reg_rate__*_r2,reg_rate__*_residual,reg_bqx__*_r2,reg_bqx__*_residual",
            lags=(1, 5),
            targets=f"60:{HORIZON}:level,innovation",
        )


def forecasts(dataset: bqx.Dataset, folds: tuple[Fold, ...]) -> Iterator[tuple[Outcomes, Numbers]]:
    """What happened in each test block, and the forecast of a model that had not seen it."""
    rows, matrix = dataset.matrix(PAIR, dataset.features)
    level, unknown = (dataset.labels(PAIR, f"60:{HORIZON}:{k}") for k in ("level", "innovation"))
    whole = np.isfinite(matrix).all(axis=1) & level.valid
    outcomes, _ = Outcomes.of_labels(rows, level)
    model = make_pipeline(StandardScaler(), Ridge(alpha=1e4))
    for fold in folds:
        inside, tested = (whole & part.mask(rows) for part in (fold.train, fold.test))
        fitted = fit_inside(model, rows[inside], fold, matrix[inside], unknown.values[inside])
        scored = outcomes.take(np.isin(outcomes.rows, rows[tested]))
        yield scored, scored.expected + fitted.for_fold(fold).predict(matrix[tested])


def main(folder: Path) -> None:
    """Build, split, audit, fit, score."""
    dataset = dataset_in(folder)
    first, stop = dataset.extent(PAIR)
    reach, splitter = dataset.reach(), PurgedWalkForward("20D", "10D")
    folds = splitter.split(first, stop, reach, dataset.calendar)
    print(len(dataset.features), "features,", len(folds), "folds, purge", reach.purge)
    print("audit:", "passed" if check_folds(folds, reach).passed else "failed")
    scored = [
        Scored({"fold": str(fold.number)}, score(outcomes, Forecast(said), horizon=HORIZON))
        for fold, (outcomes, said) in zip(folds, forecasts(dataset, folds), strict=True)
    ]
    print(ScoreTable(tuple(scored), synthetic=dataset.synthetic).to_text(["mse", "direction"]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))

"""Forecasts of the test rows of a fold, beside the labels, as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.dataset.dataset import StoredLabels
from bqx.dataset.fitscope import require_inside
from bqx.dataset.folds import Fold
from bqx.dataset.target import BQXTarget
from bqx.features.table import KEY
from bqx.models.runs.folder import FORECASTS, forecast_file, quantile_column
from bqx.models.runs.gathering import Source, usable
from bqx.models.runs.spec import Shape

if TYPE_CHECKING:
    from bqx.models.learning import FittedModels, Surprise

Ints = NDArray[np.int64]
Counts = dict[str, dict[str, int]]

CHUNK = 65_536
"""Rows whose features are in memory at once."""


def write_forecasts(
    source: Source,
    models: FittedModels,
    pairs: Sequence[str],
    fold: Fold,
    folder: Path,
) -> Counts:
    """Write a file for each pair and target.

    Args:
        source: The dataset and the run's spec.
        models: Models that were fitted inside the fold.
        pairs: Pairs; their codes are their places.
        fold: The fold.
        folder: Of the unit.

    Returns:
        For each pair and target: test rows, forecasts, labels among them, and rows left out by
        reason.

    Raises:
        LeakError: If the models saw other rows than the fold's training rows.
    """
    require_inside(models, fold)
    (folder / FORECASTS).mkdir()
    counts: Counts = {}
    for code, pair in enumerate(pairs):
        frames: dict[BQXTarget, list[pl.DataFrame]] = {}
        rows = source.rows(pair, fold.test)
        for at in range(0, len(rows), CHUNK):
            chunk = rows[at : at + CHUNK]
            for target, frame, account in _chunk(source, models, (code, pair), fold, chunk):
                frames.setdefault(target, []).append(frame)
                _add(counts.setdefault(f"{pair} {target}", {}), account)
        for target, parts in frames.items():
            pl.concat(parts).write_parquet(folder / forecast_file(pair, target))
    return counts


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count


def _chunk(
    source: Source, models: FittedModels, pair: tuple[int, str], fold: Fold, rows: Ints
) -> Iterator[tuple[BQXTarget, pl.DataFrame, dict[str, int]]]:
    """The frame and the account of each target."""
    code, name = pair
    matrix = source.features(name, models.features, rows, fold, tested=True)
    kept = usable(matrix)
    codes = np.full(int(kept.sum()), code, np.int16)
    told: dict[Shape, Surprise] = {}
    for target in source.spec.targets:
        shape = target.window, target.horizon
        if shape not in told:
            said = models.forecast(matrix[kept], codes, shape)
            told[shape] = source.beyond_known(name, shape, rows[kept], said)
        labels = _taken(source.dataset.labels(name, target, int(rows[0]), int(rows[-1]) + 1), rows)
        frame = _frame(source, told[shape], _taken(labels, rows[kept]), fold)
        yield (
            target,
            frame,
            {
                "test rows": len(rows),
                "features NULL": len(rows) - len(codes),
                "no expectation": len(codes) - frame.height,
                "forecast": frame.height,
                "labelled": frame["value"].count(),
            },
        )


def _taken(labels: StoredLabels, rows: Ints) -> StoredLabels:
    """The labels of some of their rows."""
    at = np.searchsorted(labels.rows, rows)
    parts = (labels.values, labels.expected, labels.scale)
    return StoredLabels(labels.target, rows, *(part[at] for part in parts))


def _frame(source: Source, told: Surprise, labels: StoredLabels, fold: Fold) -> pl.DataFrame:
    """Forecasts of the rows whose martingale mean is known, in units of the target."""
    from bqx.models.learning import to_forecast

    known = np.isfinite(labels.expected) & np.isfinite(labels.scale)
    # Any numbers do for the other rows: their forecasts are not taken.
    mean, scale = np.where(known, labels.expected, 0.0), np.where(known, labels.scale, 1.0)
    said = to_forecast(told, mean, scale, labels.target.kind).take(known)
    rows = labels.rows[known]
    columns = {
        "row": rows,
        KEY: pl.Series(source.dataset.minutes(rows) * 60_000_000).cast(pl.Datetime("us", "UTC")),
        "fold": np.full(len(rows), fold.number, np.int16),
        "value": pl.Series(labels.values[known]).fill_nan(None),
        "expected": labels.expected[known],
        "scale": labels.scale[known],
        "point": said.point,
    }
    nothing = pl.repeat(None, len(rows), dtype=pl.Float64, eager=True)
    quantiles = said.quantiles or {}
    for level in source.spec.levels:
        columns[quantile_column(level)] = quantiles.get(level, nothing)
    columns["probability"] = nothing if said.probability is None else said.probability
    return pl.DataFrame(columns)

"""A small dataset of made-up numbers on the grid, and specs, for the tests of runs.

Its features are noise under the names of real columns. The surprise of every target follows the
first feature as strongly as is asked for; labels are masked before the market closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import bqx
from bqx.config import StoreSettings
from bqx.dataset.manifest import EXPECTED, SCALE, TARGET, FileRecord, Manifest
from bqx.dataset.target import BQXTarget, parse_targets
from bqx.features.registry import registry
from bqx.market import as_utc, epoch_minute
from bqx.models.runs.spec import RunSpec, SelectionSpec, SplitSpec

PAIRS = ("eurusd", "eurgbp")
TARGETS = parse_targets("60:15:level,innovation 60:30:level,change,direction")
TABLES = ("reg_rate", "reg_bqx")
FEATURES = tuple(f"{t}__{c}" for t in TABLES for c in registry().tables[t].column_names[:12])
LOOKBACK = 120
START = "2019-01-20 22:00"
SETTINGS = StoreSettings()
CALENDAR = SETTINGS.calendar()


def made_dataset(
    root: Path, days: int = 24, signal: float = 0.5, pairs: Sequence[str] = PAIRS
) -> bqx.Dataset:
    """A dataset in two month files of each pair."""
    begin = epoch_minute(as_utc(START))
    first, stop = CALENDAR.row_range(begin, begin + days * 1440)
    border = CALENDAR.row_range(epoch_minute(as_utc("2019-02-01")), begin + days * 1440)[0]
    files = []
    for code, pair in enumerate(pairs):
        frame = _frame(first, stop, signal, np.random.default_rng(code))
        for month, low, high in (("2019_01", first, border), ("2019_02", border, stop)):
            path = root / pair / f"{month}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            frame[low - first : high - first].write_parquet(path)
            size = path.stat().st_size
            files.append(FileRecord(pair, month, low, high - low, size, f"{signal}", f"{code}"))
    _manifest(tuple(files)).write(root)
    return bqx.Dataset.open(root)


def _manifest(files: tuple[FileRecord, ...]) -> Manifest:
    return Manifest(
        features=FEATURES,
        lookbacks=(LOOKBACK,) * len(FEATURES),
        targets=tuple(target.describe() for target in TARGETS),
        lags=(),
        fingerprints=dict.fromkeys(TABLES, "0" * 8),
        settings=SETTINGS.model_dump(mode="json"),
        calendar=CALENDAR.identity,
        bars="none",
        synthetic=True,
        files=files,
        code="test",
        created="now",
    )


def _frame(first: int, stop: int, signal: float, rng: np.random.Generator) -> pl.DataFrame:
    count = stop - first
    minutes = CALENDAR.minutes(first, stop)
    features = rng.normal(size=(count, len(FEATURES))).astype(np.float32)
    features[:200] = np.nan
    columns: dict[str, Any] = {
        "ts_utc": pl.Series(minutes * 60_000_000).cast(pl.Datetime("us", "UTC")),
        **{name: features[:, k] for k, name in enumerate(FEATURES)},
    }
    told = np.nan_to_num(features[:, 0].astype(np.float64))
    noise = rng.normal(size=count)
    for target in TARGETS:
        z = signal * told + np.sqrt(1.0 - signal**2) * noise
        columns.update(_target(target, z, minutes, rng))
    return pl.DataFrame(columns).fill_nan(None)


def _target(
    target: BQXTarget, z: NDArray[np.float64], minutes: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    count = len(z)
    scale = rng.uniform(0.5, 2.0, count)
    expected = np.zeros(count) if target.kind == "innovation" else rng.normal(size=count)
    value = expected + scale * z
    if target.kind == "direction":
        expected = np.tanh(expected)
        value, scale = np.sign(value), np.sqrt(1.0 - expected**2)
    whole = np.zeros(count, np.bool_)
    whole[: -target.horizon] = (
        minutes[target.horizon :] - minutes[: -target.horizon] == target.horizon
    )
    known = np.arange(count) >= target.window
    parts = (value, whole & known), (expected, known), (scale, known)
    heads = (TARGET, EXPECTED, SCALE)
    return {
        f"{head}{target.name}": np.where(there, numbers, np.nan)
        for head, (numbers, there) in zip(heads, parts, strict=True)
    }


def small_spec(**changes: Any) -> RunSpec:
    """Four folds of one pair, few and small trees, no selection."""
    spec = RunSpec(
        targets=TARGETS,
        pairs=PAIRS[:1],
        learner="lightgbm:rounds=5,num_leaves=4,min_data_in_leaf=50,feature_fraction=1.0",
        splits=SplitSpec(train="8D", test="4D"),
        selection=None,
        stride=5,
    )
    return replace(spec, **changes)


def small_selection() -> SelectionSpec:
    """Eight features by the quickest rankings."""
    return SelectionSpec(8, 3, 3, 2000, "fast")

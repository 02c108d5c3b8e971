"""The reader of a run: forecasts beside what happened, models, masks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bqx.dataset.dataset import Dataset
from bqx.dataset.folds import Fold
from bqx.dataset.target import BQXTarget
from bqx.errors import StoreError, UnknownNameError
from bqx.models.outcomes import Forecast, Outcomes
from bqx.models.runs.folder import (
    AGAIN,
    FINAL,
    MASK,
    MODEL,
    TUNED,
    FoldName,
    RunRecord,
    UnitRecord,
    fold_of,
    forecast_file,
    quantile_column,
    unit_folder,
)
from bqx.models.runs.spec import GLOBAL, RunSpec

if TYPE_CHECKING:
    from bqx.models.learning.fitted import FittedModels
    from bqx.selection.mask import Mask


class Run:
    """A run in a folder; see `open`.

    Attributes:
        folder: Where it is.
        record: What it is, as ``run.json`` says.
    """

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    @classmethod
    def open(cls, folder: str | Path, *, unfinished: bool = False) -> Self:
        """Open the run in a folder.

        Args:
            folder: Its folder.
            unfinished: Whether a run may lack units.

        Raises:
            StoreError: If there is no run, or it is not finished.
            IntegrityError: If its record is damaged.
        """
        path = Path(folder)
        record = RunRecord.read(path)
        if not record.finished and not unfinished:
            raise StoreError(f"the run in {path} is not finished", hint=AGAIN)
        return cls(path, record)

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.resolve().name

    @property
    def identity(self) -> str:
        """Hash of what determines the run."""
        return self.record.identity

    @property
    def spec(self) -> RunSpec:
        """What was trained."""
        return self.record.spec

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs."""
        return self.spec.pairs

    @property
    def targets(self) -> tuple[BQXTarget, ...]:
        """The targets."""
        return self.spec.targets

    @property
    def synthetic(self) -> bool:
        """Whether any bars behind it are generated."""
        return self.record.synthetic

    @property
    def manifest(self) -> dict[str, Any]:
        """The record as plain values."""
        return self.record.to_json()

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The folds; the one for serving is not among them."""
        return tuple(fold_of(plain) for plain in self.record.folds)

    @cached_property
    def final(self) -> Fold:
        """The training rows of the models for serving; it has no test rows."""
        return fold_of(self.record.final)

    def dataset(self, folder: str | Path | None = None) -> Dataset:
        """The dataset that the run was trained on.

        Args:
            folder: Where it is now; where it was, seen from the run, when None.

        Raises:
            StoreError: If it is not there, or another one is.
            IntegrityError: If it is damaged.
        """
        place = Path(folder) if folder else self.folder / self.record.dataset["folder"]
        dataset = Dataset.open(place)
        if dataset.manifest.identity != self.record.dataset["identity"]:
            raise StoreError(
                f"the dataset in {place} has the identity {dataset.manifest.identity}",
                expected=f"{self.record.dataset['identity']}, on which the run was trained",
                hint="open the run's own dataset, or train again",
            )
        return dataset

    def unit(self, pair: str, fold: FoldName) -> UnitRecord:
        """What the unit of a pair and fold wrote.

        Raises:
            UnknownNameError: If the run has no such pair or fold.
            StoreError: If the unit is not finished.
            IntegrityError: If it is damaged.
        """
        return UnitRecord.read(self.place(pair, fold))

    def place(self, pair: str, fold: FoldName) -> Path:
        """The folder of the unit of a pair and fold.

        Raises:
            UnknownNameError: If the run has no such pair or fold.
        """
        if pair not in self.pairs and not (pair == GLOBAL == self._unit_of(pair)):
            known = ", ".join(self.pairs)
            raise UnknownNameError(f"the run has no pair {pair!r}", expected=f"one of {known}")
        if fold != FINAL and fold not in [f.number for f in self.folds]:
            raise UnknownNameError(
                f"the run has no fold {fold!r}", expected=f"1 to {len(self.folds)}, or {FINAL}"
            )
        return unit_folder(self.folder, self._unit_of(pair), fold)

    def model(self, pair: str, fold: FoldName) -> FittedModels:
        """The fitted models of a pair and fold.

        Raises:
            UnknownNameError: If the run has no such pair or fold.
            StoreError: If the unit has no model.
            IntegrityError: If it is damaged.
        """
        from bqx.models.learning.fitted import FittedModels

        return FittedModels.load(self._filled(pair, fold) / MODEL)

    def mask(self, pair: str, fold: FoldName) -> Mask | None:
        """The selected features of a pair and fold; None where nothing was selected.

        Raises:
            UnknownNameError: If the run has no such pair or fold.
            StoreError: If the unit has no model.
            IntegrityError: If it is damaged.
        """
        from bqx.selection.mask import Mask

        path = self._filled(pair, fold) / MASK
        return Mask.read(path) if path.exists() else None

    def tuned(self, pair: str, fold: FoldName) -> Mapping[str, Any] | None:
        """What tuning found for a pair and fold; None where nothing was tuned.

        Raises:
            UnknownNameError: If the run has no such pair or fold.
            StoreError: If the unit has no model.
        """
        path = self._filled(pair, fold) / TUNED
        found: Mapping[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
        return found

    def forecasts(
        self, pair: str, target: BQXTarget | str, fold: int | None = None
    ) -> pl.DataFrame:
        """Forecasts of test rows beside the labels, in order of rows.

        Args:
            pair: The pair.
            target: The target, its name or its text.
            fold: One fold; all of them when None.

        Returns:
            Columns ``row``, ``ts_utc``, ``fold``, ``value`` (NULL where masked), ``expected``,
            ``scale``, ``point``, ``q10`` and so on, ``probability`` of a value above 0.

        Raises:
            UnknownNameError: If the run has no such pair, target or fold.
            StoreError: If a unit is not finished, or no fold has a forecast.
            IntegrityError: If a file is damaged.
        """
        wanted = self._target(target)
        numbers = [f.number for f in self.folds] if fold is None else [fold]
        units = [(self.place(pair, number), self.unit(pair, number)) for number in numbers]
        name = forecast_file(pair, wanted)
        files = [place / name for place, unit in units if name in unit.files]
        if not files:
            reasons = {unit.skipped for _, unit in units if unit.skipped}
            raise StoreError(f"no forecasts of {pair} {wanted}: {', '.join(sorted(reasons))}")
        return pl.concat([pl.read_parquet(file) for file in files]).sort("row", "fold")

    def scored(
        self, pair: str, target: BQXTarget | str
    ) -> tuple[Outcomes, Forecast, NDArray[np.int16]]:
        """What happened and what was said, of rows with a label, and the fold of each row.

        Raises:
            UnknownNameError: If the run has no such pair or target.
            StoreError: If a unit is not finished, or no fold has a forecast.
            ConfigError: If no row has a label.
        """
        wanted = self._target(target)
        frame = self.forecasts(pair, wanted).filter(pl.col("value").is_not_null())
        value, expected, scale, point, probability = (
            frame[name].to_numpy()
            for name in ("value", "expected", "scale", "point", "probability")
        )
        rise = (1.0 + expected) / 2.0 if wanted.kind == "direction" else None
        outcomes = Outcomes(frame["row"].to_numpy(), value, expected, scale, rise)
        said = {level: frame[quantile_column(level)] for level in self.spec.levels}
        quantiles = {level: column.to_numpy() for level, column in said.items()}
        given = not any(column.null_count() for column in said.values())
        forecast = Forecast(point, quantiles if given else None, probability)
        return outcomes, forecast, frame["fold"].to_numpy()

    def verify(self) -> None:
        """Read all files and compare them with what was written.

        Raises:
            StoreError: If a unit is not finished.
            IntegrityError: If a file is missing or damaged.
        """
        for unit in self.spec.units:
            folds: list[FoldName] = [*(f.number for f in self.folds), FINAL]
            for fold in folds:
                self.unit(unit, fold).verify(self.place(unit, fold))

    def _unit_of(self, pair: str) -> str:
        return GLOBAL if self.spec.scope == "global" else pair

    def _filled(self, pair: str, fold: FoldName) -> Path:
        skipped = self.unit(pair, fold).skipped
        if skipped:
            raise StoreError(f"no model of {pair} in fold {fold}: {skipped}")
        return self.place(pair, fold)

    def _target(self, target: BQXTarget | str) -> BQXTarget:
        wanted = BQXTarget.parse(target) if isinstance(target, str) else target
        if wanted not in self.targets:
            known = ", ".join(map(str, self.targets))
            raise UnknownNameError(f"the run has no target {wanted}", expected=f"one of {known}")
        return wanted

"""One unit of a run: select, tune, fit, forecast; in a folder that appears as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bqx.dataset.fitscope import require_inside, training_rows
from bqx.dataset.folds import Fold
from bqx.errors import StoreError
from bqx.models.runs.folder import (
    DONE,
    FINAL,
    MASK,
    MODEL,
    TUNED,
    FoldName,
    RunRecord,
    UnitRecord,
    file_entries,
    unit_folder,
)
from bqx.models.runs.forecasting import write_forecasts
from bqx.models.runs.gathering import Source
from bqx.models.runs.progress import Stopwatch
from bqx.models.runs.scope import early_part, require_earlier
from bqx.models.runs.spec import GLOBAL
from bqx.models.runs.tuning import Tuned, tune
from bqx.store.durable import TEMPORARY, sync

if TYPE_CHECKING:
    from bqx.models.learning.learner import Learner
    from bqx.models.learning.samples import Samples
    from bqx.selection.mask import Mask

LEAST = 300
"""Samples, below which nothing is fitted: quantiles need rows to calibrate on."""


@dataclass(frozen=True)
class Unit:
    """One unit: a pair, or all of them, in one fold.

    Attributes:
        name: The pair, or ``global``.
        fold: The fold.
        label: Its number, or ``final``.
    """

    name: str
    fold: Fold
    label: FoldName

    def __str__(self) -> str:
        """``eurusd fold 3``."""
        return f"{self.name} fold {self.label}"


@dataclass(frozen=True)
class Workshop:
    """Makes the units of a run.

    Attributes:
        source: The dataset and the spec.
        record: The run.
        folder: Its folder.
        masks: Given masks by unit, or none.
        threads: Threads of the learners.
    """

    source: Source
    record: RunRecord
    folder: Path
    masks: Mapping[str, Mask]
    threads: int

    def place(self, unit: Unit) -> Path:
        """The folder of a unit."""
        return unit_folder(self.folder, unit.name, unit.label)

    def there(self, unit: Unit) -> bool:
        """Whether a unit is there as planned, with all of its content."""
        place = self.place(unit)
        if not (place / DONE).exists():
            return False
        found = UnitRecord.read(place)
        if found.plan != self.record.plan(unit.name, unit.label):
            return False
        found.verify(place)
        return True

    def make(self, unit: Unit) -> UnitRecord:
        """Make a unit, in place of what stands there."""
        place = self.place(unit)
        temporary = place.with_name(f".{place.name}.{os.getpid()}{TEMPORARY}")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        try:
            record = _Making(self, unit, temporary).made()
            record.write(temporary)
            shutil.rmtree(place, ignore_errors=True)
            temporary.rename(place)
            sync(place.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return record

    def base(self, unit: Unit) -> Unit | None:
        """The earlier unit whose selection and tuning a unit uses, if it makes none itself."""
        if unit.label == FINAL:
            return None
        number = unit.fold.number - (unit.fold.number - 1) % self.source.spec.refresh
        place = unit_folder(self.folder, unit.name, number)
        if number == unit.fold.number or UnitRecord.read(place).skipped:
            return None
        return Unit(unit.name, unit.fold, number)


class _Making:
    """The stages of one unit."""

    def __init__(self, shop: Workshop, unit: Unit, folder: Path) -> None:
        self.shop, self.unit, self.folder = shop, unit, folder
        self.source, self.spec, self.fold = shop.source, shop.source.spec, unit.fold
        self.pairs = self.spec.pairs if unit.name == GLOBAL else (unit.name,)
        self.base = shop.base(unit)
        self.watch = Stopwatch()
        self.counts: dict[str, Any] = {}

    @cached_property
    def split(self) -> tuple[Fold, int]:
        """What selection and tuning see of the fold, and the first row that calibrates."""
        return early_part(self.fold, self.spec.calibration)

    def made(self) -> UnitRecord:
        rows = sum(len(self.source.rows(p, self.fold.train, self.spec.stride)) for p in self.pairs)
        if rows < LEAST:
            return self._record(f"{rows} training rows at the stride, fewer than {LEAST}")
        names = self._names()
        found = self.source.gather(self.pairs, self.fold, names)
        self.watch.lap("reading")
        self.counts.update(features=len(names), training=found.counts)
        if len(found.samples.rows) < LEAST:
            return self._record(f"{len(found.samples.rows)} usable training rows of {rows}")
        self._fit(found.samples)
        return self._record("")

    def _fit(self, samples: Samples) -> None:
        from bqx.models.learning import fit_models

        training_rows(f"model of {self.unit}", samples.rows, self.fold)
        models = fit_models(
            samples,
            self._learner(samples),
            levels=self.spec.levels,
            border=self.split[1],
            margin=self.fold.purge,
            seed=self.spec.seed,
            threads=self.shop.threads,
        )
        require_inside(models, self.fold)
        self.watch.lap("training")
        models.save(self.folder / MODEL)
        if self.fold.test:
            told = write_forecasts(self.source, models, self.pairs, self.fold, self.folder)
            self.counts["forecasts"] = told
        self.watch.lap("forecasting and writing")

    def _names(self) -> Sequence[str]:
        """The features: of a given mask, of an earlier fold's, of a selection, or all."""
        mask = self._mask()
        if mask is None:
            return self.source.candidates
        mask.write(self.folder / MASK)
        self.watch.lap("selection")
        return mask.features

    def _mask(self) -> Mask | None:
        from bqx.selection.mask import Mask

        if self.shop.masks:
            given = self.shop.masks[self.unit.name]
            given.apply(self.source.dataset)
            require_earlier(given, self.fold)
            return given
        if self.spec.selection is None:
            return None
        if self.base is not None:
            earlier = Mask.read(self.shop.place(self.base) / MASK)
            require_earlier(earlier, self.fold)
            return earlier
        mask = self._selected()
        require_inside(mask, self.split[0])
        return mask

    def _selected(self) -> Mask:
        """A selection by all pairs and shapes of the unit together."""
        from bqx.selection import QuotaSelector

        wanted = self.spec.selection
        if wanted is None:
            raise StoreError("no selection is wanted", expected="a spec with a selection")
        names, reach = self.source.candidates, self.source.reach
        early, _ = self.split
        found = self.source.gather(self.pairs, early, names, most=wanted.max_rows)
        samples = found.samples
        training_rows(f"selection of {self.unit}", samples.rows, early)
        self.counts["selection"] = {"candidates": len(names), **found.counts}
        selector = QuotaSelector(
            k=wanted.top,
            min_rate=wanted.min_rate,
            min_bqx=wanted.min_bqx,
            seed=self.spec.seed,
            threads=self.shop.threads,
            max_rows=wanted.max_rows,
            effort=wanted.effort,
            margin=reach.behind + reach.ahead,
        )
        learned = np.stack([samples.surprises[shape] for shape in self.spec.shapes], axis=1)
        selector.fit(samples.matrix, learned, rows=samples.rows, names=names)
        targets = [target.name for target in self.source.telling.values()]
        mask: Mask = selector.mask_.bound(self.source.dataset, self.unit.name, targets)
        return mask

    def _learner(self, samples: Samples) -> Learner:
        from bqx.models.learning import Learner

        learner = Learner.parse(self.spec.learner)
        if self.spec.tuning is None:
            return learner
        if self.base is not None:
            tuned = Tuned.load(self.shop.place(self.base) / TUNED)
            require_earlier(tuned, self.fold)
        else:
            seed, threads = self.spec.seed, self.shop.threads
            early, _ = self.split
            seen = samples.take(early.train.mask(samples.rows))
            tuned = tune(seen, learner, early, self.spec, seed=seed, threads=threads)
            require_inside(tuned, early)
        tuned.save(self.folder / TUNED)
        self.watch.lap("tuning")
        return tuned.applied(learner)

    def _record(self, skipped: str) -> UnitRecord:
        return UnitRecord(
            unit=self.unit.name,
            fold=self.unit.label,
            plan=self.shop.record.plan(self.unit.name, self.unit.label),
            files=file_entries(self.folder),
            counts=self.counts,
            seconds=self.watch.seconds,
            reused=None if self.base is None else int(self.base.label),
            skipped=skipped,
        )

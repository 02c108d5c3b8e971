"""What a run will do, before it does anything: folds, units, features, memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bqx.build.memory import BASE, MIB
from bqx.dataset.dataset import Dataset
from bqx.dataset.foldcheck import check_folds
from bqx.dataset.foldreport import FoldReport
from bqx.dataset.folds import Fold
from bqx.dataset.lengths import Length, minute_of, row_of
from bqx.dataset.ranges import Ranges
from bqx.errors import BudgetError, LeakError, UnknownNameError
from bqx.extras import versions
from bqx.models.runs.folder import FINAL, RunRecord
from bqx.models.runs.forecasting import CHUNK
from bqx.models.runs.gathering import Source
from bqx.models.runs.spec import GLOBAL, RunSpec
from bqx.models.runs.unit import Unit
from bqx.store.state import now

LIBRARIES = ("numpy", "scikit-learn", "lightgbm", "xgboost-cpu", "catboost", "optuna")
SELECTING, TRAINING, TELLING = 16, 16, 12
"""Bytes that a value of a feature takes while it is selected by, trained on, forecast from."""


@dataclass(frozen=True)
class RunPlan:
    """A run that could be trained.

    Attributes:
        source: The dataset and the spec.
    """

    source: Source

    @classmethod
    def of(cls, dataset: Dataset, spec: RunSpec) -> RunPlan:
        """The plan of a run.

        Raises:
            UnknownNameError: If the dataset lacks a pair or target.
            ConfigError: If a shape cannot be learned, or there is no candidate feature.
        """
        absent = sorted(set(spec.pairs) - set(dataset.pairs))
        if absent:
            raise UnknownNameError(
                f"the dataset has no pair {', '.join(absent)}",
                expected=f"some of {', '.join(dataset.pairs)}",
            )
        dataset.reach(spec.targets, [])
        return cls(Source(dataset, spec))

    @property
    def spec(self) -> RunSpec:
        """The spec."""
        return self.source.spec

    @cached_property
    def extent(self) -> tuple[int, int]:
        """First row of any pair, and one after the last."""
        spans = [self.source.dataset.extent(pair) for pair in self.spec.pairs]
        return min(low for low, _ in spans), max(high for _, high in spans)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """The folds.

        Raises:
            ConfigError: If no fold fits.
        """
        splitter, calendar = self.spec.splits.splitter(), self.source.dataset.calendar
        return splitter.split(*self.extent, self.source.reach, calendar)

    @cached_property
    def final(self) -> Fold:
        """The last training window of the data, for serving; nothing is tested."""
        splits, (first, stop) = self.spec.splits, self.extent
        if splits.ordered and not splits.expanding and splits.train is not None:
            calendar, length = self.source.dataset.calendar, Length.parse(splits.train)
            if length.unit == "rows":
                first = max(length.shift(stop, -1), first)
            else:
                begin = length.shift(minute_of(calendar, stop - 1) + 1, -1)
                first = max(row_of(calendar, begin), first)
        last = self.folds[-1]
        return replace(last, number=last.number + 1, train=Ranges.of((first, stop)), test=Ranges())

    @cached_property
    def audit(self) -> FoldReport:
        """The brute-force audit of the folds.

        Raises:
            LeakError: If a training row knows a test.
        """
        report = check_folds(self.folds, self.source.reach, calendar=self.source.dataset.calendar)
        if not report.passed:
            raise LeakError(
                f"the folds of {self.spec.splits} fail their audit",
                expected="no training row that knows a tested one",
                hint=report.to_text(),
            )
        return report

    @property
    def units(self) -> tuple[Unit, ...]:
        """All units, in the order in which they are made."""
        return tuple(
            unit
            for name in self.spec.units
            for unit in (
                *(Unit(name, fold, fold.number) for fold in self.folds),
                Unit(name, self.final, FINAL),
            )
        )

    @property
    def features(self) -> int:
        """Features of a model, at most."""
        wanted = self.spec.selection
        count = len(self.source.candidates)
        return count if wanted is None else min(wanted.top, count)

    @cached_property
    def memory(self) -> dict[str, int]:
        """Estimated bytes by stage, of the largest unit."""
        folds = (*self.folds, self.final)
        learned = max(sum(self._rows(pair, fold) for pair in self._together) for fold in folds)
        wanted, every = self.spec.selection, len(self.source.candidates)
        selected = 0 if wanted is None else min(wanted.max_rows, learned) * every
        return {
            "base": BASE,
            "selection": selected * SELECTING,
            "training": learned * self.features * TRAINING,
            "forecasting": CHUNK * self.features * TELLING,
        }

    def require_memory(self, budget: int) -> None:
        """Refuse a run that needs more.

        Raises:
            BudgetError: If the estimate is greater than the budget.
        """
        needed = self.memory["base"] + max(v for k, v in self.memory.items() if k != "base")
        if needed > budget:
            raise BudgetError(
                f"a memory budget of {budget // MIB:,} MiB",
                expected=f"about {needed // MIB:,} MiB: "
                + ", ".join(f"{k} {v // MIB:,}" for k, v in self.memory.items()),
                hint="a greater --stride, fewer features, or a greater --max-memory",
            )

    def record(self, folder: Path) -> RunRecord:
        """The record of the run, as it is begun.

        Raises:
            LeakError: If the folds fail their audit.
        """
        manifest = self.source.dataset.manifest
        place = os.path.relpath(self.source.dataset.folder.resolve(), folder.resolve())
        audit = self.audit.to_json()
        return RunRecord(
            spec=self.spec,
            dataset={
                "folder": place,
                "identity": manifest.identity,
                "fingerprints": dict(manifest.fingerprints),
                "calendar": manifest.calendar,
                "settings": dict(manifest.settings),
                "bars": manifest.bars,
                "code": manifest.code,
            },
            synthetic=manifest.synthetic,
            folds=tuple(fold.to_json() for fold in self.folds),
            final=self.final.to_json(),
            reach=self.source.reach.to_json(),
            audit={key: audit[key] for key in ("passed", "checks") if key in audit},
            versions=versions(*LIBRARIES),
            created=now(),
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "spec": self.spec.to_json(),
            "identity": self.spec.identity,
            "synthetic": self.source.dataset.synthetic,
            "reach": self.source.reach.to_json(),
            "folds": [fold.to_json() for fold in self.folds],
            "final": self.final.to_json(),
            "audit": self.audit.passed,
            "units": len(self.units),
            "candidates": len(self.source.candidates),
            "features": self.features,
            "memory": self.memory,
        }

    @property
    def _together(self) -> tuple[str, ...]:
        """Pairs of one unit; the first stands for all where each has its own."""
        return self.spec.pairs if self.spec.scope == GLOBAL else self.spec.pairs[:1]

    def _rows(self, pair: str, fold: Fold) -> int:
        return len(self.source.rows(pair, fold.train, self.spec.stride))

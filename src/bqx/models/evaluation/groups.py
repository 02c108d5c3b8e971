"""The groups by which a run's scores are broken down: all known at t, borders from training rows.

The trend is the past move that is known at t: minus B_W(t), which is positive when prices rose, in
units of the standard deviation of what a walk leaves unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.dataset import Dataset, StoredLabels
from bqx.dataset.folds import Fold
from bqx.dataset.target import Kind
from bqx.models.evaluation.samples import Sample
from bqx.models.grouping import Bins, Groups, by_month, by_session

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GROUPINGS = ("session", "volatility", "trend", "month", "fold")
_VOLATILE: tuple[Kind, ...] = ("level", "innovation", "change")


@dataclass(frozen=True, eq=False)
class Known:
    """A quantity of a pair that is known at t, on its rows in ascending order; NaN where unknown.

    Attributes:
        rows: Absolute grid rows.
        values: The quantity.
    """

    rows: Ints
    values: Floats

    def at(self, rows: Ints) -> Floats:
        """The quantity at some rows; NaN where there is no such row."""
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, self.values[place], np.nan)


class Grouper:
    """Divides the rows of a run's targets; what is fitted serves all targets of a pair and window.

    Volatility needs a target of the dataset that is no direction and not scaled, the trend a level
    of the same window; a division that cannot be made is left out.

    Args:
        dataset: The dataset that the run learned from.
        folds: The folds of the run.
    """

    def __init__(self, dataset: Dataset, folds: Sequence[Fold]) -> None:
        self._dataset = dataset
        self._folds = {fold.number: fold for fold in folds}
        self._known: dict[tuple[str, int], dict[str, Known]] = {}
        self._bins: dict[tuple[str, int, str, int], Bins] = {}

    def groups(self, sample: Sample) -> dict[str, Groups]:
        """Every division of the rows of a sample of one pair."""
        rows, calendar = sample.outcomes.rows, self._dataset.calendar
        known = self._known_of(sample.pair, sample.target.window)
        numbers, codes = np.unique(sample.folds, return_inverse=True)
        labels = tuple(f"{number:02d}" for number in numbers)
        return {
            "session": by_session(calendar, rows),
            **{name: self._by_fold(name, sample, one) for name, one in known.items()},
            "month": by_month(calendar, rows),
            "fold": Groups("fold", labels, codes.astype(np.int64)),
        }

    def _by_fold(self, name: str, sample: Sample, known: Known) -> Groups:
        """Bins whose borders are fitted on the training rows of each row's own fold."""
        here = known.at(sample.outcomes.rows)
        codes = np.full(len(here), -1, np.int64)
        labels: tuple[str, ...] = ()
        for number in np.unique(sample.folds).tolist():
            bins = self._fitted((sample.pair, sample.target.window, name, number), known)
            mask = sample.folds == number
            codes[mask], labels = bins.groups(here[mask]).codes, bins.labels
        return Groups(name, labels, codes)

    def _fitted(self, place: tuple[str, int, str, int], known: Known) -> Bins:
        if place not in self._bins:
            fit = Bins.volatility if place[2] == "volatility" else Bins.trend
            self._bins[place] = fit(known.rows, known.values, self._folds[place[3]].train)
        return self._bins[place]

    def _known_of(self, pair: str, window: int) -> dict[str, Known]:
        if (pair, window) not in self._known:
            self._known[pair, window] = dict(_known(self._dataset, pair, window))
        return self._known[pair, window]


def _known(dataset: Dataset, pair: str, window: int) -> Iterator[tuple[str, Known]]:
    """Volatility and trend of a pair."""
    usable = [t for t in dataset.targets if t.kind in _VOLATILE]
    if not usable:
        return
    # The spread of what is unknown moves as the volatility does, whatever the horizon.
    nearest = min(usable, key=lambda t: (abs(t.window - window), t.horizon))
    labels = dataset.labels(pair, nearest)
    scale = Known(labels.rows, labels.scale)
    yield "volatility", scale
    levels = [t for t in usable if t.kind == "level" and t.window == window]
    if levels:
        shortest = min(levels, key=lambda t: t.horizon)
        yield "trend", _past_move(dataset.labels(pair, shortest), scale)


def _past_move(labels: StoredLabels, scale: Known) -> Known:
    """B_W(t) is the label of row t - h, so it is read from labels whose time has come."""
    rows = labels.rows + labels.target.horizon
    sd = scale.at(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        strength = -labels.values / sd
    return Known(rows, np.where(np.isfinite(strength), strength, np.nan))

"""From a dataset to samples: which rows, which features, and what is learned from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.dataset import Dataset
from bqx.dataset.folds import Fold
from bqx.dataset.picking import picked
from bqx.dataset.ranges import Ranges
from bqx.dataset.reach import Reach
from bqx.dataset.surprise import in_deviations
from bqx.dataset.target import BQXTarget, Kind
from bqx.errors import ConfigError
from bqx.models.runs.controls import derived, other_time, shuffled_labels
from bqx.models.runs.spec import RunSpec, Shape

if TYPE_CHECKING:
    from bqx.models.learning import Samples, Surprise

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
Bools = NDArray[np.bool_]

KNOWN = 0.5
"""Share of a row's features that must have a value, for it to be learned from or forecast."""
TELLING: tuple[Kind, ...] = ("innovation", "level", "change", "vol_scaled")
"""Kinds that tell the surprise of their shape, the least masked first."""


@dataclass(frozen=True)
class Gathered:
    """Samples of a fold, and the account of its training rows.

    Attributes:
        samples: What is learned from.
        counts: Training rows, those at the stride, and those left out by reason.
    """

    samples: Samples
    counts: dict[str, int]


@dataclass(frozen=True)
class Source:
    """What a run takes out of its dataset.

    Attributes:
        dataset: The dataset.
        spec: The run.
    """

    dataset: Dataset
    spec: RunSpec

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Features that may be used, in the dataset's order.

        Raises:
            ConfigError: If there is none.
        """
        spec = self.spec
        rows = dict(zip(self.dataset.features, self.dataset.manifest.lookbacks, strict=True))
        most = max(rows.values(), default=0) if spec.max_lookback is None else spec.max_lookback
        wanted = spec.columns or ("*",)
        found = tuple(
            name
            for name in self.dataset.features
            if rows[name] <= most and any(fnmatchcase(name, pattern) for pattern in wanted)
        )
        if not found:
            raise ConfigError(
                f"no feature in {', '.join(wanted)} that looks back {most:,} rows at most",
                expected=f"some of the dataset's {len(rows):,} features",
                hint="`bqx dataset inspect` lists them",
            )
        return found

    @cached_property
    def reach(self) -> Reach:
        """Of all targets and candidates, and of the targets whose labels are learned."""
        every = dict.fromkeys((*self.spec.targets, *self.telling.values()))
        return self.dataset.reach(list(every), self.candidates)

    @cached_property
    def telling(self) -> dict[Shape, BQXTarget]:
        """For each shape, the target of the dataset whose labels give what is learned.

        Raises:
            ConfigError: If the dataset has none.
        """
        kinds: tuple[Kind, ...] = ("level",) if self.spec.learn == "whole" else TELLING
        found = {}
        for shape in self.spec.shapes:
            choices = [BQXTarget(*shape, kind) for kind in kinds]
            there = [target for target in choices if target in self.dataset.targets]
            if not there:
                raise ConfigError(
                    f"the dataset has no target of window {shape[0]} and horizon {shape[1]} that "
                    "can be learned",
                    expected=f"a kind of {', '.join(kinds)}",
                    hint=f"bqx dataset build … --targets {choices[0]}",
                )
            found[shape] = there[0]
        return found

    def rows(self, pair: str, part: Ranges, stride: int = 1) -> Ints:
        """Rows of a pair in a part of a fold; a stride counts absolute rows."""
        inside = part.intersect(Ranges.of(self.dataset.extent(pair))).rows()
        return inside[inside % stride == 0] if stride > 1 else inside

    def features(
        self, pair: str, names: Sequence[str], rows: Ints, fold: Fold, *, tested: bool
    ) -> Matrix:
        """Features of rows, NaN where NULL; of another time in the control that permutes it."""
        if self.spec.control == "permuted_time":
            extent = self.dataset.extent(pair)
            seed = derived(self.spec.seed, "time", fold.number)
            rows = other_time(rows, extent, self.reach, seed, tested=tested)
        return matrix_at(self.dataset, pair, names, rows)

    def learned(self, pair: str, rows: Ints) -> dict[Shape, Floats]:
        """What is learned of each shape at the rows, in standard deviations; NaN where masked."""
        found = {shape: np.empty(0) for shape in self.spec.shapes}
        for shape, target in self.telling.items() if len(rows) else ():
            low, high = int(rows[0]), int(rows[-1]) + 1
            labels = self.dataset.labels(pair, target, low, high)
            value, mean, scale = (
                part[rows - low] for part in (labels.values, labels.expected, labels.scale)
            )
            unknown = value if self.spec.learn == "whole" else value - mean
            found[shape] = in_deviations(unknown, scale)
        return found

    def beyond_known(self, pair: str, shape: Shape, rows: Ints, told: Surprise) -> Surprise:
        """What a model says of the surprise, whatever it learned.

        A model of the whole label says the known part too, which is taken off.
        """
        from bqx.models.learning import Surprise

        if self.spec.learn == "surprise" or not len(rows):
            return told
        low, high = int(rows[0]), int(rows[-1]) + 1
        labels = self.dataset.labels(pair, self.telling[shape], low, high)
        mean, scale = labels.expected[rows - low], labels.scale[rows - low]
        known = np.divide(mean, scale, out=np.zeros(len(rows)), where=scale > 0.0)
        quantiles = {level: values - known for level, values in told.quantiles.items()}
        return Surprise(told.point - known, quantiles, lambda z: told.cdf(z + known))

    def gather(
        self, pairs: Sequence[str], fold: Fold, names: Sequence[str], *, most: int | None = None
    ) -> Gathered:
        """Samples of a fold's training rows.

        Args:
            pairs: Pairs; their codes are their places.
            fold: The fold.
            names: Features.
            most: Samples, roughly at most: whole blocks of time, spread over the training rows.

        Returns:
            The samples, by pair and row, and the account.
        """
        from bqx.models.learning import Samples

        every = [self.rows(pair, fold.train) for pair in pairs]
        strided = [rows[rows % self.spec.stride == 0] for rows in every]
        rows = np.concatenate(strided)
        codes = np.repeat(np.arange(len(pairs), dtype=np.int16), [len(part) for part in strided])
        learned = self._together(pairs, strided, codes, fold)
        labelled = np.any([np.isfinite(values) for values in learned.values()], axis=0)
        chosen = self._chosen(rows, labelled, most)
        matrix = np.empty((len(chosen), len(names)), np.float32)
        for code, pair in enumerate(pairs):
            mine = codes[chosen] == code
            matrix[mine] = self.features(pair, names, rows[chosen[mine]], fold, tested=False)
        kept = usable(matrix)
        chosen, matrix = chosen[kept], matrix if kept.all() else matrix[kept]
        some = {shape: values[chosen] for shape, values in learned.items()}
        counts = {
            "training rows": sum(map(len, every)),
            "at the stride": len(rows),
            "masked": int(np.count_nonzero(~labelled)),
            "read": len(kept),
            "features NULL": int(np.count_nonzero(~kept)),
            "learned from": len(chosen),
        }
        samples = Samples(rows[chosen], codes[chosen], tuple(pairs), matrix, tuple(names), some)
        return Gathered(samples, counts)

    def _together(
        self,
        pairs: Sequence[str],
        rows: Sequence[Ints],
        codes: NDArray[np.int16],
        fold: Fold,
    ) -> dict[Shape, Floats]:
        """What is learned, of all pairs; in another order in the control that shuffles it."""
        parts = [self.learned(pair, mine) for pair, mine in zip(pairs, rows, strict=True)]
        learned = {s: np.concatenate([part[s] for part in parts]) for s in self.spec.shapes}
        if self.spec.control != "shuffled_labels" or not len(codes):
            return learned
        seed = derived(self.spec.seed, "labels", fold.number)
        return shuffled_labels(np.concatenate(rows), codes, learned, seed)

    def _chosen(self, rows: Ints, labelled: Bools, most: int | None) -> Ints:
        """Places of the rows that are read, in order."""
        places = np.flatnonzero(labelled)
        if most is None or len(places) <= most:
            return places
        from bqx.selection.sampling import draw_sample

        return np.sort(draw_sample(rows, labelled, max_rows=most, seed=self.spec.seed).lines)


def usable(matrix: Matrix) -> Bools:
    """Rows of which at least half of the features have a value; learners bear the rest."""
    known = matrix.shape[1] - np.count_nonzero(np.isnan(matrix), axis=1)
    return np.asarray(known >= KNOWN * matrix.shape[1], np.bool_)


def matrix_at(dataset: Dataset, pair: str, names: Sequence[str], rows: Ints) -> Matrix:
    """Features of some rows of a pair, in their order; memory is that of the rows alone.

    Args:
        dataset: The dataset.
        pair: The pair.
        names: Qualified names.
        rows: Absolute rows, in any order, all of them the pair's.

    Returns:
        A C-ordered matrix of shape (rows, names), NaN where a value is NULL.
    """
    out = np.empty((len(rows), len(names)), np.float32)
    for places, at, columns in picked(dataset, pair, names, rows):
        out[places, at : at + len(columns)] = np.stack(columns, axis=1)
    return out

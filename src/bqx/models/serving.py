"""Forecasts of rows straight from the bars of a store, as a run made them from its dataset.

Only the columns that the model reads are computed, and only on the rows that are asked for with the
look-back that they need; both come from the code that makes datasets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.columns import Choice
from bqx.dataset.frames import Rows, read_columns, tables_by_owner
from bqx.dataset.labels import Labels, load_labels
from bqx.dataset.naming import owner, parse_feature
from bqx.dataset.narrow import raw
from bqx.dataset.target import BQXTarget
from bqx.models.outcomes import Forecast
from bqx.models.runs.gathering import usable
from bqx.store.base import BaseStore

if TYPE_CHECKING:
    from bqx.models.learning.fitted import FittedModels

Matrix = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

CHUNK = 16_384
"""Rows whose features are in memory at once."""


@dataclass(frozen=True, eq=False)
class Served:
    """What a model says about consecutive rows of a pair.

    Attributes:
        pair: The pair.
        rows: Absolute rows, half open.
        nulls: Features without a value, in each row.
        absent: Names of some of them, by place of the row, where too many are missing.
        said: For each target, where there is a forecast.
    """

    pair: str
    rows: Rows
    nulls: Ints
    absent: Mapping[int, tuple[str, ...]]
    said: Mapping[BQXTarget, Said]


@dataclass(frozen=True, eq=False)
class Said:
    """The forecasts of one target.

    Attributes:
        labels: The martingale's mean and spread of every row.
        known: Rows with a forecast.
        forecast: Of those rows.
    """

    labels: Labels
    known: Bools
    forecast: Forecast


def features_at(store: BaseStore, pair: str, names: Sequence[str], rows: Rows) -> Matrix:
    """Features of a pair on consecutive rows, computed from the bars.

    Args:
        store: The store.
        pair: The pair.
        names: Qualified names, as datasets have them.
        rows: Absolute rows, half open.

    Returns:
        A C-ordered matrix of float32 of shape (rows, names), NaN where a value is NULL: the bits of
        a dataset.

    Raises:
        UnknownNameError: If the store's families have no such column.
    """
    families = store.registry
    choice = Choice(tuple(parse_feature(name, families) for name in names))
    reached = (rows[0] - choice.lead, rows[1])
    found = {
        name: read_columns(store, name, specs, reached, "computed")
        for name, specs in tables_by_owner(families, choice, pair).items()
    }
    out = np.empty((rows[1] - rows[0], len(names)), np.float32)
    for k, feature in enumerate(choice.features):
        column = raw(found[owner(feature, pair, families)][feature.place])
        begin = choice.lead - feature.lag
        out[:, k] = column[begin : begin + len(out)]
    return out


def forecast_rows(
    store: BaseStore, models: FittedModels, targets: Sequence[BQXTarget], pair: str, rows: Rows
) -> Iterator[Served]:
    """Forecasts of consecutive rows of a pair, some thousand at a time.

    Args:
        store: The store.
        models: Fitted models that know the pair.
        targets: Targets of their shapes.
        pair: The pair.
        rows: Absolute rows between the first and the last bar, half open.
    """
    for low in range(rows[0], rows[1], CHUNK):
        yield _chunk(store, models, targets, pair, (low, min(low + CHUNK, rows[1])))


def _chunk(
    store: BaseStore, models: FittedModels, targets: Sequence[BQXTarget], pair: str, rows: Rows
) -> Served:
    matrix = features_at(store, pair, models.features, rows)
    void = np.isnan(matrix)
    kept = usable(matrix)
    labels = load_labels(store, pair, targets, rows)
    said = {t: _said(models, pair, matrix, kept, labels[t]) for t in targets}
    absent = {
        int(k): tuple(np.array(models.features)[void[k]].tolist()) for k in np.flatnonzero(~kept)
    }
    return Served(pair, rows, np.count_nonzero(void, axis=1), absent, said)


def _said(models: FittedModels, pair: str, matrix: Matrix, kept: Bools, labels: Labels) -> Said:
    from bqx.models.learning.predictive import to_forecast

    target = labels.target
    known = np.isfinite(labels.expected) & np.isfinite(labels.scale) & kept
    surprise = models.forecast(matrix[known], pair, (target.window, target.horizon))
    mean, scale = labels.expected[known], labels.scale[known]
    return Said(labels, known, to_forecast(surprise, mean, scale, target.kind))

"""Whether the rows and targets of a dataset are those that the bars of its store give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bqx.checks.tally import Check, Tally
from bqx.dataset.dataset import Dataset
from bqx.dataset.labels import load_labels
from bqx.dataset.manifest import EXPECTED, SCALE, TARGET, FileRecord
from bqx.errors import BqxError
from bqx.features.arrow import minutes_of
from bqx.features.table import KEY
from bqx.store.base import BaseStore
from bqx.store.slices import extent, month_rows

SPINE = Check(
    name="spine",
    title="Rows, targets, expected values and scales are those that the bars give",
)


def check_spine(dataset: Dataset, store: BaseStore, pair: str) -> list[Tally]:
    """Compare every row, target, expected value and scale of a pair with the store's bars.

    Where the store has got further bars since, its newest rows are not compared: their labels were
    not there yet.
    """
    return [_file(dataset, store, file) for file in dataset.manifest.of(pair)]


def _file(dataset: Dataset, store: BaseStore, file: FileRecord) -> Tally:
    tally = Tally(SPINE.name, file.pair, file.month)
    if _rows(dataset, store, file, tally):
        _labels(dataset, store, file, tally)
    return tally


def _rows(dataset: Dataset, store: BaseStore, file: FileRecord, tally: Tally) -> bool:
    """Whether the file has the rows of its month, and the store has bars for all of them."""
    tally.count(file.rows)
    span = extent(store, file.pair)
    if span is None:
        tally.fail(None, KEY, f"{file.rows:,} rows", "bars of the pair in the store", file.rows)
        return False
    low, high = month_rows(store, span, file.month)
    inside = low <= file.first and file.stop <= high
    if not inside or (_same_bars(dataset, store) and (low, high) != (file.first, file.stop)):
        found = f"rows {file.first} to {file.stop}"
        tally.fail(None, KEY, found, f"{low} to {high}, those of the bars", file.rows)
        return False
    (_, table), *_ = dataset.batches(file, [KEY])
    minutes, grid = minutes_of(table), store.calendar.minutes(file.first, file.stop)
    if len(minutes) != len(grid) or (minutes != grid).any():
        tally.fail(None, KEY, "other times", "the minutes of the grid", file.rows)
        return False
    return True


def _same_bars(dataset: Dataset, store: BaseStore) -> bool:
    return dataset.manifest.bars == store.bars.version()


def _labels(dataset: Dataset, store: BaseStore, file: FileRecord, tally: Tally) -> None:
    ahead = max((t.ahead for t in dataset.targets), default=0)
    last = dataset.extent(file.pair)[1]
    stop = file.stop if _same_bars(dataset, store) else min(file.stop, last - ahead)
    if not dataset.targets or file.first >= stop:
        return
    rows = file.first, stop
    try:
        truth = load_labels(store, file.pair, dataset.targets, rows)
    except BqxError as error:
        tally.fail(None, None, error.found, "labels", stop - file.first)
        return
    for target in dataset.targets:
        stored, made = dataset.labels(file.pair, target, *rows), truth[target]
        for head, part in ((TARGET, "values"), (EXPECTED, "expected"), (SCALE, "scale")):
            name = f"{head}{target.name}"
            _compare(name, getattr(stored, part), getattr(made, part), file.first, tally)


def _compare(
    name: str, found: NDArray[np.float64], wanted: NDArray[np.float64], first: int, tally: Tally
) -> None:
    tally.count(len(wanted))
    wrong = (np.isnan(found) != np.isnan(wanted)) | (found != wanted) & ~np.isnan(wanted)
    if wrong.any():
        at = int(wrong.argmax())
        text = f"{int(wrong.sum()):,} rows differ; {found[at]!r} at row {first + at}"
        tally.fail(None, name, text, f"{wanted[at]!r}", int(wrong.sum()))

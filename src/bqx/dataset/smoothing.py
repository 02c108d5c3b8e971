"""Why a column does not hold what bars up to the row give: from when on it knows its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bqx.dataset.naming import Feature
from bqx.dataset.rewritten import Cause, explain
from bqx.dataset.truncating import A_DAY, Around, Float32Array, truthful
from bqx.store.base import BaseStore

DISTANCES = (0, 1, 2, 3, 4, 5, 10, 15, 30, 60, 240, A_DAY)
"""Rows after the row that are known in turn."""
PEEKED = 60
"""Rows after the row whose own values are compared with the dataset's."""

FUTURE_VALUE, SMOOTHED, SCALED = "future value", "smoothed state", "scaled on everything"


@dataclass(frozen=True)
class Column:
    """A column that differs from what bars up to the row give.

    Attributes:
        feature: The feature.
        pair: A pair in which it differs.
        rows: Some of the rows in which it differs.
        first: First absolute row of ``values``.
        values: The column as stored, all rows of the pair.
    """

    feature: Feature
    pair: str
    rows: Sequence[int]
    first: int
    values: Float32Array


def diagnose(store: BaseStore, column: Column) -> Cause:
    """Which check a column fails, and how.

    If its value changes when more bars come, its code looks ahead: by a fixed number of rows
    (``future value``), or as long as something comes (``smoothed state``). If it does not, the
    stored column is another one than the code's: see `bqx.dataset.rewritten`.
    """
    changes, last = _profile(store, column)
    if not any(changes):
        stop = column.first + len(column.values)
        truth = truthful(store, column.feature, column.pair, (column.first, stop))
        return explain(column.values, truth, column.rows[0] - column.first)
    steps = {step for each in changes for step in each}
    if all(len(each) <= 1 for each in changes) and len(steps) == 1:
        return Cause(FUTURE_VALUE, _peek(store, column, steps.pop()))
    ends = all(
        same(v, column.values[row - column.first]) for v, row in zip(last, column.rows, strict=True)
    )
    return Cause(SMOOTHED, _over({d for _, d in steps}, ends=ends))


def _profile(
    store: BaseStore, column: Column
) -> tuple[list[list[tuple[int, int]]], list[np.float32]]:
    """For each row, between which distances the value changes; and the value with all that came."""
    changes, last = [], []
    for row in column.rows:
        around = Around(store, [column.feature], column.pair, row)
        seen = [around.values(later=d).values[0, 0] for d in DISTANCES]
        pairs = zip(DISTANCES, DISTANCES[1:], seen, seen[1:], strict=False)
        changes.append([(a, b) for a, b, was, now in pairs if not same(was, now)])
        last.append(seen[-1])
    return changes, last


def _peek(store: BaseStore, column: Column, step: tuple[int, int]) -> str:
    """By how many rows the column looks ahead, and whether it is a later row's value as it is."""
    before, after = step
    span = f"{after}" if after == before + 1 else f"{before + 1} to {after}"
    text = f"changes once, when {span} later row{'s are' if after > 1 else ' is'} known"
    stored = [column.values[row - column.first] for row in column.rows]
    for k in range(1, min(after, PEEKED) + 1):
        later = [_at(store, column, row + k) for row in column.rows]
        if all(map(same, later, stored)):
            return f"holds the value of row t + {k}; it {text}"
    return text


def _at(store: BaseStore, column: Column, row: int) -> np.float32:
    """The value that bars up to a row give for that row."""
    return np.float32(Around(store, [column.feature], column.pair, row).values().values[0, 0])


def _over(distances: set[int], *, ends: bool) -> str:
    furthest = max(distances)
    known = ", ".join(f"t + {d:,}" for d in sorted(distances))
    text = f"changes again and again when more bars come: with those up to {known}"
    if furthest == A_DAY:
        return f"{text}; a trading day later it still does, as what is fitted on everything"
    rest = "is then the dataset's" if ends else "is even then not the dataset's"
    return f"{text}; it keeps changing over {furthest:,} rows and {rest}"


def same(a: np.float32, b: np.float32) -> bool:
    """Whether two values are equal, or both are NULL."""
    return bool(a == b) or bool(np.isnan(a) and np.isnan(b))

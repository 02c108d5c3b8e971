"""What nobody can know in a row: later BQX, later targets, the surprise in a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.manifest import TARGET
from bqx.dataset.surprise import LabelColumns
from bqx.dataset.surprise import surprise as surprise_of
from bqx.dataset.target import BQXTarget
from bqx.domains.grid import FloatArray, Int64Array

EXACT_ROWS = 4_096
"""Rows on which columns are compared with what is to come, value by value."""
RANKED_ROWS = 20_000
"""Rows on which rank correlations are taken."""
FURTHER = 30
"""Rows beyond the greatest horizon that a column may be shifted to."""
NEVER = np.nan


@dataclass(frozen=True)
class Exact:
    """Series of what is to come, on some rows.

    Attributes:
        places: Elements of the rows.
        names: What each series is.
        series: Shape (series, rows).
        targets: Numbers of the series that are targets as they stand.
    """

    places: Int64Array
    names: tuple[str, ...]
    series: FloatArray
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Surprises:
    """Surprises of the targets, (value - expected) / scale, by rank.

    Attributes:
        places: Elements of the rows.
        targets: One target of each window and horizon.
        surprises: Ranks of the surprises, shape (targets, rows).
        expected: Ranks of the expected values, likewise.
        effective: Rows that do not share unknown returns, for each target: labels overlap by their
            horizon.
    """

    places: Int64Array
    targets: tuple[BQXTarget, ...]
    surprises: FloatArray
    expected: FloatArray
    effective: tuple[float, ...]


def exact(rows: Int64Array, labels: Sequence[LabelColumns], seed: int = 0) -> Exact | None:
    """Series of what is to come at random rows; None if there are too few.

    These are B_W(t + m) for each window and every m from 1 on, its change and the signs of both,
    the surprise of each target, and targets of other kinds at t and in later rows.

    Args:
        rows: Absolute rows, ascending, each once.
        labels: Targets on these rows.
        seed: Of the choice of the rows.
    """
    line = _Line(rows)
    found = list(_series(line, labels))
    whole = np.flatnonzero(np.all([np.isfinite(v) for _, v, _ in found], axis=0))
    if len(whole) < 100:
        return None
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(whole, min(EXACT_ROWS, len(whole)), replace=False))
    return Exact(
        places,
        tuple(name for name, _, _ in found),
        np.array([values[places] for _, values, _ in found]),
        tuple(k for k, (_, _, own) in enumerate(found) if own),
    )


def surprises(labels: Sequence[LabelColumns]) -> Surprises | None:
    """Surprises on rows spread evenly; None if there are too few."""
    shapes = _by_shape(labels)
    scores = [surprise_of(label) for label in shapes]
    whole = np.flatnonzero(np.all(np.isfinite(scores), axis=0))
    if len(whole) < 100:
        return None
    places = whole[:: max(len(whole) // RANKED_ROWS, 1)]
    return Surprises(
        places,
        tuple(label.target for label in shapes),
        np.array([ranks(z[places]) for z in scores]),
        np.array([ranks(label.expected[places]) for label in shapes]),
        tuple(min(float(len(places)), len(whole) / label.target.ahead) for label in shapes),
    )


def ranks(values: NDArray[np.floating]) -> FloatArray:
    """Ranks from 0 on; equal values share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean = np.cumsum(counts) - (counts + 1) / 2.0
    return np.asarray(mean[places], np.float64)


class _Line:
    """Values by absolute row."""

    def __init__(self, rows: Int64Array) -> None:
        self._rows = rows - rows[0]
        self._length = int(self._rows[-1]) + 1

    def laid(self, values: FloatArray, shift: int = 0) -> FloatArray:
        """The values by row, ``shift`` rows later."""
        out = np.full(self._length + abs(shift), NEVER)
        out[self._rows + shift] = values
        return out

    def at(self, laid: FloatArray, shift: int) -> FloatArray:
        """What stands ``shift`` rows after each row; NaN where nothing does."""
        places = self._rows + shift
        inside = (places >= 0) & (places < len(laid))
        return np.where(inside, laid[np.where(inside, places, 0)], NEVER)


def _series(line: _Line, labels: Sequence[LabelColumns]) -> Iterator[tuple[str, FloatArray, bool]]:
    """Names and values of what is to come, and whether it is a target as it stands."""
    levels = [label for label in labels if label.target.kind == "level"]
    for window in dict.fromkeys(label.target.window for label in levels):
        yield from _levels(line, [x for x in levels if x.target.window == window])
    for label in labels:
        if label.target.kind != "level":
            yield from _shifted(line, label)
    for label in _by_shape(labels):
        surprise = label.values - label.expected
        yield f"surprise of {label.target}", surprise, False
        yield f"scaled surprise of {label.target}", surprise_of(label), False
        yield f"sign of the surprise of {label.target}", np.sign(surprise), False


def _levels(line: _Line, levels: Sequence[LabelColumns]) -> Iterator[tuple[str, FloatArray, bool]]:
    """B_W(t + m), changes and signs, of the levels of one window."""
    greatest = max(levels, key=lambda label: label.target.horizon).target
    laid = np.full(0, NEVER)
    for label in levels:
        part = line.laid(label.values, label.target.horizon)
        laid, short = (part, laid) if len(part) > len(laid) else (laid, part)
        gap = np.isnan(laid[: len(short)])
        laid[: len(short)][gap] = short[gap]
    horizons = {label.target.horizon: label.target for label in levels}
    now = line.at(laid, 0)
    for m in range(1, greatest.horizon + FURTHER + 1):
        later = line.at(laid, m)
        own = horizons.get(m)
        away = f"{TARGET}{greatest.name} of row t {m - greatest.horizon:+d}"
        yield f"{TARGET}{own.name}" if own else away, later, own is not None
        if own:
            yield f"change of BQX to {TARGET}{own.name}", later - now, False
            yield f"direction of {TARGET}{own.name}", np.sign(later), False
            yield f"direction of the change to {TARGET}{own.name}", np.sign(later - now), False


def _shifted(line: _Line, label: LabelColumns) -> Iterator[tuple[str, FloatArray, bool]]:
    """A target in its own row, in earlier ones whose label is to come, and in later ones."""
    laid = line.laid(label.values)
    horizon = label.target.horizon
    for k in range(1 - horizon, horizon + 1):
        name = f"{TARGET}{label.target.name}"
        yield f"{name} of row t {k:+d}" if k else name, line.at(laid, k), k == 0


def _by_shape(labels: Sequence[LabelColumns]) -> list[LabelColumns]:
    """One label for each window and horizon: they all have the same surprise, but directions."""
    order = ("level", "innovation", "change", "vol_scaled", "direction")
    found: dict[tuple[int, int], LabelColumns] = {}
    for label in sorted(labels, key=lambda x: order.index(x.target.kind)):
        found.setdefault((label.target.window, label.target.horizon), label)
    return list(found.values())

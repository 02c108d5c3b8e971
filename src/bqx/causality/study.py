"""Many columns beside one label: what each of them tells beyond what is known anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqx.dataset.ranges import Ranges
from bqx.errors import ConfigError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Matrix = NDArray[np.float32] | NDArray[np.float64]

CHUNK = 64
"""Columns that are turned at a time, from rows of a matrix to series."""


@dataclass(frozen=True)
class Study:
    """Columns and a label on consecutive rows; see `of`.

    Attributes:
        names: Names of the columns.
        matrix: Shape (rows given, columns), NaN where NULL.
        places: Where each given row stands on the axis.
        rows: The axis: consecutive absolute rows, shape (n,).
        label: Shape (n,), NaN where masked or not to be used.
        known: What is known of the label at its row, shape (n, controls): its martingale mean, and
            the newest labels that have come true.
        usable: Rows with a label and all that is known, shape (n,).
        ahead: Rows that the label looks ahead.
        target: Name of the label.
        synthetic: Whether any value comes from generated bars.
    """

    names: tuple[str, ...]
    matrix: Matrix
    places: Rows
    rows: Rows
    label: Floats
    known: Floats
    usable: Flags
    ahead: int
    target: str = "target"
    synthetic: bool = False

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        label: Floats,
        *,
        names: Sequence[str],
        ahead: int,
        rows: Rows | None = None,
        expected: Floats | None = None,
        own_lags: int = 2,
        within: Ranges | None = None,
        target: str = "target",
        synthetic: bool = False,
    ) -> Study:
        """Lay columns and their label on consecutive rows.

        The label of row t comes true ``ahead`` rows later, so its own past at row t are the labels
        of the rows t - ahead, t - ahead - 1, …: all that a forecast at t may know of it.

        Args:
            matrix: Shape (n, columns), NaN or infinite where there is no value.
            label: Shape (n,), NaN where masked.
            names: Names of the columns.
            ahead: Rows that the label looks ahead, at least 1.
            rows: Absolute rows, ascending; 0 … n - 1 when None.
            expected: Conditional mean of the label under a martingale, known at the row.
            own_lags: How many of the labels that have come true are known.
            within: Rows that may be used, such as a fold's training rows; all when None.
            target: Name of the label.
            synthetic: Whether any value comes from generated bars.

        Raises:
            ConfigError: If shapes differ, rows do not ascend, or no row has its label and all that
                is known.
        """
        n = len(matrix)
        at = np.arange(n, dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
        if not n or matrix.shape != (len(label), len(names)) or len(at) != n or ahead < 1:
            raise ConfigError(
                f"a matrix of shape {matrix.shape}, {len(label)} labels, {len(names)} names",
                expected="a row per label and a column per name",
            )
        if np.any(np.diff(at) < 1):
            raise ConfigError("rows that do not ascend", expected="each row once, in order")
        places, axis = at - at[0], np.arange(at[0], at[-1] + 1)
        allowed = np.ones(n, np.bool_) if within is None else within.mask(at)
        line = _laid(np.where(allowed, label, np.nan), places, len(axis))
        known = [_delayed(line, ahead + k) for k in range(own_lags)]
        if expected is not None:
            known.append(_laid(np.where(allowed, expected, np.nan), places, len(axis)))
        controls = np.column_stack([np.empty((len(axis), 0)), *known])
        usable = np.isfinite(line) & np.isfinite(controls).all(axis=1)
        if not usable.any():
            raise ConfigError(
                f"no row of {target} has a label and its past",
                expected="labels of consecutive rows",
                hint="own_lags=0 asks for no past",
            )
        return cls(
            tuple(names),
            matrix,
            places,
            axis,
            line,
            _scaled(controls, usable),
            usable,
            ahead,
            target,
            synthetic,
        )

    def chunk(self, begin: int) -> Floats:
        """Columns from ``begin`` on as series on the axis, shape (at most `CHUNK`, n), NaN."""
        part = np.asarray(self.matrix[:, begin : begin + CHUNK], np.float64).T
        out = np.full((len(part), len(self.rows)), np.nan)
        out[:, self.places] = np.where(np.isfinite(part), part, np.nan)
        return out


def _laid(values: Floats, places: Rows, n: int) -> Floats:
    out = np.full(n, np.nan)
    out[places] = values
    return out


def _delayed(values: Floats, rows: int) -> Floats:
    out = np.full(len(values), np.nan)
    out[rows:] = values[: max(len(values) - rows, 0)]
    return out


def _scaled(columns: Floats, usable: Flags) -> Floats:
    """Columns of mean 0 and variance 1 over the usable rows, 0 elsewhere; constant ones are 0."""
    out = np.zeros_like(columns)
    for k, column in enumerate(columns.T):
        out[:, k] = standard(column, usable)
    return out


def standard(column: Floats, usable: Flags) -> Floats:
    """A series of mean 0 and variance 1 over some rows, 0 elsewhere; a constant one is 0."""
    out = np.zeros(len(column))
    part = column[usable]
    if len(part):
        centred = part - part.mean()
        sd = float(np.sqrt(np.mean(centred**2)))
        if sd > 1e-7 * float(np.abs(part).max()):
            out[usable] = centred / sd
    return out

"""Series on the grid whose pasts are compared; what is not there stays a hole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bqx.dataset.ranges import Ranges
from bqx.domains.grid import BoolArray, FloatArray, Int64Array
from bqx.errors import ConfigError, UnknownNameError


@dataclass(frozen=True)
class Panel:
    """Several series on the same evenly spaced rows.

    Attributes:
        names: Names of the series.
        rows: Absolute grid rows, shape (n,), each ``every`` after the one before.
        values: Shape (series, n); NaN where a series has no valid value, or the row may not be
            used.
        breaks: Whether the market closed between a row and the one before, shape (n,).
        every: Grid rows from one row to the next: lags count in it.
        synthetic: Whether any value comes from generated bars.
    """

    names: tuple[str, ...]
    rows: Int64Array
    values: FloatArray
    breaks: BoolArray
    every: int = 1
    synthetic: bool = False

    @classmethod
    def of(
        cls,
        series: Mapping[str, FloatArray],
        *,
        rows: Int64Array | None = None,
        minutes: Int64Array | None = None,
        within: Ranges | None = None,
        synthetic: bool = False,
    ) -> Panel:
        """Lay series on consecutive rows.

        Args:
            series: Values by name, all of shape (n,); NaN or infinite where not valid.
            rows: Absolute rows, ascending; rows that are missing become holes. 0 … n - 1 when None.
            minutes: Epoch minute of each row, which tells where the market closed; no closure is
                known when None.
            within: Rows that may be used, such as the training rows of a fold: all others become
                holes, so that no lag reaches into them. All when None.
            synthetic: Whether any value comes from generated bars.

        Raises:
            ConfigError: If there is no row, shapes differ, or rows do not ascend.
        """
        given = np.array([np.asarray(v, np.float64) for v in series.values()])
        n = given.shape[-1] if given.ndim == 2 else 0
        at = np.arange(n, dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
        if not n or len(at) != n or np.any(np.diff(at) < 1):
            raise ConfigError(
                f"{len(series)} series on {len(at)} rows",
                expected="at least one series, a value for each row, and rows that ascend",
            )
        line = np.arange(at[0], at[-1] + 1)
        values = np.full((len(series), len(line)), np.nan)
        allowed = np.ones(n, np.bool_) if within is None else within.mask(at)
        values[:, at - at[0]] = np.where(allowed & np.isfinite(given), given, np.nan)
        breaks = np.zeros(len(line), np.bool_)
        if minutes is not None:
            breaks[at[1:] - at[0]] = np.diff(minutes) > np.diff(at)
        return cls(tuple(series), line, values, breaks, synthetic=synthetic)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)

    def thinned(self, every: int) -> Panel:
        """Every k-th row: series over windows of k rows no longer overlap.

        Raises:
            ConfigError: If the number is below 1.
        """
        if every < 1:
            raise ConfigError(f"every {every} rows", expected="at least 1")
        starts = np.arange(0, len(self), every)
        # A closure anywhere since the last row that is kept counts.
        since = np.concatenate(([0], starts[:-1] + 1))
        closed = np.logical_or.reduceat(self.breaks[: starts[-1] + 1], since)
        return replace(
            self,
            rows=self.rows[starts],
            values=np.ascontiguousarray(self.values[:, starts]),
            breaks=closed,
            every=self.every * every,
        )

    def chosen(self, names: Sequence[str]) -> Panel:
        """Some of the series.

        Raises:
            UnknownNameError: If one is not there.
        """
        places = [self.place(name) for name in names]
        return replace(self, names=tuple(names), values=self.values[places])

    def place(self, name: str) -> int:
        """Position of a series.

        Raises:
            UnknownNameError: If it is not there.
        """
        if name not in self.names:
            raise UnknownNameError(
                f"no series {name!r}", expected=f"one of {', '.join(self.names[:30])}"
            )
        return self.names.index(name)

    def complete(self, lags: int, *, bridge: bool = True) -> BoolArray:
        """Where a series has its value and the ``lags`` before it, shape (series, n).

        Args:
            lags: How many before.
            bridge: Whether the lags may reach over a closure. If not, the closure must not lie
                right before the earliest of them either, because its change would span it.
        """
        bad = np.isnan(self.values)
        if not bridge:
            bad = bad | self.breaks
        sums = np.zeros((bad.shape[0], bad.shape[1] + 1), np.int32)
        np.cumsum(bad, axis=1, out=sums[:, 1:])
        found = np.zeros_like(bad)
        if lags < len(self):
            found[:, lags:] = sums[:, lags + 1 :] == sums[:, : len(self) - lags]
        return found

    @cached_property
    def standard(self) -> FloatArray:
        """The series with mean 0 and variance 1, and 0 in the holes, which no test reads.

        Tests do not depend on origin and unit of a series; accuracy does. A series that never
        varies is 0 everywhere.
        """
        found = np.zeros_like(self.values)
        for out, series in zip(found, self.values, strict=True):
            valid = ~np.isnan(series)
            if valid.any():
                centred = series[valid] - series[valid].mean()
                sd = float(np.sqrt(np.mean(centred**2)))
                varies = sd > 1e-12 * float(np.abs(series[valid]).max())
                out[valid] = centred / sd if varies else 0.0
        return found

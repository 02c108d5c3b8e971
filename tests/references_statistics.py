"""Domains of generated bars, and the columns of families over them, for the oracle tests."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bqx.domains.domain import Domain, DomainName, Domains
from bqx.domains.grid import fill
from bqx.features.family import Family
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar
from references import Floats, Long
from synthetic import random_walk_bars

MAX_AGE = 5


@cache
def domain(name: DomainName) -> Domain:
    """A domain of two gappy days, with flat stretches."""
    bars = bar_arrays(random_walk_bars("eurusd", "2019-01-29", 2, seed=8))
    calendar = Calendar()
    first, last = (int(row) for row in calendar.row_at_or_after(bars.minutes[[0, -1]]))
    return Domains(fill(bars, calendar, first, last + 1, first), float(bars.close[0]))[name]


def shown(families: tuple[type[Family], ...], d: Domain) -> dict[str, Floats]:
    """All columns of the families by name; NaN where the history is not valid."""
    found = {}
    for family in families:
        if d.traits.name not in family.domains:
            continue
        for column in family.columns(d.traits.name):
            w = column.window
            made = family().compute_fixed(d) if w is None else family().compute(d, w)
            found[column.name] = np.where(valid(d, column.history), made[column.key], np.nan)
    return found


def valid(d: Domain, history: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The rule of validity, by sums over windows."""
    mask = np.zeros(len(d), np.bool_)
    observed = sliding_window_view(d.grid.observed, history).sum(axis=1)
    mask[history - 1 :] = 10 * observed >= 9 * history
    return mask & (d.grid.age <= MAX_AGE)


def windows(y: Floats | Long, w: int) -> Long:
    """One row per row of ``y``: the last w values in extended precision; NaN before the first."""
    out = np.full((len(y), w), np.nan, np.longdouble)
    out[w - 1 :] = sliding_window_view(y, w)
    return out


def shaped(d: Domain) -> Floats:
    """The series whose shape is described: log returns of the index, or BQX."""
    if d.traits.name == "bqx":
        return d.series
    logs = np.log(d.series.astype(np.longdouble))
    return np.diff(logs, prepend=np.nan).astype(np.float64)


def error(found: Floats, exact: Floats | Long, scale: Floats | Long | float = 1.0) -> float:
    """Greatest error in units of ``scale`` over the shown rows; NULL has to meet NULL there."""
    rows = ~np.isnan(found)
    assert rows.sum() > 200
    assert not np.isnan(exact[rows]).any()
    unit = np.broadcast_to(scale, exact.shape)[rows]
    return float((np.abs(found[rows] - exact[rows]) / unit).max())

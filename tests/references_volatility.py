"""Slow twins of the volatility and jump columns, row by row, and domains to compare them on."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from bqx.domains.domain import Domain, DomainName, Domains
from bqx.domains.grid import fill
from bqx.features.stateless import bar_arrays
from bqx.market import Calendar
from references import Floats, Long
from synthetic import random_walk_bars

MU = 2 ** (2 / 3) * math.gamma(7 / 6) / math.gamma(1 / 2)


def domains_of(frame: pl.DataFrame) -> Domains:
    """Both domains over all rows of a frame of bars."""
    bars, calendar = bar_arrays(frame), Calendar()
    first, last = (int(r) for r in calendar.row_at_or_after(bars.minutes[[0, -1]]))
    grid = fill(bars, calendar, first, last + 1, first)
    return Domains(grid, float(bars.close[0]))


@cache
def market() -> Domains:
    """Three trading days of a gappy random walk with still stretches, around a weekend."""
    return domains_of(random_walk_bars("eurusd", "2019-01-31", 5, seed=7))


def domain(name: DomainName) -> Domain:
    """One domain of the market."""
    return market()[name]


def moves(d: Domain) -> tuple[Long, Long, Long, Long]:
    """h, l, c and o of the bar at each row, in extended precision."""
    o, h, low, c = (
        v.astype(np.longdouble) for v in (d.bars.open, d.bars.high, d.bars.low, d.bars.close)
    )
    before = np.full(len(c), np.nan, np.longdouble)
    before[d.traits.step :] = c[: -d.traits.step]
    if d.traits.name == "rate":
        return np.log(h / o), np.log(low / o), np.log(c / o), np.log(o / before)
    return h - o, low - o, c - o, o - before


def returns(d: Domain) -> Long:
    """The change of each row over one bar, in extended precision."""
    u = d.series.astype(np.longdouble)
    u = np.log(u) if d.traits.name == "rate" else u
    out = np.full(len(u), np.nan, np.longdouble)
    out[d.traits.step :] = u[d.traits.step :] - u[: -d.traits.step]
    return out


def windows(values: Long, w: int) -> Long:
    """The last w values of each row; NaN where there are fewer."""
    before = np.full(w - 1, np.nan, np.longdouble)
    return sliding_window_view(np.concatenate([before, values]), w)


def crossing(d: Domain) -> list[bool]:
    """Whether the return of a row reaches across a closure."""
    reach = 1 if d.traits.name == "rate" else 30
    minutes = d.grid.minutes
    return [int(minutes[t] - minutes[max(t - reach, 0)]) > min(t, reach) for t in range(len(d))]


def bipower_mean(r: Floats, crosses: list[bool], t: int, w: int, step: int) -> float | None:
    """Variance of one return from the last w, by bipower variation; None when not known."""
    if sum(crosses[t - w + 1 : t + 1]) > w / 10:
        return None
    rows = [i for i in range(t - w + 2, t + 1) if not (crosses[i] or crosses[i - step])]
    if len(rows) < 0.75 * (w - 1):
        return None
    return math.pi / 2 * float(np.mean([abs(r[i]) * abs(r[i - step]) for i in rows]))


def jump_statistic(r: Floats, crosses: list[bool], t: int, w: int, step: int) -> float:
    """The ratio statistic at one row, from its definition."""
    clean = [i for i in range(t - w + 1, t + 1) if not crosses[i]]
    if len(clean) < 0.9 * w:
        return math.nan
    triples = [
        i
        for i in range(t - w + 3, t + 1)
        if not (crosses[i] or crosses[i - step] or crosses[i - 2 * step])
    ]
    if len(triples) < 0.75 * (w - 2):
        return math.nan
    rv = w * float(np.mean([r[i] ** 2 for i in clean]))
    bv = w * (bipower_mean(r, crosses, t, w, step) or 0.0)
    if rv == 0 or bv == 0:
        return math.nan
    thirds = [abs(r[i] * r[i - step] * r[i - 2 * step]) ** (4 / 3) for i in triples]
    tq = w * w * MU**-3 * float(np.mean(thirds))
    noise = (math.pi**2 / 4 + math.pi - 5) / len(clean) * max(1.0, tq / bv**2)
    return (rv - bv) / rv / math.sqrt(noise)
